/* IEEE 754 half precision: 1 sign, 5 exponent, 10 fraction bits. */
#ifndef PARETUNE_ENGINE_BASE_HALF_H
#define PARETUNE_ENGINE_BASE_HALF_H

#include <stdint.h>

enum { HALF_MAX = 65504 };

/* The nearest half, ties to even; infinity from 65520 on; NaN stays NaN. */
uint16_t half_round(float v);
/* Exact. */
float half_widen(uint16_t h);

#endif

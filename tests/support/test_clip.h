/* The clip that the front end's golden values belong to: one second at 16 kHz, a rising tone in
 * noise from a linear congruential generator, exact in 16-bit integers. */
#ifndef PARETUNE_TESTS_SUPPORT_TEST_CLIP_H
#define PARETUNE_TESTS_SUPPORT_TEST_CLIP_H

#include "engine/base/arena.h"

/* x[16000] in `a`. */
float *test_clip(arena *a);

#endif

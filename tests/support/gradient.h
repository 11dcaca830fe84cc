/* Gradients of networks against finite differences. */
#ifndef PARETUNE_TESTS_SUPPORT_GRADIENT_H
#define PARETUNE_TESTS_SUPPORT_GRADIENT_H

#include <stdint.h>

/* Derivatives of a random sum of the network's outputs along random directions in its parameters. */
void check_gradients(const char *json, uint64_t seed);

/* Calls `check` for every instruction set of this machine, activation and seed. */
void sweep_kernels(void (*check)(const char *act, uint64_t seed));

#endif

/* A model written as C, compiled with the machine's compiler and loaded into the test. */
#ifndef PARETUNE_TESTS_SUPPORT_C_MODEL_H
#define PARETUNE_TESTS_SUPPORT_C_MODEL_H

#include "engine/base/arena.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    int (*run)(const float *in, float *out);
    int (*run_int8)(const int8_t *in, int8_t *out);        /* NULL unless both ports are int8 */
    int (*features)(const int16_t *clip, float *features); /* NULL without a front end */
    char *folder; /* of model.h and model.c, in the arena */
    void *library;
} c_model;

/* stage_write_c, then `cc -std=c11 -Wall -Wextra -Werror -pedantic`; every failure is the test's.
 * `features`: JSON of a front end, or NULL. */
c_model c_model_make(arena *a, const void *file, size_t n, const char *features);
/* Unloads it and removes its folder. */
void c_model_end(c_model *m);

#endif

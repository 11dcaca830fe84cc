/* Any bytes as a data artifact. Beyond not crashing: every window that an opened one promises can
 * be fetched, the first and last of each part without a byte read outside. */
#include "engine/data/series.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void fetch_ends(const examples *ex, float *x, float *y)
{
    for (part p = PART_TRAIN; p < N_PARTS; p++) {
        if (ex->n[p] < 1) abort();
        ex->fetch(ex, p, 0, 1, x, y);
        ex->fetch(ex, p, ex->n[p] - 1, 1, x, y);
        for (int i = 0; i < shape_size(ex->in); i++)
            if (!isfinite(x[i])) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    series s;
    examples ex;
    if (series_open(bytes, n, &s, NULL) != OK) return 0;
    series_examples(&s, &ex);
    float *x = malloc((size_t)shape_size(ex.in) * sizeof *x);
    float *y = malloc((size_t)shape_size(ex.out) * sizeof *y);
    if (x && y) fetch_ends(&ex, x, y);
    free(x);
    free(y);
    return 0;
}

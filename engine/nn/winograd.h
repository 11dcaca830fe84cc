/* Convolution of 3 x 3 with stride 1 by Winograd's F(2x2,3x3): 16 products of matrices with 4 / 9
 * of the plain multiplications, between transforms that only add (Lavin & Gray 2016). The gradients
 * go the same way: dx is a convolution of dy, dw the derivative of the products.
 *
 * Results differ from the plain sums by rounding, a few units in the seventh digit of the largest
 * term. Each output's bits are the same in any batch. */
#ifndef PARETUNE_ENGINE_NN_WINOGRAD_H
#define PARETUNE_ENGINE_NN_WINOGRAD_H

#include "engine/nn/kernel.h"

#include <stdbool.h>

typedef struct {
    const kernels *k;
    image_window s;
    int Ci, Co;
    float *fixed; /* winograd_fixed floats: transformed filters, and the sums of their gradients */
    float *scratch;    /* winograd_scratch floats */
    fetch_list *fetch; /* for the products; NULL for none */
} winograd;

/* Whether this way is the faster one; with too few channels the transforms cost more than they
 * save. */
bool winograd_fits(const image_window *s, int Ci, int Co);
long long winograd_fixed(const image_window *s, int Ci, int Co);
long long winograd_scratch(const image_window *s, int Ci, int Co);

/* Once for a batch, before the rest. w[Co,3,3,Ci]. */
void winograd_begin(const winograd *g, const float *w);
void winograd_forward(const winograd *g, int B, const float *x, const float *bias, bool relu,
                      float *y);

/* Between begin_back and end_back, dw is summed in `fixed`; end_back adds it to dw[Co,3,3,Ci]. */
void winograd_begin_back(const winograd *g, const float *w);
void winograd_add_dw(const winograd *g, int B, const float *x, const float *dy);
void winograd_put_dx(const winograd *g, int B, const float *dy, float *dx);
void winograd_end_back(const winograd *g, float *dw);

#endif

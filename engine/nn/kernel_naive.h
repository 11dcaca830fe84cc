/* The naive kernels of images, for kernel.c's table. */
#ifndef PARETUNE_ENGINE_NN_KERNEL_NAIVE_H
#define PARETUNE_ENGINE_NN_KERNEL_NAIVE_H

#include "engine/nn/kernel.h"

void naive_depthwise(float *y, const float *x, const float *w, const float *bias, bool flipped,
                     bool relu, int C, const image_window *s);
void naive_depthwise_dx(float *dx, const float *dy, const float *w, int C, const image_window *s);
void naive_depthwise_dw(float *dw, const float *x, const float *dy, int C, const image_window *s);
void naive_column_sums(const float *x, const float *shift, int rows, int cols, float *sum,
                       float *square);
void naive_batch_norm(const batch_norm *s);
void naive_batch_norm_sums(const batch_norm *s);
void naive_batch_norm_back(const batch_norm *s);

#endif

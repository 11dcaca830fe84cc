/* Kernels of images in the plainest form: what the vector ones are tested against. */
#include "engine/nn/kernel_naive.h"

#include <string.h>

/* The place in x that output (ho,wo) sees under the kernel's (kh,kw), or -1 outside of it. */
static int seen(const image_window *s, int ho, int wo, int kh, int kw)
{
    int h = ho * s->Sh - s->top + kh, w = wo * s->Sw - s->left + kw;
    return h < 0 || h >= s->H || w < 0 || w >= s->W ? -1 : h * s->W + w;
}

static float window_sum(const float *x, const float *w, bool flipped, int C, const image_window *s,
                        int ho, int wo)
{
    float sum = 0;
    for (int kh = 0; kh < s->Kh; kh++)
        for (int kw = 0; kw < s->Kw; kw++) {
            int at = seen(s, ho, wo, kh, kw), k = kh * s->Kw + kw;
            if (at >= 0) sum += x[at * C] * w[(flipped ? s->Kh * s->Kw - 1 - k : k) * C];
        }
    return sum;
}

void naive_depthwise(float *y, const float *x, const float *w, const float *bias, bool flipped,
                     bool relu, int C, const image_window *s)
{
    for (int ho = 0; ho < s->Ho; ho++)
        for (int wo = 0; wo < s->Wo; wo++)
            for (int c = 0; c < C; c++, y++) {
                float sum = window_sum(x + c, w + c, flipped, C, s, ho, wo);
                if (bias) sum += bias[c];
                *y = relu && sum < 0 ? 0 : sum;
            }
}

void naive_depthwise_dx(float *dx, const float *dy, const float *w, int C, const image_window *s)
{
    memset(dx, 0, (size_t)(s->H * s->W * C) * sizeof *dx);
    for (int o = 0; o < s->Ho * s->Wo; o++)
        for (int k = 0; k < s->Kh * s->Kw; k++) {
            int at = seen(s, o / s->Wo, o % s->Wo, k / s->Kw, k % s->Kw);
            for (int c = 0; c < C && at >= 0; c++) dx[at * C + c] += dy[o * C + c] * w[k * C + c];
        }
}

void naive_depthwise_dw(float *dw, const float *x, const float *dy, int C, const image_window *s)
{
    for (int k = 0; k < s->Kh * s->Kw; k++)
        for (int c = 0; c < C; c++) {
            float sum = 0;
            for (int o = 0; o < s->Ho * s->Wo; o++) {
                int at = seen(s, o / s->Wo, o % s->Wo, k / s->Kw, k % s->Kw);
                if (at >= 0) sum += x[at * C + c] * dy[o * C + c];
            }
            dw[k * C + c] += sum;
        }
}

void naive_column_sums(const float *x, const float *shift, int rows, int cols, float *sum,
                       float *square)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++) {
            float d = x[r * cols + c] - (shift ? shift[c] : 0);
            sum[c] += d;
            if (square) square[c] += d * d;
        }
}

void naive_batch_norm(const batch_norm *s)
{
    for (int i = 0; i < s->rows * s->cols; i++) {
        float z = s->x[i] * s->scale[i % s->cols] + s->shift[i % s->cols];
        if (s->act != ACT_NONE && z < 0) z = 0;
        s->y[i] = s->act == ACT_RELU6 && z > 6 ? 6 : z;
    }
}

static float slope(const batch_norm *s, int i)
{
    float z = s->x[i] * s->scale[i % s->cols] + s->shift[i % s->cols];
    if (s->act == ACT_NONE) return 1;
    return z > 0 && !(s->act == ACT_RELU6 && z >= 6) ? 1 : 0;
}

void naive_batch_norm_sums(const batch_norm *s)
{
    for (int i = 0; i < s->rows * s->cols; i++) {
        int c = i % s->cols;
        float g = s->dy[i] * slope(s, i);
        s->sum_g[c] += g;
        s->sum_gx[c] += g * (s->x[i] - s->mean[c]);
    }
}

void naive_batch_norm_back(const batch_norm *s)
{
    for (int i = 0; i < s->rows * s->cols; i++) {
        int c = i % s->cols;
        float g = s->dy[i] * slope(s, i);
        s->y[i] = s->scale[c] * g + (s->pull[c] * (s->x[i] - s->mean[c]) + s->level[c]);
    }
}

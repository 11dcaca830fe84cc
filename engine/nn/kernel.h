/* The inner loops of training, in a table per instruction set.
 *
 * `kernel_choose` picks the widest set that this machine has; PARETUNE_KERNELS=naive, generic,
 * avx2, avx512 or neon overrides it. All but naive are one text, kernel_body.h, compiled once per
 * set. naive (kernel.c) is plain loops over libm: what the others are tested against.
 *
 * Every output is one chain of multiply-adds in index order, so its bits depend neither on its
 * place in a matrix nor on how many rows are computed at once: an example gives the same bits in a
 * batch of 1 and of 32. Sets with fused multiply-add (avx2, avx512, neon) agree with each other bit
 * for bit; generic on x86-64 and naive round twice and differ from them.
 *
 * OpenBLAS is not used: on the shapes of these networks, packing counted, it is slower than these
 * except on the narrowest (tests/bench/bench_gemm.c), and its bits depend on batch size and
 * environment.
 *
 * Matrices are row-major, `ld` is the distance of two rows in floats. Outputs alias no inputs. */
#ifndef PARETUNE_ENGINE_NN_KERNEL_H
#define PARETUNE_ENGINE_NN_KERNEL_H

#include "engine/base/err.h"
#include "engine/nn/spec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory that will be wanted soon, to read or to write: products bring it into the second-level
 * cache, a line with each step of K, while they multiply what is there. What is taken care of leaves
 * the list, the last span first. */
enum { FETCH_SPANS = 16 };

typedef struct {
    const float *at;
    ptrdiff_t floats;
} fetch_span;

typedef struct {
    int n;
    fetch_span span[FETCH_SPANS];
} fetch_list;

/* Does nothing when the list is full. */
static inline void fetch_add(fetch_list *f, const float *at, ptrdiff_t floats)
{
    if (f->n == FETCH_SPANS) return;
    f->span[f->n++] = (fetch_span){at, floats};
}

/* c[M,N] (+)= a[M,K] * b[K,N] + bias[N], then max(0, .) if `relu`. Sums over K in index order from
 * 0; what c held and the bias are added behind. */
typedef struct {
    int M, N, K;
    const float *a;
    int lda;
    bool a_transposed; /* a lies as [K,M] */
    const float *b;
    int ldb;       /* ignored when packed */
    bool b_packed; /* by `pack` or `pack_transposed` for this K and N */
    float *c;
    int ldc;
    bool add;          /* to what c holds */
    const float *bias; /* NULL for none */
    bool relu;
    fetch_list *fetch; /* NULL for none */
} gemm;

/* Floats that a packed [K,N] matrix takes, for every instruction set. */
static inline long long gemm_packed_size(int K, int N)
{
    return (long long)K * ((N + 31LL) / 32 * 32);
}

/* Adam as Keras 2 has it (tf_keras/optimizers/adam.py; Kingma & Ba 2015, section 2, last
 * paragraph): m += (g - m) * one_minus_beta1, v += (g * g - v) * one_minus_beta2,
 * w -= alpha * m / (sqrt(v) + epsilon) with alpha = rate * sqrt(1 - beta2^t) / (1 - beta1^t). */
typedef struct {
    float alpha, one_minus_beta1, one_minus_beta2, epsilon;
} adam_step;

/* SGD as Keras 2 has it: m = momentum * m - rate * g, then w += m, or with Nesterov
 * w += momentum * m - rate * g. */
typedef struct {
    float rate, momentum;
    bool nesterov;
} sgd_step;

/* One time step of an LSTM for B examples of u units; gate order i, f, g, o. */
typedef struct {
    int B, u;
    float *gates; /* [B,4u]: sums in, activated gates out; backward: activated in, d sums out */
    const float *c_before; /* [B,u] */
    float *c, *tanh_c;     /* [B,u] */
    float *h;              /* [B,u] with distance ldh; forward only */
    int ldh;
    const float *dh; /* [B,u]; backward only */
    float *dc;       /* [B,u]: d c in, d c_before out */
} lstm_cell;

/* A window of Kh x Kw that slides over an image [H,W] by Sh, Sw: output [ho,wo] sees the rows from
 * ho * Sh - top and the columns from wo * Sw - left; what lies outside of the image counts as 0. */
typedef struct {
    int H, W, Ho, Wo, Kh, Kw, Sh, Sw, top, left;
} image_window;

/* Batch norm over x[rows,cols]: y = act(x * scale + shift), act being none, relu or relu6. */
typedef struct {
    int rows, cols;
    activation act;
    const float *x, *scale, *shift, *mean; /* mean: backward only */
    const float *pull, *level; /* backward: dx = scale * g + pull * (x - mean) + level */
    const float *dy;           /* backward; g = dy * act'(.) */
    float *y;                  /* backward: dx */
    float *sum_g, *sum_gx;     /* += column sums of g and of g * (x - mean); batch_norm_sums only */
} batch_norm;

typedef struct kernels {
    const char *name;
    int lanes;  /* floats in a vector */
    bool fused; /* multiply-adds round once */

    void (*gemm)(const gemm *g);
    /* Lay b[K,N] out for gemm: from row-major b, or from w = b transposed, [N,K]. */
    void (*pack)(float *packed, const float *b, int ldb, int K, int N);
    void (*pack_transposed)(float *packed, const float *w, int ldw, int K, int N);

    /* y = act(y), n numbers. tanh and sigmoid: at most 4 units in the last place from the exact
     * value in the normal range. NaN stays NaN. */
    void (*activate)(float *y, int n, activation act);
    /* dz[rows,cols] = dy * act'(.), where the derivative is taken from the outputs y, in place in
     * dy; and db[cols] += its column sums, rows in index order, unless db is NULL. y is not read
     * for ACT_NONE. */
    void (*activate_back)(float *dy, const float *y, activation act, int rows, int cols, float *db);

    void (*lstm_forward)(const lstm_cell *cell);
    void (*lstm_backward)(const lstm_cell *cell);

    /* On images [H,W,C], one example each; w[Kh,Kw,C], sums over the window in index order. */
    /* y[Ho,Wo,C] = the window's numbers times w, + bias[C] unless NULL, max(0, .) if `relu`. With
     * `flipped`, w is read backwards in both directions. */
    void (*depthwise)(float *y, const float *x, const float *w, const float *bias, bool flipped,
                      bool relu, int C, const image_window *s);
    /* dx[H,W,C], all of it, from dy[Ho,Wo,C]. */
    void (*depthwise_dx)(float *dx, const float *dy, const float *w, int C, const image_window *s);
    /* dw[Kh,Kw,C] += the sum over the outputs of dy times what the window saw. */
    void (*depthwise_dw)(float *dw, const float *x, const float *dy, int C, const image_window *s);

    /* The transforms of Winograd's F(2x2,3x3) (nn/winograd.h); NULL in the naive set. Planes of
     * numbers are `plane` floats apart; in each, v and m have a row of C for each 2 x 2 tile of
     * outputs. */
    /* v = B^T x B */
    void (*winograd_input)(float *v, int plane, const float *x, int C, const image_window *s);
    /* y = A^T m A + bias[C] unless NULL, max(0, .) if `relu` */
    void (*winograd_output)(float *y, const float *m, int plane, const float *bias, bool relu,
                            int C, const image_window *s);
    /* m = A dy A^T */
    void (*winograd_output_back)(float *m, int plane, const float *dy, int C,
                                 const image_window *s);
    /* u[16,Co,Ci] = G w[Co,3,3,Ci] G^T; and back: dw += G^T du G */
    void (*winograd_filter)(float *u, const float *w, int Co, int Ci);
    void (*winograd_filter_back)(float *dw, const float *du, int Co, int Ci);

    /* sum[cols] += column sums of x[rows,cols] - shift[cols], square[cols] += those of its squares;
     * shift NULL: 0; square NULL: none. */
    void (*column_sums)(const float *x, const float *shift, int rows, int cols, float *sum,
                        float *square);
    void (*batch_norm)(const batch_norm *s);
    void (*batch_norm_sums)(const batch_norm *s);
    void (*batch_norm_back)(const batch_norm *s);

    /* One optimizer step over a block of n parameters; the gradient is left zero for the next. */
    void (*adam)(float *w, float *g, float *m, float *v, int n, const adam_step *s);
    void (*sgd)(float *w, float *g, float *m, int n, const sgd_step *s); /* m NULL: no momentum */
    /* w &= keep: zero where keep is 0, unchanged where it is ~0. Zeros are positive. */
    void (*mask)(float *w, const uint32_t *keep, int n);

    /* `rounds` times 12 independent vector multiply-adds in registers, for measuring the peak;
     * returns the floating-point operations done. *sink is read and written. */
    double (*spin)(int rounds, float *sink);
} kernels;

extern const kernels kernel_naive;

/* NULL when this build or this machine has no such set. */
const kernels *kernel_find(const char *name);
/* The widest set of this machine, or what PARETUNE_KERNELS names; ERR_STATE when it names none. */
status kernel_choose(const kernels **out, err *e);

/* Each of these is NULL where the set was not compiled; the machine may still lack it. */
const kernels *kernel_generic_table(void);
const kernels *kernel_avx2_table(void);
const kernels *kernel_avx512_table(void);
const kernels *kernel_neon_table(void);

/* Numbers below the normal range cost many times more on some machines, and the moments of units
 * that died end there. Between these two calls they are taken as zero. */
unsigned kernel_flush_denormals(void); /* what to give back to kernel_restore_denormals */
void kernel_restore_denormals(unsigned before);

#endif

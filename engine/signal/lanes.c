#include "engine/signal/lanes.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846

#ifdef __x86_64__
extern const lanes_ops lanes_avx2;
static bool runs_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}
#endif

const lanes_ops *lanes_find(const char *name)
{
    if (strcmp(name, lanes_baseline.name) == 0) return &lanes_baseline;
#ifdef __x86_64__
    if (strcmp(name, lanes_avx2.name) == 0 && runs_avx2()) return &lanes_avx2;
#endif
    return NULL;
}

const lanes_ops *lanes_best(void)
{
    const lanes_ops *best = lanes_find("avx2");
    return best ? best : &lanes_baseline;
}

/* Four first: it needs the fewest operations a point. Returns the count, 0 when a prime is left. */
static int factor(int m, int *radix)
{
    static const int choices[] = {4, 5, 3, 2};
    int n = 0;
    for (int c = 0; c < 4; c++)
        for (; m % choices[c] == 0 && n < LANES_MAX_PASSES; m /= choices[c])
            radix[n++] = choices[c];
    return m == 1 ? n : 0;
}

bool lanes_fft_fits(int n)
{
    int radix[LANES_MAX_PASSES];
    return n >= 4 && n % 2 == 0 && factor(n / 2, radix) > 0;
}

/* cos and sin of 2 pi i/n, `i` first reduced so that the argument stays small. */
static void put_root(float *w, long i, long n)
{
    double t = 2 * PI * (double)(i % n) / (double)n;
    w[0] = (float)cos(t);
    w[1] = (float)-sin(t);
}

static float *pass_twiddles(int n, int radix, arena *a)
{
    int rows = n / radix;
    float *w = ARENA_NEW(a, float, 2 * rows * (radix - 1));
    for (int p = 0; w && p < rows; p++)
        for (int j = 1; j < radix; j++) put_root(w + 2 * (p * (radix - 1) + j - 1), (long)p * j, n);
    return w;
}

status lanes_fft_plan(lanes_fft *f, int n, arena *a, err *e)
{
    *f = (lanes_fft){.m = n / 2};
    f->n_passes = factor(f->m, f->radix);
    if (!lanes_fft_fits(n)) return FAIL(e, ERR_ARG, "no lane transform of %d samples", n);
    int left = f->m;
    bool full = false;
    for (int i = 0; i < f->n_passes; i++) {
        f->twiddle[i] = pass_twiddles(left, f->radix[i], a);
        full |= !f->twiddle[i];
        left /= f->radix[i];
    }
    float *split = ARENA_NEW(a, float, 2 * (f->m + 1));
    if (full || !split) return FAIL(e, ERR_MEM, "out of memory for a transform of %d samples", n);
    for (int k = 0; k <= f->m; k++) {
        put_root(split + 2 * k, k, n);
        split[2 * k + 1] = -split[2 * k + 1];
    }
    f->split = split;
    return OK;
}

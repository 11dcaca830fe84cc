/* The vector functions that vectors of four floats share on machines without masks. */
#ifndef PARETUNE_ENGINE_NN_KERNEL_NARROW_H
#define PARETUNE_ENGINE_NN_KERNEL_NARROW_H

#include <string.h>

enum { VL = 4 };
#define ROWS 4

typedef float vf __attribute__((vector_size(16)));
typedef int vi __attribute__((vector_size(16)));
typedef unsigned vu __attribute__((vector_size(16)));

static inline vf v_max(vf a, vf b)
{
    vi take_a = a > b;
    return (vf)((take_a & (vi)a) | (~take_a & (vi)b));
}

static inline vf v_min(vf a, vf b)
{
    vi take_a = a < b;
    return (vf)((take_a & (vi)a) | (~take_a & (vi)b));
}

static inline vf v_load_n(const float *p, int n)
{
    vf v = {0};
    for (int i = 0; i < n; i++) v[i] = p[i];
    return v;
}

static inline void v_store_n(float *p, vf a, int n)
{
    for (int i = 0; i < n; i++) p[i] = a[i];
}

static inline void transpose(vf *r)
{
    vf t[VL];
    for (int i = 0; i < VL; i++)
        for (int j = 0; j < VL; j++) t[j][i] = r[i][j];
    memcpy(r, t, sizeof t);
}

#endif

/* Vectors of four floats on any machine: SSE2 on x86-64, whatever the compiler makes of it
 * elsewhere. A multiply-add rounds twice. */
#include "engine/nn/kernel.h"
#include "engine/nn/kernel_narrow.h"

#include <math.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define KERNELS_NAME "generic"
#define KERNELS_TABLE kernel_generic_table
#define KERNELS_FUSED false

static inline vf v_fma(vf a, vf b, vf c)
{
    return a * b + c;
}

static inline vf v_sqrt(vf a)
{
#if defined(__SSE2__)
    return _mm_sqrt_ps(a);
#else
    return (vf){sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])};
#endif
}

#include "engine/nn/kernel_body.h"

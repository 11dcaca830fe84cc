#include "engine/nn/kernel.h"

#if defined(__aarch64__)
#include "engine/nn/kernel_narrow.h"

#include <arm_neon.h>

#define KERNELS_NAME "neon"
#define KERNELS_TABLE kernel_neon_table
#define KERNELS_FUSED true

static inline vf v_fma(vf a, vf b, vf c)
{
    return vfmaq_f32(c, a, b);
}

static inline vf v_sqrt(vf a)
{
    return vsqrtq_f32(a);
}

#include "engine/nn/kernel_body.h"
#else
const kernels *kernel_neon_table(void)
{
    return 0;
}
#endif

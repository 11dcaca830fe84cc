#include "engine/signal/fft.h"

#include <kiss_fftr.h>

status fft_plan(fft *f, int n, arena *a, err *e)
{
    *f = (fft){.n = n};
    if (n < 2 || n > FFT_MAX || n % 2)
        return FAIL(e, ERR_ARG, "a transform of %d samples: must be even and 2 to %d", n, FFT_MAX);
    size_t size = 0;
    kiss_fftr_alloc(n, 0, NULL, &size); /* only asks for the size */
    void *place = arena_take(a, size, 1);
    if (!place) return FAIL(e, ERR_MEM, "out of memory for a transform of %d samples", n);
    f->plan = kiss_fftr_alloc(n, 0, place, &size);
    return f->plan ? OK : FAIL(e, ERR_STATE, "kissfft refused %d samples", n);
}

void fft_real(const fft *f, float *restrict spectrum, const float *restrict x)
{
    _Static_assert(sizeof(kiss_fft_cpx) == 2 * sizeof(float), "kissfft was built for float");
    kiss_fftr(f->plan, x, (kiss_fft_cpx *)(void *)spectrum);
}

#include "engine/data/clips.h"

#include "engine/signal/resample.h"

status clips_fit(float *x, int n, int rate, const float *in, int n_in, int rate_in, arena *a,
                 err *e)
{
    resampler r;
    if (rate_in == rate) {
        audio_fit(x, n, in, n_in);
        return OK;
    }
    arena_mark_t mark = arena_mark(a);
    status s = resample_plan(&r, rate_in, rate, n_in, a, e);
    float *y = s == OK ? ARENA_NEW(a, float, r.n_out) : NULL;
    if (s == OK && !y) s = FAIL(e, ERR_MEM, "out of memory resampling %d samples", n_in);
    if (s == OK) {
        resample_run(&r, y, in);
        audio_fit(x, n, y, r.n_out);
    }
    arena_release(a, mark);
    return s;
}

/* Settings, tables and the fast path. The settings' checks stand in feature_settings.c. */
#include "engine/signal/feature.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

static bool has_mel(const feature_settings *s)
{
    return s->kind == FEATURE_LOG_MEL || s->kind == FEATURE_MFCC;
}

static status no_memory(err *e)
{
    return FAIL(e, ERR_MEM, "out of memory for the tables of a front end");
}

/* --- tables --- */

static status make_window(feature_plan *p, arena *a, err *e)
{
    p->window = ARENA_NEW(a, float, p->s.frame);
    arena_mark_t mark = arena_mark(a);
    double *w = ARENA_NEW(a, double, p->s.frame);
    if (!p->window || !w) return no_memory(e);
    feature_window(w, p->s.frame);
    for (int i = 0; i < p->s.frame; i++) p->window[i] = (float)w[i];
    arena_release(a, mark);
    return OK;
}

/* The run of non-zero weights of one band: [first, last]; last < first when it is empty. */
static void band_run(const double *w, int bins, int mel_bins, int band, int *first, int *last)
{
    *first = bins;
    *last = -1;
    for (int k = 0; k < bins; k++) {
        if (w[(size_t)k * (size_t)mel_bins + (size_t)band] <= 0) continue;
        if (k < *first) *first = k;
        *last = k;
    }
}

/* Fills the band table from the dense matrix. Without a target it only counts the weights. */
static int fill_bands(const double *w, int bins, int mel_bins, int *first, int *count, int *at,
                      float *weight)
{
    int n = 0;
    for (int b = 0; b < mel_bins; b++) {
        int from, to;
        band_run(w, bins, mel_bins, b, &from, &to);
        for (int k = from; k <= to; k++)
            if (weight) weight[n + k - from] = (float)w[(size_t)k * (size_t)mel_bins + (size_t)b];
        int run = to < from ? 0 : to - from + 1;
        if (weight) {
            first[b] = run ? from : 0;
            count[b] = run;
            at[b] = n;
        }
        n += run;
    }
    return n;
}

/* Only the bins that some band uses are ever computed. */
static void needed_bins(feature_plan *p)
{
    int low = p->s.fft / 2 + 1, high = 0;
    for (int b = 0; b < p->mel.n_rows; b++) {
        if (p->mel.count[b] == 0) {
            p->n_empty_bands++;
            continue;
        }
        low = min_int(low, p->mel.first[b]);
        if (p->mel.first[b] + p->mel.count[b] > high) high = p->mel.first[b] + p->mel.count[b];
    }
    p->bin_first = high ? low : 0;
    p->bin_count = high - p->bin_first;
}

static status make_bands(feature_plan *p, const double *w, arena *a, err *e)
{
    int bins = p->s.fft / 2 + 1, n = p->s.mel_bins;
    int *index = ARENA_NEW(a, int, 3 * n);
    float *weight = ARENA_NEW(a, float, fill_bands(w, bins, n, NULL, NULL, NULL, NULL) + 1);
    if (!index || !weight) return no_memory(e);
    fill_bands(w, bins, n, index, index + n, index + 2 * n, weight);
    p->mel = (lanes_bands){n, index, index + n, index + 2 * n, weight};
    needed_bins(p);
    for (int b = 0; b < n; b++) {
        if (p->mel.count[b] == 0) index[b] = p->bin_first; /* never read, yet inside */
        p->cost.mel_macs += p->mel.count[b];
    }
    return OK;
}

/* The dense matrix is scratch, so it comes from an arena of its own. */
static status make_mel(feature_plan *p, arena *a, err *e)
{
    const feature_settings *s = &p->s;
    arena scratch = {0};
    double *w = ARENA_NEW(&scratch, double, (size_t)(s->fft / 2 + 1) * (size_t)s->mel_bins);
    status st = w ? OK : no_memory(e);
    if (st == OK) {
        feature_mel_matrix(w, s->fft, s->rate, s->mel_bins, s->mel_low, s->mel_high);
        st = make_bands(p, w, a, e);
    }
    arena_free(&scratch);
    return st;
}

static status make_dct(feature_plan *p, arena *a, err *e)
{
    int N = p->s.mel_bins, K = p->s.coefficients;
    p->dct = ARENA_NEW(a, float, K *N);
    if (!p->dct) return no_memory(e);
    for (int k = 0; k < K; k++)
        for (int n = 0; n < N; n++)
            p->dct[k * N + n] = (float)(sqrt(2.0 / N) * cos(PI * k * (2 * n + 1) / (2.0 * N)));
    return OK;
}

/* In float throughout, as TensorFlow's image_resizer_state.h. */
static status make_resize(feature_plan *p, int axis, int n_in, arena *a, err *e)
{
    int n = p->s.resize;
    int *low = ARENA_NEW(a, int, n), *high = ARENA_NEW(a, int, n);
    float *part = ARENA_NEW(a, float, n), scale = (float)n_in / (float)n;
    if (!low || !high || !part) return no_memory(e);
    for (int i = 0; i < n; i++) {
        float at = ((float)i + 0.5f) * scale - 0.5f;
        low[i] = (int)fmaxf(floorf(at), 0);
        high[i] = (int)fminf(ceilf(at), (float)(n_in - 1));
        part[i] = at - floorf(at);
    }
    p->resize_low[axis] = low;
    p->resize_high[axis] = high;
    p->resize_part[axis] = part;
    return OK;
}

static status make_transform(feature_plan *p, arena *a, err *e)
{
    p->ops = lanes_best();
    p->use_lanes = lanes_fft_fits(p->s.fft);
    if (p->use_lanes) return lanes_fft_plan(&p->lanes, p->s.fft, a, e);
    return fft_plan(&p->kiss, p->s.fft, a, e);
}

static status make_work(feature_plan *p, arena *a, err *e)
{
    const feature_settings *s = &p->s;
    size_t n = (size_t)s->fft + 2, bins = (size_t)s->fft / 2 + 1;
    p->resampled = ARENA_NEW(a, float, p->resample.n_out);
    p->z = ARENA_NEW(a, float, n *LANES);
    p->work = ARENA_NEW(a, float, n *LANES);
    p->magnitudes = ARENA_NEW(a, float, bins *LANES);
    p->bands = ARENA_NEW(a, float, ((size_t)s->mel_bins + (size_t)s->coefficients + 1) * LANES);
    bool image = s->kind == FEATURE_STFT_RESIZED;
    p->image = ARENA_NEW(a, float, image ? (size_t)p->n_frames *bins : 1);
    bool all = p->resampled && p->z && p->work && p->magnitudes && p->bands && p->image;
    return all ? OK : no_memory(e);
}

static void count_cost(feature_plan *p)
{
    const feature_settings *s = &p->s;
    double T = p->n_frames;
    feature_cost *c = &p->cost;
    c->resample_macs = p->resample.macs;
    c->window_muls = T * s->frame;
    c->transforms = T;
    c->transform_flops = T * 2.5 * s->fft * log2(s->fft);
    c->magnitudes = T * p->bin_count;
    c->mel_macs *= T;
    if (has_mel(s)) c->logs = T * s->mel_bins;
    c->dct_macs = T * s->coefficients * s->mel_bins;
    c->resize_points = (double)s->resize * s->resize;
}

status feature_plan_make(feature_plan *p, const feature_settings *settings, arena *a, err *e)
{
    *p = (feature_plan){.s = *settings};
    feature_settings *s = &p->s;
    TRY(feature_check(s, e));
    p->out = feature_shape(s);
    p->n_frames = feature_frames(s);
    p->bin_count = s->fft / 2 + 1;
    TRY(resample_plan(&p->resample, s->clip_rate, s->rate, s->clip_samples, a, e));
    TRY(make_window(p, a, e));
    TRY(make_transform(p, a, e));
    if (has_mel(s)) TRY(make_mel(p, a, e));
    if (s->kind == FEATURE_MFCC) TRY(make_dct(p, a, e));
    if (s->kind == FEATURE_STFT_RESIZED) {
        TRY(make_resize(p, 0, p->n_frames, a, e));
        TRY(make_resize(p, 1, p->bin_count, a, e));
    }
    count_cost(p);
    return make_work(p, a, e);
}

/* --- the fast path --- */

/* Lengths that the lanes cannot take: kissfft frame by frame, its result dealt into the lanes. */
static void kiss_magnitudes(const feature_plan *p, const float *x, const int start[LANES])
{
    const feature_settings *s = &p->s;
    memset(p->z, 0, (size_t)s->fft * sizeof *p->z);
    for (int l = 0; l < LANES; l++) {
        for (int i = 0; i < s->frame; i++) p->z[i] = x[start[l] + i] * p->window[i];
        fft_real(&p->kiss, p->work, p->z);
        for (int k = 0; k < p->bin_count; k++) {
            const float *c = p->work + 2 * (p->bin_first + k);
            p->magnitudes[k * LANES + l] = sqrtf(c[0] * c[0] + c[1] * c[1]);
        }
    }
}

static void lane_magnitudes(const feature_plan *p, const float *x, const int start[LANES])
{
    p->ops->load(p->z, x, start, p->window, p->s.frame, p->s.fft);
    const float *z = p->ops->transform(&p->lanes, p->z, p->work);
    p->ops->magnitude(&p->lanes, p->magnitudes, z, p->bin_first, p->bin_count);
}

/* What follows the magnitudes; returns the rows to store and their length. */
static const float *finish_group(const feature_plan *p, int *n)
{
    const feature_settings *s = &p->s;
    *n = p->bin_count;
    if (!has_mel(s)) return p->magnitudes;
    p->ops->bands(&p->mel, p->bands, p->magnitudes, p->bin_first);
    p->ops->log(p->bands, p->bands, (float)s->log_offset, s->mel_bins);
    *n = s->mel_bins;
    if (s->kind != FEATURE_MFCC) return p->bands;
    *n = s->coefficients;
    float *cepstrum = p->bands + (size_t)s->mel_bins * LANES;
    p->ops->product(cepstrum, p->dct, p->bands, s->coefficients, s->mel_bins);
    return cepstrum;
}

/* Lanes beyond the last frame repeat it; their rows are not stored. */
static void run_group(const feature_plan *p, const float *x, int first, float *rows)
{
    int start[LANES], n, count = min_int(LANES, p->n_frames - first);
    for (int l = 0; l < LANES; l++) start[l] = (first + min_int(l, count - 1)) * p->s.hop;
    if (p->use_lanes)
        lane_magnitudes(p, x, start);
    else
        kiss_magnitudes(p, x, start);
    const float *result = finish_group(p, &n);
    p->ops->store(rows + (size_t)first * (size_t)n, n, count, result, n);
}

static void resize_image(const feature_plan *p, float *y)
{
    int n = p->s.resize;
    for (int i = 0; i < n; i++) {
        const float *top = p->image + (size_t)p->resize_low[0][i] * (size_t)p->bin_count;
        const float *bottom = p->image + (size_t)p->resize_high[0][i] * (size_t)p->bin_count;
        for (int j = 0; j < n; j++) {
            int left = p->resize_low[1][j], right = p->resize_high[1][j];
            float dx = p->resize_part[1][j], dy = p->resize_part[0][i];
            float over = top[left] + (top[right] - top[left]) * dx;
            float under = bottom[left] + (bottom[right] - bottom[left]) * dx;
            y[i * n + j] = over + (under - over) * dy;
        }
    }
}

void feature_run(const feature_plan *p, float *restrict y, const float *restrict x)
{
    bool image = p->s.kind == FEATURE_STFT_RESIZED;
    if (p->s.clip_rate != p->s.rate) {
        resample_run(&p->resample, p->resampled, x);
        x = p->resampled;
    }
    for (int f = 0; f < p->n_frames; f += LANES) run_group(p, x, f, image ? p->image : y);
    if (image) resize_image(p, y);
}

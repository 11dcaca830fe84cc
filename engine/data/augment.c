#include "engine/data/augment.h"

#include <math.h>
#include <string.h>

#include "engine/base/half.h"
#include "engine/base/rng.h"
#include "engine/signal/feature.h"

/* --- configuration --- */

static status read_number(const node *json, const char *key, double min, double max, double *out,
                          err *e)
{
    *out = 0;
    if (!node_get(json, key)) return OK;
    TRY(node_double(json, key, out, e));
    if (*out >= min && *out <= max) return OK;
    return FAIL(e, ERR_ARG, "parameter '%s' is %g; it must be from %g to %g", key, *out, min, max);
}

static status read_int(const node *json, const char *key, int max, int *out, err *e)
{
    *out = 0;
    return node_get(json, key) ? node_int(json, key, 0, max, out, e) : OK;
}

static status read_noise(const node *json, augment_config *out, err *e)
{
    static const char *const kinds[N_NOISE_KINDS] = {"white", "pink", "recordings"};
    int kind = 0;
    TRY(read_number(json, "noise", 0, 1, &out->noise, e));
    if (out->noise <= 0) return OK;
    TRY(node_choice(json, "noise_kind", kinds, N_NOISE_KINDS, &kind, e));
    out->noise_kind = (noise_kind)kind;
    TRY(read_number(json, "snr_low", -100, 100, &out->snr_low, e));
    return read_number(json, "snr_high", -100, 100, &out->snr_high, e);
}

status augment_parse(const node *json, augment_config *out, err *e)
{
    *out = (augment_config){0};
    TRY(read_number(json, "shift_ms", 0, 1000, &out->shift_ms, e));
    TRY(read_noise(json, out, e));
    TRY(read_number(json, "gain_db", 0, 40, &out->gain_db, e));
    TRY(read_int(json, "time_masks", AUGMENT_MAX_MASKS, &out->time_masks, e));
    TRY(read_int(json, "time_mask_width", 1 << 20, &out->time_width, e));
    TRY(read_int(json, "frequency_masks", AUGMENT_MAX_MASKS, &out->frequency_masks, e));
    return read_int(json, "frequency_mask_width", 1 << 20, &out->frequency_width, e);
}

bool augment_hears(const augment_config *c)
{
    return c->shift_ms > 0 || c->noise > 0 || c->gain_db > 0;
}

/* --- what is drawn --- */

static float draw_between(rng *r, double low, double high)
{
    return (float)(low + (high - low) * rng_double(r));
}

static void draw_masks(rng *r, int n, int width, int size, augment_mask *out)
{
    if (width > size) width = size;
    for (int i = 0; i < n; i++) {
        out[i].count = (int)rng_below(r, (uint64_t)width + 1);
        out[i].from = (int)rng_below(r, (uint64_t)(size - out[i].count) + 1);
    }
}

augment_draw augment_draw_one(const augment_config *c, int clip_rate, shape in, uint64_t seed,
                              int epoch, int index)
{
    rng r = rng_stream(seed, RNG_AUGMENT, (uint64_t)epoch << 32 | (uint32_t)index);
    int most = (int)rint(c->shift_ms * clip_rate / 1000);
    augment_draw d = {0};
    d.shift = (int)rng_below(&r, 2 * (uint64_t)most + 1) - most;
    d.noisy = rng_double(&r) < c->noise;
    d.snr_db = draw_between(&r, c->snr_low, c->snr_high);
    d.gain_db = draw_between(&r, -c->gain_db, c->gain_db);
    d.noise_chunk = rng_double(&r);
    d.noise_at = rng_double(&r);
    draw_masks(&r, c->time_masks, c->time_width, in.dim[0], d.time);
    draw_masks(&r, c->frequency_masks, c->frequency_width, in.dim[1], d.frequency);
    return d;
}

/* --- waveforms --- */

typedef struct {
    augment_config c;
    uint64_t seed;
    examples base;
    bool half;            /* features are stored as halves */
    const int16_t **wave; /* of each training example; NULL: features are only masked */
    feature_plan plan;
    const int16_t *noise;     /* [n_chunks][clip_samples] */
    const int32_t *recording; /* that a chunk is from; NULL: all from one */
    int n_chunks;
    float *x, *crop; /* [clip_samples] */
} augment;

/* Eight sums side by side: one alone waits for itself. */
static double power(const float *restrict x, int n)
{
    double lane[8] = {0}, sum = 0;
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int l = 0; l < 8; l++) lane[l] += (double)x[i + l] * (double)x[i + l];
    for (; i < n; i++) lane[0] += (double)x[i] * (double)x[i];
    for (int l = 0; l < 8; l++) sum += lane[l];
    return sum / n;
}

static void widen(float *restrict x, const int16_t *restrict q, int n, float full_scale)
{
    for (int i = 0; i < n; i++) x[i] = (float)q[i] / full_scale;
}

/* In float, as rng.h's normal numbers are: the same bits whatever the C library fuses. */
static float from_db(float db)
{
    return expf(db * 0.115129255f); /* ln(10)/20 */
}

static void add_noise(const augment *g, const augment_draw *d)
{
    int n = g->plan.s.clip_samples, chunk = (int)(d->noise_chunk * g->n_chunks);
    bool goes_on = chunk + 1 < g->n_chunks &&
                   (!g->recording || g->recording[chunk + 1] == g->recording[chunk]);
    size_t at = (size_t)chunk * (size_t)n + (goes_on ? (size_t)(d->noise_at * n) : 0);
    widen(g->crop, g->noise + at, n, 32768);
    double noise = power(g->crop, n);
    if (noise <= 0) return;
    float scale = (float)sqrt(power(g->x, n) / noise) * from_db(-d->snr_db);
    float *restrict x = g->x;
    const float *restrict crop = g->crop;
    for (int i = 0; i < n; i++) x[i] += scale * crop[i];
}

static void shift_wave(const augment *g, const int16_t *wave, int shift)
{
    int n = g->plan.s.clip_samples, kept = n - (shift < 0 ? -shift : shift);
    memset(g->x, 0, (size_t)n * sizeof *g->x);
    if (kept > 0)
        widen(g->x + (shift > 0 ? shift : 0), wave + (shift < 0 ? -shift : 0), kept,
              (float)g->plan.s.full_scale);
}

static void hear(const augment *g, const augment_draw *d, int index, float *y)
{
    int n = g->plan.s.clip_samples, size = shape_size(g->plan.out);
    shift_wave(g, g->wave[index], d->shift);
    if (d->noisy) add_noise(g, d);
    if (d->noisy || g->c.gain_db > 0) {
        float gain = from_db(d->gain_db), *x = g->x;
        for (int i = 0; i < n; i++) {
            float v = gain * x[i];
            v = v < -1 ? -1 : v;
            x[i] = v > 1 ? 1 : v;
        }
    }
    feature_run(&g->plan, y, g->x);
    for (int i = 0; g->half && i < size; i++) y[i] = half_widen(half_round(y[i]));
}

/* --- masks --- */

/* y[T,F]: one column's mean over the clip into a mask's frames. */
static void mask_column(const augment *g, const augment_draw *d, float *y, int f, int T, int F)
{
    bool whole = false;
    double sum = 0;
    for (int t = 0; t < T; t++) sum += (double)y[t * F + f];
    const float mean = (float)(sum / T);
    for (int m = 0; m < g->c.frequency_masks; m++)
        whole |= f >= d->frequency[m].from && f < d->frequency[m].from + d->frequency[m].count;
    for (int t = 0; whole && t < T; t++) y[t * F + f] = mean;
    for (int m = 0; m < g->c.time_masks; m++)
        for (int t = 0; t < d->time[m].count; t++) y[(d->time[m].from + t) * F + f] = mean;
}

static void fetch(const examples *ex, part p, int first, int count, float *x, float *y)
{
    const augment *g = ex->source;
    int size = shape_size(ex->in), T = ex->in.dim[0], F = size / T;
    g->base.fetch(&g->base, p, first, count, x, y);
    if (p != PART_TRAIN) return;
    for (int i = 0; i < count; i++, x += size) {
        augment_draw d =
            augment_draw_one(&g->c, g->plan.s.clip_rate, ex->in, g->seed, ex->epoch, first + i);
        if (g->wave) hear(g, &d, first + i, x);
        if (g->c.time_masks || g->c.frequency_masks)
            for (int f = 0; f < F; f++) mask_column(g, &d, x, f, T, F);
    }
}

/* --- opening --- */

static status read_front_end(augment *g, const clip_set *data, arena *a, err *e)
{
    node *tree;
    feature_settings s;
    TRY(node_read_json(a, data->settings, strlen(data->settings), &tree, e));
    TRY(feature_parse(tree, &s, e));
    return feature_plan_make(&g->plan, &s, a, e);
}

/* The waveform of each training example; both sets name clips by their place in one list. */
static status find_waves(augment *g, const clip_set *data, const augment_sounds *s, arena *a,
                         err *e)
{
    int n = g->base.n[PART_TRAIN], found = 0;
    g->wave = ARENA_NEW(a, const int16_t *, n);
    g->x = ARENA_NEW(a, float, g->plan.s.clip_samples);
    g->crop = ARENA_NEW(a, float, g->plan.s.clip_samples);
    if (!g->wave || !g->x || !g->crop) return FAIL(e, ERR_MEM, "out of memory for %d waveforms", n);
    for (int k = 0; k < s->n_waves; k++) {
        const clip_set *w = &s->wave[k];
        if (w->storage != CLIP_INT16 || shape_size(w->in) != g->plan.s.clip_samples)
            return FAIL(e, ERR_INPUT, "waveforms of another length than the front end's clips");
        for (int i = 0; i < w->n; i++, found++) {
            if (found >= n || data->index[found] != w->index[i])
                return FAIL(e, ERR_INPUT, "the waveforms are not of the clips to train on");
            g->wave[found] = clip_set_wave(w, i);
        }
    }
    if (found == n) return OK;
    return FAIL(e, ERR_INPUT, "waveforms of %d clips, and features of %d to train on", found, n);
}

static status find_noise(augment *g, const clip_set *recorded, arena *a, err *e)
{
    int n = g->plan.s.clip_samples;
    if (g->c.noise_kind == NOISE_RECORDINGS) {
        if (!recorded || recorded->storage != CLIP_INT16 || shape_size(recorded->in) != n)
            return FAIL(e, ERR_INPUT, "there are no recordings of noise as long as a clip");
        g->noise = recorded->features;
        g->recording = recorded->label;
        g->n_chunks = recorded->n;
        return OK;
    }
    size_t total = (size_t)AUGMENT_NOISE_SECONDS * (size_t)n;
    int16_t *made = ARENA_NEW(a, int16_t, total);
    if (!made) return FAIL(e, ERR_MEM, "out of memory for noise");
    noise_make(g->c.noise_kind, g->seed, made, (int)total);
    g->noise = made;
    g->n_chunks = AUGMENT_NOISE_SECONDS;
    return OK;
}

status augment_examples(const augment_config *c, const clip_set *data, const augment_sounds *sounds,
                        uint64_t seed, arena *a, examples *out, err *e)
{
    augment *g = ARENA_NEW(a, augment, 1);
    if (!g) return FAIL(e, ERR_MEM, "out of memory");
    *g = (augment){.c = *c, .seed = seed, .half = data->storage == CLIP_FLOAT16};
    clip_set_examples(data, &g->base);
    if (data->in.rank < 2) return FAIL(e, ERR_ARG, "only features of frames can be augmented");
    if (augment_hears(c)) {
        TRY(read_front_end(g, data, a, e));
        TRY(find_waves(g, data, sounds, a, e));
        if (c->noise > 0) TRY(find_noise(g, sounds->noise, a, e));
    }
    *out = g->base;
    out->fetch = fetch;
    out->source = g;
    return OK;
}

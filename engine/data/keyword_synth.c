/* The synthesiser runs in double with float transcendental functions, whose bits do not depend on
 * the processor's fused operations; samples are rounded to 16 bits in the end. */
#include "engine/data/keyword_synth.h"

#include <math.h>
#include <string.h>

#include "engine/base/rng.h"

#define PI 3.14159265358979323846f

/* --- what is spoken --- */

typedef struct {
    float ms;
    float f1, f2, f3;          /* resonances of the tract, Hz, for a man */
    float voice, breath, hiss; /* amplitudes of the three sources */
    float hiss_hz, hiss_width;
    bool stretches; /* longer and shorter with the tempo */
} sound;

typedef enum {
    S_D,
    S_G,
    S_L,
    S_R,
    S_N,
    S_J,
    S_S,
    S_F,
    S_GAP,
    S_T,
    S_P,
    S_A,
    S_AH,
    S_E,
    S_OH,
    S_U,
    S_UH,
    S_I,
    N_SOUNDS
} sound_id;

/* Voiced stops are a murmur behind closed lips and a burst that runs into the vowel; unvoiced ones
 * a gap and a burst. Nasals are a low first resonance and less voice. */
static const sound sounds[N_SOUNDS] = {
    [S_D] = {22, 250, 1750, 2600, .25f, .0f, .35f, 3600, 1400, false},
    [S_G] = {28, 250, 1500, 2100, .22f, .0f, .32f, 1900, 700, false},
    [S_L] = {75, 360, 1050, 2700, .60f, .0f, .0f, 1000, 500, true},
    [S_R] = {80, 340, 1080, 1520, .60f, .0f, .0f, 1000, 500, true},
    [S_N] = {80, 270, 1450, 2500, .38f, .0f, .0f, 1000, 500, true},
    [S_J] = {75, 280, 2200, 2950, .55f, .0f, .0f, 1000, 500, true},
    [S_S] = {120, 400, 1700, 2600, .0f, .02f, .42f, 4700, 1500, true},
    [S_F] = {80, 400, 1300, 2500, .0f, .05f, .10f, 3200, 5000, true},
    [S_GAP] = {45, 400, 1500, 2500, .0f, .0f, .0f, 1000, 500, false},
    [S_T] = {24, 400, 1800, 2700, .0f, .10f, .40f, 3900, 1500, false},
    [S_P] = {20, 400, 1000, 2400, .0f, .12f, .22f, 900, 900, false},
    [S_A] = {130, 740, 1230, 2500, 1.0f, .02f, .0f, 1000, 500, true},
    [S_AH] = {120, 640, 1190, 2390, 1.0f, .02f, .0f, 1000, 500, true},
    [S_E] = {130, 550, 1800, 2500, 1.0f, .02f, .0f, 1000, 500, true},
    [S_OH] = {120, 540, 900, 2400, 1.0f, .02f, .0f, 1000, 500, true},
    [S_U] = {90, 400, 850, 2250, .80f, .02f, .0f, 1000, 500, true},
    [S_UH] = {80, 460, 980, 2300, .85f, .02f, .0f, 1000, 500, true},
    [S_I] = {90, 320, 2150, 2850, .80f, .02f, .0f, 1000, 500, true},
};

enum { MAX_SOUNDS = 8, N_RESONANCES = 6 };

static const struct {
    const char *name;
    int n;
    unsigned char sound[MAX_SOUNDS];
} words[KEYWORD_WORDS] = {
    {"down", 4, {S_D, S_A, S_UH, S_N}},
    {"go", 3, {S_G, S_OH, S_U}},
    {"left", 5, {S_L, S_E, S_F, S_GAP, S_T}},
    {"no", 3, {S_N, S_OH, S_U}},
    {"right", 5, {S_R, S_A, S_I, S_GAP, S_T}},
    {"stop", 6, {S_S, S_GAP, S_T, S_A, S_GAP, S_P}},
    {"up", 3, {S_AH, S_GAP, S_P}},
    {"yes", 3, {S_J, S_E, S_S}},
};

/* --- who speaks, and how this time --- */

typedef struct {
    float pitch; /* Hz */
    float tract; /* resonances are multiplied by this: above 1 a short tract */
    float tempo; /* durations are multiplied by this */
    float breath;
    float tilt;                /* of the voice's spectrum: 0 bright .. 0.9 dull */
    float accent[N_SOUNDS][2]; /* factors of f1 and f2 */
} speaker;

typedef struct {
    float pitch, fall; /* at the beginning; its change over the word, relative */
    float tempo, slur; /* slur: how far resonances stay near the neutral tube */
    float shift[3];    /* of each resonance, relative */
    float length[MAX_SOUNDS];
    bool released;     /* a final stop is heard */
    float place;       /* of the word in the second: 0 as early, 1 as late as possible */
    float gain, noise; /* amplitudes */
    float colour;      /* of the noise: 0 white .. 0.98 low */
    float hum;
    float echo;
    int echo_delay;
} manner;

static float between(rng *r, float low, float high)
{
    return low + (high - low) * rng_float(r);
}

/* 1 + a normal deviate of the given size, within two of them. */
static float about_one(rng *r, float size)
{
    return 1 + size * fminf(fmaxf(rng_normal(r), -2), 2);
}

enum { OF_CLIP, OF_NOISE, OF_SPEAKER, OF_SPLIT };

static rng stream(uint64_t seed, int kind, uint64_t index)
{
    return rng_stream(seed, RNG_SYNTH, (uint64_t)kind << 60 | index);
}

/* High voices come from short tracts, but not strictly. */
static speaker make_speaker(uint64_t seed, int number)
{
    rng r = stream(seed, OF_SPEAKER, (uint64_t)number);
    float high = rng_float(&r);
    speaker s = {.pitch = 90 * expf(1.05f * high) * about_one(&r, 0.06f),
                 .tract = (0.88f + 0.32f * high) * about_one(&r, 0.04f),
                 .tempo = between(&r, 0.95f, 1.6f),
                 .breath = between(&r, 0.01f, 0.25f),
                 .tilt = between(&r, 0, 0.6f)};
    for (int i = 0; i < N_SOUNDS; i++)
        for (int k = 0; k < 2; k++) s.accent[i][k] = about_one(&r, 0.09f);
    return s;
}

static manner make_manner(rng *r)
{
    manner m = {.pitch = about_one(r, 0.1f),
                .fall = between(r, -0.4f, 0.15f),
                .tempo = between(r, 0.8f, 1.25f),
                .slur = between(r, 0, 0.65f)};
    for (int i = 0; i < 3; i++) m.shift[i] = about_one(r, 0.06f);
    for (int i = 0; i < MAX_SOUNDS; i++) m.length[i] = about_one(r, 0.2f);
    m.released = rng_float(r) < 0.6f;
    m.place = rng_float(r);
    m.gain = 0.6f * expf(-between(r, 0, 3.0f));
    m.noise = m.gain * expf(between(r, -4.0f, 0.1f));
    m.colour = between(r, 0, 0.97f);
    m.hum = rng_float(r) < 0.2f ? 0.05f * rng_float(r) : 0;
    m.echo = rng_float(r) < 0.5f ? between(r, 0, 0.35f) : 0;
    m.echo_delay = 160 + (int)rng_below(r, 1000);
    return m;
}

/* --- a resonator: y = a x + b y1 + c y2 --- */

typedef struct {
    double a, b, c, y1, y2;
} resonator;

static void resonator_tune(resonator *f, float hz, float width)
{
    float r = expf(-PI * width / KEYWORD_RATE);
    f->c = -(double)r * (double)r;
    f->b = 2 * (double)r * (double)cosf(2 * PI * fminf(hz, 7600) / KEYWORD_RATE);
    f->a = 1 - f->b - f->c;
}

static double resonator_run(resonator *f, double x)
{
    double y = f->a * x + f->b * f->y1 + f->c * f->y2;
    f->y2 = f->y1;
    f->y1 = y;
    return y;
}

/* --- the word, sample by sample --- */

enum { CONTROL = 40 }; /* samples between updates of the tract: 2.5 ms */

typedef struct {
    const speaker *who;
    const manner *how;
    rng *noise;
    float target[8], now[8]; /* f1 f2 f3 voice breath hiss hiss_hz hiss_width */
    resonator tract[N_RESONANCES], hiss;
    double phase; /* of the glottal cycle, 0..1 */
    double dull;  /* state of the voice's tilt */
    double hiss_before;
} voice;

static void aim(voice *v, sound_id id, bool silent)
{
    const sound *s = &sounds[id];
    static const float neutral[3] = {500, 1500, 2500};
    const float f[3] = {s->f1 * v->who->accent[id][0], s->f2 * v->who->accent[id][1], s->f3};
    for (int i = 0; i < 3; i++)
        v->target[i] =
            (f[i] + v->how->slur * (neutral[i] - f[i])) * v->how->shift[i] * v->who->tract;
    v->target[3] = silent ? 0 : s->voice;
    v->target[4] = silent ? 0 : s->breath + s->voice * v->who->breath;
    v->target[5] = silent ? 0 : s->hiss;
    v->target[6] = s->hiss_hz * (0.5f + 0.5f * v->who->tract);
    v->target[7] = s->hiss_width;
}

/* The tract follows its targets with time constants of 14 ms (resonances) and 5 ms (sources). */
static void move_tract(voice *v)
{
    static const float widths[N_RESONANCES] = {70, 90, 140, 220, 250, 300};
    static const float high[] = {3500, 4500, 5600}; /* these do not move */
    const float slow = 1 - expf(-2.5f / 14), quick = 1 - expf(-2.5f / 5);
    for (int i = 0; i < 8; i++) v->now[i] += (v->target[i] - v->now[i]) * (i < 3 ? slow : quick);
    for (int i = 0; i < 3; i++) resonator_tune(&v->tract[i], v->now[i], widths[i] * v->who->tract);
    for (int i = 3; i < N_RESONANCES; i++)
        resonator_tune(&v->tract[i], high[i - 3] * v->who->tract, widths[i]);
    resonator_tune(&v->hiss, v->now[6], v->now[7]);
}

/* The derivative of the glottal flow t^2 - t^3 while the glottis is open (0.6 of the cycle), a
 * smooth opening and an abrupt closing (Klatt & Klatt, JASA 87, 1990). */
static double glottis(voice *v, float hz)
{
    const double open = 0.6;
    v->phase += (double)hz / KEYWORD_RATE;
    if (v->phase >= 1) v->phase -= 1;
    double t = v->phase / open, pulse = t < 1 ? 2 * t - 3 * t * t : 0;
    v->dull += (1 - (double)v->who->tilt) * (pulse - v->dull);
    return v->dull;
}

static double sound_sample(voice *v, float hz)
{
    double white = 2 * rng_double(v->noise) - 1;
    double source = (double)v->now[3] * glottis(v, hz);
    source += (double)v->now[4] * white * (v->phase < 0.6 ? 1 : 0.4);
    for (int i = 0; i < N_RESONANCES; i++) source = resonator_run(&v->tract[i], source);
    double hiss = resonator_run(&v->hiss, white * (double)v->now[5]), edge = hiss - v->hiss_before;
    v->hiss_before = hiss;
    return 0.25 * source + 0.07 * edge;
}

static int sound_samples(const voice *v, sound_id id, int i)
{
    const sound *s = &sounds[id];
    float stretch =
        s->stretches ? v->who->tempo * v->how->tempo * v->how->length[i] : v->how->length[i];
    return (int)(s->ms * stretch * (KEYWORD_RATE / 1000.0f));
}

/* Speaks a word into x[n] and returns its length: what does not fit is cut off. */
static int speak(voice *v, int word, double *x, int n)
{
    enum { RELEASE = KEYWORD_RATE / 25 }; /* the sound dies away in 40 ms */
    int at = 0, count = words[word].n;
    memset(x, 0, (size_t)n * sizeof *x);
    aim(v, (sound_id)words[word].sound[0], true);
    memcpy(v->now, v->target, sizeof v->now);
    for (int i = 0; i <= count; i++) {
        bool over = i == count;
        sound_id id = (sound_id)words[word].sound[over ? count - 1 : i];
        bool held = id == S_T || id == S_P;
        aim(v, id, over || (i == count - 1 && held && !v->how->released));
        for (int left = over ? RELEASE : sound_samples(v, id, i); left > 0 && at < n;
             left--, at++) {
            if (at % CONTROL == 0) move_tract(v);
            float hz = v->who->pitch * v->how->pitch * (1 + v->how->fall * (float)at / 8000);
            x[at] = sound_sample(v, hz);
        }
    }
    return at;
}

/* --- the clip --- */

/* Scales to a root mean square of 0.2 over the loudest tenth of a second, before the gain. */
static void level(double *x, int n)
{
    enum { WINDOW = 1600 };
    double sum = 0, most = 1e-9;
    for (int i = 0; i < n; i++) {
        sum += x[i] * x[i] - (i >= WINDOW ? x[i - WINDOW] * x[i - WINDOW] : 0);
        if (sum > most) most = sum;
    }
    double scale = 0.2 / sqrt(most / WINDOW);
    for (int i = 0; i < n; i++) x[i] *= scale;
}

static void add_echo(float *x, float gain, int delay)
{
    for (int i = delay; i < KEYWORD_SAMPLES; i++) x[i] += gain * x[i - delay];
}

static void add_room(float *y, const manner *m, rng *r)
{
    /* a first-order filter of white noise, scaled so that every colour is as strong */
    double low = 0, a = (double)m->colour, scale = 0.2 * (double)m->noise * sqrt((1 + a) / (1 - a));
    for (int i = 0; i < KEYWORD_SAMPLES; i++) {
        double white = 3.4641016151377544 * (rng_double(r) - 0.5); /* variance 1 */
        low += (1 - a) * (white - low);
        double hum = (double)(m->hum * m->gain * sinf(2 * PI * 50 * (float)i / KEYWORD_RATE));
        y[i] += (float)(scale * low + hum);
    }
}

void keyword_render(float *x, uint64_t seed, int number, int word, int take)
{
    uint64_t name = ((uint64_t)number << 24 ^ (uint64_t)take) << 3 | (uint64_t)word;
    rng r = stream(seed, OF_CLIP, name), noise = stream(seed, OF_NOISE, name);
    speaker who = make_speaker(seed, number);
    manner how = make_manner(&r);
    voice v = {.who = &who, .how = &how, .noise = &noise};
    double wave[KEYWORD_SAMPLES];
    int n = speak(&v, word, wave, KEYWORD_SAMPLES);
    level(wave, n);
    int room = KEYWORD_SAMPLES - n + KEYWORD_SAMPLES / 20; /* the end may be cut off by 50 ms */
    int start = (int)(how.place * (float)room);
    memset(x, 0, KEYWORD_SAMPLES * sizeof *x);
    for (int i = 0; i < n && start + i < KEYWORD_SAMPLES; i++)
        x[start + i] = how.gain * (float)wave[i];
    add_echo(x, how.echo, how.echo_delay);
    add_room(x, &how, &noise);
    for (int i = 0; i < KEYWORD_SAMPLES; i++)
        x[i] = rintf(fminf(fmaxf(x[i] * 32768, -32768), 32767)) / 32768;
}

/* --- the list --- */

typedef struct {
    uint64_t seed;
    const int *take; /* [n] */
} keyword_source;

keyword_options keyword_defaults(void)
{
    return (keyword_options){
        .clips = 2000, .speakers = 100, .val_percent = 10, .test_percent = 10, .seed = 1};
}

static status check_options(const keyword_options *o, err *e)
{
    if (o->clips < KEYWORD_WORDS || o->clips > CLIPS_MAX)
        return FAIL(e, ERR_INPUT, "synthetic-keywords: clips is %d; it must be between %d and %d",
                    o->clips, KEYWORD_WORDS, CLIPS_MAX);
    if (o->speakers < 3 || o->speakers > o->clips)
        return FAIL(e, ERR_INPUT,
                    "synthetic-keywords: speakers is %d; it must be between 3 and %d, the clips",
                    o->speakers, o->clips);
    if (!(o->val_percent >= 0 && o->test_percent >= 0 && o->val_percent + o->test_percent < 100))
        return FAIL(e, ERR_INPUT,
                    "synthetic-keywords: %g %% for validation and %g %% for test; they must be 0 "
                    "or more and "
                    "together below 100",
                    o->val_percent, o->test_percent);
    return OK;
}

static void shuffle(int *index, int n, rng *r)
{
    for (int i = n - 1; i > 0; i--) {
        int k = (int)rng_below(r, (uint64_t)i + 1), t = index[i];
        index[i] = index[k];
        index[k] = t;
    }
}

static int at_least_one(double percent, int n)
{
    int k = (int)rint(percent / 100 * n);
    return k < 1 ? 1 : k;
}

/* part_of[speaker]: a shuffled row of speakers is cut in three. */
static void split_speakers(const keyword_options *o, int *part_of, int *index)
{
    int n = o->speakers, n_val = at_least_one(o->val_percent, n),
        n_test = at_least_one(o->test_percent, n);
    rng r = stream(o->seed, OF_SPLIT, 0);
    while (n_val + n_test >= n) *(n_val > n_test ? &n_val : &n_test) -= 1;
    for (int i = 0; i < n; i++) index[i] = i;
    shuffle(index, n, &r);
    for (int i = 0; i < n; i++)
        part_of[index[i]] = i < n_val ? PART_VAL : i < n_val + n_test ? PART_TEST : PART_TRAIN;
}

static status samples_of_voice(const clips *c, int i, const audio_options *o, int rate, float *x,
                               int n, arena *a, audio_fault *fault, err *e)
{
    const keyword_source *s = c->source;
    float wave[KEYWORD_SAMPLES];
    if (fault) *fault = AUDIO_FINE;
    keyword_render(wave, s->seed, c->clip[i].speaker, c->clip[i].label, s->take[i]);
    if (o->full_scale != 32768)
        for (int k = 0; k < KEYWORD_SAMPLES; k++) wave[k] = wave[k] * 32768 / (float)o->full_scale;
    return clips_fit(x, n, rate, wave, KEYWORD_SAMPLES, KEYWORD_RATE, a, e);
}

/* Clip k of the world is word k mod 8 of the next speaker in turn. */
static clip describe(const keyword_options *o, int k, const int *part_of, int *take, arena *a)
{
    int word = k % KEYWORD_WORDS, number = k / KEYWORD_WORDS % o->speakers;
    *take = k / KEYWORD_WORDS / o->speakers;
    const char *name = arena_printf(a, "%s/s%05d_nohash_%d", words[word].name, number, *take);
    return (clip){name, word, number, (part)part_of[number]};
}

/* Parts one behind the other, each in the order of one shuffled row of all clips. */
static bool fill_list(const keyword_options *o, clips *c, clip *list, int *take, const int *part_of,
                      const int *index, arena *a)
{
    for (int p = 0; p < N_PARTS; p++) {
        for (int i = 0; i < o->clips; i++) {
            int number = index[i] / KEYWORD_WORDS % o->speakers;
            if (part_of[number] != p) continue;
            list[c->n] = describe(o, index[i], part_of, &take[c->n], a);
            if (!list[c->n].name) return false;
            c->n++;
            c->n_part[p]++;
        }
    }
    return true;
}

status keyword_open(clips *c, const keyword_options *o, arena *a, err *e)
{
    *c = (clips){.n_words = KEYWORD_WORDS, .n_speakers = o->speakers, .samples = samples_of_voice};
    TRY(check_options(o, e));
    keyword_source *source = ARENA_NEW(a, keyword_source, 1);
    clip *list = ARENA_NEW(a, clip, o->clips);
    const char **word = ARENA_NEW(a, const char *, KEYWORD_WORDS);
    int *take = ARENA_NEW(a, int, o->clips), *index = ARENA_NEW(a, int, o->clips);
    int *part_of = ARENA_NEW(a, int, o->speakers);
    if (!source || !list || !word || !take || !index || !part_of)
        return FAIL(e, ERR_MEM, "out of memory for %d synthetic keywords", o->clips);
    for (int w = 0; w < KEYWORD_WORDS; w++) word[w] = words[w].name;
    split_speakers(o, part_of, index);
    rng r = stream(o->seed, OF_SPLIT, 1);
    for (int i = 0; i < o->clips; i++) index[i] = i;
    shuffle(index, o->clips, &r);
    if (!fill_list(o, c, list, take, part_of, index, a))
        return FAIL(e, ERR_MEM, "out of memory for %d synthetic keywords", o->clips);
    *source = (keyword_source){o->seed, take};
    c->word = word;
    c->clip = list;
    c->source = source;
    return OK;
}

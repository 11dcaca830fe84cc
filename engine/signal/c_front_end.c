/* Constants first, then the plan's tables, then the texts of c_text/, which the assembler copies into
 * this object as they are. */
#include "engine/signal/c_front_end.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PI 3.14159265358979323846

#define TEXT(name)                                           \
    extern const char text_##name[];                         \
    __asm__(".section .rodata\n"                             \
            "text_" #name ":\n"                              \
            ".incbin \"engine/signal/c_text/" #name ".c\"\n" \
            ".byte 0\n"                                      \
            ".previous\n")

TEXT(sample);
TEXT(sample_resampled);
TEXT(load_frame);
TEXT(short2);
TEXT(short3);
TEXT(short4);
TEXT(short5);
TEXT(short_any);
TEXT(pass);
TEXT(magnitudes);
TEXT(log_mel);
TEXT(blend);
TEXT(compute_stft);
TEXT(compute_log_mel);
TEXT(compute_mfcc);
TEXT(compute_stft_resized);

typedef struct {
    feature_plan plan;
    int n_passes, radix[LANES_MAX_PASSES], points; /* points: of the complex transform */
    buf *b;
} front_end;

static void put_text(buf *b, const char *text)
{
    buf_text(b, text);
    buf_char(b, '\n');
}

static void put_float(buf *b, double v)
{
    char text[32];
    snprintf(text, sizeof text, "%.9g", (double)(float)v);
    buf_printf(b, "%s%sF", text, strpbrk(text, ".e") ? "" : ".0");
}

static void put_floats(buf *b, const char *name, const float *v, int n)
{
    buf_printf(b, "static const float %s[] = {", name);
    for (int i = 0; i < n; i++) {
        if (i > 0) buf_text(b, i % 8 ? ", " : ",\n    ");
        put_float(b, (double)v[i]);
    }
    buf_text(b, n ? "};\n" : "0};\n");
}

static void put_ints(buf *b, const char *name, const int *v, int n)
{
    buf_printf(b, "static const int %s[] = {", name);
    for (int i = 0; i < n; i++)
        buf_printf(b, "%s%d", i == 0 ? "" : i % 16 ? ", " : ",\n    ", v[i]);
    buf_text(b, "};\n");
}

/* --- the transform --- */

/* Radices as the lanes take them (four first), then what primes are left. */
static void factor(front_end *g)
{
    static const int first[] = {4, 5, 3, 2};
    int left = g->points;
    for (int c = 0; c < 4; c++)
        for (; left % first[c] == 0; left /= first[c]) g->radix[g->n_passes++] = first[c];
    for (int p = 7; left > 1; p += 2)
        for (; left % p == 0; left /= p) g->radix[g->n_passes++] = p;
}

static int greatest_radix(const front_end *g)
{
    int most = 2;
    for (int i = 0; i < g->n_passes; i++) most = g->radix[i] > most ? g->radix[i] : most;
    return most;
}

/* exp(-2 pi i k / n) as two floats. */
static void put_root(buf *b, long k, long n, int sign)
{
    const double t = 2 * PI * (double)(k % n) / (double)n;
    put_float(b, cos(t));
    buf_text(b, ", ");
    put_float(b, sign * sin(t));
}

static void put_twiddles(const front_end *g, int i, int n)
{
    const int r = g->radix[i];
    buf_printf(g->b, "static const float twiddle_%d[] = {", i);
    for (int p = 0, k = 0; p < n / r; p++)
        for (int j = 1; j < r; j++, k++) {
            if (k > 0) buf_text(g->b, k % 4 ? ", " : ",\n    ");
            put_root(g->b, (long)p * j, n, -1);
        }
    buf_text(g->b, "};\n");
}

static void put_pairs(const front_end *g, const char *name, int n, long of, int sign)
{
    buf_printf(g->b, "static const float %s[][2] = {", name);
    for (int k = 0; k < n; k++) {
        if (k > 0) buf_text(g->b, k % 4 ? ", " : ",\n    ");
        buf_char(g->b, '{');
        put_root(g->b, k, of, sign);
        buf_char(g->b, '}');
    }
    buf_text(g->b, "};\n");
}

static void put_transform_tables(const front_end *g)
{
    for (int i = 0, n = g->points; i < g->n_passes; n /= g->radix[i++]) put_twiddles(g, i, n);
    put_pairs(g, "turn", g->points + 1, 2L * g->points, 1);
    if (greatest_radix(g) > 5) put_pairs(g, "root", g->points, g->points, -1);
}

static void put_transform(const front_end *g)
{
    static const char *const text[] = {NULL,        NULL,        text_short2,
                                       text_short3, text_short4, text_short5};
    bool has[6] = {false};
    for (int i = 0; i < g->n_passes; i++) has[g->radix[i] > 5 ? 0 : g->radix[i]] = true;
    buf_text(g->b, "/* Short transforms, in place: u[j] = sum of t[k] exp(-2 pi i j k / r). */\n");
    for (int r = 2; r <= 5; r++)
        if (has[r]) put_text(g->b, text[r]);
    if (has[0]) put_text(g->b, text_short_any);
    if (g->n_passes) put_text(g->b, text_pass);
    buf_text(g->b, "/* Of POINTS complex numbers in `spectrum`; returns where the result is. */\n"
                   "static const float *transform(void)\n{\n");
    for (int i = 0, n = g->points, s = 1; i < g->n_passes; i++) {
        const int r = g->radix[i];
        buf_printf(g->b, "    pass(%s, %s, %d, %d, %d, ", i % 2 ? "spectrum" : "other",
                   i % 2 ? "other" : "spectrum", n, s, r);
        buf_printf(g->b, r > 5 ? "short_any" : "short%d", r);
        buf_printf(g->b, ", twiddle_%d);\n", i);
        n /= r;
        s *= r;
    }
    buf_printf(g->b, "    return %s;\n}\n\n", g->n_passes % 2 ? "other" : "spectrum");
}

/* --- constants and tables --- */

static bool has_mel(const feature_settings *s)
{
    return s->kind == FEATURE_LOG_MEL || s->kind == FEATURE_MFCC;
}

static void put_constant(const front_end *g, const char *name, int v)
{
    buf_printf(g->b, "    %s = %d,\n", name, v);
}

static void put_constants(const front_end *g)
{
    const feature_plan *p = &g->plan;
    buf_text(g->b, "enum {\n");
    put_constant(g, "FULL_SCALE", p->s.full_scale);
    put_constant(g, "FRAME", p->s.frame);
    put_constant(g, "HOP", p->s.hop);
    put_constant(g, "FRAMES", p->n_frames);
    put_constant(g, "POINTS", g->points);
    put_constant(g, "MOST_RADIX", greatest_radix(g));
    put_constant(g, "FIRST_BIN", p->bin_first);
    put_constant(g, "BINS", p->bin_count > 0 ? p->bin_count : 1);
    if (p->resample.up != p->resample.down) {
        put_constant(g, "UP", p->resample.up);
        put_constant(g, "DOWN", p->resample.down);
        put_constant(g, "TAPS", p->resample.n_taps);
    }
    if (has_mel(&p->s)) put_constant(g, "BANDS", p->s.mel_bins);
    if (p->s.kind == FEATURE_MFCC) put_constant(g, "COEFFICIENTS", p->s.coefficients);
    if (p->s.kind == FEATURE_STFT_RESIZED) put_constant(g, "RESIZE", p->s.resize);
    buf_text(g->b, "};\n");
    if (!has_mel(&p->s)) return;
    buf_text(g->b, "#define LOG_OFFSET ");
    put_float(g->b, p->s.log_offset);
    buf_char(g->b, '\n');
}

/* Bands in the columns of `magnitude`, which begins at the first bin that any of them needs. */
static status put_bands(const front_end *g, arena *a, err *e)
{
    const lanes_bands *m = &g->plan.mel;
    int *first = ARENA_NEW(a, int, m->n_rows), n = 0;
    if (!first) return FAIL(e, ERR_MEM, "out of memory for a C source");
    for (int b = 0; b < m->n_rows; b++) {
        first[b] = m->first[b] - g->plan.bin_first;
        n += m->count[b];
    }
    put_ints(g->b, "mel_first", first, m->n_rows);
    put_ints(g->b, "mel_count", m->count, m->n_rows);
    put_floats(g->b, "mel_weight", m->weight, n);
    return OK;
}

static void put_cosines(const front_end *g)
{
    const int K = g->plan.s.coefficients, N = g->plan.s.mel_bins;
    buf_text(g->b, "static const float cosines[COEFFICIENTS][BANDS] = {");
    for (int k = 0; k < K; k++) {
        buf_text(g->b, k ? ",\n    {" : "\n    {");
        for (int n = 0; n < N; n++) {
            if (n > 0) buf_text(g->b, n % 8 ? ", " : ",\n     ");
            put_float(g->b, (double)g->plan.dct[k * N + n]);
        }
        buf_char(g->b, '}');
    }
    buf_text(g->b, "};\n");
}

static status put_tables(const front_end *g, arena *a, err *e)
{
    const feature_plan *p = &g->plan;
    put_floats(g->b, "hann", p->window, p->s.frame);
    put_transform_tables(g);
    if (p->resample.up != p->resample.down)
        put_floats(g->b, "resampling_tap", p->resample.tap, p->resample.n_taps);
    if (has_mel(&p->s)) TRY(put_bands(g, a, e));
    if (p->s.kind == FEATURE_MFCC) put_cosines(g);
    buf_printf(g->b, "static float spectrum[2 * POINTS]%s;\n\n",
               g->n_passes ? ", other[2 * POINTS]" : "");
    return OK;
}

/* --- the whole --- */

static void put_functions(const front_end *g)
{
    static const char *const compute[N_FEATURE_KINDS] = {
        text_compute_stft, text_compute_log_mel, text_compute_mfcc, text_compute_stft_resized};
    const feature_plan *p = &g->plan;
    const bool resampled = p->resample.up != p->resample.down;
    put_text(g->b, resampled ? text_sample_resampled : text_sample);
    put_text(g->b, text_load_frame);
    put_transform(g);
    put_text(g->b, text_magnitudes);
    if (has_mel(&p->s)) put_text(g->b, text_log_mel);
    if (p->s.kind == FEATURE_STFT_RESIZED) put_text(g->b, text_blend);
    buf_text(g->b, compute[p->s.kind]);
}

/* Floats of the static arrays in the texts. */
static size_t static_floats(const front_end *g)
{
    const feature_settings *s = &g->plan.s;
    const size_t bins = g->plan.bin_count > 0 ? (size_t)g->plan.bin_count : 1;
    const size_t radix = (size_t)greatest_radix(g), points = (size_t)g->points;
    const size_t rows = s->kind == FEATURE_STFT ? 0 : s->kind == FEATURE_STFT_RESIZED ? 2 : 1;
    size_t n = (size_t)s->frame + 2 * points + rows * bins;
    if (g->n_passes > 0) n += 2 * points + 2 * radix;
    if (radix > 5) n += 2 * radix;
    return s->kind == FEATURE_MFCC ? n + (size_t)s->mel_bins : n;
}

static void put_header(const front_end *g, buf *b)
{
    const feature_settings *s = &g->plan.s;
    const shape out = g->plan.out;
    buf_printf(b, "/* The front end: %d samples at %d Hz to %d x %d features.\n * ",
               s->clip_samples, s->clip_rate, out.dim[0], out.dim[1]);
    feature_put_json(b, s);
    buf_printf(b, "\n * Static memory: %zu bytes. */\n", static_floats(g) * sizeof(float));
    buf_printf(b, "enum { FEATURES_CLIP = %d, FEATURES = %d };\n\n", s->clip_samples,
               shape_size(out));
    buf_text(
        b, "/* Features of a clip, as the network takes them. Returns 0; one call at a time. */\n"
           "int features_compute(const int16_t clip[FEATURES_CLIP], float features[FEATURES]);\n");
}

status c_front_end_put(const feature_settings *s, arena *a, buf *header, buf *source, err *e)
{
    front_end *g = ARENA_NEW(a, front_end, 1);
    if (!g) return FAIL(e, ERR_MEM, "out of memory for a C source");
    TRY(feature_plan_make(&g->plan, s, a, e));
    g->points = g->plan.s.fft / 2;
    g->b = source;
    factor(g);
    put_header(g, header);
    put_constants(g);
    TRY(put_tables(g, a, e));
    put_functions(g);
    TRY(buf_check(header, e));
    return buf_check(source, e);
}

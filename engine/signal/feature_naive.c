/* The definitions, one after the other, as TensorFlow's signal ops give them (spectral_ops.py,
 * mel_ops.py, mfcc_ops.py, resize_bilinear_op.cc). Slow and in double; feature.c is tested against
 * it. */
#include "engine/signal/feature.h"

#include <math.h>

#define PI 3.14159265358979323846

void feature_window(double *w, int n)
{
    int period = n % 2 ? n - 1 : n;
    for (int i = 0; i < n; i++) w[i] = period ? 0.5 - 0.5 * cos(2 * PI * i / period) : 1;
}

static double mel_of(double hz)
{
    return 1127.0 * log(1.0 + hz / 700.0);
}

void feature_mel_matrix(double *w, int n_fft, int rate, int mel_bins, double low, double high)
{
    int bins = n_fft / 2 + 1;
    double from = mel_of(low), step = (mel_of(high) - from) / (mel_bins + 1);
    for (int b = 0; b < mel_bins; b++) w[b] = 0; /* the bin of direct current is dropped */
    for (int i = 1; i < bins; i++) {
        double m = mel_of(0.5 * rate * i / (bins - 1));
        for (int b = 0; b < mel_bins; b++) {
            double rise = (m - (from + b * step)) / step, fall = (from + (b + 2) * step - m) / step;
            w[i * mel_bins + b] = fmax(0, fmin(rise, fall));
        }
    }
}

static void naive_magnitudes(const feature_settings *s, double *mag, const double *x,
                             const double *window, const double *root)
{
    int bins = s->fft / 2 + 1;
    for (int k = 0; k < bins; k++) {
        double re = 0, im = 0;
        for (int i = 0; i < s->frame; i++) {
            const double *w = root + 2 * ((long)k * i % s->fft);
            re += x[i] * window[i] * w[0];
            im -= x[i] * window[i] * w[1];
        }
        mag[k] = sqrt(re * re + im * im);
    }
}

static void naive_cepstrum(const feature_settings *s, double *y, const double *logs)
{
    for (int k = 0; k < s->coefficients; k++) {
        y[k] = 0;
        for (int n = 0; n < s->mel_bins; n++)
            y[k] += logs[n] * cos(PI * k * (2 * n + 1) / (2.0 * s->mel_bins));
        y[k] *= sqrt(2.0 / s->mel_bins);
    }
}

/* Two neighbours and the way between them for output i of n_out over n_in. The source position is
 * computed in float, as TensorFlow does. */
static double neighbours(int i, int n_in, int n_out, int *low, int *high)
{
    float scale = (float)n_in / (float)n_out, at = ((float)i + 0.5f) * scale - 0.5f;
    *low = (int)fmaxf(floorf(at), 0);
    *high = (int)fminf(ceilf(at), (float)(n_in - 1));
    return (double)(at - floorf(at));
}

static void naive_resize(double *y, int side, const double *x, int rows, int columns)
{
    for (int i = 0; i < side; i++) {
        for (int j = 0; j < side; j++) {
            int top, bottom, left, right;
            double dy = neighbours(i, rows, side, &top, &bottom);
            double dx = neighbours(j, columns, side, &left, &right);
            const double *t = x + top * columns, *b = x + bottom * columns;
            double over = t[left] + (t[right] - t[left]) * dx;
            double under = b[left] + (b[right] - b[left]) * dx;
            y[i * side + j] = over + (under - over) * dy;
        }
    }
}

typedef struct {
    double *window, *root, *mel, *x, *spectrum, *logs;
} naive_tables;

static status take_tables(const feature_settings *s, naive_tables *t, const float *x, arena *a,
                          err *e)
{
    int bins = s->fft / 2 + 1;
    resampler r;
    TRY(resample_plan(&r, s->clip_rate, s->rate, s->clip_samples, a, e));
    t->window = ARENA_NEW(a, double, s->frame);
    t->root = ARENA_NEW(a, double, 2 * s->fft);
    t->mel = ARENA_NEW(a, double, bins * s->mel_bins + 1);
    t->x = ARENA_NEW(a, double, r.n_out);
    t->spectrum = ARENA_NEW(a, double, bins *feature_frames(s));
    t->logs = ARENA_NEW(a, double, s->mel_bins + 1);
    if (!t->window || !t->root || !t->mel || !t->x || !t->spectrum || !t->logs)
        return FAIL(e, ERR_MEM, "out of memory for a front end in double");
    feature_window(t->window, s->frame);
    for (int i = 0; i < s->fft; i++) {
        t->root[2 * i] = cos(2 * PI * i / s->fft);
        t->root[2 * i + 1] = sin(2 * PI * i / s->fft);
    }
    if (s->mel_bins)
        feature_mel_matrix(t->mel, s->fft, s->rate, s->mel_bins, s->mel_low, s->mel_high);
    resample_naive(&r, t->x, x);
    return OK;
}

static void naive_frame(const feature_settings *s, const naive_tables *t, int frame, double *y)
{
    int bins = s->fft / 2 + 1;
    double *mag = t->spectrum + frame * bins;
    naive_magnitudes(s, mag, t->x + (long)frame * s->hop, t->window, t->root);
    for (int b = 0; b < s->mel_bins; b++) {
        double sum = 0;
        for (int k = 0; k < bins; k++) sum += mag[k] * t->mel[k * s->mel_bins + b];
        t->logs[b] = log(sum + s->log_offset);
    }
    if (s->kind == FEATURE_STFT)
        for (int k = 0; k < bins; k++) y[frame * bins + k] = mag[k];
    if (s->kind == FEATURE_LOG_MEL)
        for (int b = 0; b < s->mel_bins; b++) y[frame * s->mel_bins + b] = t->logs[b];
    if (s->kind == FEATURE_MFCC) naive_cepstrum(s, y + frame * s->coefficients, t->logs);
}

status feature_naive(const feature_settings *settings, double *y, const float *x, arena *a, err *e)
{
    feature_settings s = *settings;
    TRY(feature_check(&s, e));
    arena_mark_t mark = arena_mark(a);
    naive_tables t;
    status st = take_tables(&s, &t, x, a, e);
    int frames = feature_frames(&s);
    for (int i = 0; st == OK && i < frames; i++) naive_frame(&s, &t, i, y);
    if (st == OK && s.kind == FEATURE_STFT_RESIZED)
        naive_resize(y, s.resize, t.spectrum, frames, s.fft / 2 + 1);
    arena_release(a, mark);
    return st;
}

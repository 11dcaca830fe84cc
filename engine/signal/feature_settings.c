/* What may be asked of the front end, and how it is written down. */
#include "engine/signal/feature.h"

#include <math.h>
#include <string.h>

#include "engine/base/diag.h"
#include "engine/signal/audio.h"

enum {
    MAX_FRAME = 65536,
    MAX_CLIP = 1 << 22,
    MAX_MEL = 1024,
    MAX_SIDE = 1024,
    MAX_VALUES = 1 << 24
};

static const char *const kind_names[N_FEATURE_KINDS] = {"stft", "log-mel", "mfcc", "stft-resized"};

const char *feature_kind_name(feature_kind kind)
{
    return (unsigned)kind < N_FEATURE_KINDS ? kind_names[kind] : "unknown";
}

status feature_kind_parse(const char *word, feature_kind *out, err *e)
{
    for (int k = 0; k < N_FEATURE_KINDS; k++) {
        if (strcmp(word, kind_names[k]) != 0) continue;
        *out = (feature_kind)k;
        return OK;
    }
    const char *near = diag_did_you_mean(word, kind_names, N_FEATURE_KINDS);
    return FAIL(e, ERR_INPUT, "features: \"%s\" is none of stft, log-mel, mfcc, stft-resized%s%s%s",
                word, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

feature_settings feature_defaults(feature_kind kind)
{
    feature_settings s = {.kind = kind,
                          .clip_rate = 16000,
                          .clip_samples = 16000,
                          .full_scale = 32768,
                          .rate = 16000,
                          .frame = 640,
                          .hop = 320,
                          .fft = 640,
                          .mel_bins = 40,
                          .mel_low = 20,
                          .mel_high = 4000,
                          .log_offset = 1e-6,
                          .coefficients = 10,
                          .resize = 32};
    if (kind == FEATURE_STFT_RESIZED) {
        s.frame = s.fft = 256;
        s.hop = 128;
    }
    return s;
}

status feature_samples(double ms, int rate, int *samples, err *e)
{
    double n = ms * rate / 1000, whole = rint(n);
    if (!(n >= 1 && n <= MAX_FRAME))
        return FAIL(e, ERR_INPUT, "features: %g ms at %d Hz is outside 1 to %d samples", ms, rate,
                    MAX_FRAME);
    if (fabs(n - whole) > 1e-6)
        return FAIL(e, ERR_INPUT,
                    "features: %g ms at %d Hz is %g samples; %g ms or %g ms are whole numbers", ms,
                    rate, n, 1000 * floor(n) / rate, 1000 * ceil(n) / rate);
    *samples = (int)whole;
    return OK;
}

static status in_range(const char *name, double v, double least, double most, err *e)
{
    if (v >= least && v <= most) return OK;
    return FAIL(e, ERR_INPUT, "features: %s is %g; it must be between %g and %g", name, v, least,
                most);
}

static status check_clip(const feature_settings *s, err *e)
{
    TRY(in_range("clip_rate", s->clip_rate, 1, AUDIO_MAX_RATE, e));
    TRY(in_range("clip_samples", s->clip_samples, 1, MAX_CLIP, e));
    TRY(in_range("rate", s->rate, 1, AUDIO_MAX_RATE, e));
    if (s->full_scale != 32768 && s->full_scale != 32767)
        return FAIL(e, ERR_INPUT, "features: full_scale is %d; it must be 32768 or 32767",
                    s->full_scale);
    if ((double)s->clip_samples * s->rate / s->clip_rate > MAX_CLIP)
        return FAIL(e, ERR_INPUT, "features: %d samples at %d Hz are over %d at %d Hz",
                    s->clip_samples, s->clip_rate, MAX_CLIP, s->rate);
    return OK;
}

/* Samples after resampling: ceil(clip_samples rate / clip_rate). */
static long resampled_length(const feature_settings *s)
{
    return ((long)s->clip_samples * s->rate + s->clip_rate - 1) / s->clip_rate;
}

static status check_frames(const feature_settings *s, err *e)
{
    TRY(in_range("frame", s->frame, 1, MAX_FRAME, e));
    TRY(in_range("hop", s->hop, 1, MAX_CLIP, e));
    TRY(in_range("fft", s->fft, 2, MAX_FRAME, e));
    if (s->fft < s->frame)
        return FAIL(e, ERR_INPUT, "features: fft %d is shorter than the frame of %d samples",
                    s->fft, s->frame);
    if (s->fft % 2)
        return FAIL(e, ERR_INPUT, "features: fft %d is odd; %d would do", s->fft, s->fft + 1);
    if (resampled_length(s) < s->frame)
        return FAIL(e, ERR_INPUT, "features: a frame of %d samples does not fit a clip of %ld",
                    s->frame, resampled_length(s));
    return OK;
}

static status check_mel(const feature_settings *s, err *e)
{
    TRY(in_range("mel_bins", s->mel_bins, 1, MAX_MEL, e));
    if (!(s->mel_low >= 0)) return in_range("mel_low", s->mel_low, 0, s->mel_high, e);
    if (!(s->mel_low < s->mel_high))
        return FAIL(e, ERR_INPUT, "features: mel_low %g Hz is not below mel_high %g Hz", s->mel_low,
                    s->mel_high);
    if (s->mel_high > 0.5 * s->rate)
        return FAIL(
            e, ERR_INPUT,
            "features: mel_high %g Hz is above half the rate; at %d Hz it may be %g Hz at the "
            "most",
            s->mel_high, s->rate, 0.5 * s->rate);
    return in_range("log_offset", s->log_offset, 1e-30, 1e30, e);
}

status feature_check(feature_settings *s, err *e)
{
    if ((unsigned)s->kind >= N_FEATURE_KINDS)
        return FAIL(e, ERR_ARG, "no feature kind %d", (int)s->kind);
    bool mel = s->kind == FEATURE_LOG_MEL || s->kind == FEATURE_MFCC;
    TRY(check_clip(s, e));
    TRY(check_frames(s, e));
    if (mel) TRY(check_mel(s, e));
    if (s->kind == FEATURE_MFCC) TRY(in_range("coefficients", s->coefficients, 1, s->mel_bins, e));
    if (s->kind == FEATURE_STFT_RESIZED) TRY(in_range("resize", s->resize, 1, MAX_SIDE, e));
    if (!mel) s->mel_bins = 0, s->mel_low = s->mel_high = s->log_offset = 0;
    if (s->kind != FEATURE_MFCC) s->coefficients = 0;
    if (s->kind != FEATURE_STFT_RESIZED) s->resize = 0;
    int frames = feature_frames(s), bins = s->fft / 2 + 1;
    if (frames > MAX_VALUES / bins)
        return FAIL(e, ERR_INPUT, "features: %d frames of %d bins are too many; use a longer hop",
                    frames, bins);
    if (s->mel_bins > MAX_VALUES / bins)
        return FAIL(e, ERR_INPUT, "features: %d bands of %d bins are too many; use fewer mel_bins",
                    s->mel_bins, bins);
    return OK;
}

int feature_frames(const feature_settings *s)
{
    return 1 + (int)((resampled_length(s) - s->frame) / s->hop);
}

shape feature_shape(const feature_settings *s)
{
    int rows = feature_frames(s), columns = s->fft / 2 + 1;
    if (s->kind == FEATURE_LOG_MEL) columns = s->mel_bins;
    if (s->kind == FEATURE_MFCC) columns = s->coefficients;
    if (s->kind == FEATURE_STFT_RESIZED) rows = columns = s->resize;
    return (shape){3, {rows, columns, 1}};
}

/* --- JSON --- */

static const char *const keys[] = {"kind",         "clip_rate", "clip_samples", "full_scale",
                                   "rate",         "frame",     "hop",          "fft",
                                   "mel_bins",     "mel_low",   "mel_high",     "log_offset",
                                   "coefficients", "resize",    "frame_ms",     "hop_ms"};

static status check_keys(const node *json, err *e)
{
    size_t n = sizeof keys / sizeof *keys;
    for (int i = 0; i < json->n; i++) {
        const char *key = json->key[i]->text;
        bool known = false;
        for (size_t k = 0; k < n; k++) known |= strcmp(key, keys[k]) == 0;
        if (known) continue;
        const char *near = diag_did_you_mean(key, keys, n);
        return FAIL(e, ERR_INPUT, "features: no setting \"%s\"%s%s%s", key,
                    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    return OK;
}

static status read_int(const node *json, const char *key, int *v, err *e)
{
    return node_get(json, key) ? node_int(json, key, 0, 1 << 30, v, e) : OK;
}

static status read_double(const node *json, const char *key, double *v, err *e)
{
    return node_get(json, key) ? node_double(json, key, v, e) : OK;
}

static status read_ms(const node *json, const char *key, int rate, int *samples, err *e)
{
    double ms;
    if (!node_get(json, key)) return OK;
    TRY(node_double(json, key, &ms, e));
    return feature_samples(ms, rate, samples, e);
}

static status read_frames(const node *json, feature_settings *s, err *e)
{
    TRY(read_int(json, "frame", &s->frame, e));
    TRY(read_ms(json, "frame_ms", s->rate, &s->frame, e));
    TRY(read_int(json, "hop", &s->hop, e));
    TRY(read_ms(json, "hop_ms", s->rate, &s->hop, e));
    s->fft = s->frame + s->frame % 2;
    return read_int(json, "fft", &s->fft, e);
}

status feature_parse(const node *json, feature_settings *s, err *e)
{
    const char *word;
    feature_kind kind = FEATURE_STFT;
    if (json->kind != NODE_MAP) return FAIL(e, ERR_INPUT, "features: must be a map of settings");
    TRY(node_string(json, "kind", &word, e));
    TRY(feature_kind_parse(word, &kind, e));
    *s = feature_defaults(kind);
    TRY(check_keys(json, e));
    TRY(read_int(json, "clip_rate", &s->clip_rate, e));
    s->clip_samples = s->rate = s->clip_rate;
    TRY(read_int(json, "clip_samples", &s->clip_samples, e));
    TRY(read_int(json, "full_scale", &s->full_scale, e));
    TRY(read_int(json, "rate", &s->rate, e));
    TRY(read_frames(json, s, e));
    TRY(read_int(json, "mel_bins", &s->mel_bins, e));
    TRY(read_double(json, "mel_low", &s->mel_low, e));
    TRY(read_double(json, "mel_high", &s->mel_high, e));
    TRY(read_double(json, "log_offset", &s->log_offset, e));
    TRY(read_int(json, "coefficients", &s->coefficients, e));
    TRY(read_int(json, "resize", &s->resize, e));
    return feature_check(s, e);
}

void feature_put_json(buf *b, const feature_settings *s)
{
    buf_printf(b, "{\"kind\":\"%s\",\"clip_rate\":%d,\"clip_samples\":%d,\"full_scale\":%d,",
               feature_kind_name(s->kind), s->clip_rate, s->clip_samples, s->full_scale);
    buf_printf(b, "\"rate\":%d,\"frame\":%d,\"hop\":%d,\"fft\":%d", s->rate, s->frame, s->hop,
               s->fft);
    if (s->kind == FEATURE_LOG_MEL || s->kind == FEATURE_MFCC) {
        buf_printf(b, ",\"mel_bins\":%d,\"mel_low\":", s->mel_bins);
        buf_number(b, s->mel_low);
        buf_text(b, ",\"mel_high\":");
        buf_number(b, s->mel_high);
        buf_text(b, ",\"log_offset\":");
        buf_number(b, s->log_offset);
    }
    if (s->kind == FEATURE_MFCC) buf_printf(b, ",\"coefficients\":%d", s->coefficients);
    if (s->kind == FEATURE_STFT_RESIZED) buf_printf(b, ",\"resize\":%d", s->resize);
    buf_char(b, '}');
}

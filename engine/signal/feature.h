/* The front end: a clip of samples becomes the matrix that a network sees.
 *
 *   clip --resample--> frames --Hann--> |FFT| --mel--> log --DCT--> coefficients
 *                                         |      |       `- log-mel [T, mel_bins, 1]
 *                                         |      `- (mfcc)          [T, coefficients, 1]
 *                                         |- stft                   [T, fft/2+1, 1]
 *                                         `- stft-resized           [resize, resize, 1]
 *
 * The numbers are TensorFlow's: magnitudes, not powers; Hann windows periodic for even and
 * symmetric for odd frames; mel triangles whose sides are straight in mel; log(mel + log_offset); a
 * DCT-II scaled by sqrt(2/N) for every coefficient, the first included; bilinear resizing with
 * half-pixel centres and without smoothing. Tables are computed in double and stored in float;
 * eight frames are transformed at once in a written order without fused operations, so every
 * machine type gives the same bits as long as its tables agree (cos and log of the C library differ
 * by a unit in the last place of a double at most).
 *
 * Frames: T = 1 + floor((n - frame)/hop), none beyond the end, where n is the clip's length after
 * resampling. */
#ifndef PARETUNE_ENGINE_SIGNAL_FEATURE_H
#define PARETUNE_ENGINE_SIGNAL_FEATURE_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/node.h"
#include "engine/base/shape.h"
#include "engine/signal/fft.h"
#include "engine/signal/lanes.h"
#include "engine/signal/resample.h"

#include <stdbool.h>

typedef enum {
    FEATURE_STFT,
    FEATURE_LOG_MEL,
    FEATURE_MFCC,
    FEATURE_STFT_RESIZED,
    N_FEATURE_KINDS
} feature_kind;

/* "stft", "log-mel", "mfcc", "stft-resized". Static storage. */
const char *feature_kind_name(feature_kind kind);
status feature_kind_parse(const char *word, feature_kind *out, err *e);

typedef struct {
    feature_kind kind;
    int clip_rate;    /* Hz of the clips */
    int clip_samples; /* of a clip, at clip_rate: shorter ones are padded, longer ones cut */
    int full_scale;   /* 32768 or 32767: divisor of 16-bit samples */
    int rate;         /* Hz after resampling */
    int frame, hop;   /* samples at `rate` */
    int fft;          /* transform length, even, at least `frame`: zeros follow the frame */
    int mel_bins;     /* log-mel, mfcc */
    double mel_low, mel_high; /* Hz; log-mel, mfcc */
    double log_offset;        /* log-mel, mfcc */
    int coefficients;         /* mfcc */
    int resize;               /* stft-resized: side of the image */
} feature_settings;

/* The course's own: one second at 16 kHz, frame 640, hop 320; 40 bands from 20 to 4000 Hz, offset
 * 1e-6, 10 coefficients; for stft-resized frame 256, hop 128, 32 x 32. */
feature_settings feature_defaults(feature_kind kind);

/* Whole samples of `ms` at `rate`; ERR_INPUT when it is none, with the nearest that are. */
status feature_samples(double ms, int rate, int *samples, err *e);

/* Checks every field that the kind uses and zeroes those that it does not, so that equal front ends
 * compare equal. ERR_INPUT says which field, why, and what would do. */
status feature_check(feature_settings *s, err *e);

/* Shape of the result: known without computing anything. The settings have passed feature_check. */
shape feature_shape(const feature_settings *s);
int feature_frames(const feature_settings *s);

/* Reads {"kind":"mfcc","frame":640,...}; absent fields take the kind's defaults ("fft" that of
 * "frame"), "frame_ms" and "hop_ms" may stand for frame and hop; then feature_check. Unknown fields
 * are ERR_INPUT. */
status feature_parse(const node *json, feature_settings *s, err *e);
/* Appends the canonical JSON form: every field that the kind uses, in a fixed order. */
void feature_put_json(buf *b, const feature_settings *s);

/* What one clip costs, in operations, for latency models. */
typedef struct {
    double resample_macs;
    double window_muls;
    double transforms, transform_flops; /* 2.5 N log2 N each: the usual measure for real input */
    double magnitudes;                  /* two products, a sum and a square root each */
    double mel_macs;                    /* non-zero weights only */
    double logs;
    double dct_macs;
    double resize_points; /* four values blended each */
} feature_cost;

typedef struct {
    feature_settings s;
    shape out;
    int n_frames;
    int bin_first, bin_count; /* magnitudes that are needed */
    int n_empty_bands;        /* mel bands without a bin: constant log(log_offset) */
    feature_cost cost;

    const lanes_ops *ops;
    resampler resample;
    bool use_lanes; /* else one kissfft transform per frame */
    lanes_fft lanes;
    fft kiss;
    float *window; /* [frame] */
    lanes_bands mel;
    float *dct;                          /* [coefficients][mel_bins] */
    int *resize_low[2], *resize_high[2]; /* [resize]: rows, columns */
    float *resize_part[2];

    float *resampled, *z, *work, *magnitudes, *bands, *image; /* work space */
} feature_plan;

/* Tables and work space for the settings, in `a`; checks them first. A plan serves one thread. */
status feature_plan_make(feature_plan *p, const feature_settings *s, arena *a, err *e);

/* y[shape_size(out)] from x[clip_samples]. */
void feature_run(const feature_plan *p, float *restrict y, const float *restrict x);

/* The same straight from the definitions, in double, with sums over every bin: the oracle. */
status feature_naive(const feature_settings *s, double *y, const float *x, arena *a, err *e);

/* w[fft/2+1][mel_bins], in double: linear_to_mel_weight_matrix. */
void feature_mel_matrix(double *w, int n_fft, int rate, int mel_bins, double low, double high);
/* Hann, w[n]: periodic for even n, symmetric for odd n. */
void feature_window(double *w, int n);

#endif

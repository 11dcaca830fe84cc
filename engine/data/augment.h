/* Examples that are heard differently in every epoch: augmentation of the training part.
 *
 * It wraps a keyword task's examples. What is done to an example is drawn from the stream (seed,
 * RNG_AUGMENT, epoch and index), so it depends neither on the order in which examples are fetched nor on
 * where a training is cut. Validation and test examples pass through untouched.
 *
 *   waveform   y[t] = g (x[t - shift] + s noise[t]), clipped to [-1,1]; then the front end, and rounding
 *              as the set of features is stored
 *   features   bands of frames and of columns (SpecAugment's masks, Park et al., 2019) take each
 *              column's mean over the clip: what a mask of zeros is after the usual subtraction of the
 *              mean
 *
 * Without shift, noise or gain the stored features are masked and no waveform is needed. */
#ifndef PARETUNE_ENGINE_DATA_AUGMENT_H
#define PARETUNE_ENGINE_DATA_AUGMENT_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/node.h"
#include "engine/data/clip_set.h"
#include "engine/data/examples.h"
#include "engine/data/noise.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    AUGMENT_MAX_MASKS = 16 /* of each kind */,
    AUGMENT_NOISE_SECONDS = 32 /* of made-up noise */
};

typedef struct {
    double shift_ms; /* shifts are even over [-shift_ms, shift_ms], in whole samples */
    double noise;    /* share of clips with background noise */
    noise_kind noise_kind;
    double snr_low, snr_high;   /* dB, even: power of the whole clip over power of the noise */
    double gain_db;             /* gains are even over [-gain_db, gain_db] */
    int time_masks, time_width; /* widths are even over 0 .. time_width frames */
    int frequency_masks, frequency_width; /* columns */
} augment_config;

/* {"shift_ms":100,"noise":0.5,"noise_kind":"pink","snr_low":5,"snr_high":20,"gain_db":6,
 *  "time_masks":2,"time_mask_width":8,"frequency_masks":1,"frequency_mask_width":2}: what is not there is
 * not done. */
status augment_parse(const node *json, augment_config *out, err *e);
/* Whether waveforms are needed. */
bool augment_hears(const augment_config *c);

/* What is done to one example. */
typedef struct {
    int from, count;
} augment_mask;
typedef struct {
    int shift; /* samples; positive: later */
    bool noisy;
    float snr_db, gain_db;
    double noise_chunk, noise_at; /* [0,1): which second of the noise, and where it begins */
    augment_mask time[AUGMENT_MAX_MASKS], frequency[AUGMENT_MAX_MASKS];
} augment_draw;
/* `in` is the shape of an example's features, [frames, columns, ..]. */
augment_draw augment_draw_one(const augment_config *c, int clip_rate, shape in, uint64_t seed,
                              int epoch, int index);

/* The sounds that waveforms are made from; both none when augment_hears says no. */
typedef struct {
    const clip_set *wave; /* [n_waves]: the training part's waveforms, in shards */
    int n_waves;
    const clip_set
        *noise; /* recorded noise, cut into seconds; NULL: it is made up, or not asked for */
} augment_sounds;

/* `out` are the examples of `data` with augmentation; all that it needs lives in `a`, and it borrows
 * `data` and the sounds. One thread at a time may fetch from it. ERR_INPUT for waveforms that are not
 * those of `data`. */
status augment_examples(const augment_config *c, const clip_set *data, const augment_sounds *sounds,
                        uint64_t seed, arena *a, examples *out, err *e);

#endif

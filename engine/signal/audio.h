/* Sound files as one channel of samples.
 *
 * WAV and FLAC of any sample format are decoded by libsndfile from memory, so the same code serves
 * files, archives and fuzzers. A clip that cannot be used is an ERR_INPUT whose message names the
 * file and the fault; `audio_fault` names the kind of fault, for counting.
 *
 * 16-bit samples q become q/32768 (TensorFlow's decode_wav) or q/32767 (later editions of the
 * course); every other format is decoded to [-1,1] first and follows the same convention. */
#ifndef PARETUNE_ENGINE_SIGNAL_AUDIO_H
#define PARETUNE_ENGINE_SIGNAL_AUDIO_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    AUDIO_MAX_BYTES = 64 << 20,   /* of a file */
    AUDIO_MAX_SAMPLES = 32 << 20, /* frames times channels */
    AUDIO_MAX_RATE = 768000,
    AUDIO_MAX_CHANNELS = 32
};

typedef enum {
    AUDIO_FINE,
    AUDIO_UNREADABLE, /* no such file, no permission */
    AUDIO_NOT_SOUND,  /* not a sound file, or a format that libsndfile does not know */
    AUDIO_EMPTY,      /* no sample at all */
    AUDIO_TRUNCATED,  /* the header promises more than the file holds, or the decoder broke off */
    AUDIO_STEREO,     /* more than one channel, and mixing was not allowed */
    AUDIO_FORMAT,     /* not 16-bit PCM, and only that was allowed */
    AUDIO_NOT_FINITE, /* NaN or infinity among float samples */
    AUDIO_TOO_LARGE,  /* over the limits above */
    N_AUDIO_FAULTS
} audio_fault;

/* "not a sound file", "truncated", ... Static storage. */
const char *audio_fault_name(audio_fault fault);

typedef struct {
    int full_scale;  /* 32768 or 32767: what a 16-bit sample is divided by */
    bool mix_down;   /* several channels: true = their mean, false = refuse */
    bool only_16bit; /* refuse every other sample format */
} audio_options;

typedef struct {
    int rate;       /* Hz */
    int n_channels; /* in the file */
    int bits;       /* of a sample in the file; 32 for float, 64 for double, 0 when unknown */
    int n;          /* samples of the one channel */
    float *x;       /* x[n] */
} audio_clip;

/* Decodes a whole file held in memory; `name` is for messages. The samples live in `a`. `fault` may
 * be NULL. ERR_ARG for a full scale that is neither of the two. */
status audio_decode(const void *bytes, size_t n, const char *name, const audio_options *o, arena *a,
                    audio_clip *out, audio_fault *fault, err *e);
/* The same for the file at `path`. */
status audio_read(const char *path, const audio_options *o, arena *a, audio_clip *out,
                  audio_fault *fault, err *e);

/* Writes samples in [-1,1] as 16-bit WAV (times 32768, rounded, clipped). */
status audio_write_wav(const char *path, const float *x, int n, int rate, err *e);

/* y[n_y] = x[n_x] with zeros behind it, or its beginning. Regions may not overlap. */
void audio_fit(float *y, int n_y, const float *x, int n_x);

#endif

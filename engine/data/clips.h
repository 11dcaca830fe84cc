/* Labelled clips in three parts, wherever their samples come from: folders of recordings (speech.h)
 * or a synthesiser (keyword_synth.h). Clips of one part lie together, training first, and their
 * order never depends on a file system. */
#ifndef PARETUNE_ENGINE_DATA_CLIPS_H
#define PARETUNE_ENGINE_DATA_CLIPS_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/data/examples.h"
#include "engine/signal/audio.h"

enum { CLIPS_MAX_WORDS = 256, CLIPS_MAX = 1 << 22 };

typedef struct {
    const char *name; /* "down/00176480_nohash_0.flac" */
    int label;        /* index of the word */
    int speaker;      /* index of the speaker */
    part part;
} clip;

typedef struct clips clips;
struct clips {
    int n_words;
    const char *const *word;
    int n_speakers;
    int n;
    const clip *clip; /* [n], sorted by part */
    int n_part[N_PARTS];
    /* Writes n samples of clip i at `rate`, padded with zeros or cut at the end. `a` is scratch and
     * is back at its mark afterwards. ERR_INPUT and a fault (`fault` may be NULL) for a clip that cannot
     * be used. */
    status (*samples)(const clips *c, int i, const audio_options *o, int rate, float *x, int n,
                      arena *a, audio_fault *fault, err *e);
    const void *source; /* what `samples` reads */
};

/* x[n] at `rate` from in[n_in] at `rate_in`: resampled when the rates differ, then padded with
 * zeros or cut at the end. `a` is scratch. */
status clips_fit(float *x, int n, int rate, const float *in, int n_in, int rate_in, arena *a,
                 err *e);

#endif

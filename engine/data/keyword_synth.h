/* Eight spoken words from a small formant synthesiser, so that a demonstration and the tests need
 * no recordings: down, go, left, no, right, stop, up, yes.
 *
 * A glottal pulse train and noise pass through six resonators in series whose frequencies move
 * from sound to sound; hisses and bursts are noise through a resonator of their own (Klatt,
 * Software for a cascade/parallel formant synthesizer, JASA 67, 1980; vowels after Peterson &
 * Barney, 1952). A speaker has a pitch, a tract length, a tempo, breath and an accent; a clip has
 * its own melody, haste, slurring, place in the second, gain, echo and background noise. No speaker
 * is in two parts.
 *
 * Every number comes from streams keyed by (seed, speaker) or (seed, clip), so clips can be made in
 * any order by any process. */
#ifndef PARETUNE_ENGINE_DATA_KEYWORD_SYNTH_H
#define PARETUNE_ENGINE_DATA_KEYWORD_SYNTH_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/data/clips.h"

#include <stdint.h>

enum { KEYWORD_WORDS = 8, KEYWORD_RATE = 16000, KEYWORD_SAMPLES = 16000 };

typedef struct {
    int clips; /* in all, KEYWORD_WORDS .. CLIPS_MAX: every word equally often, give or take one */
    int speakers;                     /* 3 .. clips */
    double val_percent, test_percent; /* of the speakers, at least one each */
    uint64_t seed;
} keyword_options;

/* 2000 clips of 100 speakers, 10 % each for validation and test, seed 1. */
keyword_options keyword_defaults(void);

/* The list of clips, each part in an order drawn from the seed; everything lives in `a`. ERR_INPUT
 * for numbers outside the bounds above. */
status keyword_open(clips *c, const keyword_options *o, arena *a, err *e);

/* x[KEYWORD_SAMPLES]: one clip in [-1,1), at 16 kHz. */
void keyword_render(float *x, uint64_t seed, int speaker, int word, int take);

#endif

/* Recordings of background noise, WAV or FLAC in one folder (Speech Commands' `_background_noise_`),
 * as clips of one second: each recording is cut into whole seconds, and what is left at its end is
 * dropped. A clip's label is its recording, so that who wants to cross from one second into the next
 * sees whether they belong together. */
#ifndef PARETUNE_ENGINE_DATA_NOISE_H
#define PARETUNE_ENGINE_DATA_NOISE_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/data/clips.h"

#include <stdint.h>

/* Reads every recording to know its length; everything lives in `a`. The clips' samples are to be
 * asked for at NOISE_RATE, one second each, by one thread. All clips are of the training part.
 * ERR_INPUT for a folder without recordings, or a recording that is shorter than a second or cannot
 * be used. */
enum { NOISE_RATE = 16000, NOISE_MAX_FILES = CLIPS_MAX_WORDS };
status noise_open(clips *c, const char *folder, arena *a, err *e);

/* Two kinds of made-up noise, as waveforms of 16 bits: white, and pink, whose power falls by 3 dB with
 * every octave (Paul Kellet's filter of white noise). From the stream (seed, RNG_SYNTH, 0). */
typedef enum { NOISE_WHITE, NOISE_PINK, NOISE_RECORDINGS, N_NOISE_KINDS } noise_kind;
void noise_make(noise_kind kind, uint64_t seed, int16_t *x, int n);

#endif

/* Turns a front end's settings into C: one function that computes what feature_run does, from 16-bit
 * samples, for devices that have nothing but a C library.
 *
 * Tables (window, twiddles, mel bands, cosines, resampling taps) are written as constants, the very
 * floats of the plan; sums run in the plan's order. The logarithm is the C library's instead of the
 * lanes' polynomial, and lengths with a prime factor over 5 are transformed by other means than
 * kissfft's: both agree within a few units in the last place, the rest bit for bit. Static memory: a
 * frame of samples, two of its spectrum, a row or two of the result. */
#ifndef PARETUNE_ENGINE_SIGNAL_C_FRONT_END_H
#define PARETUNE_ENGINE_SIGNAL_C_FRONT_END_H

#include "engine/signal/feature.h"

/* Appends declarations (`features_compute` and the sizes of its arrays) and definitions, without the
 * lines around them: #include of <math.h>, <stdint.h> and <string.h> is the caller's. `a` is scratch.
 * ERR_INPUT as feature_check. */
status c_front_end_put(const feature_settings *s, arena *a, buf *header, buf *source, err *e);

#endif

/* A made-up climate, for when the measured one is not at hand: temperature and relative humidity
 * every ten minutes from 1 January on, the same for the same seed.
 *
 * An air mass with a dew point of its own lies over the station; fronts, a few days apart, bring
 * another. Sun and sky make the temperature: a yearly cycle, a daily one that clouds flatten, the
 * step of a front within hours, autocorrelated noise. Humidity is not drawn but follows: the vapour
 * pressure at the dew point over that at the temperature, held at 100 % where fog sets in. So
 * humidity falls when it warms, saturates at night, jumps at fronts, and is no linear function of
 * its past. */
#ifndef PARETUNE_ENGINE_DATA_SYNTH_H
#define PARETUNE_ENGINE_DATA_SYNTH_H

#include <stdint.h>

enum { SYNTH_COLUMNS = 2, SYNTH_MAX_ROWS = 10 * 1000 * 1000 };

/* value[rows, 2]: °C with two decimals, % with one, as a station would write them. A longer series
 * begins with the rows of a shorter one. */
void synth_climate(int rows, uint64_t seed, float *value);

#endif

/* Sobol's low-discrepancy sequence, digitally shifted: any first 2^k numbers of a dimension fall one into
 * each k-th part of [0,1), and pairs of dimensions are spread alike. */
#ifndef PARETUNE_SEARCH_SOBOL_H
#define PARETUNE_SEARCH_SOBOL_H

#include <stdint.h>

enum { SOBOL_DIMENSIONS = 21 };

/* Coordinate `dimension` of the n-th number of the sequence that belongs to `seed`, in [0,1). Direction
 * numbers: Joe & Kuo, SIAM J. Sci. Comput. 30, 2008. Dimensions from SOBOL_DIMENSIONS on are plain keyed
 * random numbers. */
double sobol(uint64_t seed, uint32_t n, int dimension);

#endif

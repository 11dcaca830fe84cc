/* Points drawn evenly from a problem, each once: the whole of the random sampler and the beginning of
 * the others. */
#ifndef PARETUNE_SEARCH_DRAW_H
#define PARETUNE_SEARCH_DRAW_H

#include "search/guide.h"
#include "search/points.h"

typedef struct {
    const problem *p;
    uint64_t seed;
    uint32_t drawn; /* of Sobol's sequence */
    double *u;
    point_set tried; /* also what the sampler took by itself */
} draw;

status draw_open(const problem *p, uint64_t seed, arena *a, draw *out, err *e);
/* The next point of Sobol's sequence over the levels of the knobs, which covers each knob and each pair of
 * knobs evenly; one that was tried is passed over. Takes it. -1 when all are taken. */
int draw_next(draw *d);
/* Takes the point nearest to these levels, or the next free one behind it; -1 when all are taken. */
int draw_near(draw *d, const int *level);
/* A point as a sampler's answer, with the first seed; false, and no answer, for -1. */
bool draw_answer(const draw *d, int point, suggestion *out);

#endif

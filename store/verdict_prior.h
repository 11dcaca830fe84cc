/* How the true means of a study's candidates are spread: the inside of verdict.h.
 *
 * Two estimates, of which a verdict believes the one that promises less. A free one (EMS) follows whatever the
 * candidates look like, two clusters too, but where hardly anything lies it cannot tell a thin tail from none
 * at all; a normal curve with two scales knows what a tail looks like, if the best of the field are of one kind with the
 * rest. All happens in room: how far a figure lies on the right side of the bound, so that more is better. */
#ifndef PARETUNE_STORE_VERDICT_PRIOR_H
#define PARETUNE_STORE_VERDICT_PRIOR_H

#include "store/verdict.h"

double verdict_room(const verdict_limit *l, double figure);
/* The room at a place of the grid; the limit is at the middle one. */
double verdict_place(const verdict_prior *g, int i);
/* Of a configuration's mean. */
double verdict_error(const verdict_sample *s, const verdict_spread *p);

/* Where a candidate's mean lies, by its own figures and one of the two estimates: weights that sum to 1. */
void verdict_posterior_free(const verdict_prior *g, const verdict_sample *s,
                            const verdict_spread *p, const verdict_limit *l, double *out);
void verdict_posterior_shaped(const verdict_prior *g, const verdict_sample *s,
                              const verdict_spread *p, const verdict_limit *l, double *out);

#endif

/* Points of a problem as coordinates that a Gaussian process can measure distances in. */
#ifndef PARETUNE_SEARCH_ENCODE_H
#define PARETUNE_SEARCH_ENCODE_H

#include "search/gp.h"
#include "search/problem.h"

/* A knob of numbers is one coordinate, its levels evenly from 0 to 1; one of words has a coordinate for each word, so
 * that any two are one apart; where a knob does not matter it stands in the middle. Sizes and times that are known
 * before training are coordinates as well, by their logarithms: accuracy follows the weights left more smoothly than the
 * knobs that decide them. Each knob and each such figure has a length scale of its own. In `a`. */
status encode_points(const problem *p, arena *a, gp_space *out, err *e);

#endif

/* The problem (problem.h) that a plan poses: what a sampler of a real search works on. */
#ifndef PARETUNE_SEARCH_PROBLEM_PLAN_H
#define PARETUNE_SEARCH_PROBLEM_PLAN_H

#include "search/problem.h"
#include "search/space.h"

enum { PROBLEM_MOST_POINTS = 2000000 };

/* Points are the plan's CAND_OK candidates in their order. When there are more than `most`, so many are
 * drawn from them, evenly and by `seed`; out->n_points then differs from the plan's count. Knobs are the
 * space's axes, levels the places in their lists; -1 where an axis has no bearing on the candidate, by
 * the schema or by its own `when`. Metrics are the objectives in their order, then what limits name
 * besides. Their `known` figures: exact ones of what follows from the network (parameters, MACs, arena,
 * modelled times, the flat file, `size` when all files stay flat); of packed files the floor
 * (measure/cost.h). `seconds` are those of the candidate's own training, shared with nobody.
 *
 * Lists in `a`, names and versions borrowed from the space; 4 bytes a knob, 4 a known metric and 12 more
 * for each point. ERR_INPUT for more metrics than a problem has. */
status problem_of_plan(const plan *p, int most, uint64_t seed, arena *a, problem *out, err *e);

#endif

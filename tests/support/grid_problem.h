/* A small problem to work examples in by hand: a word of three, a number of four levels, all twelve pairs. */
#ifndef PARETUNE_TESTS_GRID_PROBLEM_H
#define PARETUNE_TESTS_GRID_PROBLEM_H

#include "search/problem.h"

enum { GRID_WORDS = 3, GRID_NUMBERS = 4, GRID_POINTS = GRID_WORDS * GRID_NUMBERS };

typedef struct {
    int64_t candidate[GRID_POINTS];
    int level[GRID_POINTS * 2]; /* point i: word i / 4, number i % 4 */
    float seconds[GRID_POINTS];
    problem_knob knob[2];
    problem_metric metric[PROBLEM_MAX_METRICS]; /* none yet: set them and p.n_metrics */
    problem p;                                  /* points into this struct: it must not move */
} grid_problem;

void grid_problem_make(grid_problem *g);
int grid_problem_point(int word, int number);

#endif

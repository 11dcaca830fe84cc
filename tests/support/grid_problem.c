#include "tests/support/grid_problem.h"

void grid_problem_make(grid_problem *g)
{
    static const double numbers[GRID_NUMBERS] = {10, 20, 40, 80};
    *g = (grid_problem){.knob = {{"word", GRID_WORDS, NULL}, {"number", GRID_NUMBERS, numbers}}};
    for (int i = 0; i < GRID_POINTS; i++) {
        g->candidate[i] = i;
        g->level[2 * i] = i / GRID_NUMBERS;
        g->level[2 * i + 1] = i % GRID_NUMBERS;
        g->seconds[i] = 1;
    }
    g->p = (problem){.n_points = GRID_POINTS,
                     .candidate = g->candidate,
                     .n_knobs = 2,
                     .knob = g->knob,
                     .level = g->level,
                     .seconds = g->seconds,
                     .metric = g->metric,
                     .n_seeds = 1};
}

int grid_problem_point(int word, int number)
{
    return word * GRID_NUMBERS + number;
}

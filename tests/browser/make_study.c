/* Writes a made-up study (tests/support/made_study.h) for tests in a browser:
 *   make_study FILE.db large|versions|usual|seeds|hostile|empty [TRIALS] */
#include "tests/support/made_study.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    made_study_plan plan;
} kinds[] = {
    {"large", {.n_trials = 10000, .n_seeds = 1, .n_versions = 3, .epochs = 30}},
    {"versions", {.n_trials = 400, .n_seeds = 1, .n_versions = 40, .epochs = 12, .gaps = true}},
    {"usual", {.n_trials = 400, .n_seeds = 1, .n_versions = 3, .epochs = 12, .gaps = true}},
    {"seeds", {.n_trials = 300, .n_seeds = 3, .n_versions = 8, .epochs = 12, .confidence = 0.9}},
    {"hostile", {.n_trials = 60, .n_seeds = 1, .n_versions = 2, .epochs = 6, .hostile = true}},
    {"empty", {.n_trials = 0, .n_seeds = 1, .n_versions = 3, .epochs = 6}},
};

int main(int argc, char **argv)
{
    err e = {0};
    for (size_t i = 0; argc >= 3 && i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, argv[2]) != 0) continue;
        made_study_plan plan = kinds[i].plan;
        if (argc > 3) plan.n_trials = atoi(argv[3]);
        if (made_study_write(argv[1], &plan, &e) == OK) return 0;
        fprintf(stderr, "make_study: %s\n", e.msg);
        return 1;
    }
    fprintf(stderr,
            "usage: make_study FILE.db large|versions|usual|seeds|hostile|empty [TRIALS]\n");
    return 2;
}

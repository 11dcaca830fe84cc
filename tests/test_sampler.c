#include "search/sampler.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char text[] =
    "space: 1\n"
    "task: forecast\n"
    "data: {source: synthetic-climate, rows: 3000, seed: 1, steps_in: 6, steps_out: 3}\n"
    "model: {architecture: mlp, alpha: [0.05, 0.1, 0.2]}\n"
    "train: {epochs: 2, learning_rate: [0.001, 0.01]}\n"
    "seeds: [1, 2]\n"
    "rules:\n"
    "  - exclude: alpha == 0.1 and learning_rate == 0.01\n"
    "objectives: {T_mae: minimize}\n";

static space *read_space(arena *a)
{
    char path[] = "/tmp/paretune-sampler-XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, text, sizeof text - 1) == sizeof text - 1);
    close(fd);
    diag d;
    diag_init(&d, a);
    space *s = space_read(a, path, &(space_options){.architectures = "spaces/architectures"}, &d);
    if (!s) diag_print(&d, stderr);
    unlink(path);
    cr_assert_not_null(s);
    return s;
}

Test(sampler, grid_gives_every_candidate_once_with_each_seed_and_ends)
{
    arena a;
    plan *p;
    err e = {0};
    grid_sampler g;
    arena_init(&a, 0);
    space *s = read_space(&a);
    cr_assert(eq(int, plan_make(s, &a, &p, &e), OK), "%s", e.msg);
    sampler_grid(&g, p, space_size(s), space_n_seeds(s));
    static const int candidates[] = {0, 1, 2, 4, 5};
    for (int i = 0; i < 10; i++) {
        suggestion next;
        bool end;
        cr_assert(eq(int, g.base.next(&g.base, &(history){0}, &next, &end, &e), OK));
        cr_assert(not(end));
        cr_expect(eq(int, (int)next.candidate, candidates[i % 5]));
        cr_expect(eq(int, next.seed_index, i / 5));
    }
    for (int i = 0; i < 3; i++) {
        suggestion next;
        bool end;
        cr_assert(eq(int, g.base.next(&g.base, &(history){0}, &next, &end, &e), OK));
        cr_expect(end, "the space is exhausted, and stays so");
    }
    arena_free(&a);
}

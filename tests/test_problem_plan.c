#include "search/plan_parts.h"
#include "search/points.h"
#include "search/problem_plan.h"
#include "tests/support/space_files.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#define HEAD "space: 1\ntask: forecast\ndata: {source: synthetic-climate, rows: 400}\n"

static arena a;

static void open_arena(void)
{
    arena_init(&a, 0);
}

static void close_arena(void)
{
    arena_free(&a);
}

TestSuite(problem_plan, .init = open_arena, .fini = close_arena);

static const plan *planned;
static const space *read_from;

static problem problem_of(const char *yaml, int most)
{
    problem p;
    plan *own;
    err e = {0};
    read_from = space_of(&a, yaml, 0, NULL);
    cr_assert(eq(int, plan_make(read_from, &a, &own, &e), OK), "%s", e.msg);
    planned = own;
    cr_assert(eq(int, problem_of_plan(planned, most, 1, &a, &p, &e), OK), "%s", e.msg);
    return p;
}

/* Sparsity has a schedule only when there is any; one architecture has a knob of its own. */
static const char *const rich =
    HEAD "model: {architecture: [mlp, mlp-deep], alpha: [0.05, 0.1], depth: [0, 1], units: 4}\n"
         "train: {epochs: 6}\n"
         "prune: {final_sparsity: [0, 0.5], begin: [1, 2, 3], end: 5}\n"
         "export: {storage: [float32, float16], pack: zlib}\n"
         "rules:\n  - exclude: alpha == 0.1 and begin == 3\n"
         "versions: {a: {T_mae: \"< 1 °C\", size: \"<= 2 kB\"}, b: {n_params: \"< 1000\"}}\n"
         "objectives: {T_mae: minimize, size_flat: minimize}\n";

Test(problem_plan, points_are_the_candidates_that_are_to_be_tried)
{
    problem p = problem_of(rich, PROBLEM_MOST_POINTS);
    plan_summary sum;
    cr_assert(eq(int, plan_summarize(planned, &sum, NULL), OK));
    cr_assert(eq(int, p.n_points, (int)sum.count[CAND_OK]));
    cr_assert(gt(int, p.n_points, 10));
    for (int i = 0; i < p.n_points; i++) {
        cr_expect(eq(int, plan_state(planned, p.candidate[i]), CAND_OK));
        if (i) cr_expect(p.candidate[i] > p.candidate[i - 1]);
        cr_expect(p.seconds[i] > 0);
    }
}

static int knob_of(const problem *p, const char *name)
{
    for (int k = 0; k < p->n_knobs; k++)
        if (strcmp(p->knob[k].name, name) == 0) return k;
    cr_fatal("no knob %s", name);
}

static int level(const problem *p, int point, const char *axis_name)
{
    return p->level[point * p->n_knobs + knob_of(p, axis_name)];
}

Test(problem_plan, a_level_is_missing_where_the_axis_has_no_bearing)
{
    problem p = problem_of(rich, PROBLEM_MOST_POINTS);
    cr_expect_null(p.knob[knob_of(&p, "architecture")].number);
    cr_expect(eq(dbl, p.knob[knob_of(&p, "alpha")].number[1], 0.1));
    int without_begin = 0, without_depth = 0;
    for (int i = 0; i < p.n_points; i++) {
        cr_expect(eq(int, level(&p, i, "begin") < 0, level(&p, i, "final_sparsity") == 0));
        cr_expect(eq(int, level(&p, i, "depth") < 0, level(&p, i, "architecture") == 0));
        without_begin += level(&p, i, "begin") < 0;
        without_depth += level(&p, i, "depth") < 0;
    }
    cr_expect(without_begin > 0 && without_begin < p.n_points);
    cr_expect(without_depth > 0 && without_depth < p.n_points);
}

Test(problem_plan, an_axis_has_no_bearing_while_its_own_condition_is_false)
{
    problem p = problem_of(HEAD "model: {architecture: mlp, alpha: [0.05, 0.1]}\n"
                                "train: {epochs: 4, batch: {values: [16, 32], when: alpha > 0.07, "
                                "otherwise: 8}}\n"
                                "objectives: {T_mae: minimize}\n",
                           PROBLEM_MOST_POINTS);
    cr_assert(eq(int, p.n_points, 3));
    cr_expect(eq(int, level(&p, 0, "batch"), -1));
    cr_expect(eq(int, level(&p, 1, "batch"), 0));
    cr_expect(eq(int, level(&p, 2, "batch"), 1));
}

/* points.c finds by halves, so it needs them in the order of their levels. */
Test(problem_plan, every_point_is_found_by_its_levels)
{
    problem p = problem_of(rich, PROBLEM_MOST_POINTS);
    for (int i = 0; i < p.n_points; i++)
        cr_expect(eq(int, points_nearest(&p, &p.level[i * p.n_knobs]), i));
}

Test(problem_plan, metrics_are_objectives_first_and_known_as_far_as_they_can_be)
{
    static const char *const names[] = {"T_mae", "size_flat", "size", "n_params"};
    problem p = problem_of(rich, PROBLEM_MOST_POINTS);
    cr_assert(eq(int, p.n_metrics, 4));
    cr_expect(eq(int, p.n_objectives, 2));
    for (int i = 0; i < 4; i++) cr_expect_str_eq(p.metric[i].name, names[i]);
    cr_expect(not(p.metric[0].exact));
    cr_expect_null(p.metric[0].known);
    cr_expect(p.metric[1].exact && p.metric[3].exact);
    cr_expect(not(p.metric[2].exact), "packed: only a floor is known");
    for (int i = 0; i < p.n_points; i++) {
        stage_forecast f;
        cr_assert(eq(int, plan_forecast(planned, p.candidate[i], &f, NULL), OK));
        cr_expect(eq(flt, p.metric[1].known[i], (float)f.flat_bytes));
        cr_expect(eq(flt, p.metric[2].known[i], (float)f.packed_floor));
        cr_expect(eq(flt, p.metric[3].known[i], (float)f.n_params));
    }
}

Test(problem_plan, the_size_of_flat_files_is_exact)
{
    const char *flat = "space: 1\ntask: forecast\ndata: {source: synthetic-climate, rows: 400}\n"
                       "model: {architecture: mlp, alpha: [0.05, 0.1]}\ntrain: {epochs: 4}\n"
                       "export: {pack: flat}\nobjectives: {T_mae: minimize, size: minimize}\n";
    problem p = problem_of(flat, PROBLEM_MOST_POINTS);
    cr_expect(p.metric[1].exact);
    cr_expect(p.metric[1].known[1] > p.metric[1].known[0]);
}

Test(problem_plan, limits_are_those_of_the_versions)
{
    problem p = problem_of(rich, PROBLEM_MOST_POINTS);
    cr_assert(eq(int, p.n_versions, 2));
    const problem_limit *l = p.version[0].limit;
    cr_expect(p.version[0].n_limits == 2 && p.version[1].n_limits == 1);
    cr_expect(l[0].metric == 0 && l[0].is_upper && l[0].is_strict && l[0].bound == 1);
    cr_expect(l[1].metric == 2 && l[1].is_upper && !l[1].is_strict && l[1].bound == 2000);
    cr_expect_str_eq(p.version[1].name, "b");
}

/* As many as asked for, from all over the space, and in order. */
Test(problem_plan, too_many_candidates_are_thinned_evenly)
{
    char wide[1000] = HEAD "objectives: {T_mae: minimize}\n"
                           "model: {architecture: mlp, alpha: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, "
                           "0.8, 0.9, 1]}\ntrain: {epochs: [1";
    for (int i = 2; i <= 100; i++) sprintf(wide + strlen(wide), ", %d", i);
    strcat(wide, "]}\n");
    problem whole = problem_of(wide, PROBLEM_MOST_POINTS), p = problem_of(wide, 100);
    cr_assert(eq(int, p.n_points, 100));
    cr_expect(gt(int, whole.n_points, 900));
    int lower = 0;
    for (int i = 0; i < p.n_points; i++) {
        lower += p.candidate[i] < space_size(read_from) / 2;
        if (i) cr_expect(p.candidate[i] > p.candidate[i - 1]);
    }
    cr_expect(lower > 30 && lower < 70, "%d of 100", lower);
}

#include "search/graph.h"
#include "engine/base/rng.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

/* A stage named by a number, with the stages it reads. */
static stage_request request(stage_kind kind, int name, int n_parents, const int *parents)
{
    stage_request rq = {.kind = kind, .params = "{}", .n_parents = n_parents};
    rq.key = hash_bytes(&name, sizeof name);
    for (int i = 0; i < n_parents; i++) rq.parent[i] = hash_bytes(&parents[i], sizeof(int));
    return rq;
}

static int add(graph *g, stage_kind kind, int name, int n_parents, const int *parents, int position)
{
    stage_request rq = request(kind, name, n_parents, parents);
    int number;
    bool is_new;
    err e = {0};
    cr_assert(
        eq(int, graph_add_stage(g, &rq, 1, graph_n_trials(g), position, &number, &is_new, &e), OK),
        "%s", e.msg);
    return number;
}

/* data 0 -> train -> export -> score(export, data), every stage after data named by the caller. */
static void add_chain(graph *g, int train, int export_, int score, trial_state state)
{
    int s[4];
    s[0] = add(g, STAGE_DATA, 0, 0, NULL, 0);
    s[1] = add(g, STAGE_TRAIN, train, 1, (int[]){0}, 1);
    s[2] = add(g, STAGE_EXPORT, export_, 1, &train, 2);
    s[3] = add(g, STAGE_SCORE, score, 2, (int[]){export_, 0}, 3);
    graph_trial t = {.candidate = graph_n_trials(g), .state = state};
    cr_assert(eq(int, graph_add_trial(g, &t, s, 4, NULL), OK));
}

static status all_whole(void *user, int stage, bool *whole, err *e)
{
    (void)user, (void)stage, (void)e;
    *whole = true;
    return OK;
}

/* Damaged: the stages whose bit is set in *user. */
static status some_damaged(void *user, int stage, bool *whole, err *e)
{
    (void)e;
    *whole = !(*(unsigned *)user >> stage & 1);
    return OK;
}

static graph *new_graph(void)
{
    graph *g;
    cr_assert(eq(int, graph_new(&g, NULL), OK));
    return g;
}

Test(graph, equal_keys_are_one_stage)
{
    graph *g = new_graph();
    add_chain(g, 1, 2, 3, TRIAL_OPEN);
    add_chain(g, 1, 12, 13, TRIAL_OPEN); /* another export of the same training */
    cr_expect(eq(int, graph_n_stages(g), 6));
    cr_expect(eq(int, graph_get_stage(g, 1).trial, 0));
    cr_expect(eq(int, graph_get_stage(g, 4).trial, 1));
    cr_expect(eq(int, graph_get_stage(g, 4).position, 2));
    int name = 12;
    cr_expect_str_eq(graph_key(g, 4).text, hash_bytes(&name, sizeof name).text);
    graph_free(g);
}

Test(graph, a_parent_must_come_first)
{
    graph *g = new_graph();
    stage_request rq = request(STAGE_TRAIN, 1, 1, (int[]){0});
    int number;
    bool is_new;
    cr_expect(eq(int, graph_add_stage(g, &rq, 1, 0, 0, &number, &is_new, NULL), ERR_ARG));
    graph_free(g);
}

Test(graph, trials_are_finished_in_order_and_depth_first)
{
    graph *g = new_graph();
    add_chain(g, 1, 2, 3, TRIAL_OPEN);
    add_chain(g, 11, 12, 13, TRIAL_OPEN);
    cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
    int order[7], n = 0, closed[2], n_closed = 0;
    for (int s; (s = graph_start(g)) >= 0;) {
        order[n++] = s;
        cr_assert(eq(int, graph_finish(g, s, NULL), OK));
        for (int t; (t = graph_take_closed(g)) >= 0;) closed[n_closed++] = t;
    }
    cr_assert(eq(int, n, 7));
    for (int i = 0; i < 7; i++) cr_expect(eq(int, order[i], i));
    cr_expect(eq(int, n_closed, 2));
    cr_expect(eq(int, closed[0], 0));
    cr_expect(eq(int, graph_count_trials(g, TRIAL_DONE), 2));
    cr_expect(eq(dbl, graph_seconds_left(g), 0));
    graph_free(g);
}

Test(graph, a_failure_takes_only_what_reads_it)
{
    graph *g = new_graph();
    add_chain(g, 1, 2, 3, TRIAL_OPEN);
    add_chain(g, 1, 12, 13, TRIAL_OPEN);
    add_chain(g, 21, 22, 23, TRIAL_OPEN);
    cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
    cr_assert(eq(int, graph_finish(g, graph_start(g), NULL), OK));
    cr_assert(eq(int, graph_fail(g, graph_start(g), NULL), OK)); /* training 1 */
    int n_spoiled = 0, n_closed = 0;
    while (graph_take_spoiled(g) >= 0) n_spoiled++;
    for (int t; (t = graph_take_closed(g)) >= 0; n_closed++)
        cr_expect(eq(int, (int)graph_get_trial(g, t)->state, TRIAL_FAILED));
    cr_expect(eq(int, n_spoiled, 4));
    cr_expect(eq(int, n_closed, 2));
    int n = 0;
    for (int s; (s = graph_start(g)) >= 0; n++) cr_assert(eq(int, graph_finish(g, s, NULL), OK));
    cr_expect(eq(int, n, 3));
    cr_expect(eq(int, graph_count_trials(g, TRIAL_DONE), 1));
    graph_free(g);
}

Test(graph, what_is_done_and_whole_is_not_built_again)
{
    graph *g = new_graph();
    add_chain(g, 1, 2, 3, TRIAL_DONE);
    add_chain(g, 1, 12, 13, TRIAL_OPEN);
    for (int s = 0; s < 4; s++) graph_set_known(g, s, BUILD_DONE);
    cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
    cr_expect(eq(int, graph_start(g), 4));
    cr_expect(eq(int, graph_start(g), -1));
    graph_free(g);
}

Test(graph, damaged_parents_are_built_again_only_where_something_reads_them)
{
    unsigned damaged = 1u << 0 | 1u << 1; /* data and training of both chains */
    graph *g = new_graph();
    add_chain(g, 1, 2, 3, TRIAL_DONE);
    for (int s = 0; s < 4; s++) graph_set_known(g, s, BUILD_DONE);
    cr_assert(eq(int, graph_settle(g, some_damaged, &damaged, NULL), OK));
    cr_expect(eq(int, graph_start(g), -1), "the export is whole: nothing needs the training");
    graph_free(g);

    g = new_graph();
    add_chain(g, 1, 2, 3, TRIAL_DONE);
    add_chain(g, 1, 12, 13, TRIAL_OPEN);
    for (int s = 0; s < 4; s++) graph_set_known(g, s, BUILD_DONE);
    cr_assert(eq(int, graph_settle(g, some_damaged, &damaged, NULL), OK));
    int order[] = {0, 1, 4, 5};
    for (int i = 0; i < 4; i++) {
        cr_assert(eq(int, graph_start(g), order[i]));
        cr_assert(eq(int, graph_finish(g, order[i], NULL), OK));
    }
    cr_expect(eq(int, graph_start(g), -1));
    cr_expect(eq(int, graph_count_trials(g, TRIAL_DONE), 2));
    graph_free(g);
}

Test(graph, an_open_trial_waits_for_what_is_built_again_behind_its_finished_end)
{
    unsigned damaged = 1u << 2; /* the export */
    graph *g = new_graph();
    add_chain(g, 1, 2, 3, TRIAL_OPEN);
    for (int s = 0; s < 4; s++) graph_set_known(g, s, BUILD_DONE);
    cr_assert(eq(int, graph_settle(g, some_damaged, &damaged, NULL), OK));
    cr_expect(eq(int, graph_take_closed(g), -1));
    cr_assert(eq(int, graph_start(g), 2));
    cr_assert(eq(int, graph_finish(g, 2, NULL), OK));
    cr_expect(eq(int, graph_take_closed(g), 0));
    cr_expect(eq(int, (int)graph_get_trial(g, 0)->state, TRIAL_DONE));
    graph_free(g);
}

Test(graph, an_old_failure_closes_new_trials_at_once)
{
    graph *g = new_graph();
    add_chain(g, 1, 2, 3, TRIAL_FAILED);
    add_chain(g, 1, 12, 13, TRIAL_OPEN);
    graph_set_known(g, 0, BUILD_DONE);
    for (int s = 1; s < 4; s++) graph_set_known(g, s, BUILD_FAILED);
    cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
    cr_expect(eq(int, graph_take_closed(g), 1));
    cr_expect(eq(int, (int)graph_get_trial(g, 1)->state, TRIAL_FAILED));
    cr_expect(eq(int, graph_start(g), -1));
    graph_free(g);
}

Test(graph, a_lost_try_is_counted_and_comes_first_again)
{
    graph *g = new_graph();
    add_chain(g, 1, 2, 3, TRIAL_OPEN);
    cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
    cr_assert(eq(int, graph_start(g), 0));
    cr_assert(eq(int, graph_retry(g, 0, true, NULL), OK));
    cr_expect(eq(int, graph_get_stage(g, 0).tries, 1));
    cr_assert(eq(int, graph_start(g), 0));
    cr_assert(eq(int, graph_retry(g, 0, false, NULL), OK));
    cr_expect(eq(int, graph_get_stage(g, 0).tries, 1));
    graph_free(g);
}

/* Whatever the order in which running stages end: all is built once, never before its parents, and
 * what could start with the smallest number did. */
Test(graph, any_order_of_ends_builds_everything_once)
{
    for (uint64_t seed = 0; seed < 30; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 5);
        graph *g = new_graph();
        int n_trials = 1 + (int)rng_below(&r, 400);
        for (int i = 0; i < n_trials; i++) {
            int train = 1 + (int)rng_below(&r, 60);
            int export_ = 1000 + 10 * train + (int)rng_below(&r, 4);
            add_chain(g, train, export_, 10000 + export_, TRIAL_OPEN);
        }
        cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
        int running[8], n_running = 0, n_built = 0, n_closed = 0;
        int n_workers = 1 + (int)rng_below(&r, 8);
        for (;;) {
            int s;
            while (n_running < n_workers && (s = graph_start(g)) >= 0) running[n_running++] = s;
            if (n_running == 0) break;
            int k = (int)rng_below(&r, (uint64_t)n_running);
            cr_assert(eq(int, graph_finish(g, running[k], NULL), OK));
            running[k] = running[--n_running];
            n_built++;
            while (graph_take_closed(g) >= 0) n_closed++;
        }
        cr_expect(eq(int, n_built, graph_n_stages(g)), "seed %d", (int)seed);
        cr_expect(eq(int, n_closed, n_trials), "seed %d", (int)seed);
        cr_expect(eq(int, graph_count(g, BUILD_DONE), graph_n_stages(g)), "seed %d", (int)seed);
        graph_free(g);
    }
}

/* 200,000 trials and over 400,000 stages in a few tens of megabytes. */
Test(graph, large_spaces_are_kept_compactly)
{
    graph *g = new_graph();
    for (int i = 0; i < 200000; i++) add_chain(g, 1 + i / 4, 1000000 + i, 2000000 + i, TRIAL_OPEN);
    cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
    cr_expect(eq(int, graph_n_stages(g), 1 + 50000 + 400000));
    cr_expect(eq(int, graph_count(g, BUILD_READY), 1));
    graph_free(g);
}

/* Stages that measure time wait until nothing else is ready or running, and come one at a time. */
Test(graph, stages_that_run_alone_come_last_and_one_at_a_time)
{
    graph *g = new_graph();
    for (int i = 0; i < 2; i++) {
        int s[3];
        s[0] = add(g, STAGE_DATA, 0, 0, NULL, 0);
        s[1] = add(g, STAGE_EXPORT, 10 + i, 1, (int[]){0}, 1);
        s[2] = add(g, STAGE_LATENCY, 20 + i, 1, (int[]){10 + i}, 2);
        graph_trial t = {.candidate = i, .state = TRIAL_OPEN};
        cr_assert(eq(int, graph_add_trial(g, &t, s, 3, NULL), OK));
    }
    cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
    int data = graph_start(g);
    cr_assert(eq(int, graph_finish(g, data, NULL), OK));
    int first = graph_start(g), second = graph_start(g);
    cr_expect(eq(int, graph_get_stage(g, second).kind, STAGE_EXPORT));
    cr_assert(eq(int, graph_finish(g, first, NULL), OK));
    cr_expect(eq(int, graph_start(g), -1), "an export still runs");
    cr_assert(eq(int, graph_finish(g, second, NULL), OK));
    int alone = graph_start(g);
    cr_expect(eq(int, graph_get_stage(g, alone).kind, STAGE_LATENCY));
    cr_expect(eq(int, graph_start(g), -1), "two measurements at once");
    cr_assert(eq(int, graph_retry(g, alone, true, NULL), OK));
    cr_expect(eq(int, graph_start(g), alone), "the same one again");
    cr_assert(eq(int, graph_finish(g, alone, NULL), OK));
    cr_assert(eq(int, graph_finish(g, graph_start(g), NULL), OK));
    cr_expect(eq(int, graph_count_trials(g, TRIAL_DONE), 2));
    graph_free(g);
}

/* --- trials that come while stages run --- */

Test(graph, a_trial_that_comes_later_joins_what_is_running_or_built)
{
    graph *g = new_graph();
    add_chain(g, 1, 2, 3, TRIAL_OPEN);
    cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
    cr_assert(eq(int, graph_finish(g, graph_start(g), NULL), OK)); /* data */
    cr_assert(eq(int, graph_start(g), 1));
    add_chain(g, 1, 12, 13, TRIAL_OPEN); /* its training runs */
    cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
    cr_expect(eq(int, graph_start(g), -1));
    cr_expect(eq(dbl, graph_seconds_left(g), 5));
    cr_assert(eq(int, graph_finish(g, 1, NULL), OK));
    for (int s, n = 0; (s = graph_start(g)) >= 0; n++) {
        cr_expect(eq(int, s, 2 + n));
        cr_assert(eq(int, graph_finish(g, s, NULL), OK));
    }
    cr_expect(eq(int, graph_count_trials(g, TRIAL_DONE), 2));
    add_chain(g, 1, 12, 13, TRIAL_OPEN); /* all built */
    cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
    cr_expect(eq(int, graph_count_trials(g, TRIAL_DONE), 3));
    graph_free(g);
}

Test(graph, a_trial_that_comes_later_fails_with_what_has_failed)
{
    graph *g = new_graph();
    add_chain(g, 1, 2, 3, TRIAL_OPEN);
    cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
    cr_assert(eq(int, graph_finish(g, graph_start(g), NULL), OK));
    cr_assert(eq(int, graph_fail(g, graph_start(g), NULL), OK)); /* training 1 */
    while (graph_take_closed(g) >= 0 || graph_take_spoiled(g) >= 0) continue;
    add_chain(g, 1, 12, 13, TRIAL_OPEN);
    cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
    cr_expect(eq(int, graph_take_closed(g), 1));
    cr_expect(eq(int, (int)graph_get_trial(g, 1)->state, TRIAL_FAILED));
    cr_expect(eq(int, graph_take_spoiled(g), 4));
    cr_expect(eq(int, graph_take_spoiled(g), 5));
    cr_expect(eq(int, graph_start(g), -1));
    cr_expect(eq(dbl, graph_seconds_left(g), 0));
    graph_free(g);
}

/* The earlier trial needs no training, only a score; the later one finds out that it is damaged. The
 * earlier one must wait for it: its rows say that the training is not there. */
Test(graph, damage_that_a_later_trial_finds_holds_up_an_earlier_one)
{
    unsigned damaged = 1u << 1;
    graph *g = new_graph();
    add_chain(g, 1, 2, 3, TRIAL_OPEN);
    for (int s = 0; s < 3; s++) graph_set_known(g, s, BUILD_DONE);
    cr_assert(eq(int, graph_settle(g, some_damaged, &damaged, NULL), OK));
    cr_assert(eq(int, graph_start(g), 3));
    add_chain(g, 1, 12, 13, TRIAL_OPEN);
    cr_assert(eq(int, graph_settle(g, some_damaged, &damaged, NULL), OK));
    cr_assert(eq(int, graph_finish(g, 3, NULL), OK));
    cr_expect(eq(int, graph_take_closed(g), -1));
    cr_assert(eq(int, graph_start(g), 1));
    cr_assert(eq(int, graph_finish(g, 1, NULL), OK));
    cr_expect(eq(int, graph_take_closed(g), 0));
    graph_free(g);
}

Test(graph, damage_at_the_end_of_an_earlier_trial_is_waited_for)
{
    unsigned damaged = 1u << 1;
    graph *g = new_graph();
    int s[3] = {add(g, STAGE_DATA, 0, 0, NULL, 0), add(g, STAGE_TRAIN, 1, 1, (int[]){0}, 1),
                add(g, STAGE_TRAIN, 9, 1, (int[]){0}, 2)}; /* ends in both trainings */
    graph_trial t = {.state = TRIAL_OPEN};
    cr_assert(eq(int, graph_add_trial(g, &t, s, 3, NULL), OK));
    for (int i = 0; i < 2; i++) graph_set_known(g, i, BUILD_DONE);
    cr_assert(eq(int, graph_settle(g, some_damaged, &damaged, NULL), OK));
    cr_assert(eq(int, graph_start(g), 2));
    add_chain(g, 1, 12, 13, TRIAL_OPEN);
    cr_assert(eq(int, graph_settle(g, some_damaged, &damaged, NULL), OK));
    cr_assert(eq(int, graph_finish(g, 2, NULL), OK));
    cr_expect(eq(int, graph_take_closed(g), -1));
    cr_assert(eq(int, graph_finish(g, graph_start(g), NULL), OK));
    cr_expect(eq(int, graph_take_closed(g), 0));
    graph_free(g);
}

Test(graph, a_trial_goes_on_step_by_step_or_stops)
{
    graph *g = new_graph();
    int s[4];
    s[0] = add(g, STAGE_DATA, 0, 0, NULL, 0);
    s[1] = add(g, STAGE_TRAIN, 1, 1, (int[]){0}, 1);
    s[2] = add(g, STAGE_TRAIN, 2, 2, (int[]){0, 1}, 2);
    s[3] = add(g, STAGE_EXPORT, 3, 1, (int[]){2}, 3);
    const graph_trial t = {.pauses = true};
    for (int i = 0; i < 2; i++) cr_assert(eq(int, graph_add_trial(g, &t, s, 2, NULL), OK));
    cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
    cr_expect(eq(int, graph_count(g, BUILD_WAITING) + graph_count(g, BUILD_READY), 2));
    for (int i = 0; i < 2; i++) cr_assert(eq(int, graph_finish(g, graph_start(g), NULL), OK));
    cr_expect(eq(int, graph_start(g), -1), "both wait for a word");
    cr_expect(eq(int, graph_take_closed(g) + graph_take_closed(g), 1));
    cr_expect(eq(int, graph_count_trials(g, TRIAL_PAUSED), 2));
    graph_stop(g, 0);
    cr_assert(eq(int, graph_go_on(g, 1, s, 4, false, NULL), OK));
    cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
    for (int i = 2; i < 4; i++) {
        cr_expect(eq(int, graph_start(g), i));
        cr_assert(eq(int, graph_finish(g, i, NULL), OK));
    }
    cr_expect(eq(int, graph_take_closed(g), 1));
    cr_expect(eq(int, graph_take_closed(g), -1));
    cr_expect(eq(int, graph_get_trial(g, 0)->state, TRIAL_STOPPED));
    cr_expect(eq(int, graph_get_trial(g, 1)->state, TRIAL_DONE));
    graph_free(g);
}

/* Nothing is built for a trial that is to be decided before its first stage. */
Test(graph, a_trial_may_pause_before_its_first_stage)
{
    graph *g = new_graph();
    int s[2];
    s[0] = add(g, STAGE_DATA, 0, 0, NULL, 0);
    s[1] = add(g, STAGE_TRAIN, 1, 1, (int[]){0}, 1);
    const graph_trial t = {.pauses = true};
    for (int i = 0; i < 2; i++) cr_assert(eq(int, graph_add_trial(g, &t, s, 0, NULL), OK));
    cr_expect(eq(int, graph_count_trials(g, TRIAL_PAUSED), 2));
    cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
    cr_expect(eq(int, graph_take_closed(g), 0));
    cr_expect(eq(int, graph_take_closed(g), 1));
    cr_expect(eq(int, graph_start(g), -1), "nothing is needed");
    graph_stop(g, 0);
    cr_assert(eq(int, graph_go_on(g, 1, s, 2, false, NULL), OK));
    cr_assert(eq(int, graph_settle(g, all_whole, NULL, NULL), OK));
    for (int i = 0; i < 2; i++) cr_assert(eq(int, graph_finish(g, graph_start(g), NULL), OK));
    cr_expect(eq(int, graph_take_closed(g), 1));
    cr_expect(eq(int, graph_get_trial(g, 0)->state, TRIAL_STOPPED));
    cr_expect(eq(int, graph_get_trial(g, 1)->state, TRIAL_DONE));
    graph_free(g);
}

enum { MOST_STAGES = 4000 };

/* What a run and its store know, beside the graph. */
typedef struct {
    graph *g;
    rng r;
    int n;                         /* stages */
    int chain[400][4];             /* of each trial */
    int asked[400];                /* how many of them it has led to so far */
    int parent[MOST_STAGES][2];    /* -1: none */
    bool is_recorded[MOST_STAGES]; /* as done, by an earlier run or this one */
    bool is_damaged[MOST_STAGES];
    int n_inspected[MOST_STAGES], n_built[MOST_STAGES], n_closed[400];
} world;

static status look(void *user, int stage, bool *whole, err *e)
{
    world *w = user;
    (void)e;
    cr_assert(w->is_recorded[stage]);
    cr_expect(eq(int, w->n_inspected[stage]++, 0));
    *whole = !w->is_damaged[stage];
    if (!*whole) w->is_recorded[stage] = false;
    return OK;
}

/* A stage that is new to the graph may be known from an earlier run, which built its parents too; what it
 * failed at has failed behind it, too. */
static void learn(world *w, int s, stage_kind kind)
{
    bool could = true, failed = false;
    for (int p = 0; p < 2 && w->parent[s][p] >= 0; p++) {
        could &= w->is_recorded[w->parent[s][p]];
        failed |= graph_get_stage(w->g, w->parent[s][p]).state == BUILD_FAILED;
    }
    if (failed || (kind == STAGE_TRAIN && rng_below(&w->r, 12) == 0)) {
        graph_set_known(w->g, s, BUILD_FAILED);
    } else if (could && rng_below(&w->r, 3) > 0) {
        graph_set_known(w->g, s, BUILD_DONE);
        w->is_recorded[s] = true;
        w->is_damaged[s] = rng_below(&w->r, 4) == 0;
    }
}

static void add_random_trial(world *w)
{
    static const stage_kind kinds[] = {STAGE_DATA, STAGE_TRAIN, STAGE_EXPORT, STAGE_SCORE};
    int train = 1 + (int)rng_below(&w->r, 20), number = graph_n_trials(w->g);
    int export_ = 1000 + 10 * train + (int)rng_below(&w->r, 4);
    int name[4] = {0, train, export_, export_ + 9000}, *s = w->chain[number];
    bool is_done = true;
    for (int i = 0; i < 4; i++) {
        int parents[2] = {name[i ? i - 1 : 0], 0};
        s[i] = add(w->g, kinds[i], name[i], i == 3 ? 2 : i > 0, parents, i);
        if (s[i] == w->n) {
            w->parent[s[i]][0] = i ? s[i - 1] : -1;
            w->parent[s[i]][1] = i == 3 ? s[0] : -1;
            w->n++;
            learn(w, s[i], kinds[i]);
        }
        is_done &= w->is_recorded[s[i]];
    }
    graph_trial t = {.state = is_done && rng_below(&w->r, 2) ? TRIAL_DONE : TRIAL_OPEN};
    t.pauses = t.state == TRIAL_OPEN && rng_below(&w->r, 2) == 0;
    w->asked[number] = t.pauses ? 2 * (int)rng_below(&w->r, 2) : 4;
    w->n_closed[number] = t.state != TRIAL_OPEN;
    cr_assert(eq(int, graph_add_trial(w->g, &t, s, w->asked[number], NULL), OK));
}

/* A third of the paused trials ends. */
static void decide(world *w, int t)
{
    if (rng_below(&w->r, 3) == 0) {
        graph_stop(w->g, t);
        w->n_closed[t]++;
        return;
    }
    w->asked[t] += 1 + (int)rng_below(&w->r, (uint64_t)(4 - w->asked[t]));
    cr_assert(eq(int, graph_go_on(w->g, t, w->chain[t], w->asked[t], w->asked[t] < 4, NULL), OK));
    cr_assert(eq(int, graph_settle(w->g, look, w, NULL), OK));
}

/* As long as there are paused ones: of those that others' decisions leave paused. */
static void take_what_is_closed(world *w)
{
    int paused[400], n = 0;
    for (;;) {
        for (int t; (t = graph_take_closed(w->g)) >= 0;) {
            const trial_state state = graph_get_trial(w->g, t)->state;
            bool all = true;
            for (int i = 0; i < w->asked[t]; i++) all &= w->is_recorded[w->chain[t][i]];
            cr_expect(eq(int, w->n_closed[t], 0));
            if (state == TRIAL_OPEN) continue;
            cr_expect(eq(int, state != TRIAL_FAILED, all), "trial %d", t);
            cr_expect(eq(int, state == TRIAL_PAUSED, all && w->asked[t] < 4), "trial %d", t);
            if (state == TRIAL_PAUSED)
                paused[n++] = t;
            else
                w->n_closed[t]++;
        }
        if (n == 0) break;
        if (graph_get_trial(w->g, paused[--n])->state == TRIAL_PAUSED) decide(w, paused[n]);
    }
    while (graph_take_spoiled(w->g) >= 0) continue;
}

static void end_stage(world *w, int s)
{
    for (int p = 0; p < 2 && w->parent[s][p] >= 0; p++)
        cr_expect(w->is_recorded[w->parent[s][p]], "built before its parent");
    cr_expect(eq(int, w->n_built[s]++, 0));
    if (rng_below(&w->r, 15) == 0) {
        cr_assert(eq(int, graph_fail(w->g, s, NULL), OK));
        return;
    }
    w->is_recorded[s] = true;
    cr_assert(eq(int, graph_finish(w->g, s, NULL), OK));
}

/* Trials come in groups while others run, some of them step by step; artifacts of earlier runs are damaged, stages fail. Every trial
 * is closed once, as done exactly when the rows of its whole chain say so then. */
Test(graph, trials_may_come_at_any_time)
{
    static world w;
    for (uint64_t seed = 0; seed < 300; seed++) {
        w = (world){.g = new_graph(), .r = rng_stream(seed, RNG_TEST, 6)};
        int n_trials = 1 + (int)rng_below(&w.r, 60), running[4], n_running = 0;
        for (;;) {
            for (int k = (int)rng_below(&w.r, 4); k > 0 && graph_n_trials(w.g) < n_trials; k--)
                add_random_trial(&w);
            cr_assert(eq(int, graph_settle(w.g, look, &w, NULL), OK));
            take_what_is_closed(&w);
            int s;
            while (n_running < 4 && (s = graph_start(w.g)) >= 0) running[n_running++] = s;
            if (n_running == 0 && graph_n_trials(w.g) == n_trials) break;
            if (n_running == 0) continue;
            int k = (int)rng_below(&w.r, (uint64_t)n_running);
            end_stage(&w, running[k]);
            running[k] = running[--n_running];
            take_what_is_closed(&w);
        }
        for (int t = 0; t < n_trials; t++) cr_expect(eq(int, w.n_closed[t], 1), "%d", (int)seed);
        cr_expect(eq(int, graph_count_trials(w.g, TRIAL_OPEN), 0));
        cr_expect(eq(int, graph_count_trials(w.g, TRIAL_PAUSED), 0));
        cr_expect(eq(int, graph_count(w.g, BUILD_WAITING), 0));
        cr_expect(eq(dbl, graph_seconds_left(w.g), 0));
        graph_free(w.g);
    }
}

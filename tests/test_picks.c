#include "store/store.h"
#include "support/fake_results.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static store *s;
static arena scratch;

static void set_up(void)
{
    s = fake_open();
}

static void tear_down(void)
{
    store_close(s);
    arena_free(&scratch);
    fake_remove();
}

TestSuite(picks, .init = set_up, .fini = tear_down);

static int64_t add(double T, double RH, double size, double T_test, double RH_test)
{
    static int64_t candidate;
    return fake_trial(s, candidate++, &(fake_figures){T, RH, size, T_test, RH_test});
}

/* Version 0 is a (three limits), 1 is b (T_mae < 0.1, size < 1 kB). */
static pick picked(int version)
{
    picks p;
    err e = {0};
    cr_assert_eq(picks_read(s, &scratch, &p, &e), OK, "%s", e.msg);
    cr_assert_eq(p.n, 2);
    return p.pick[version];
}

Test(picks, without_trials_there_is_nothing)
{
    pick p = picked(0);
    cr_expect_str_eq(p.version, "a");
    cr_expect_eq(p.kind, PICK_NONE);
    cr_expect(!p.met && p.trial == 0 && p.binding == -1 && p.n_feasible == 0 && p.n_limits == 3);
    cr_expect(isnan(p.limit[0].value) && isnan(p.limit[0].reported) && isnan(p.limit[0].margin));
}

Test(picks, the_one_with_most_room_under_its_tightest_validation_limit_is_chosen)
{
    add(0.49, 1.0, 1000, 0, 0);                      /* 2 % under on T_mae */
    int64_t best = add(0.45, 1.7, 1500, 0.48, 1.75); /* 5.6 % under on RH_mae */
    add(0.51, 1.0, 100, 0.1, 0.1); /* over on T_mae: good test figures do not count */
    add(0.10, 0.1, 1960, 0, 0);    /* 2 % under on size */
    pick p = picked(0);
    cr_expect_eq(p.kind, PICK_CHOSEN);
    cr_expect_eq(p.trial, best);
    cr_expect(p.met);
    cr_expect_eq(p.n_feasible, 3);
    cr_expect_eq(p.limit[0].value, 0.45);
    cr_expect_eq(p.limit[0].reported, 0.48);
    cr_expect_float_eq(p.limit[0].margin, 0.04, 1e-12);
    cr_expect_float_eq(p.limit[1].margin, 0.05 / 1.8, 1e-12);
    cr_expect_eq(p.limit[2].reported, 1500, "size is exact: it stands for itself");
    cr_expect_float_eq(p.limit[2].margin, 0.25, 1e-12);
    cr_expect_eq(p.binding, 1, "the least room on reported figures");
    cr_expect_str_eq(p.knobs, "alpha=0.1 storage=float16");
    cr_expect_str_eq(p.limit[0].unit, "°C");
}

Test(picks, a_pick_that_fails_on_test_figures_is_not_met)
{
    int64_t only = add(0.45, 1.7, 1500, 0.55, 1.75);
    pick p = picked(0);
    cr_expect_eq(p.kind, PICK_CHOSEN);
    cr_expect_eq(p.trial, only);
    cr_expect_not(p.met);
    cr_expect_not(p.limit[0].holds);
    cr_expect(p.limit[1].holds);
    cr_expect_float_eq(p.limit[0].margin, -0.1, 1e-12);
    cr_expect_eq(p.binding, 0);
}

Test(picks, otherwise_the_closest_miss_and_what_binds)
{
    add(0.6, 1.7, 1500, 0, 0);                         /* 20 % over on T_mae */
    int64_t closest = add(0.4, 1.98, 2100, 0.4, 0.01); /* 10 % over on RH_mae, 5 % on size */
    add(0.4, 1.0, 2300, 0, 0);                         /* 15 % over on size */
    pick p = picked(0);
    cr_expect_eq(p.kind, PICK_CLOSEST);
    cr_expect_not(p.met);
    cr_expect_eq(p.trial, closest);
    cr_expect_eq(p.binding, 1, "chosen on validation figures, whatever the test figure says");
    cr_expect_eq(p.n_feasible, 0);
}

Test(picks, a_figure_equal_to_a_strict_limit_is_a_miss)
{
    add(0.5, 1.7, 1500, 0, 0);
    pick p = picked(0);
    cr_expect_eq(p.kind, PICK_CLOSEST);
    cr_expect_eq(p.binding, 0);
    cr_expect_eq(p.limit[0].margin, 0);
}

Test(picks, ties_go_to_the_smaller_file_and_then_the_smaller_id)
{
    add(0.40, 1.7, 1500, 0, 0);
    int64_t best = add(0.30, 1.7, 1400, 0, 0);
    add(0.40, 1.7, 1400, 0, 0);
    cr_expect_eq(picked(0).trial, best);
}

Test(picks, trials_without_a_figure_are_passed_over)
{
    add(NAN, 1.7, 100, 0, 0);
    add(0.4, NAN, 100, 0, 0);
    cr_expect_eq(picked(0).kind, PICK_NONE);
    int64_t whole = add(0.6, 1.7, 1500, 0, 0);
    cr_expect_eq(picked(0).trial, whole);
    cr_expect_eq(picked(0).kind, PICK_CLOSEST);
}

Test(picks, a_missing_test_figure_is_not_met)
{
    add(0.4, 1.7, 1500, NAN, 1.7);
    pick p = picked(0);
    cr_expect_eq(p.kind, PICK_CHOSEN);
    cr_expect_not(p.met);
    cr_expect(isnan(p.limit[0].reported));
    cr_expect_eq(p.binding, 0);
}

Test(picks, unfinished_trials_do_not_count)
{
    add(0.6, 1.7, 1500, 0, 0);
    int64_t failed = add(0.4, 1.7, 1500, 0, 0);
    cr_assert_eq(store_trial_failed(s, failed, STATE_FAILED, "io", "gone", NULL), OK);
    cr_expect_eq(picked(0).kind, PICK_CLOSEST);
}

Test(picks, limits_from_below_are_kept_too)
{
    static const store_limit at_least[] = {{"T_mae", LIMIT_GE, 0.5, ">= 0.5 °C"},
                                           {"RH_mae", LIMIT_GT, 0, "> 0 %"}};
    static const store_version versions[] = {{"least", "", 2, at_least}, {"free", "", 0, NULL}};
    store_space space = fake_space(3);
    space.version = versions;
    store_run run = fake_run_row();
    int64_t id;
    cr_assert_eq(store_start_run(s, &space, &run, &id, NULL), OK);
    int64_t closest = add(0.4, 1, 10, 0, 0);
    pick p = picked(0);
    cr_expect_eq(p.kind, PICK_CLOSEST);
    cr_expect_eq(p.trial, closest);
    cr_expect_float_eq(p.limit[0].margin, -0.2, 1e-12);
    int64_t big = add(0.5, 0.5, 20, 0, 0);
    p = picked(0);
    cr_expect(p.met && p.trial == big);
    cr_expect_eq(p.limit[1].margin, 0.5, "for a bound of 0 the room is in the metric's unit");
    p = picked(1);
    cr_expect(p.met && p.trial == closest && p.binding == -1, "no limits: the smallest");
}

Test(picks, the_stored_verdicts_are_those_that_are_read)
{
    add(0.45, 1.7, 1500, 0.55, 1.75);
    cr_assert_eq(store_update_picks(s, NULL), OK);
    cr_expect_eq(fake_number(s,
                             "SELECT trial FROM picks WHERE version = 'a' AND verdict = 'not met'"
                             " AND found = 'pick' AND binding = 'T_mae' AND feasible = 1"),
                 1);
    cr_expect_float_eq(fake_number(s, "SELECT least_margin FROM picks WHERE version = 'a'"), -0.1,
                       1e-12);
    cr_expect_eq(fake_number(s, "SELECT limits = 'T_mae < 0.1 °C, size < 1 kB' FROM picks"
                                " WHERE version = 'b' AND found = 'closest miss'"),
                 1);
    add(0.4, 1.7, 1400, 0, 0);
    cr_assert_eq(store_end_run(s, 1, "done", NULL), OK);
    cr_expect_eq(fake_number(s, "SELECT trial FROM picks WHERE version = 'a' AND verdict = 'met'"),
                 2, "the end of a run brings them up to date");
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM verdicts"), 2);
}

static char *printed(bool for_people, table_format format)
{
    picks p;
    table t;
    char *text = NULL;
    size_t n = 0;
    cr_assert_eq(picks_read(s, &scratch, &p, NULL), OK);
    cr_assert_eq(picks_table(&p, for_people, &scratch, &t, NULL), OK);
    FILE *f = open_memstream(&text, &n);
    cr_assert_eq(table_print(&t, format, f, NULL), OK);
    fclose(f);
    return text;
}

Test(picks, the_table_says_it_all)
{
    add(0.45, 1.7, 1500, 0.48, 1.75);
    char *text = printed(true, FORMAT_TABLE);
    cr_expect_not_null(strstr(text, "\na        met      1 "), "%s", text);
    cr_expect_not_null(strstr(text, "RH_mae < 1.8 %       1.7 %    +5.6 %   1.75 %"), "%s", text);
    cr_expect_not_null(strstr(text, "+2.8 %  test binds"), "%s", text);
    cr_expect_not_null(strstr(text, "\nb        not met  1 "), "%s", text);
    cr_expect_not_null(strstr(text, "-380.0 %  validation binds"), "%s", text);
    free(text);
    text = printed(false, FORMAT_CSV);
    int lines = 0, whole = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++)
        whole += strncmp(line, "a,met,pick,1,", 13) == 0;
    cr_expect_eq(lines, 6);
    cr_expect_eq(whole, 3, "for programs every row is complete");
    free(text);
}

static char *printed_within(int width)
{
    picks p;
    err e = {0};
    char *text = NULL;
    size_t n = 0;
    cr_assert_eq(picks_read(s, &scratch, &p, NULL), OK);
    FILE *f = open_memstream(&text, &n);
    cr_assert_eq(picks_print_within(&p, "x.db", width, f, &scratch, &e), OK, "%s", e.msg);
    fclose(f);
    return text;
}

Test(picks, the_words_of_the_verdict_say_what_happened)
{
    char *text = printed_within(1000);
    cr_expect_not_null(strstr(text, "\na: not met: no finished trial has all figures\n"), "%s",
                       text);
    free(text);
    add(0.45, 1.7, 1500, 0.55, 1.75);
    text = printed_within(1000);
    cr_expect_not_null(strstr(text, "\na: not met: trial 1 passes validation, fails test\n"), "%s",
                       text);
    cr_expect_not_null(strstr(text, "\nb: not met: closest miss is trial 1\n    alpha="), "%s",
                       text);
    free(text);
    add(0.4, 1.6, 1400, 0.41, 1.61);
    text = printed_within(1000);
    cr_expect_not_null(strstr(text, "\na: met by trial 2\n"), "%s", text);
    cr_expect_not_null(strstr(text, "paretune export x.db --pick a\n"), "%s", text);
    free(text);
}

Test(picks, a_terminal_too_narrow_for_the_table_gets_blocks)
{
    add(0.45, 1.7, 1500, 0.55, 1.75);
    char *wide = printed_within(120), *narrow = printed_within(46);
    cr_expect_not_null(strstr(wide, "version  verdict"), "%s", wide);
    cr_expect_null(strstr(narrow, "version  verdict"), "%s", narrow);
    cr_expect_not_null(strstr(narrow, "  T_mae < 0.5 °C\n"
                                      "      validation 0.45 °C  +10.0 %\n"
                                      "      test       0.55 °C  -10.0 %  binds\n"),
                       "%s", narrow);
    cr_expect_not_null(strstr(narrow, "      exact      1500 B  +25.0 %\n"), "%s", narrow);
    for (char *line = strtok(narrow, "\n"); line; line = strtok(NULL, "\n"))
        cr_expect_leq(strlen(line), 56, "%s", line); /* some words are not broken */
    free(wide);
    free(narrow);
}

/* --- confidence --- */

static void demand(double confidence)
{
    store_space space = fake_space(1);
    store_run run = fake_run_row();
    int64_t id;
    run.confidence = confidence;
    cr_assert_eq(store_start_run(s, &space, &run, &id, NULL), OK);
}

static int64_t add_seed(int64_t candidate, uint64_t seed, double T)
{
    int64_t id = fake_add(s, candidate, seed);
    fake_finish(s, id, candidate, seed, &(fake_figures){T, 1.0 + 0.01 * (double)seed, 1500, 0, 0});
    return id;
}

/* Twelve candidates with two seeds each, all around 0.43 with a spread of 0.007. */
static void add_field(void)
{
    for (int64_t c = 0; c < 12; c++)
        for (uint64_t seed = 1; seed <= 2; seed++)
            add_seed(c, seed, 0.43 + 0.001 * (double)c + (seed == 1 ? 0.005 : -0.005));
}

Test(picks, one_seed_tells_nothing_of_confidence)
{
    add(0.45, 1.7, 1500, 0, 0);
    pick p = picked(0);
    cr_expect(p.met && p.n_seeds == 1);
    cr_expect(isnan(p.confidence) && isnan(p.fresh) && isnan(p.file));
    cr_expect(isnan(p.limit[0].low));
    demand(0.95);
    p = picked(0);
    cr_expect(p.kind == PICK_CHOSEN && !p.met, "what is not known does not hold");
    cr_expect_str_eq(
        pick_verdict(&p, &scratch),
        "not met: trial 1 passes, but how surely is not known (1 of at least 2 seeds)");
}

Test(picks, far_from_its_limits_a_pick_holds_with_confidence)
{
    demand(0.95);
    add_field();
    pick p = picked(0);
    cr_expect(p.met);
    cr_expect_eq(p.n_seeds, 2);
    cr_expect_gt(p.confidence, 0.95);
    cr_expect_gt(p.fresh, 0.95);
    cr_expect(isnan(p.file), "the error of the finite test series is not known");
    cr_expect_float_eq(p.limit[0].mean, 0.43, 1e-12, "of both seeds");
    /* t(0.975, 12) = 2.178813; every pair has squares 2 * 0.005^2, so sigma = 0.005 sqrt 2 */
    cr_expect_float_eq(p.limit[0].high, 0.43 + 2.178813 * 0.005, 1e-7);
    cr_expect(isnan(p.limit[2].mean), "size is exact");
    cr_expect_eq(store_update_picks(s, NULL), OK);
    cr_expect_float_eq(fake_number(s, "SELECT confidence FROM verdicts WHERE version = 'a'"),
                       p.confidence, 1e-12);
}

/* What a search asks that would not choose by test figures: here they are all misses. */
Test(picks, among_the_trials_known_so_far_validation_figures_alone_give_confidence)
{
    int64_t trial[24];
    int n = 0;
    picks all;
    err e = {0};
    demand(0.95);
    for (int64_t c = 0; c < 12; c++)
        for (uint64_t seed = 1; seed <= 2; seed++) {
            const double v = 0.43 + 0.001 * (double)c + (seed == 1 ? 0.005 : -0.005);
            trial[n] = fake_add(s, c, seed);
            fake_finish(s, trial[n++], c, seed, &(fake_figures){v, 1, 1000, 0.6, 1});
        }
    cr_expect_lt(picked(0).confidence, 0.05);
    cr_assert_eq(picks_among(s, trial, n, &scratch, &all, &e), OK, "%s", e.msg);
    cr_expect_gt(all.pick[0].confidence, 0.95);
    cr_expect_eq(all.pick[0].n_seeds, 2);
    cr_assert_eq(picks_among(s, trial, 1, &scratch, &all, &e), OK, "%s", e.msg);
    cr_expect(all.pick[0].kind == PICK_CHOSEN && isnan(all.pick[0].confidence),
              "of the first one nothing is known but itself");
    cr_expect_eq(all.pick[0].n_seeds, 1);
}

Test(picks, a_lucky_single_training_does_not_come_before_a_tried_configuration)
{
    add_field();
    int64_t lucky = add_seed(50, 1, 0.30);
    demand(0);
    add_field();
    add_seed(50, 1, 0.30);
    pick p = picked(0);
    cr_expect(p.kind == PICK_CHOSEN && p.trial == lucky, "point figures");
    demand(0.9);
    p = picked(0);
    cr_expect(p.kind == PICK_CHOSEN && p.trial != lucky && p.n_seeds == 2);
}

Test(picks, close_to_a_limit_a_pick_is_told_with_its_confidence)
{
    demand(0.95);
    for (int64_t c = 0; c < 12; c++)
        for (uint64_t seed = 1; seed <= 2; seed++)
            add_seed(c, seed, 0.52 + (seed == 1 ? 0.005 : -0.005));
    add_seed(20, 1, 0.498);
    add_seed(20, 2, 0.494);
    pick p = picked(0);
    cr_expect(p.kind == PICK_CHOSEN && !p.met);
    cr_expect(p.confidence < 0.95 && p.confidence > 0);
    cr_expect(strstr(pick_verdict(&p, &scratch), "but its confidence is") != NULL);
}

/* One training of a keyword network: its counts stand in the score's detail. 200 clips in each part. */
static void add_words(int64_t candidate, uint64_t seed, double val, double test)
{
    static const char detail[] = "{\"words\":[\"no\",\"yes\"],\"confusion\":{\"val\":[[90,10],[10,"
                                 "90]],\"test\":[[90,10],[10,90]]}}";
    int64_t id = fake_add(s, candidate, seed);
    store_metric figures[] = {{"T_mae", 0.4},     {"RH_mae", 1},     {"T_mae_test", 0.4},
                              {"RH_mae_test", 1}, {"accuracy", val}, {"accuracy_test", test}};
    static const char *const kinds[] = {"data", "train", "export", "score"};
    for (int i = 0; i < 4; i++) {
        hash key = i ? fake_hash(kinds[i], candidate * 100 + (int64_t)seed) : fake_hash("data", 0);
        store_outcome o = {.run_id = 1, .artifact_hash = "00", .tries = 1};
        if (i == 3) o.n_metrics = 6, o.metric = figures, o.detail = detail;
        cr_assert_eq(store_stage_done(s, &key, &o, NULL), OK);
    }
    cr_assert_eq(store_trial_done(s, id, NULL), OK);
}

/* The same means over seeds leave more doubt about a file when it was heard on few clips: 94.5 % of 400 has an error of
 * 1.2 points. */
Test(picks, counted_answers_give_a_file_a_chance_of_its_own)
{
    static const store_limit accurate[] = {{"accuracy", LIMIT_GT, 93, "> 93 %"}};
    static const store_version versions[] = {{"v", "", 1, accurate}};
    store_space space = fake_space(2);
    store_run run = fake_run_row();
    int64_t id;
    space.n_versions = 1;
    space.version = versions;
    cr_assert_eq(store_start_run(s, &space, &run, &id, NULL), OK);
    for (int64_t c = 0; c < 8; c++)
        for (uint64_t seed = 1; seed <= 3; seed++) {
            double luck = 0.2 * ((double)seed - 2), mean = 94.5 - 0.1 * (double)c;
            add_words(c, seed, mean + luck, mean + luck);
        }
    picks p;
    cr_assert_eq(picks_read(s, &scratch, &p, NULL), OK);
    const pick *v = &p.pick[0];
    cr_expect(v->met && v->n_seeds == 3);
    cr_expect_float_eq(v->limit[0].mean, 94.5, 1e-9);
    /* sigma 0.2 by 16 differences: t(0.975, 16) = 2.119905; (380 / 404) (24 / 404) / 404 of the set */
    double error = sqrt(0.04 / 3 + 1e4 * (380.0 / 404) * (24.0 / 404) / 404);
    cr_expect_float_eq(v->limit[0].high - 94.5, 2.119905 * error, 1e-5);
    cr_expect(v->file > 0.6 && v->file < 0.999, "%g", v->file);
    cr_expect(v->confidence <= v->file && v->confidence > 0.5, "%g", v->confidence);
}

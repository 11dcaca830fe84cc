#include "store/pick_rules.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <string.h>

#include "store/pick_measure.h"
#include "support/fake_results.h"

static const char *names[] = {"x", "y", "z"};
static bool less[] = {false, false, false};

/* The best of n trials and its merit. */
static int best_of(const pick_measure *m, const double *figure, const bool *in, int n,
                   double *merit)
{
    static double all[32];
    arena a = {0};
    int best = -1;
    cr_assert(eq(int, pick_merits(m, figure, in, n, all, &a, NULL), OK));
    for (int i = 0; i < n; i++)
        if (!isnan(all[i]) && (best < 0 || all[i] < all[best])) best = i;
    memcpy(merit, all, (size_t)n * sizeof *all);
    arena_free(&a);
    return best;
}

static const bool everyone[] = {true, true, true, true, true, true};

/* Scaled by 10: (0, 1), (0.1, 0.4), (0.4, 0.3), (1, 0), and (0.5, 0.5), which the third beats. */
Test(pick_rules, the_knee_is_farthest_below_the_line_through_the_ends)
{
    const double figure[] = {0, 10, 1, 4, 4, 3, 10, 0, 5, 5};
    const pick_measure m = {PICK_KNEE, 2, names, less};
    double merit[5];
    cr_expect(eq(int, best_of(&m, figure, everyone, 5, merit), 1));
    cr_expect(epsilon_eq(dbl, merit[0], 1, 1e-12));
    cr_expect(epsilon_eq(dbl, merit[1], 0.5, 1e-12));
    cr_expect(epsilon_eq(dbl, merit[2], 0.7, 1e-12));
    cr_expect(epsilon_eq(dbl, merit[3], 1, 1e-12));
    cr_expect(isnan(merit[4]), "not on the front");
}

/* Without the first trial the front goes from (1, 4) to (10, 0): (0, 1), (1/3, 3/4), (1, 0). */
Test(pick_rules, the_knee_is_of_the_trials_that_may_be_chosen)
{
    const double figure[] = {0, 10, 1, 4, 4, 3, 10, 0};
    const bool in[] = {false, true, true, true};
    const pick_measure m = {PICK_KNEE, 2, names, less};
    double merit[4];
    cr_expect(eq(int, best_of(&m, figure, in, 4, merit), 1));
    cr_expect(isnan(merit[0]));
    cr_expect(epsilon_eq(dbl, merit[2], 1.0 / 3 + 0.75, 1e-12));
}

/* The first is best in two of three; accuracies 90, 94, 92 scale to 1, 0, 0.5. */
Test(pick_rules, the_knee_of_three_objectives_needs_no_three_ends)
{
    bool more_is_better[] = {true, false, false};
    const double figure[] = {90, 10, 1, 94, 20, 3, 92, 12, 2};
    const pick_measure m = {PICK_KNEE, 3, names, more_is_better};
    double merit[3];
    cr_expect(eq(int, best_of(&m, figure, everyone, 3, merit), 0));
    cr_expect(epsilon_eq(dbl, merit[0], 1, 1e-12));
    cr_expect(epsilon_eq(dbl, merit[1], 2, 1e-12));
    cr_expect(epsilon_eq(dbl, merit[2], 0.5 + 0.2 + 0.5, 1e-12));
}

Test(pick_rules, an_objective_in_which_all_are_equal_tells_nothing)
{
    const double figure[] = {1, 7, 1, 7};
    const pick_measure m = {PICK_KNEE, 2, names, less};
    double merit[2];
    cr_expect(eq(int, best_of(&m, figure, everyone, 2, merit), 0));
    cr_expect(merit[0] == 0 && merit[1] == 0);
}

/* 0.5 * 1.6 = 0.8 and 0.4 * 1.9 = 0.76; in thousandths the order is the same. */
Test(pick_rules, the_product_of_errors_does_not_depend_on_units)
{
    double figure[] = {0.5, 1.6, 0.4, 1.9, (double)NAN, 0.1}, merit[3];
    const pick_measure m = {PICK_ACCURATE, 2, names, less};
    cr_expect(eq(int, best_of(&m, figure, everyone, 3, merit), 1));
    cr_expect(epsilon_eq(dbl, merit[1], log(0.76), 1e-12));
    cr_expect(isnan(merit[2]), "a figure is missing");
    for (int i = 0; i < 3; i++) figure[2 * i] *= 1000;
    cr_expect(eq(int, best_of(&m, figure, everyone, 3, merit), 1));
}

Test(pick_rules, an_accuracy_counts_as_what_it_lacks)
{
    bool more_is_better[] = {true};
    const double figure[] = {90, 95, 99, 92};
    const bool in[] = {true, true, false, true};
    const pick_measure m = {PICK_ACCURATE, 1, names, more_is_better};
    double merit[4];
    cr_expect(eq(int, best_of(&m, figure, in, 4, merit), 1));
    cr_expect(epsilon_eq(dbl, merit[1], log(5), 1e-12));
}

Test(pick_rules, words_are_read_and_mistakes_named)
{
    pick_rule r;
    err e = {0};
    for (int i = 0; i < N_PICK_RULES; i++) {
        cr_assert(eq(int, pick_rule_parse(pick_rule_names[i], &r, &e), OK));
        cr_expect(eq(int, (int)r, i));
    }
    cr_expect(eq(int, pick_rule_parse("fasetst", &r, &e), ERR_INPUT));
    cr_expect(strstr(e.msg, "did you mean 'fastest'?") != NULL, "%s", e.msg);
    cr_expect(eq(int, pick_rule_parse("x", &r, NULL), ERR_INPUT));
}

/* --- in a study --- */

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

TestSuite(pick_question, .init = set_up, .fini = tear_down);

static pick asked(const picks_question *q)
{
    picks p;
    err e = {0};
    cr_assert_eq(picks_ask(s, q, &scratch, &p, &e), OK, "%s", e.msg);
    return p.pick[0];
}

/* Version a: T_mae < 0.5, RH_mae < 1.8, size < 2000. Rooms: 2 % (T), 5.6 % (RH), 10 % (size), and a miss that is
 * smaller than all. */
static void add_trials(void)
{
    fake_trial(s, 1, &(fake_figures){0.49, 1.0, 1000, 0, 0});
    fake_trial(s, 2, &(fake_figures){0.40, 1.7, 1500, 0, 0});
    fake_trial(s, 3, &(fake_figures){0.44, 1.2, 1800, 0, 0});
    fake_trial(s, 4, &(fake_figures){0.51, 1.0, 100, 0, 0});
}

Test(pick_question, each_rule_has_its_own_pick)
{
    add_trials();
    cr_expect_eq(asked(&(picks_question){.rule = PICK_MARGIN}).trial, 3);
    pick small = asked(&(picks_question){.rule = PICK_SMALLEST});
    cr_expect_eq(small.trial, 1);
    cr_expect_str_eq(small.rule, "least size");
    pick accurate = asked(&(picks_question){.rule = PICK_ACCURATE}); /* 0.49, 0.68, 0.528 */
    cr_expect_eq(accurate.trial, 1);
    cr_expect_str_eq(accurate.rule, "least product of T_mae and RH_mae");
    cr_expect_eq(accurate.n_feasible, 3);
    cr_expect_eq(accurate.kind, PICK_CHOSEN);
}

/* Scaled: T 1, 0, 4/9; RH 0, 1, 2/7; size 0, 5/8, 1. Sums 1, 1.625, 1.730. */
Test(pick_question, the_knee_is_of_the_feasible_trials_under_the_objectives)
{
    add_trials();
    pick p = asked(&(picks_question){.rule = PICK_KNEE});
    cr_expect_eq(p.trial, 1);
    cr_expect_str_eq(p.rule, "knee of the front of T_mae, RH_mae and size");
}

/* What a rule weighs: the figure of the first limit that fits, else of the first objective, else a usual one. */
static const store_metric_info many[] = {
    {"accuracy", "%", "", STORE_HIGHER}, {"accuracy_test", "%", "", STORE_HIGHER},
    {"score", "", "", STORE_HIGHER},     {"score_test", "", "", STORE_HIGHER},
    {"size", "B", "", STORE_LOWER},      {"inference_ms", "ms", "", STORE_LOWER},
    {"total_ms", "ms", "", STORE_LOWER}, {"macs", "", "", STORE_LOWER}};

static const char *measured_by(pick_rule rule, const char *limit, const char *objective)
{
    const store_limit l = {limit, LIMIT_LT, 1, ""};
    const store_version v = {"v", "", limit != NULL, &l};
    const store_objective o = {objective, false};
    const store_space space = {.n_metrics = sizeof many / sizeof *many,
                               .metric = many,
                               .n_objectives = objective != NULL,
                               .objective = &o};
    pick_measure m;
    if (pick_measure_find(s, &space, &v, rule, &scratch, &m, NULL) != OK) return "nothing";
    return pick_measure_text(&m, &scratch);
}

Test(pick_question, a_rule_weighs_what_limits_name_before_what_objectives_do)
{
    static const struct {
        pick_rule rule;
        const char *limit, *objective, *want;
    } cases[] = {{PICK_FASTEST, "inference_ms", "total_ms", "least inference_ms"},
                 {PICK_FASTEST, "size", "total_ms", "least total_ms"},
                 {PICK_FASTEST, "size", "size", "nothing"},
                 {PICK_ACCURATE, "accuracy", "score", "highest accuracy"},
                 {PICK_ACCURATE, "size", "accuracy", "highest accuracy"},
                 {PICK_ACCURATE, "score", "size", "nothing"},
                 {PICK_ACCURATE, NULL, NULL, "nothing"},
                 {PICK_KNEE, "size", "size", "knee of the front of size"},
                 {PICK_KNEE, "size", NULL, "nothing"},
                 {PICK_SMALLEST, NULL, NULL, "least size"},
                 {PICK_MARGIN, NULL, NULL, "most room under the tightest limit"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_str_eq(measured_by(cases[i].rule, cases[i].limit, cases[i].objective),
                         cases[i].want, "case %zu", i);
}

/* The fake study's trials report no latency, but n_params; here macs stand in its place. */
Test(pick_question, without_milliseconds_the_last_trial_tells_what_is_reported)
{
    int64_t trial = fake_add(s, 1, 1);
    const hash score = fake_hash("score", 101);
    const store_metric macs = {"macs", 5};
    for (int i = 0; i < 4; i++) {
        static const char *const kinds[] = {"data", "train", "export", "score"};
        hash key = i ? fake_hash(kinds[i], 101) : fake_hash("data", 0);
        store_outcome o = {.run_id = 1, .artifact_hash = "00", .tries = 1};
        if (strcmp(key.text, score.text) == 0) o.n_metrics = 1, o.metric = &macs;
        cr_assert_eq(store_stage_done(s, &key, &o, NULL), OK);
    }
    cr_assert_eq(store_trial_done(s, trial, NULL), OK);
    cr_expect_str_eq(measured_by(PICK_FASTEST, "size", "size"), "least macs");
}

Test(pick_question, what_nothing_measures_is_said)
{
    picks p;
    err e = {0};
    add_trials();
    cr_expect_eq(picks_ask(s, &(picks_question){.rule = PICK_FASTEST}, &scratch, &p, &e),
                 ERR_INPUT);
    cr_expect_not_null(strstr(e.msg, "no latency"), "%s", e.msg);
}

Test(pick_question, other_trials_do_not_take_part)
{
    static const int64_t two[] = {2, 1};
    add_trials();
    pick p = asked(&(picks_question){.trial = two, .n = 2});
    cr_expect_eq(p.trial, 2);
    cr_expect_eq(p.n_feasible, 2);
    cr_expect_eq(asked(&(picks_question){.trial = two, .n = 0}).kind, PICK_NONE);
}

Test(pick_question, a_version_of_ones_own_is_answered)
{
    static const store_limit limits[] = {{"size", LIMIT_LE, 100, "<= 100 B"}};
    static const store_version own = {"given", "", 1, limits};
    add_trials();
    pick p = asked(&(picks_question){.version = &own, .n_versions = 1});
    cr_expect_eq(p.trial, 4);
    cr_expect_eq(p.limit[0].margin, 0);
    cr_expect(p.met);
}

/* With a confidence, replicated trials come first and figures are means over seeds: of three configurations that
 * of two seeds is taken though another file is smaller. Seeds are those of all trials, not of the chosen ones alone. */
Test(pick_question, means_over_seeds_stay_with_their_trials_when_some_are_left_out)
{
    store_space space = fake_space(1);
    store_run run = fake_run_row();
    int64_t id;
    run.confidence = 0.5;
    cr_assert_eq(store_start_run(s, &space, &run, &id, NULL), OK);
    fake_trial(s, 1, &(fake_figures){0.49, 1.0, 1000, 0, 0});
    for (uint64_t seed = 1; seed <= 2; seed++) {
        int64_t t = fake_add(s, 2, seed);
        fake_finish(s, t, 2, seed, &(fake_figures){0.40, 1.0, 1500 + 10.0 * (double)seed, 0, 0});
    }
    fake_trial(s, 3, &(fake_figures){0.45, 1.0, 1200, 0, 0});
    static const int64_t last[] = {3, 4};
    pick p = asked(&(picks_question){.trial = last, .n = 2});
    cr_expect_eq(p.trial, 3);
    p = asked(&(picks_question){.trial = last, .n = 2, .rule = PICK_SMALLEST});
    cr_expect_eq(p.trial, 3, "replicated before small");
}

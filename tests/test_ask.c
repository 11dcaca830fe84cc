#include "store/ask.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "support/fake_results.h"

static store *s;
static arena scratch;
static store_space space;

static void set_up(void)
{
    space = fake_space(1);
    s = fake_open();
}

static void tear_down(void)
{
    store_close(s);
    arena_free(&scratch);
    fake_remove();
}

TestSuite(ask, .init = set_up, .fini = tear_down);

static bool says(const err *e, const char *text)
{
    return strstr(e->msg, text) != NULL;
}

Test(ask, versions_and_metrics_are_found_by_name_or_nearly)
{
    const store_version *v;
    const store_metric_info *m;
    err e = {0};
    cr_assert(eq(int, ask_version(&space, "b", &scratch, &v, &e), OK));
    cr_expect(strcmp(v->title, "second") == 0);
    cr_expect(eq(int, ask_version(&space, "zz", &scratch, &v, &e), ERR_INPUT));
    cr_expect(says(&e, "no version 'zz'; it has a, b"), "%s", e.msg);
    e = (err){0};
    cr_assert(eq(int, ask_metric(&space, "size", "x", &scratch, &m, &e), OK));
    cr_expect(strcmp(m->unit, "B") == 0);
    cr_expect(eq(int, ask_metric(&space, "T_mea", "--x", &scratch, &m, &e), ERR_INPUT));
    cr_expect(says(&e, "--x: this study has no metric 'T_mea'; did you mean 'T_mae'?"), "%s",
              e.msg);
    e = (err){0};
    cr_expect(eq(int, ask_metric(&space, "nothing like it", "--x", &scratch, &m, &e), ERR_INPUT));
    cr_expect(says(&e, "lists them"), "%s", e.msg);
}

/* Version a: T_mae < 0.5, RH_mae < 1.8, size < 2000. */
Test(ask, a_given_limit_replaces_that_of_its_metric_and_side)
{
    const opt_list given = {3, {"size<=1 kB", "T_mae >= 0.1 °C", "n_params < 500"}};
    store_version v;
    err e = {0};
    cr_assert(eq(int, ask_limits(&space, &space.version[0], &given, &scratch, &v, &e), OK), "%s",
              e.msg);
    cr_assert(eq(int, v.n_limits, 5));
    cr_expect(strcmp(v.name, "a") == 0);
    cr_expect(strcmp(v.limit[0].text, "< 0.5 °C") == 0, "the upper side of T_mae stays");
    cr_expect(strcmp(v.limit[1].metric, "RH_mae") == 0);
    cr_expect(strcmp(v.limit[2].metric, "size") == 0 && v.limit[2].bound == 1000 &&
              v.limit[2].op == LIMIT_LE);
    cr_expect(strcmp(v.limit[3].metric, "T_mae") == 0 && v.limit[3].op == LIMIT_GE);
    cr_expect(v.limit[4].bound == 500);
    cr_assert(eq(int, ask_limits(&space, NULL, &given, &scratch, &v, &e), OK));
    cr_expect(v.n_limits == 3 && strcmp(v.name, "given") == 0);
}

Test(ask, a_limit_that_cannot_be_read_says_how_to_write_it)
{
    static const struct {
        const char *limit, *says;
    } cases[] = {{"size", "write it as in 'size < 20 kB'"},
                 {"< 3", "write it as in"},
                 {"", "write it as in"},
                 {"sise < 3", "did you mean 'size'?"},
                 {"size < 3 KB", "kB"},
                 {"size < big", "--limit 'size < big'"},
                 {"T_mae < 3 kB", "--limit 'T_mae < 3 kB'"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const opt_list given = {1, {cases[i].limit}};
        store_version v;
        err e = {0};
        cr_expect(eq(int, ask_limits(&space, NULL, &given, &scratch, &v, &e), ERR_INPUT), "%s",
                  cases[i].limit);
        cr_expect(says(&e, cases[i].says), "%s: %s", cases[i].limit, e.msg);
    }
}

Test(ask, objectives_take_their_direction_from_the_study_the_metric_or_the_word)
{
    store_metric_info metrics[] = {{"size", "B", "", STORE_LOWER},
                                   {"accuracy", "%", "", STORE_HIGHER},
                                   {"sparsity", "%", "", STORE_NEITHER},
                                   {"odd", "", "", STORE_LOWER}};
    store_objective own[] = {{"odd", true}};
    store_space other = space;
    const store_objective *o;
    int n;
    err e = {0};
    other.metric = metrics;
    other.n_metrics = 4;
    other.objective = own;
    other.n_objectives = 1;
    cr_assert(
        eq(int,
           ask_objectives(&other, "accuracy, size,odd,sparsity:max,size:max", &scratch, &o, &n, &e),
           OK),
        "%s", e.msg);
    cr_assert(eq(int, n, 5));
    cr_expect(o[0].maximize && !o[1].maximize && o[2].maximize && o[3].maximize && o[4].maximize);
    cr_assert(eq(int, ask_objectives(&other, NULL, &scratch, &o, &n, &e), OK));
    cr_expect(n == 1 && o == own);
    cr_expect(eq(int, ask_objectives(&other, "sparsity", &scratch, &o, &n, &e), ERR_INPUT));
    cr_expect(says(&e, "sparsity:min or sparsity:max"), "%s", e.msg);
    e = (err){0};
    cr_expect(eq(int, ask_objectives(&other, "size:least", &scratch, &o, &n, &e), ERR_INPUT));
    cr_expect(says(&e, "should end in :min or :max"), "%s", e.msg);
    e = (err){0};
    cr_expect(eq(int, ask_objectives(&other, " , ", &scratch, &o, &n, &e), ERR_INPUT));
    cr_expect(says(&e, "the list is empty"), "%s", e.msg);
    other.n_objectives = 0;
    cr_expect(eq(int, ask_objectives(&other, NULL, &scratch, &o, &n, NULL), ERR_INPUT));
}

Test(ask, trials_come_by_filter_or_by_number)
{
    int64_t *trial, one;
    int n;
    err e = {0};
    for (int i = 1; i <= 3; i++) fake_trial(s, i, &(fake_figures){i / 10.0, 1, 100.0 * i, 0, 0});
    int64_t waiting = fake_add(s, 9, 1);
    cr_assert(eq(int, ask_filter(s, "T_mae > 0.15", &scratch, &trial, &n, &e), OK));
    cr_expect(n == 2 && trial[0] == 2 && trial[1] == 3);
    cr_assert(eq(int, ask_filter(s, NULL, &scratch, &trial, &n, &e), OK));
    cr_expect(trial == NULL);
    cr_assert(eq(int, ask_filter(s, "T_mae > 5", &scratch, &trial, &n, &e), OK));
    cr_expect(trial != NULL && n == 0);
    cr_expect(eq(int, ask_filter(s, "T_mea > 5", &scratch, &trial, &n, &e), ERR_INPUT));
    cr_assert(eq(int, ask_trial(s, "4", &one, NULL), OK), "in any state");
    cr_expect(one == waiting);
    static const char *const wrong[] = {"5", "0", "-1", "x", "3x", "", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect(eq(int, ask_trial(s, wrong[i], &one, NULL), ERR_INPUT), "'%s'", wrong[i]);
}

Test(ask, a_query_of_chosen_trials_and_metrics_shows_these)
{
    static const int64_t chosen[] = {3, 1, 77};
    static const char *const metric[] = {"size"};
    table t;
    err e = {0};
    for (int i = 1; i <= 3; i++) fake_trial(s, i, &(fake_figures){i / 10.0, 1, 100.0 * i, 0, 0});
    cr_assert(eq(int,
                 store_trials(s,
                              &(store_query){.trial = chosen,
                                             .n_trials = 3,
                                             .metric = metric,
                                             .n_metrics = 1,
                                             .sort = "size",
                                             .descending = true},
                              &scratch, &t, &e),
                 OK),
              "%s", e.msg);
    cr_assert(eq(int, t.n_columns, 4), "trial, two knobs, size");
    cr_assert(eq(int, t.n_rows, 2));
    cr_expect(eq(dbl, t.cells[0].number, 3));
    cr_expect(eq(dbl, t.cells[3].number, 300));
    cr_expect(eq(dbl, t.cells[4].number, 1));
}

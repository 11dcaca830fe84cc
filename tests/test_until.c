#include "search/until.h"
#include "tests/support/fake_results.h"
#include "tests/support/space_files.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static store *s;
static arena a;

static void set_up(void)
{
    arena_init(&a, 0);
    s = fake_open();
}

static void tear_down(void)
{
    store_close(s);
    arena_free(&a);
    fake_remove();
}

TestSuite(until, .init = set_up, .fini = tear_down);

/* The versions of fake_space: a has T_mae < 0.5, RH_mae < 1.8, size < 2 kB; b T_mae < 0.1, size < 1 kB. */
static until aiming_at(const char *aim)
{
    const char *set = arena_printf(&a, "search.aim=%s", aim);
    const space *read = space_of(&a,
                                 "space: 1\ntask: forecast\ndata: {source: synthetic-climate}\n"
                                 "model: {architecture: mlp}\ntrain: {epochs: 5}\n"
                                 "search: {until: met}\n"
                                 "versions: {a: {T_mae: \"< 0.5 °C\"}, b: {T_mae: \"< 0.1 °C\"}}\n"
                                 "objectives: {T_mae: minimize}\n",
                                 1, &set);
    return (until){.space = read, .results = s};
}

static bool is_met(const char *aim, const int64_t *trial, int n_known)
{
    until u = aiming_at(aim);
    history h = {.n = 9, .n_known = n_known};
    bool enough;
    err e = {0};
    cr_assert(eq(int, until_met(&u, &h, trial, &enough, &e), OK), "%s", e.msg);
    return enough;
}

Test(until, only_trials_that_may_be_known_count)
{
    int64_t trial[3];
    trial[0] = fake_trial(s, 0, &(fake_figures){0.6, 1, 900, 0, 0});
    trial[2] =
        fake_trial(s, 1, &(fake_figures){0.4, 1, 900, 0, 0}); /* an earlier row, known later */
    trial[1] = fake_trial(s, 2, &(fake_figures){0.7, 1, 900, 0, 0});
    cr_expect(not(is_met("a", trial, 0)));
    cr_expect(not(is_met("a", trial, 1)));
    cr_expect(not(is_met("a", trial, 2)));
    cr_expect(is_met("a", trial, 3));
}

Test(until, every_version_aimed_at_must_be_met)
{
    int64_t trial[2];
    trial[0] = fake_trial(s, 0, &(fake_figures){0.4, 1, 900, 0, 0});
    cr_expect(is_met("a", trial, 1));
    cr_expect(not(is_met("b", trial, 1)));
    cr_expect(not(is_met("versions", trial, 1)));
    trial[1] = fake_trial(s, 1, &(fake_figures){0.05, 1, 900, 0, 0});
    cr_expect(is_met("versions", trial, 2));
}

Test(until, test_figures_decide_nothing)
{
    int64_t trial[2];
    trial[0] = fake_trial(s, 0, &(fake_figures){0.4, 1, 900, 0.55, 1});
    cr_expect(is_met("a", trial, 1), "kept on validation figures, missed on test figures");
    trial[1] = fake_trial(s, 1, &(fake_figures){0.2, 1, 900, 0.05, 1});
    cr_expect(not(is_met("b", trial, 2)), "missed on validation figures, kept on test figures");
}

#include "report/volume.h"
#include "tests/support/fake_results.h"

#include <criterion/criterion.h>
#include <math.h>

static store *s;
static arena a;
static int64_t candidate;

static void open_study(void)
{
    store_space space = fake_space(0);
    store_run run = fake_run_row();
    int64_t id;
    cr_assert_eq(store_open(fake_path(), STORE_WRITE, &s, NULL), OK);
    cr_assert_eq(store_start_run(s, &space, &run, &id, NULL), OK);
    arena_init(&a, 0);
    candidate = 0;
}

static void close_study(void)
{
    store_close(s);
    arena_free(&a);
    fake_remove();
}

TestSuite(volume, .init = open_study, .fini = close_study);

static void add(double T, double RH, double size)
{
    fake_trial(s, candidate++, &(fake_figures){T, RH, size, 0, 0});
}

static front_volume volume(void)
{
    front_volume v;
    store_space space;
    err e = {0};
    cr_assert_eq(store_last_space(s, &a, &space, &e), OK, "%s", e.msg);
    cr_assert_eq(front_volume_read(s, &space, &a, &v, &e), OK, "%s", e.msg);
    return v;
}

Test(volume, is_the_dominated_share_of_the_box_of_all_trials)
{
    add(0.1, 1, 300); /* best in two, worst in size: it dominates a side of the box, no volume */
    add(0.2, 2, 100); /* halfway in two, best in size: a quarter */
    add(0.3, 3, 300);
    front_volume v = volume();
    cr_expect_eq(v.n_trials, 3);
    cr_expect_eq(v.n_front, 2);
    cr_expect_float_eq(v.share, 0.25, 1e-12);
    cr_expect(v.best[0] == 0.1 && v.worst[0] == 0.3 && v.best[2] == 100 && v.worst[2] == 300);
    add(0.1, 1, 200); /* adds the lower half but for the quarter's part: 0.5 - 0.125 */
    cr_expect_float_eq(volume().share, 0.25 + 0.5 - 0.125, 1e-12);
}

Test(volume, trials_with_missing_figures_do_not_count)
{
    add(0.1, 1, 300);
    add(0.3, 3, 100);
    add(NAN, 2, 50);
    front_volume v = volume();
    cr_expect_eq(v.n_trials, 2);
    cr_expect_eq(v.best[2], 100);
}

Test(volume, a_box_without_volume_has_no_share)
{
    cr_expect(isnan(volume().share), "no trials");
    add(0.1, 1, 300);
    cr_expect(isnan(volume().share), "one trial");
    add(0.2, 2, 300);
    cr_expect(isnan(volume().share), "one size");
}

#include "store/verdict.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

#include "engine/base/chance.h"
#include "engine/base/rng.h"

static verdict_sample sample(int n, const double *figure)
{
    verdict_sample s = {0};
    for (int i = 0; i < n; i++) verdict_add(&s, figure[i]);
    return s;
}

/* 91, 93: mean 92, squares 2. 90, 91, 95: mean 92, squares 4 + 1 + 9. One figure tells nothing of a spread. */
Test(verdict, pools_the_spread_over_configurations_with_several_trainings)
{
    verdict_sample s[] = {sample(2, (double[]){91, 93}), sample(3, (double[]){90, 91, 95}),
                          sample(1, (double[]){50})};
    verdict_spread p = verdict_pool(s, 3);
    cr_expect(epsilon_eq(dbl, s[1].mean, 92, 1e-12));
    cr_expect(eq(int, p.df, 3));
    cr_expect(epsilon_eq(dbl, p.sigma, sqrt(16.0 / 3), 1e-12));
    cr_expect(eq(int, verdict_pool(&s[2], 1).df, 0));
}

/* t(0.975, 3) = 3.182446; error of the mean of two sqrt(16/3/2). */
Test(verdict, interval_is_students)
{
    verdict_sample s = sample(2, (double[]){91, 93});
    verdict_spread p = {sqrt(16.0 / 3), 3};
    verdict_interval i = verdict_mean_interval(&s, &p, 0.95);
    cr_expect(epsilon_eq(dbl, i.high, 92 + 3.182446 * sqrt(8.0 / 3), 1e-5));
    cr_expect(epsilon_eq(dbl, i.low, 92 - 3.182446 * sqrt(8.0 / 3), 1e-5));
    s.set_variance = 1;
    i = verdict_mean_interval(&s, &p, 0.95);
    cr_expect(epsilon_eq(dbl, i.high, 92 + 3.182446 * sqrt(8.0 / 3 + 1), 1e-5));
    p.df = 0;
    cr_expect(isinf(verdict_mean_interval(&s, &p, 0.95).high));
}

/* 720 of 800: (722/804) (82/804) / 804, in percent squared: 1.067 points. */
Test(verdict, a_set_of_800_clips_is_one_point_wide)
{
    double v = verdict_set_variance(90, 800, 100);
    cr_expect(epsilon_eq(dbl, v, 1e4 * 722.0 / 804 * 82 / 804 / 804, 1e-9));
    cr_expect(epsilon_eq(dbl, sqrt(v), 1.067, 1e-3));
    cr_expect(gt(dbl, verdict_set_variance(100, 50, 100), 0));
}

static verdict_chances judge(const verdict_sample *s, int n, double bound, bool is_upper,
                             double own)
{
    arena a;
    verdict_prior prior;
    verdict_limit limit = {is_upper, bound};
    verdict_spread p = verdict_pool(s, n);
    arena_init(&a, 0);
    cr_assert(eq(int, verdict_fit(s, n, &p, &limit, &a, &prior, NULL), OK));
    verdict_chances c = verdict_judge(&prior, &s[0], &p, &limit, own);
    double again = verdict_mean_chance(&prior, &s[0], &p, &limit);
    cr_expect(isnan(c.mean) ? isnan(again) : again == c.mean);
    arena_free(&a);
    return c;
}

/* Twenty configurations, four trainings each, of one true mean but for the first. */
static void make_field(verdict_sample *s, double first, double others, double sign)
{
    static const double luck[] = {-0.9, -0.3, 0.3, 0.9};
    for (int i = 0; i < 20; i++) {
        s[i] = (verdict_sample){0};
        for (int k = 0; k < 4; k++) verdict_add(&s[i], sign * ((i ? others : first) + luck[k]));
    }
}

Test(verdict, chances_go_with_room_and_mirror)
{
    verdict_sample s[20];
    double last = -1;
    for (double first = 88; first <= 92; first += 0.5) {
        make_field(s, first, 90.2, 1);
        verdict_chances c = judge(s, 20, 90, false, first + 0.9);
        cr_expect(gt(dbl, c.mean, last), "%g", first);
        cr_expect(c.mean >= 0 && c.mean <= 1 && c.fresh >= 0 && c.fresh <= 1);
        last = c.mean;
        make_field(s, first, 90.2, -1);
        verdict_chances m = judge(s, 20, -90, true, -first - 0.9);
        cr_expect(epsilon_eq(dbl, m.mean, c.mean, 1e-9), "%g", first);
        cr_expect(epsilon_eq(dbl, m.fresh, c.fresh, 1e-9), "%g", first);
    }
    cr_expect(gt(dbl, last, 0.95));
}

/* The same figures are worth less where all others are worse: more likely luck. */
Test(verdict, the_best_of_a_poor_field_is_doubted_more)
{
    verdict_sample good[20], poor[20];
    make_field(good, 90.6, 91, 1);
    make_field(poor, 90.6, 88, 1);
    verdict_chances in_good = judge(good, 20, 90, false, 90.6),
                    in_poor = judge(poor, 20, 90, false, 90.6);
    cr_expect(gt(dbl, in_good.mean, in_poor.mean + 0.02));
}

/* Whose mean is 92 for certain, with trainings spread by 0.775 around it, keeps 91 in a fresh training with the
 * chance of t = 1 / 0.775. */
Test(verdict, a_fresh_training_has_the_spread_of_trainings)
{
    verdict_sample s[20];
    make_field(s, 92, 92, 1);
    s[0].n = 1000000;
    verdict_spread p = {0.775, 100000};
    verdict_limit limit = {false, 91};
    verdict_prior prior;
    arena a;
    arena_init(&a, 0);
    cr_assert(eq(int, verdict_fit(s, 20, &p, &limit, &a, &prior, NULL), OK));
    verdict_chances c = verdict_judge(&prior, &s[0], &p, &limit, 91.2);
    cr_expect(epsilon_eq(dbl, c.fresh, chance_normal(1 / 0.775), 0.01));
    cr_expect(epsilon_eq(dbl, c.file, 1, 1e-12), "without a set's error a file's figure is known");
    cr_expect(eq(dbl, verdict_judge(&prior, &s[0], &p, &limit, 90.9).file, 0));
    s[0].set_variance =
        0.775 * 0.775; /* as wide as the luck of a training: in the middle of 92 and 91.2 */
    s[0].n = 1;
    s[0].squares = 0;
    c = verdict_judge(&prior, &s[0], &p, &limit, 91.2);
    cr_expect(epsilon_eq(dbl, c.file, chance_normal(0.6 / (0.775 / sqrt(2))), 0.03));
    arena_free(&a);
}

Test(verdict, without_replicates_everything_is_unknown)
{
    verdict_sample s[] = {sample(1, (double[]){91}), sample(1, (double[]){93})};
    verdict_chances c = judge(s, 2, 90, false, 91);
    cr_expect(isnan(c.mean) && isnan(c.fresh) && isnan(c.file));
}

Test(verdict, several_chances_hold_together_at_least_with_booles)
{
    cr_expect(epsilon_eq(dbl, verdict_all((double[]){0.98, 0.97}, 2), 0.95, 1e-12));
    cr_expect(eq(dbl, verdict_all((double[]){0.3, 0.3}, 2), 0));
    cr_expect(eq(dbl, verdict_all(NULL, 0), 1));
    cr_expect(isnan(verdict_all((double[]){0.3, (double)NAN}, 2)));
}

#include "engine/base/chance.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

/* Values of tables: Abramowitz & Stegun 26.1 and 26.10. */
Test(chance, agrees_with_printed_tables)
{
    cr_expect(epsilon_eq(dbl, chance_normal(1.96), 0.9750021, 1e-7));
    cr_expect(epsilon_eq(dbl, chance_normal(-3), 0.0013499, 1e-7));
    cr_expect(epsilon_eq(dbl, chance_t_quantile(0.975, 1), 12.7062, 1e-4));
    cr_expect(epsilon_eq(dbl, chance_t_quantile(0.975, 4), 2.776445, 1e-6));
    cr_expect(epsilon_eq(dbl, chance_t_quantile(0.95, 10), 1.812461, 1e-6));
    cr_expect(epsilon_eq(dbl, chance_t_quantile(0.05, 10), -1.812461, 1e-6));
}

/* With whole a and b the incomplete beta function is a sum of binomial terms. */
Test(chance, beta_equals_the_binomial_tail)
{
    for (int n = 1; n <= 30; n++)
        for (int k = 1; k <= n; k++)
            for (double x = 0.05; x < 1; x += 0.15) {
                double tail = 0;
                for (int j = k; j <= n; j++)
                    tail += exp(lgamma(n + 1.0) - lgamma(j + 1.0) - lgamma(n - j + 1.0)) *
                            pow(x, j) * pow(1 - x, n - j);
                cr_assert(epsilon_eq(dbl, chance_beta(x, k, n - k + 1), tail, 1e-11), "%d %d %g", n,
                          k, x);
            }
}

/* t with one degree is Cauchy's: 1/2 + atan(t)/pi; with many it is the normal. */
Test(chance, t_has_its_two_limits)
{
    for (double t = -5; t <= 5; t += 0.5) {
        cr_expect(epsilon_eq(dbl, chance_t(t, 1), 0.5 + atan(t) / acos(-1), 1e-12), "%g", t);
        cr_expect(epsilon_eq(dbl, chance_t(t, 1e7), chance_normal(t), 1e-6), "%g", t);
        cr_expect(eq(dbl, chance_t(t, (double)INFINITY), chance_normal(t)));
    }
    cr_expect(isnan(chance_t((double)NAN, 3)));
}

Test(chance, quantiles_turn_chances_back)
{
    for (double p = 0.01; p < 1; p += 0.07) {
        cr_expect(epsilon_eq(dbl, chance_t(chance_t_quantile(p, 2.5), 2.5), p, 1e-12));
        cr_expect(
            epsilon_eq(dbl, chance_beta(chance_beta_quantile(p, 90.5, 9.5), 90.5, 9.5), p, 1e-12));
    }
}

/* Brown, Cai & DasGupta: the ends are quantiles of Beta(90.5, 10.5). */
Test(chance, share_interval_is_jeffreyss)
{
    double low, high;
    chance_share_interval(90, 100, 0.95, &low, &high);
    cr_expect(epsilon_eq(dbl, chance_beta(low, 90.5, 10.5), 0.025, 1e-12));
    cr_expect(epsilon_eq(dbl, chance_beta(high, 90.5, 10.5), 0.975, 1e-12));
    cr_expect(epsilon_eq(dbl, low, 0.8302, 2e-3));
    cr_expect(epsilon_eq(dbl, high, 0.9480, 2e-3));
    chance_share_interval(100, 100, 0.95, &low, &high);
    cr_expect(eq(dbl, high, 1));
    cr_expect(gt(dbl, low, 0.97));
    chance_share_interval(0, 100, 0.95, &low, &high);
    cr_expect(eq(dbl, low, 0));
}

/* Distributions that verdicts need: normal, Student's t, beta.
 *
 * Each function is the chance that a variable is at most x, or the x below which it lies with a given
 * chance. Accurate to 1e-12 over the ranges that counts and figures have; NaN in gives NaN out. */
#ifndef PARETUNE_ENGINE_BASE_CHANCE_H
#define PARETUNE_ENGINE_BASE_CHANCE_H

double chance_normal(double z);
/* Student's t with `df` > 0 degrees of freedom, which need not be whole; infinite: the normal. */
double chance_t(double t, double df);
/* `p` in (0, 1). */
double chance_t_quantile(double p, double df);
/* The regularised incomplete beta function I_x(a, b), a and b > 0. */
double chance_beta(double x, double a, double b);
double chance_beta_quantile(double p, double a, double b);

/* Jeffreys's interval for a share of which `k` of `n` were counted: the central `confidence` of Beta(k + 1/2, n -
 * k + 1/2), with the ends 0 and 1 where nothing or all was counted (Brown, Cai & DasGupta, Statistical Science 16,
 * 2001, which finds its coverage near the nominal one even for shares close to 1). */
void chance_share_interval(double k, double n, double confidence, double *low, double *high);

#endif

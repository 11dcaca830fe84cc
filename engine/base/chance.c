#include "engine/base/chance.h"

#include <math.h>

double chance_normal(double z)
{
    return 0.5 * erfc(-z / sqrt(2));
}

/* The continued fraction of the incomplete beta function (Abramowitz & Stegun 26.5.8) by the method of Lentz,
 * with numerators a_2m = m (b-m) x / ((a+2m-1)(a+2m)) and
 * a_2m+1 = -(a+m)(a+b+m) x / ((a+2m)(a+2m+1)). It converges fast for x < (a+1)/(a+b+2). */
static double beta_fraction(double x, double a, double b)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 / fmax(1 - (a + b) * x / (a + 1), tiny), sum = d;
    for (int m = 1; m < 10000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 + even * d;
        c = 1 + even / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        sum *= d * c;
        d = 1 + odd * d;
        c = 1 + odd / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        sum *= d * c;
        if (fabs(d * c - 1) < 1e-15) break;
    }
    return sum;
}

double chance_beta(double x, double a, double b)
{
    if (isnan(x) || x <= 0) return isnan(x) ? x : 0;
    if (x >= 1) return 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(x, a, b) / a;
    return 1 - front * beta_fraction(1 - x, b, a) / b;
}

double chance_t(double t, double df)
{
    if (isinf(df)) return chance_normal(t);
    double tail = 0.5 * chance_beta(df / (df + t * t), df / 2, 0.5);
    return t > 0 ? 1 - tail : tail;
}

double chance_t_quantile(double p, double df)
{
    double low = -1, high = 1;
    while (chance_t(low, df) > p) low *= 2;
    while (chance_t(high, df) < p) high *= 2;
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        *(chance_t(middle, df) < p ? &low : &high) = middle;
    }
    return (low + high) / 2;
}

double chance_beta_quantile(double p, double a, double b)
{
    double low = 0, high = 1;
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        *(chance_beta(middle, a, b) < p ? &low : &high) = middle;
    }
    return (low + high) / 2;
}

void chance_share_interval(double k, double n, double confidence, double *low, double *high)
{
    double tail = (1 - confidence) / 2, a = k + 0.5, b = n - k + 0.5;
    *low = k <= 0 ? 0 : chance_beta_quantile(tail, a, b);
    *high = k >= n ? 1 : chance_beta_quantile(1 - tail, a, b);
}

/* Verdicts on made-up fields of candidates whose true means are known: of what is claimed at 95 %, 95 % must be true. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

#include "engine/base/rng.h"
#include "store/verdict.h"

/* A true mean, in deviations of a training; the limit is at 0, more is better. */
typedef double truth(rng *r);

static double normal(rng *r)
{
    return -2 + 2 * (double)rng_normal(r);
}

static double exponential_tail(rng *r)
{
    return -4 - log(1 - rng_double(r));
}

static double heavy_tail(rng *r)
{
    double scale = sqrt(-log(1 - rng_double(r)));
    return -3 + 0.7 * (double)rng_normal(r) / scale;
}

static double two_clusters(rng *r)
{
    double off = 0.7 * (double)rng_normal(r);
    return rng_double(r) < 0.25 ? off - 0.5 : off - 5;
}

/* Evenly spread up to an edge, beyond which a candidate's peculiarity carries 1 in 200. */
static double soft_edge(rng *r)
{
    return -0.5 - 9 * rng_double(r) + 0.7 * (double)rng_normal(r);
}

static double far_above(rng *r)
{
    return 8 + (double)rng_normal(r);
}

static double far_below(rng *r)
{
    return -20 + 2 * (double)rng_normal(r);
}

/* So many candidates with `n_even` trainings each; then, one by one, further ones of the best-looking up to 8. */
typedef struct {
    truth *of;
    int n, n_even, n_further;
    bool is_upper;
    int n_studies;
    int n_claims, n_true; /* counted */
} field;

enum { MOST = 120 };

static void train(verdict_sample *s, double mean, bool is_upper, rng *r)
{
    double figure = mean + (double)rng_normal(r);
    verdict_add(s, is_upper ? -figure : figure);
}

static int find_leader(const field *f, const verdict_sample *s)
{
    int leader = -1;
    for (int i = 0; i < f->n; i++) {
        if (s[i].n == 8) continue;
        if (leader < 0 || (f->is_upper ? s[i].mean < s[leader].mean : s[i].mean > s[leader].mean))
            leader = i;
    }
    return leader;
}

static void make_study(const field *f, uint64_t study, verdict_sample *s, double *mean)
{
    rng r = rng_stream(study, RNG_TEST, (uint64_t)f->n);
    for (int i = 0; i < f->n; i++) {
        s[i] = (verdict_sample){0};
        mean[i] = f->of(&r);
        for (int k = 0; k < f->n_even; k++) train(&s[i], mean[i], f->is_upper, &r);
    }
    for (int k = 0; k < f->n_further; k++) {
        int leader = find_leader(f, s);
        train(&s[leader], mean[leader], f->is_upper, &r);
    }
}

/* Of what breaks the limit nothing is claimed: with 50 % at most. */
static bool breaks(const field *f, const verdict_sample *s)
{
    return f->is_upper ? s->mean > 0 : s->mean < 0;
}

static void judge_study(field *f, const verdict_sample *s, const double *mean, arena *a)
{
    verdict_spread spread = verdict_pool(s, f->n);
    verdict_limit limit = {f->is_upper, 0};
    verdict_prior prior;
    double most = 0;
    int pick = -1;
    cr_assert(eq(int, verdict_fit(s, f->n, &spread, &limit, a, &prior, NULL), OK));
    for (int i = 0; i < f->n; i++) {
        if (s[i].n < VERDICT_FEWEST || breaks(f, &s[i])) continue;
        double chance = verdict_mean_chance(&prior, &s[i], &spread, &limit);
        if (!(chance > most)) continue;
        most = chance;
        pick = i;
    }
    if (most < 0.95) return;
    f->n_claims++;
    f->n_true += mean[pick] > 0;
}

static void run(field *f)
{
    verdict_sample s[MOST];
    double mean[MOST];
    arena a;
    arena_init(&a, 0);
    for (int i = 0; i < f->n_studies; i++) {
        arena_mark_t mark = arena_mark(&a);
        make_study(f, (uint64_t)i, s, mean);
        judge_study(f, s, mean, &a);
        arena_release(&a, mark);
    }
    arena_free(&a);
}

/* No fewer true ones than 99 of 100 samples of so many claims would have, were each true with 95 %; and enough claims to
 * notice. */
static void expect_calibrated(field f, int fewest_claims)
{
    run(&f);
    double n = f.n_claims, slack = 2.326 * sqrt(n * 0.95 * 0.05);
    cr_expect(ge(int, f.n_claims, fewest_claims), "%d of %d claims true", f.n_true, f.n_claims);
    cr_expect(f.n_true >= 0.95 * n - slack, "%d of %d claims true", f.n_true, f.n_claims);
}

Test(verdict_fields, claims_hold_in_a_normal_field)
{
    expect_calibrated(
        (field){.of = normal, .n = 100, .n_even = 1, .n_further = 30, .n_studies = 200}, 100);
    expect_calibrated((field){.of = normal, .n = 8, .n_even = 4, .n_studies = 1000}, 150);
}

Test(verdict_fields, claims_hold_with_an_exponential_tail)
{
    expect_calibrated((field){.of = exponential_tail, .n = 40, .n_even = 4, .n_studies = 800}, 50);
}

Test(verdict_fields, claims_hold_with_a_heavy_tail)
{
    expect_calibrated((field){.of = heavy_tail, .n = 40, .n_even = 4, .n_studies = 400}, 60);
}

Test(verdict_fields, claims_hold_in_two_clusters)
{
    expect_calibrated((field){.of = two_clusters, .n = 40, .n_even = 4, .n_studies = 1000}, 100);
}

Test(verdict_fields, claims_hold_where_hardly_anything_keeps_the_limit)
{
    expect_calibrated((field){.of = soft_edge, .n = 40, .n_even = 4, .n_studies = 3000}, 20);
}

Test(verdict_fields, nothing_is_claimed_far_below_a_limit_and_everything_far_above_it)
{
    field below = {.of = far_below, .n = 12, .n_even = 3, .n_studies = 100},
          above = {.of = far_above, .n = 3, .n_even = 3, .n_studies = 100, .is_upper = true};
    run(&below);
    cr_expect(eq(int, below.n_claims, 0));
    run(&above);
    cr_expect(eq(int, above.n_claims, 100));
    cr_expect(eq(int, above.n_true, 100));
}

/* The same figures, turned: not a claim more or less. */
Test(verdict_fields, a_limit_from_above_is_the_mirror_image)
{
    field up = {.of = two_clusters, .n = 40, .n_even = 2, .n_further = 20, .n_studies = 200},
          down = up;
    down.is_upper = true;
    run(&up);
    run(&down);
    cr_expect(gt(int, up.n_claims, 10));
    cr_expect(eq(int, up.n_claims, down.n_claims));
    cr_expect(eq(int, up.n_true, down.n_true));
}

/* Trainings that repeat to the bit: what keeps the limit does so for certain. */
Test(verdict_fields, without_any_luck_the_figures_decide)
{
    verdict_sample s[4];
    verdict_prior prior;
    verdict_limit limit = {false, 90};
    arena a;
    arena_init(&a, 0);
    for (int i = 0; i < 4; i++) s[i] = (verdict_sample){.n = 2, .mean = 88.5 + i};
    verdict_spread spread = verdict_pool(s, 4);
    cr_assert(eq(int, verdict_fit(s, 4, &spread, &limit, &a, &prior, NULL), OK));
    cr_expect(gt(dbl, verdict_mean_chance(&prior, &s[2], &spread, &limit), 0.999));
    cr_expect(lt(dbl, verdict_mean_chance(&prior, &s[1], &spread, &limit), 0.001));
    arena_free(&a);
}

#include "search/gp.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

#include "engine/base/rng.h"

enum { N_POINTS = 60, N_DIMS = 3, N_ROWS = 40, N_WATCHED = 20 };

typedef struct {
    float x[N_DIMS * N_POINTS];
    int group[N_DIMS], row[N_ROWS], watched[N_WATCHED];
    double y[N_ROWS];
    gp_space space;
} sample;

static void draw_sample(sample *s, uint64_t seed)
{
    rng r = rng_stream(seed, RNG_TEST, 0);
    for (int i = 0; i < N_DIMS * N_POINTS; i++) s->x[i] = rng_float(&r);
    for (int d = 0; d < N_DIMS; d++) s->group[d] = d / 2;
    for (int i = 0; i < N_ROWS; i++) {
        s->row[i] = i;
        s->y[i] = 90 + 3 * sin(4 * (double)s->x[i]) + (double)s->x[N_POINTS + i] +
                  0.1 * (double)rng_normal(&r);
    }
    for (int i = 0; i < N_WATCHED; i++) s->watched[i] = N_ROWS - 5 + i; /* some are rows */
    s->space = (gp_space){N_POINTS, N_DIMS, 2, s->x, s->group};
}

static gp *open_model(const sample *s, arena *a)
{
    gp *g;
    err e = {0};
    arena_init(a, 0);
    cr_assert(eq(int, gp_open(&s->space, N_ROWS, N_WATCHED, a, &g, &e), OK), "%s", e.msg);
    return g;
}

/* --- the naive twin: every step as in the book, by Gauss and Jordan --- */

typedef struct {
    int n;
    double r[N_ROWS][N_ROWS], inverse[N_ROWS][N_ROWS], mean, signal, eta;
    gp_scales scales;
} twin;

static double correlation(const sample *s, const gp_scales *z, int a, int b)
{
    double r2 = 0;
    for (int d = 0; d < N_DIMS; d++) {
        double gap = ((double)s->x[d * N_POINTS + a] - (double)s->x[d * N_POINTS + b]) /
                     exp(z->log_length[s->group[d]]);
        r2 += gap * gap;
    }
    double t = sqrt(5 * r2);
    return (1 + t + t * t / 3) * exp(-t);
}

static void invert(twin *t)
{
    double left[N_ROWS][N_ROWS];
    for (int i = 0; i < t->n; i++)
        for (int j = 0; j < t->n; j++) {
            left[i][j] = t->r[i][j];
            t->inverse[i][j] = i == j;
        }
    for (int c = 0; c < t->n; c++) {
        double pivot = left[c][c];
        for (int j = 0; j < t->n; j++) left[c][j] /= pivot, t->inverse[c][j] /= pivot;
        for (int i = 0; i < t->n; i++) {
            double by = left[i][c];
            for (int j = 0; i != c && j < t->n; j++) {
                left[i][j] -= by * left[c][j];
                t->inverse[i][j] -= by * t->inverse[c][j];
            }
        }
    }
}

static void fill_twin(twin *t, const sample *s, int n)
{
    t->n = n;
    t->eta = exp(t->scales.log_noise);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            t->r[i][j] = correlation(s, &t->scales, s->row[i], s->row[j]) + (i == j) * t->eta;
    invert(t);
}

static double quadratic(const twin *t, const double *u, const double *v)
{
    double sum = 0;
    for (int i = 0; i < t->n; i++)
        for (int j = 0; j < t->n; j++) sum += u[i] * t->inverse[i][j] * v[j];
    return sum;
}

static void centre(const sample *s, int n_mean, int n, double *mean, double *out)
{
    *mean = 0;
    for (int i = 0; i < n_mean; i++) *mean += s->y[i] / n_mean;
    for (int i = 0; i < n; i++) out[i] = s->y[i] - *mean;
}

/* Mean and variance (of the point's own average) at a point; y is centred. */
static double predict(const twin *t, const sample *s, const double *y, int point, double *variance)
{
    double c[N_ROWS];
    for (int i = 0; i < t->n; i++) c[i] = correlation(s, &t->scales, s->row[i], point);
    *variance = t->signal * (1 - quadratic(t, c, c) + GP_PECULIAR * t->eta);
    return t->mean + quadratic(t, c, y);
}

Test(gp, agrees_with_its_naive_twin_whether_rows_come_at_once_or_one_by_one)
{
    for (uint64_t seed = 0; seed < 5; seed++) {
        sample s;
        arena a;
        err e = {0};
        draw_sample(&s, seed);
        gp *g = open_model(&s, &a);
        const int first = 20;
        cr_assert(eq(int, gp_restart(g, s.row, s.y, first, first, 10, &e), OK), "%s", e.msg);
        cr_assert(eq(int, gp_watch(g, s.watched, N_WATCHED, &e), OK));
        for (int i = first; i < N_ROWS; i++) {
            cr_assert(eq(int, gp_add(g, s.row[i], &e), OK));
            if (i >= first + 3) gp_learn(g, s.y[i - 3]); /* three are always pending */
        }
        for (int i = N_ROWS - 3; i < N_ROWS; i++) gp_learn(g, s.y[i]);
        double y[N_ROWS], variance;
        float deviation[N_WATCHED];
        twin t = {.scales = gp_scales_of(g)};
        fill_twin(&t, &s, first);
        centre(&s, first, first, &t.mean, y);
        t.signal = quadratic(&t, y, y) / first;
        centre(&s, first, N_ROWS, &t.mean, y);
        fill_twin(&t, &s, N_ROWS);
        gp_deviation(g, deviation);
        for (int k = 0; k < N_WATCHED; k++) {
            double mean = predict(&t, &s, y, s.watched[k], &variance);
            cr_expect(epsilon_eq(dbl, (double)gp_mean(g)[k], mean, 1e-3), "seed %d, %d", (int)seed,
                      k);
            cr_expect(epsilon_eq(dbl, (double)deviation[k], sqrt(variance), 2e-3), "%d, %d",
                      (int)seed, k);
        }
        arena_free(&a);
    }
}

/* Each row is moved to the end and predicted by the twin from those before it. */
Test(gp, predicts_each_row_from_the_others)
{
    sample s, moved;
    arena a;
    err e = {0};
    draw_sample(&s, 11);
    gp *g = open_model(&s, &a);
    cr_assert(eq(int, gp_restart(g, s.row, s.y, N_ROWS, N_ROWS, 10, &e), OK), "%s", e.msg);
    double mean[N_ROWS], deviation[N_ROWS], y[N_ROWS], variance;
    cr_assert(eq(int, gp_leave_out(g, mean, deviation, &e), OK), "%s", e.msg);
    twin t = {.scales = gp_scales_of(g)};
    fill_twin(&t, &s, N_ROWS);
    centre(&s, N_ROWS, N_ROWS, &t.mean, y);
    t.signal = quadratic(&t, y, y) / N_ROWS;
    for (int i = 0; i < N_ROWS; i += 7) {
        moved = s;
        moved.row[i] = s.row[N_ROWS - 1];
        moved.y[i] = s.y[N_ROWS - 1];
        fill_twin(&t, &moved, N_ROWS - 1);
        for (int k = 0; k < N_ROWS - 1; k++) y[k] = moved.y[k] - t.mean;
        double expected = predict(&t, &moved, y, s.row[i], &variance);
        variance += t.signal * (1 - GP_PECULIAR) * t.eta;
        cr_expect(epsilon_eq(dbl, mean[i], expected, 1e-3), "row %d", i);
        cr_expect(epsilon_eq(dbl, deviation[i], sqrt(variance), 1e-3), "row %d", i);
    }
    arena_free(&a);
}

/* A point's own average lies between the smooth part and what its training gave. */
Test(gp, believes_of_rows_what_the_naive_twin_believes)
{
    sample s;
    arena a;
    err e = {0};
    draw_sample(&s, 7);
    gp *g = open_model(&s, &a);
    cr_assert(eq(int, gp_restart(g, s.row, s.y, N_ROWS, N_ROWS, 10, &e), OK), "%s", e.msg);
    double y[N_ROWS], mean[N_ROWS];
    twin t = {.scales = gp_scales_of(g)};
    fill_twin(&t, &s, N_ROWS);
    centre(&s, N_ROWS, N_ROWS, &t.mean, y);
    t.signal = quadratic(&t, y, y) / N_ROWS;
    gp_row_means(g, mean);
    for (int i = 0; i < N_ROWS; i++) {
        double c[N_ROWS];
        for (int j = 0; j < N_ROWS; j++)
            c[j] = correlation(&s, &t.scales, i, j) + (i == j) * GP_PECULIAR * t.eta;
        cr_expect(epsilon_eq(dbl, mean[i], t.mean + quadratic(&t, c, y), 1e-3), "row %d", i);
        double variance = t.signal * (c[i] - quadratic(&t, c, c));
        cr_expect(epsilon_eq(dbl, gp_row_deviation(g, i), sqrt(variance), 1e-3), "row %d", i);
    }
    arena_free(&a);
}

Test(gp, leaves_means_alone_when_a_row_without_figure_comes_and_grows_surer)
{
    sample s;
    arena a;
    err e = {0};
    float before[N_WATCHED], after[N_WATCHED], mean[N_WATCHED];
    draw_sample(&s, 3);
    gp *g = open_model(&s, &a);
    cr_assert(eq(int, gp_restart(g, s.row, s.y, 10, 10, 10, &e), OK));
    cr_assert(eq(int, gp_watch(g, s.watched, N_WATCHED, &e), OK));
    gp_deviation(g, before);
    for (int k = 0; k < N_WATCHED; k++) mean[k] = gp_mean(g)[k];
    cr_assert(eq(int, gp_add(g, s.watched[2], &e), OK));
    gp_deviation(g, after);
    cr_expect(lt(flt, after[2], before[2]));
    for (int k = 0; k < N_WATCHED; k++) {
        cr_expect(le(flt, after[k], before[k]));
        cr_expect(eq(flt, gp_mean(g)[k], mean[k]));
    }
    gp_learn(g, (double)NAN);
    for (int k = 0; k < N_WATCHED; k++) cr_expect(eq(flt, gp_mean(g)[k], mean[k]));
    arena_free(&a);
}

Test(gp, guesses_slowly_what_it_says_of_watched_points)
{
    sample s;
    arena a;
    err e = {0};
    float slowly[N_WATCHED];
    draw_sample(&s, 4);
    gp *g = open_model(&s, &a);
    cr_assert(eq(int, gp_restart(g, s.row, s.y, N_ROWS, N_ROWS - 4, 10, &e), OK));
    gp_predict(g, s.watched, N_WATCHED, slowly);
    cr_assert(eq(int, gp_watch(g, s.watched, N_WATCHED, &e), OK));
    for (int k = 0; k < N_WATCHED; k++)
        cr_expect(epsilon_eq(flt, slowly[k], gp_mean(g)[k], 1e-3F), "%d", k);
    arena_free(&a);
}

Test(gp, climbs_the_slope_that_finite_differences_show)
{
    for (uint64_t seed = 0; seed < 5; seed++) {
        sample s;
        arena a;
        err e = {0};
        double slope[3], none[3], up, down;
        draw_sample(&s, seed);
        gp *g = open_model(&s, &a);
        cr_assert(eq(int, gp_restart(g, s.row, s.y, N_ROWS, N_ROWS, 3, &e), OK));
        gp_scales at = gp_scales_of(g);
        cr_assert(eq(int, gp_posterior(g, &at, &up, slope, &e), OK), "%s", e.msg);
        for (int k = 0; k < 3; k++) {
            double *theta = k < 2 ? &at.log_length[k] : &at.log_noise;
            const double middle = *theta, step = 1e-4;
            *theta = middle + step;
            gp_posterior(g, &at, &up, none, &e);
            *theta = middle - step;
            gp_posterior(g, &at, &down, none, &e);
            *theta = middle;
            double want = (up - down) / (2 * step);
            cr_expect(epsilon_eq(dbl, slope[k], want, 1e-3 * (1 + fabs(want))),
                      "seed %d, %d: %g %g", (int)seed, k, slope[k], want);
        }
        arena_free(&a);
    }
}

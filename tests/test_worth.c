#include "search/worth.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

enum { N_POINTS = 8, N_TRIED = 6 };

static const float known[N_POINTS] = {5, 1, 8, 3, 2, 7, 4, 6};

static double reference_of(problem_metric metric, const history *h, int n_start)
{
    problem p = {.n_points = N_POINTS, .n_metrics = 1, .n_objectives = 1, .metric = &metric};
    arena a;
    err e = {0};
    double out;
    arena_init(&a, 0);
    cr_assert(eq(int, worth_reference(&p, 0, h, n_start, &a, &out, &e), OK), "%s", e.msg);
    arena_free(&a);
    return out;
}

/* In order 1 .. 8: a quarter is worse than the seventh, 7, which is 6 from the best; so it lies at 13. Turned, -8 .. -1:
 * -2, 6 from -8; so at 4. */
Test(worth, of_an_exact_metric_it_lies_behind_three_quarters_of_all_points)
{
    const history none = {0};
    problem_metric size = {.exact = true, .known = known};
    cr_expect(epsilon_eq(dbl, reference_of(size, &none, 0), 13, 1e-6));
    size.maximize = true;
    cr_expect(epsilon_eq(dbl, reference_of(size, &none, 0), 4, 1e-6));
}

Test(worth, of_points_that_are_all_alike_it_lies_behind_them)
{
    const float same[N_POINTS] = {2, 2, 2, 2, 2, 2, 2, 2};
    problem_metric size = {.exact = true, .known = same};
    double at = reference_of(size, &(history){0}, 0);
    cr_expect(at > 2 && at < 2.001, "%g", at);
}

/* Turned and in order, the first four are -90, -80, -70, -60: three quarters of the way is the last. */
Test(worth, of_a_trained_metric_it_is_that_of_the_first_results)
{
    const double value[N_TRIED] = {90, 60, 80, 70, 10, 99};
    tried of[N_TRIED];
    for (int i = 0; i < N_TRIED; i++) of[i] = (tried){.state = TRIED_DONE, .value = &value[i]};
    const problem_metric accuracy = {.maximize = true};
    history h = {N_TRIED, N_TRIED, of};
    cr_expect(eq(dbl, reference_of(accuracy, &h, 4), -60), "what came later does not count");
    h.n_known = 3;
    cr_expect(eq(dbl, reference_of(accuracy, &h, 4), -60), "-90, -80, -60");
    h.n_known = 0;
    cr_expect(isinf(reference_of(accuracy, &h, 4)), "nothing is known");
}

Test(worth, failed_trainings_have_no_say)
{
    const double value[N_TRIED] = {(double)NAN, 50, 40, 30, 20, 10};
    tried of[N_TRIED];
    for (int i = 0; i < N_TRIED; i++) of[i] = (tried){.state = TRIED_DONE, .value = &value[i]};
    of[1] = (tried){.state = TRIED_FAILED};
    const problem_metric error = {0};
    cr_expect(eq(dbl, reference_of(error, &(history){N_TRIED, N_TRIED, of}, 2), 40),
              "the first that has a figure");
}

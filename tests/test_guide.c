#include "search/guide.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

/* Suggests the number of results that it was shown, and ends after `most`. */
typedef struct {
    sampler base;
    int most;
} witness;

static status next_of_witness(sampler *self, const history *h, suggestion *out, bool *end, err *e)
{
    (void)e;
    for (int i = 0; i < h->n; i++)
        cr_assert(eq(int, h->of[i].state == TRIED_PENDING, i >= h->n_known));
    *end = h->n == ((witness *)(void *)self)->most;
    *out = (suggestion){.candidate = h->n_known, .point = h->n};
    return OK;
}

static guide *open_guide(witness *w, const problem *p, int window)
{
    guide *g;
    err e = {0};
    cr_assert(eq(int, guide_open(p, &w->base, window, &g, &e), OK), "%s", e.msg);
    return g;
}

static int ask(guide *g)
{
    suggestion s;
    int number;
    bool end;
    err e = {0};
    cr_assert(eq(int, guide_ask(g, &s, &number, &end, &e), OK), "%s", e.msg);
    return end ? -1 : (int)s.candidate;
}

static void close_one(guide *g, int number)
{
    double value[1] = {number};
    float curve[2] = {0.5F, (float)number};
    err e = {0};
    tried t = {.state = TRIED_DONE, .value = value, .curve = curve, .n_epochs = 2};
    cr_assert(eq(int, guide_tell(g, number, &t, &e), OK), "%s", e.msg);
}

Test(guide, shows_results_up_to_the_window_whatever_their_order)
{
    problem p = {.n_metrics = 1};
    witness w = {{next_of_witness}, 100};
    guide *g = open_guide(&w, &p, 3);
    for (int i = 0; i < 3; i++) cr_expect(eq(int, ask(g), 0));
    cr_expect(not(guide_may_ask(g)), "number 3 depends on the result of number 0");
    close_one(g, 2);
    close_one(g, 1);
    cr_expect(not(guide_may_ask(g)));
    close_one(g, 0);
    for (int i = 1; i <= 3; i++)
        cr_expect(eq(int, ask(g), i), "all three are closed, one more is shown each time");
    cr_expect(not(guide_may_ask(g)));
    guide_free(g);
}

Test(guide, shows_a_decision_about_an_earlier_suggestion_what_that_one_was_shown)
{
    problem p = {.n_metrics = 1};
    witness w = {{next_of_witness}, 100};
    guide *g = open_guide(&w, &p, 2);
    for (int i = 0; i < 6; i++) {
        ask(g);
        close_one(g, i);
    }
    history late = guide_history(g, 5), early = guide_history(g, 3);
    cr_expect(eq(int, late.n_known, 4));
    cr_expect(eq(int, early.n_known, 2));
    cr_expect(eq(int, early.of[2].state, TRIED_PENDING));
    cr_expect(early.of[2].value == NULL);
    late = guide_history(g, 5);
    cr_expect(eq(dbl, late.of[3].value[0], 3));
    cr_expect(eq(flt, late.of[3].curve[1], 3));
    guide_free(g);
}

Test(guide, ends_once_and_refuses_what_makes_no_sense)
{
    witness w = {{next_of_witness}, 1};
    guide *g = open_guide(&w, NULL, 5);
    suggestion s;
    int number;
    bool end;
    cr_expect(eq(int, ask(g), 0));
    cr_expect(eq(int, ask(g), -1));
    cr_expect(not(guide_may_ask(g)));
    cr_expect(eq(int, guide_ask(g, &s, &number, &end, NULL), ERR_STATE));
    cr_expect(eq(int, guide_tell(g, 1, &(tried){.state = TRIED_DONE}, NULL), ERR_ARG));
    cr_expect(eq(int, guide_tell(g, 0, &(tried){.state = TRIED_PENDING}, NULL), ERR_ARG));
    cr_expect(eq(int, guide_tell(g, 0, &(tried){.state = TRIED_FAILED}, NULL), OK));
    cr_expect(eq(int, guide_tell(g, 0, &(tried){.state = TRIED_FAILED}, NULL), ERR_ARG),
              "closed twice");
    guide_free(g);
    cr_expect(eq(int, guide_open(NULL, &w.base, 0, &g, NULL), ERR_ARG));
}

/* Two lists: what is, and what may be known. The second differs for the last suggestions only: those
 * that stand inside the window are shown as pending whatever became of them. */
#include "search/guide.h"

#include <string.h>

#include "engine/base/buf.h"

struct guide {
    arena memory; /* this struct and the figures */
    const problem *p;
    sampler *source;
    int window;
    int n, n_closed; /* asked; of them the first so many are closed */
    int n_shown;     /* results in `shown`; behind them all is pending */
    bool at_end;
    buf is, shown; /* n `tried` each */
};

static tried *list(const buf *b)
{
    return (tried *)(void *)b->data;
}

status guide_open(const problem *p, sampler *source, int window, guide **out, err *e)
{
    arena memory;
    if (window < 1) return FAIL(e, ERR_ARG, "a window of %d suggestions", window);
    arena_init(&memory, 0);
    guide *g = ARENA_NEW(&memory, guide, 1);
    if (!g) return FAIL(e, ERR_MEM, "out of memory");
    *g = (guide){.memory = memory, .p = p, .source = source, .window = window};
    *out = g;
    return OK;
}

void guide_free(guide *g)
{
    if (!g) return;
    buf_free(&g->is);
    buf_free(&g->shown);
    arena memory = g->memory; /* it holds *g */
    arena_free(&memory);
}

/* How many results a decision about suggestion `number` may rest on. */
static int known_for(const guide *g, int number)
{
    return number < g->window ? 0 : number - g->window + 1;
}

bool guide_may_ask(const guide *g)
{
    return !g->at_end && g->n_closed >= known_for(g, g->n);
}

history guide_history(guide *g, int number)
{
    int n_known = known_for(g, number);
    for (; g->n_shown < n_known; g->n_shown++)
        list(&g->shown)[g->n_shown] = list(&g->is)[g->n_shown];
    for (; g->n_shown > n_known; g->n_shown--)
        list(&g->shown)[g->n_shown - 1] = (tried){.what = list(&g->is)[g->n_shown - 1].what};
    return (history){.n = number, .n_known = n_known, .of = list(&g->shown)};
}

status guide_ask(guide *g, suggestion *out, int *number, bool *end, err *e)
{
    if (!guide_may_ask(g))
        return FAIL(e, ERR_STATE, "suggestion %d depends on results that are not there", g->n);
    history h = guide_history(g, g->n);
    TRY(g->source->next(g->source, &h, out, &g->at_end, e));
    *end = g->at_end;
    if (*end) return OK;
    tried t = {.what = *out};
    buf_put(&g->is, &t, sizeof t);
    buf_put(&g->shown, &t, sizeof t);
    TRY(buf_check(&g->is, e));
    TRY(buf_check(&g->shown, e));
    *number = g->n++;
    return OK;
}

static status keep_figures(guide *g, const tried *end, tried *t, err *e)
{
    if (end->value && g->p) {
        double *value = ARENA_NEW(&g->memory, double, g->p->n_metrics);
        if (!value) return FAIL(e, ERR_MEM, "out of memory");
        memcpy(value, end->value, (size_t)g->p->n_metrics * sizeof *value);
        t->value = value;
    }
    if (end->n_epochs == 0) return OK;
    float *curve = ARENA_NEW(&g->memory, float, end->n_epochs);
    if (!curve) return FAIL(e, ERR_MEM, "out of memory");
    memcpy(curve, end->curve, (size_t)end->n_epochs * sizeof *curve);
    t->curve = curve;
    t->n_epochs = end->n_epochs;
    return OK;
}

status guide_tell(guide *g, int number, const tried *end, err *e)
{
    if (number < 0 || number >= g->n || end->state == TRIED_PENDING ||
        list(&g->is)[number].state != TRIED_PENDING)
        return FAIL(e, ERR_ARG, "suggestion %d cannot be closed", number);
    tried *t = &list(&g->is)[number];
    TRY(keep_figures(g, end, t, e));
    t->state = end->state;
    while (g->n_closed < g->n && list(&g->is)[g->n_closed].state != TRIED_PENDING) g->n_closed++;
    return OK;
}

int guide_n_asked(const guide *g)
{
    return g->n;
}

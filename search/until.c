#include "search/until.h"

static bool is_met(const pick *p, double asked)
{
    return p->kind == PICK_CHOSEN && (asked <= 0 || p->confidence >= asked);
}

/* By validation figures alone: a search that looks at test figures would choose by them. */
static bool all_met(const space *s, const picks *all)
{
    for (int i = 0; i < all->n; i++)
        if (space_aims_at(s, i) && !is_met(&all->pick[i], all->asked)) return false;
    return true;
}

status until_met(void *user, const history *h, const int64_t *trial, bool *enough, err *e)
{
    until *u = user;
    picks all;
    arena a;
    *enough = false;
    if (h->n_known == u->n_seen) return OK;
    u->n_seen = h->n_known;
    arena_init(&a, 0);
    status s = picks_among(u->results, trial, h->n_known, &a, &all, e);
    *enough = s == OK && all_met(u->space, &all);
    arena_free(&a);
    return s;
}

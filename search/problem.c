#include "search/problem.h"

#include <string.h>

#include "engine/stage.h"

bool problem_keeps(const problem_limit *l, double value)
{
    if (l->is_upper) return l->is_strict ? value < l->bound : value <= l->bound;
    return l->is_strict ? value > l->bound : value >= l->bound;
}

bool problem_may_meet(const problem *p, int version, int point)
{
    const problem_version *v = &p->version[version];
    for (int i = 0; i < v->n_limits; i++) {
        const problem_metric *m = &p->metric[v->limit[i].metric];
        if (m->exact && !problem_keeps(&v->limit[i], (double)m->known[point])) return false;
    }
    return true;
}

double problem_most(const char *metric)
{
    const metric_row *row = stage_metric_find(metric);
    return row && row->direction == BETTER_HIGHER && strcmp(row->unit, "%") == 0 ? 100 : 0;
}

double problem_minimised(const problem_metric *m, double value)
{
    return m->maximize ? -value : value;
}

int problem_watched(const problem *p)
{
    int i = 0;
    while (i < p->n_metrics && p->metric[i].exact) i++;
    return i < p->n_metrics ? i : -1;
}

#include "report/contrast.h"

#include "engine/base/chance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CELLS = 4 };

/* One value for each comparison; see the header. */
typedef struct {
    int64_t training[MOST_CELLS]; /* of the trials compared, unused ones 0 */
    int setting;                  /* first row with the levels of the trial at the references */
    double value;
} comparison;

static int by_training(const void *one, const void *two)
{
    const comparison *a = one, *b = two;
    for (int i = 0; i < MOST_CELLS; i++)
        if (a->training[i] != b->training[i]) return a->training[i] < b->training[i] ? -1 : 1;
    return (a->setting > b->setting) - (a->setting < b->setting);
}

static int by_setting(const void *one, const void *two)
{
    const comparison *a = one, *b = two;
    if (a->setting != b->setting) return a->setting < b->setting ? -1 : 1;
    return by_training(one, two);
}

static bool same_trainings(const comparison *a, const comparison *b)
{
    return memcmp(a->training, b->training, sizeof a->training) == 0;
}

static bool same_setting(const comparison *a, const comparison *b)
{
    return a->setting == b->setting;
}

/* Averages runs of equal ones, of a sorted list, in place; the first of a run gives its name. */
static int average(comparison *c, int n, bool equal(const comparison *, const comparison *))
{
    int kept = 0;
    for (int i = 0, end; i < n; i = end) {
        double sum = 0;
        for (end = i; end < n && equal(&c[i], &c[end]); end++) sum += c[end].value;
        c[kept] = c[i];
        c[kept++].value = sum / (end - i);
    }
    return kept;
}

double contrast_turn(const strategy_metric *m, double v)
{
    if (m->role != ROLE_QUALITY) return v > 0 ? log(v) : (double)NAN;
    return m->higher ? -v : v;
}

/* The trials at all corners of one or two changes from row i; false when one is missing. The sign of a corner is that
 * of the number of references in it. */
static bool compare_corners(const strategy_study *s, int i, const knob_change *c, int n_changes,
                            int metric, int *level, comparison *out)
{
    *out = (comparison){.setting = i};
    for (int corner = 0; corner < 1 << n_changes; corner++) {
        int sign = 1;
        memcpy(level, s->row[i].level, (size_t)s->n_knobs * sizeof *level);
        for (int k = 0; k < n_changes; k++) {
            bool on = corner >> k & 1;
            level[c[k].knob] = on ? c[k].to : c[k].from;
            sign = on ? sign : -sign;
        }
        const studied_trial *r = strategy_study_find(s, level, s->row[i].seed);
        if (!r) return false;
        out->training[corner] = r->training;
        out->value += sign * contrast_turn(&s->metric[metric], r->figure[metric]);
    }
    return isfinite(out->value) != 0;
}

/* Counted figures (accuracies) come in steps, so few comparisons may be equal by chance, and their spread, which
 * would be 0, make a certainty of luck. It is taken to be at least `rounding`, the variance of rounding a comparison's figures
 * to such steps; 0 for what is exact. No change at all is left as it is. */
static strategy_effect summarize(const comparison *c, int n, int n_pairs, double rounding)
{
    const double none = (double)NAN;
    verdict_sample v = {0};
    for (int i = 0; i < n; i++) verdict_add(&v, c[i].value);
    if (fabs(v.mean) < 1e-12) v.mean = 0; /* rounding */
    strategy_effect f = {n_pairs, n, n ? v.mean : none, none, none, none, none, none};
    if (n < 2) return f;
    double variance = v.squares / (n - 1);
    if (v.mean != 0 || variance > 0) variance = fmax(variance, rounding);
    f.error = sqrt(variance / n);
    double half = chance_t_quantile(0.975, n - 1) * f.error;
    f.low = f.mean - half;
    f.high = f.mean + half;
    return f;
}

status contrast_measure(const strategy_study *s, const knob_change *c, int n_changes, int metric,
                        strategy_effect *out, err *e)
{
    arena_mark_t mark = arena_mark(s->a);
    comparison *list = ARENA_NEW(s->a, comparison, s->n + 1);
    int *level = ARENA_NEW(s->a, int, s->n_knobs + 1), n_pairs = 0;
    if (!list || !level) return FAIL(e, ERR_MEM, "no memory for strategies");
    for (int i = 0; i < s->n; i++) {
        bool at_reference = true;
        for (int k = 0; k < n_changes; k++) at_reference &= s->row[i].level[c[k].knob] == c[k].from;
        if (!at_reference) continue;
        if (!compare_corners(s, i, c, n_changes, metric, level, &list[n_pairs])) continue;
        list[n_pairs++].setting = strategy_study_first(s, i);
    }
    qsort(list, (size_t)n_pairs, sizeof *list, by_training);
    int n = average(list, n_pairs, same_trainings);
    qsort(list, (size_t)n, sizeof *list, by_setting);
    bool one_setting = n > 0 && list[0].setting == list[n - 1].setting;
    if (!one_setting) n = average(list, n, same_setting);
    double grain = s->metric[metric].role == ROLE_QUALITY ? s->grain[metric] : 0;
    *out = summarize(list, n, n_pairs, grain * grain / 12 * (1 << n_changes));
    arena_release(s->a, mark);
    return OK;
}

/* All intervals of a family, at a level that makes them hold together. */
void contrast_join(strategy_effect *f, int n_intervals)
{
    if (f->n < 2) {
        f->joint_low = f->joint_high = (double)NAN;
        return;
    }
    double half = chance_t_quantile(1 - 0.025 / n_intervals, f->n - 1) * f->error;
    f->joint_low = f->mean - half;
    f->joint_high = f->mean + half;
}

/* Enumeration in one pass. A candidate is reduced to identities: 64-bit mixtures of just those
 * values that a stage depends on. Networks are resolved and costed once for each distinct one, and
 * stages are counted by putting their identities into a table; a million candidates are a million
 * short loops over a few numbers, without allocation. Keys and JSON are made in chain.c, for one
 * candidate at a time. */
#include "search/plan_parts.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- where trainings are cut --- */

static bool is_number(const value *v)
{
    return v->kind == VALUE_NUMBER;
}

static void add_cut(plan *p, phase where, double epoch, bool always)
{
    cut *cuts = p->cuts[where];
    int *n = &p->n_cuts[where], at = 0;
    if (epoch < 1 || epoch > 1e6 || epoch != floor(epoch)) return;
    while (at < *n && cuts[at].epoch < (int)epoch) at++;
    if (at < *n && cuts[at].epoch == (int)epoch) {
        cuts[at].always |= always;
        return;
    }
    if (*n == MAX_CUTS) return; /* more would share more, at no gain in what is right */
    memmove(&cuts[at + 1], &cuts[at], (size_t)(*n - at) * sizeof *cuts);
    cuts[at] = (cut){(int)epoch, always};
    ++*n;
}

/* The i-th value that a slot may take, NULL behind the last. */
static const value *possible_value(const space *s, int slot, int i)
{
    const slot_info *info = &s->slot[slot];
    int n = info->axis >= 0 ? s->axis[info->axis].n : 1;
    if (i < n) return info->axis >= 0 ? &s->axis[info->axis].values[i] : &info->fixed;
    return i == n && info->when ? &info->otherwise : NULL;
}

static bool may_prune(const space *s, phase where)
{
    const value *v;
    bool share = false, during = false;
    for (int i = 0; (v = possible_value(s, SET_FINAL_SPARSITY, i)) != NULL; i++)
        share |= v->number > 0;
    for (int i = 0; (v = possible_value(s, SET_PRUNE_PATTERN, i)) != NULL; i++)
        share |= strcmp(v->text, "unstructured") != 0;
    for (int i = 0; (v = possible_value(s, SET_PRUNE_DURING, i)) != NULL; i++)
        during |= (strcmp(v->text, "fine-tune") == 0) == (where == PHASE_TUNE);
    return share && during;
}

static void find_cuts(plan *p, phase where)
{
    const space *s = p->s;
    const int length = where == PHASE_TUNE ? SET_TUNE_EPOCHS : SET_EPOCHS;
    const value *begin, *epochs;
    for (int i = 0; may_prune(s, where) && (begin = possible_value(s, SET_PRUNE_BEGIN, i)) != NULL;
         i++) {
        if (is_number(begin)) add_cut(p, where, begin->number, true);
        if (is_number(begin) || !strchr(begin->text, '%')) continue;
        for (int k = 0; (epochs = possible_value(s, length, k)) != NULL; k++)
            add_cut(p, where, begin->number * epochs->number / 100, true);
    }
    for (int k = 0; (epochs = possible_value(s, length, k)) != NULL; k++)
        if (s->slot[length].axis >= 0) add_cut(p, where, epochs->number, false);
    for (int k = s->search.n_rungs - 1; where == PHASE_TRAIN && k >= 0; k--)
        add_cut(p, where, s->search.rung[k], true);
}

static void find_mixed(plan *p)
{
    for (int i = 0; i < N_SETTINGS; i++) {
        const setting_row *row = schema_row((setting)i);
        if (row->stages & 1u << STAGE_DATA) p->data_mixed[p->n_data_mixed++] = i;
        bool apart = i == SET_KEEP || i == SET_EARLY_STOP || i == SET_EPOCHS;
        if ((row->stages & 1u << STAGE_TRAIN) && row->param && !apart) p->mixed[p->n_mixed++] = i;
    }
}

/* --- limits on what is known before training --- */

double plan_known_figure(const char *metric, const value *slots, const stage_forecast *c,
                         bool *floor_only)
{
    *floor_only = false;
    if (strcmp(metric, "n_params") == 0) return c->n_params;
    if (strcmp(metric, "macs") == 0) return c->macs;
    if (strcmp(metric, "arena") == 0) return c->arena_bytes;
    if (strcmp(metric, "size_flat") == 0) return c->flat_bytes;
    if (strcmp(metric, "size_converter") == 0) return c->converter_bytes;
    if (strcmp(metric, "modelled_inference_ms") == 0) return c->modelled_inference_ms;
    if (strcmp(metric, "modelled_total_ms") == 0) return c->modelled_total_ms;
    bool size = strcmp(metric, "size") == 0;
    if (size && strcmp(slots[SET_PACK].text, "flat") == 0) return c->flat_bytes;
    bool packed = strcmp(metric, "size_zlib") == 0 || strcmp(metric, "size_zip") == 0 ||
                  strcmp(metric, "size_zopfli") == 0 || strcmp(metric, "size_zopfli_zip") == 0;
    if (!size && !packed) return (double)NAN;
    *floor_only = true;
    return c->packed_floor;
}

static bool is_upper(limit_op op)
{
    return op == LIMIT_LT || op == LIMIT_LE;
}

static bool breaks_limit(const store_limit *l, const value *slots, const stage_forecast *c)
{
    bool floor_only;
    double v = plan_known_figure(l->metric, slots, c, &floor_only);
    if (isnan(v) || (floor_only && !is_upper(l->op))) return false;
    return !limit_holds(l->op, v, l->bound);
}

/* True when every version aimed at has a limit that the candidate cannot meet. Counts the limits broken. */
static bool over_limit(plan *p, const value *slots, const stage_forecast *c)
{
    const space *s = p->s;
    int n_aimed = 0, hopeless = 0;
    for (int v = 0; v < s->n_versions; v++) {
        bool broken = false;
        for (int l = 0; l < s->version[v].n_limits; l++) {
            if (!breaks_limit(&s->version[v].limit[l], slots, c)) continue;
            p->over[v][l]++;
            broken = true;
        }
        n_aimed += space_aims_at(s, v);
        hopeless += broken && space_aims_at(s, v);
    }
    return n_aimed > 0 && hopeless == n_aimed && s->static_filter;
}

static void find_least_packed(plan *p)
{
    p->least_packed = HUGE_VAL;
    for (int v = 0; v < p->s->n_versions; v++)
        for (int i = 0; i < p->s->version[v].n_limits; i++) {
            const store_limit *l = &p->s->version[v].limit[i];
            bool packed = strncmp(l->metric, "size", 4) == 0 && strcmp(l->metric, "size_flat") != 0;
            if (packed && is_upper(l->op)) p->least_packed = fmin(p->least_packed, l->bound - 1);
        }
}

/* --- rules --- */

/* Else the final share is never reached while the knob says so, and no epoch counts as the best. Where
 * begin and end are in steps only the trainer knows how they lie to the epochs. */
static const struct {
    setting at; /* where it is told */
    const char *why;
} senseless_text[N_SENSELESS] = {
    [PRUNES_UNTUNED] = {SET_PRUNE_DURING, "pruning while fine-tuning needs fine_tune.epochs"},
    [BEGINS_LATE] = {SET_PRUNE_BEGIN, "pruning must begin before its end"},
    [ENDS_BEHIND_TRAINING] = {SET_PRUNE_END, "pruning must end within the training, as an end in "
                                             "% does at any length"},
    [ENDS_BEHIND_TUNING] = {SET_PRUNE_END, "pruning must end within the fine-tuning, as an end in "
                                           "% does at any length"},
    [CUTS_UNTUNED] = {SET_CHANNELS, "removing channels needs fine_tune.epochs"},
    [CLUSTERS_UNTUNED] = {SET_CLUSTERS, "clustering needs fine_tune.epochs"},
    [CLUSTERS_WHILE_PRUNING] = {SET_PRUNE_DURING, "clustering and pruning cannot share a "
                                                  "fine-tuning: prune during training"},
    [FEW_CLUSTERS] = {SET_CLUSTERS, "clusters that preserve sparsity are at least 3: one of them "
                                    "is zero"},
    [CLUSTERS_STANDARDIZED] = {SET_LABELS, "clustering needs physical labels: others are scaled "
                                           "back in the last layer, each output by its own factor, "
                                           "which would pull its clusters apart"},
    [NOISE_UPSIDE_DOWN] = {SET_SNR_LOW, "augment.snr_low must not be above augment.snr_high"},
};

static senseless bad_pruning(const value *slots)
{
    if (!candidate_prunes(slots)) return SENSE;
    const value *begin = &slots[SET_PRUNE_BEGIN], *end = &slots[SET_PRUNE_END];
    const bool tune = plan_pruning_phase(slots) == PHASE_TUNE;
    if (tune && slots[SET_TUNE_EPOCHS].number < 1) return PRUNES_UNTUNED;
    if (begin->number >= end->number) return BEGINS_LATE;
    if (!is_number(end) || end->number <= slots[tune ? SET_TUNE_EPOCHS : SET_EPOCHS].number)
        return SENSE;
    return tune ? ENDS_BEHIND_TUNING : ENDS_BEHIND_TRAINING;
}

static senseless bad_clusters(const value *slots)
{
    const double clusters = slots[SET_CLUSTERS].number;
    const bool pruned = candidate_prunes(slots);
    if (clusters <= 0) return SENSE;
    if (slots[SET_TUNE_EPOCHS].number < 1) return CLUSTERS_UNTUNED;
    if (pruned && plan_pruning_phase(slots) == PHASE_TUNE) return CLUSTERS_WHILE_PRUNING;
    if (pruned && slots[SET_CLUSTER_SPARSITY].number != 0 && clusters < 3) return FEW_CLUSTERS;
    if (strcmp(slots[SET_LABELS].text, "standardized") == 0) return CLUSTERS_STANDARDIZED;
    return SENSE;
}

static senseless find_senseless(const value *slots)
{
    const senseless why = bad_pruning(slots);
    if (why != SENSE) return why;
    if (slots[SET_CHANNELS].number > 0 && slots[SET_TUNE_EPOCHS].number < 1) return CUTS_UNTUNED;
    if (slots[SET_NOISE].number > 0 && slots[SET_SNR_LOW].number > slots[SET_SNR_HIGH].number)
        return NOISE_UPSIDE_DOWN;
    return bad_clusters(slots);
}

/* The first rule that excludes the candidate, n_rules for the built-in one, -1 when none does. */
static status find_rule(const space *s, const value *slots, int *out, err *e)
{
    *out = -1;
    for (int i = 0; i < s->n_rules; i++) {
        bool holds;
        TRY(candidate_test(s, s->rule[i].exclude, s->rule[i].place, slots, &holds, e));
        if (!holds) continue;
        *out = i;
        return OK;
    }
    if (find_senseless(slots) != SENSE) *out = s->n_rules;
    return OK;
}

/* --- enumeration --- */

/* Memory of one pass over the candidates. */
typedef struct {
    arena a;
    identity_table parts, exports;
} pass;

/* Stages that hold sounds, whoever else uses them: `n` of them, `seconds` and `bytes` in all. */
static status count_sounds(plan *p, pass *x, uint64_t id, int n, double seconds, double bytes,
                           err *e)
{
    plan_summary *t = &p->summary;
    bool added;
    t->unshared[STAGE_DATA] += (int64_t)n * p->s->n_seeds;
    TRY(identity_put(&x->parts, id, 0, &added, e));
    if (!added) return OK;
    t->stages[STAGE_DATA] += n;
    t->cpu_seconds += seconds;
    t->disk_bytes += bytes;
    return OK;
}

/* Adds the longest way through them to `chain_seconds`: shards are built side by side. */
static status count_data(plan *p, pass *x, const value *slots, const build *w,
                         double *chain_seconds, err *e)
{
    const data_record *d = w->data;
    const double seconds = predicted_data_seconds(d), join = predicted_join_seconds(d);
    TRY(count_sounds(p, x, identity_mix(w->data_id, 6), 1 + d->n_shards, seconds + join,
                     predicted_data_bytes(d) * (d->n_shards ? 2 : 1), e));
    *chain_seconds += seconds / (d->n_shards ? d->n_shards : 1) + join;
    if (plan_hears(slots))
        TRY(count_sounds(p, x, plan_waves_identity(d), d->clips->survey.n_waves,
                         predicted_waves_seconds(d), predicted_waves_bytes(d), e));
    if (plan_hears_recordings(p, slots))
        TRY(count_sounds(p, x, identity_mix(8, 8), 1, predicted_noise_seconds(),
                         predicted_noise_bytes(), e));
    return OK;
}

static status count_trainings(plan *p, pass *x, const build *w, double *chain_seconds, err *e)
{
    plan_summary *t = &p->summary;
    bool added;
    int n_seeds = p->s->n_seeds;
    t->unshared[STAGE_TRAIN] += (int64_t)w->n_parts * n_seeds;
    for (int i = 0; i < w->n_parts; i++) {
        const train_part *part = &w->part[i];
        *chain_seconds += part->seconds;
        t->epochs_unshared += (double)(part->to - part->from) * n_seeds;
        TRY(identity_put(&x->parts, part->id, 0, &added, e));
        if (!added) continue;
        t->stages[STAGE_TRAIN] += n_seeds;
        t->epochs += (double)(part->to - part->from) * n_seeds;
        t->cpu_seconds += part->seconds * n_seeds;
        t->disk_bytes += predicted_train_bytes(w->cost) * n_seeds;
    }
    return OK;
}

static status count_stages(plan *p, pass *x, const value *slots, const build *w, err *e)
{
    plan_summary *t = &p->summary;
    bool added;
    const double here = predicted_latency_seconds(slots), there = predicted_device_seconds(slots);
    const double rest = predicted_export_seconds(slots, w->cost) +
                        predicted_score_seconds(w->data, w->tuned) + here + there;
    double chain_seconds = rest;
    const int n_seeds = p->s->n_seeds;
    const int measured = here > 0 ? n_seeds : 0, elsewhere = there > 0 ? n_seeds : 0;
    t->unshared[STAGE_LATENCY] += measured;
    t->unshared[STAGE_DEVICE] += elsewhere;
    TRY(count_trainings(p, x, w, &chain_seconds, e));
    TRY(count_data(p, x, slots, w, &chain_seconds, e));
    if (chain_seconds > t->longest_seconds) t->longest_seconds = chain_seconds;
    TRY(identity_put(&x->exports, w->export_id, 0, &added, e));
    if (!added) return OK;
    t->stages[STAGE_EXPORT] += n_seeds;
    t->stages[STAGE_SCORE] += n_seeds;
    t->stages[STAGE_LATENCY] += measured;
    t->stages[STAGE_DEVICE] += elsewhere;
    t->cpu_seconds += n_seeds * rest;
    t->disk_bytes += n_seeds * (w->cost->flat_bytes + predicted_score_bytes());
    return OK;
}

static status classify(plan *p, pass *x, int64_t i, const value *slots, cand_state *out, err *e)
{
    int excluded_by;
    build w;
    bool added;
    TRY(find_rule(p->s, slots, &excluded_by, e));
    if (excluded_by >= 0) {
        p->excluded[excluded_by]++;
        if (excluded_by == p->s->n_rules) p->senseless[find_senseless(slots)]++;
        *out = CAND_EXCLUDED;
        return OK;
    }
    TRY(plan_resolve(p, slots, &w, e));
    TRY(identity_put(&p->twins, w.export_id, (uint32_t)i, &added, e));
    if (!added) {
        *out = CAND_DUPLICATE;
        return OK;
    }
    *out = over_limit(p, slots, w.cost) ? CAND_OVER_LIMIT : CAND_OK;
    return *out == CAND_OK ? count_stages(p, x, slots, &w, e) : OK;
}

static status enumerate(plan *p, pass *x, err *e)
{
    const space *s = p->s;
    value slots[N_SLOTS];
    memcpy(slots, s->base, sizeof slots);
    digits d = candidate_digits(s, 0);
    for (int64_t i = 0; i < s->size; i++, candidate_next(s, &d)) {
        cand_state state = CAND_OK;
        status code = candidate_fill(s, &d, slots, e);
        if (code == OK) code = classify(p, x, i, slots, &state, e);
        if (code != OK) {
            if (code == ERR_INPUT && e)
                err_wrap(e,
                         "%s: candidate %lld (%s) cannot be planned; mend it, or exclude it by a "
                         "rule",
                         s->path, (long long)i, candidate_show(s, slots, p->a));
            return code;
        }
        p->state[i] = (unsigned char)state;
        p->summary.count[state]++;
    }
    return OK;
}

static void finish_summary(plan *p)
{
    plan_summary *t = &p->summary;
    t->candidates = p->s->size;
    t->trials = t->count[CAND_OK] * p->s->n_seeds;
    t->unshared[STAGE_EXPORT] = t->unshared[STAGE_SCORE] = t->trials;
}

static status init_plan(plan *p, err *e)
{
    const space *s = p->s;
    p->state = ARENA_NEW(p->a, unsigned char, s->size);
    p->excluded = ARENA_NEW(p->a, int64_t, s->n_rules + 1);
    if (!p->state || !p->excluded) return FAIL(e, ERR_MEM, "out of memory for a plan");
    for (int v = 0; v < s->n_versions; v++) {
        p->over[v] = ARENA_NEW(p->a, int64_t, s->version[v].n_limits);
        if (!p->over[v]) return FAIL(e, ERR_MEM, "out of memory for a plan");
    }
    TRY(identity_init(&p->twins, p->a, (size_t)s->size, e));
    TRY(identity_init(&p->data_of, p->a, 16, e));
    TRY(identity_init(&p->clips_of, p->a, 16, e));
    TRY(identity_init(&p->net_of, p->a, 64, e));
    TRY(identity_init(&p->export_of, p->a, 16, e));
    TRY(identity_init(&p->cost_of, p->a, 256, e));
    for (int i = 0; i < N_PHASES; i++) find_cuts(p, (phase)i);
    find_mixed(p);
    find_least_packed(p);
    return OK;
}

/* A space without a candidate is a mistake; which rules make it so, a line each. */
static status refuse_empty(const plan *p, err *e)
{
    const space *s = p->s;
    buf b = {0};
    for (int i = 0; i < s->n_rules; i++)
        if (p->excluded[i] > 0)
            buf_printf(&b, "\n%s: excludes %lld: %s", space_rule_place(s, i),
                       (long long)p->excluded[i], expr_text(s->rule[i].exclude));
    const char *place, *why;
    int64_t n;
    for (int i = 0; (why = plan_own_reason(p, i, &place, &n)) != NULL; i++)
        if (n > 0) buf_printf(&b, "\n%s: excludes %lld: %s", place, (long long)n, why);
    status code = buf_check(&b, e);
    if (code == OK)
        code = FAIL(e, ERR_INPUT, "%s: the rules exclude every candidate (%lld)%.*s", s->path,
                    (long long)s->size, (int)b.len, b.data);
    buf_free(&b);
    return code;
}

status plan_make(const space *s, arena *a, plan **out, err *e)
{
    if (s->size > PLAN_MAX_CANDIDATES)
        return FAIL(e, ERR_INPUT, "%s: %lld candidates; a plan can have %d: shorten an axis",
                    s->path, (long long)s->size, PLAN_MAX_CANDIDATES);
    plan *p = ARENA_NEW(a, plan, 1);
    if (!p) return FAIL(e, ERR_MEM, "out of memory for a plan");
    p->s = s;
    p->a = a;
    TRY(init_plan(p, e));
    pass x = {0};
    arena_init(&x.a, 0);
    status code = identity_init(&x.parts, &x.a, (size_t)s->size, e);
    if (code == OK) code = identity_init(&x.exports, &x.a, (size_t)s->size, e);
    if (code == OK) code = enumerate(p, &x, e);
    arena_free(&x.a);
    TRY(code);
    finish_summary(p);
    if (p->summary.count[CAND_EXCLUDED] == s->size) return refuse_empty(p, e);
    *out = p;
    return OK;
}

/* --- what others ask --- */

const space *plan_space(const plan *p)
{
    return p->s;
}

cand_state plan_state(const plan *p, int64_t candidate)
{
    assert(candidate >= 0 && candidate < p->s->size);
    return (cand_state)p->state[candidate];
}

status plan_summarize(const plan *p, plan_summary *out, err *e)
{
    (void)e;
    *out = p->summary;
    return OK;
}

const char *plan_own_reason(const plan *p, int i, const char **place, int64_t *n)
{
    const int reason = SENSE + 1 + i;
    if (reason >= N_SENSELESS) return NULL;
    *place = space_setting_place(p->s, senseless_text[reason].at);
    *n = p->senseless[reason];
    return senseless_text[reason].why;
}

int64_t plan_excluded(const plan *p, int i)
{
    return p->excluded[i];
}

int64_t plan_over_limit(const plan *p, int version, int limit)
{
    return p->over[version][limit];
}

status plan_values(const plan *p, int64_t candidate, value *slots, err *e)
{
    if (candidate < 0 || candidate >= p->s->size)
        return FAIL(e, ERR_ARG, "there is no candidate %lld", (long long)candidate);
    digits d = candidate_digits(p->s, candidate);
    memcpy(slots, p->s->base, sizeof p->s->base);
    return candidate_fill(p->s, &d, slots, e);
}

status plan_forecast(const plan *p, int64_t candidate, stage_forecast *out, err *e)
{
    value slots[N_SLOTS];
    build w;
    TRY(plan_values(p, candidate, slots, e));
    TRY(plan_lookup(p, slots, &w, e));
    *out = *w.cost;
    out->step_seconds = w.tuned->step_base + slots[SET_BATCH].number * w.tuned->step_per_example;
    return OK;
}

static const char *why_excluded(const plan *p, const value *slots, arena *a)
{
    int i;
    if (find_rule(p->s, slots, &i, NULL) != OK || i < 0) return "";
    if (i == p->s->n_rules) return senseless_text[find_senseless(slots)].why;
    const rule *r = &p->s->rule[i];
    return arena_printf(a, "excluded by line %d: %s%s%s%s", r->place->line, expr_text(r->exclude),
                        r->because ? " (" : "", r->because ? r->because : "",
                        r->because ? ")" : "");
}

static const char *why_over(const plan *p, const value *slots, const build *w, arena *a)
{
    for (int v = 0; v < p->s->n_versions; v++)
        for (int l = 0; l < p->s->version[v].n_limits; l++) {
            const store_limit *limit = &p->s->version[v].limit[l];
            bool floor_only;
            if (!space_aims_at(p->s, v) || !breaks_limit(limit, slots, w->cost)) continue;
            char text[60];
            double figure = plan_known_figure(limit->metric, slots, w->cost, &floor_only);
            quantity_format(figure, stage_metric_find(limit->metric)->unit, text, sizeof text);
            return arena_printf(a, "%s is %s%s, and version %s asks for %s%s", limit->metric,
                                floor_only ? "at least " : "", text, p->s->version[v].name,
                                limit->text,
                                p->s->n_versions > 1 && p->s->search.aim == AIM_VERSIONS
                                    ? "; the others are out of reach, too"
                                    : "");
        }
    return "";
}

const char *plan_why(const plan *p, int64_t candidate, arena *a)
{
    value slots[N_SLOTS];
    build w;
    cand_state state = plan_state(p, candidate);
    const char *why = "";
    if (state == CAND_OK || plan_values(p, candidate, slots, NULL) != OK) return "";
    if (state == CAND_EXCLUDED) {
        why = why_excluded(p, slots, a);
    } else if (plan_lookup(p, slots, &w, NULL) != OK) {
        return "";
    } else if (state == CAND_OVER_LIMIT) {
        why = why_over(p, slots, &w, a);
    } else {
        const uint32_t *twin = identity_find(&p->twins, w.export_id);
        if (twin) why = arena_printf(a, "builds the same files as candidate %u", *twin);
    }
    return why ? why : "";
}

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

/* --- predictions: rough, for a first idea; measured times replace them in a run --- */

enum { BYTES_PER_VALUE = 4 };

double predicted_data_seconds(const data_record *d)
{
    return 0.02 + 1e-6 * (d->n[0] + d->n[1] + d->n[2]);
}

/* A forward pass is about a third of a step (forward, and twice as much backward). */
double predicted_score_seconds(const data_record *d, const net_record *n)
{
    int scored = d->n[1] + d->n[2];
    return 0.005 +
           scored / (double)SCORE_BATCH * (n->step_base + SCORE_BATCH * n->step_per_example) / 3;
}

double predicted_export_seconds(void)
{
    return 0.005;
}

double predicted_data_bytes(const data_record *d)
{
    return BYTES_PER_VALUE * FORECAST_FEATURES * (double)(d->n[0] + d->n[1] + d->n[2]) + 1000;
}

/* Weights, two moments of Adam, the best weights. */
double predicted_train_bytes(const stage_forecast *c)
{
    return 4.0 * BYTES_PER_VALUE * c->n_params + 500;
}

double predicted_score_bytes(void)
{
    return 1000;
}

static double epoch_seconds(const data_record *d, const net_record *n, double batch)
{
    double step = n->step_base + batch * n->step_per_example;
    return (d->n[0] + d->n[1] / 3.0) / batch * step;
}

/* --- records --- */

static uint64_t mix_slots(uint64_t id, const value *slots, const int *list, int n)
{
    for (int i = 0; i < n; i++) id = identity_mix(id, slots[list[i]].id);
    return id;
}

static uint64_t data_identity(const value *slots)
{
    static const int list[] = {SET_DATA_SOURCE, SET_DATA_FILE, SET_DATA_ROWS,
                               SET_DATA_SEED,   SET_STEPS_IN,  SET_STEPS_OUT};
    return mix_slots(1, slots, list, 6);
}

/* Of what the network is made from; two of these may give the same network. */
static uint64_t recipe_identity(const space *s, const value *slots)
{
    static const int list[] = {SET_ARCHITECTURE, SET_STEPS_IN, SET_STEPS_OUT};
    uint64_t id = mix_slots(2, slots, list, 3);
    const signed char *own = s->own_knob[(int)slots[SET_ARCHITECTURE].number];
    for (int k = 0; k < s->n_knobs; k++)
        if (own[k] >= 0) id = identity_mix(id, slots[SLOT_KNOBS + k].id);
    return id;
}

static uint64_t export_identity(const value *slots)
{
    static const int list[] = {SET_STORAGE, SET_DYNAMIC_MIN, SET_PER_CHANNEL};
    return mix_slots(3, slots, list, 3);
}

/* Room for one more record in an array that doubles in the plan's arena. */
static status reserve(plan *p, void **array, size_t size, int n, int *cap, err *e)
{
    if (n < *cap) return OK;
    int grown = *cap ? *cap * 2 : 16;
    void *copy = arena_take(p->a, (size_t)grown, size);
    if (!copy) return FAIL(e, ERR_MEM, "out of memory for a plan");
    if (n) memcpy(copy, *array, (size_t)n * size);
    *array = copy;
    *cap = grown;
    return OK;
}

static status keep_text(plan *p, buf *b, const char **out, err *e)
{
    status s = buf_check(b, e);
    if (s == OK) *out = arena_copy(p->a, b->data, b->len);
    buf_free(b);
    if (s == OK && !*out) return FAIL(e, ERR_MEM, "out of memory for a plan");
    return s;
}

static status make_data(plan *p, uint64_t id, const value *slots, err *e)
{
    bool added;
    buf b = {0};
    TRY(reserve(p, (void **)&p->data, sizeof *p->data, p->n_data, &p->cap_data, e));
    data_record *d = &p->data[p->n_data];
    chain_put_data(p->s, slots, &b);
    TRY(keep_text(p, &b, &d->params, e));
    bool file = candidate_matters(p->s, slots, SET_DATA_FILE);
    d->input = file ? p->s->file[(int)slots[SET_DATA_FILE].number].path : "";
    TRY(stage_count_examples(d->params, d->input, p->a, d->n, e));
    return identity_put(&p->data_of, id, (uint32_t)p->n_data++, &added, e);
}

static status make_export(plan *p, uint64_t id, const value *slots, err *e)
{
    bool added;
    buf b = {0};
    node *tree;
    const char *text;
    TRY(reserve(p, (void **)&p->exports, sizeof *p->exports, p->n_exports, &p->cap_exports, e));
    chain_put_export(p->s, slots, &b);
    TRY(keep_text(p, &b, &text, e));
    TRY(node_read_json(p->a, text, strlen(text), &tree, e));
    p->exports[p->n_exports] = tree;
    return identity_put(&p->export_of, id, (uint32_t)p->n_exports++, &added, e);
}

/* The step's time is a fixed part and one for each example: two points give both. */
static status time_net(plan *p, net_record *n, const node *export, err *e)
{
    enum { LARGE = 65 };
    stage_forecast one, many;
    TRY(stage_foresee(n->tree, export, 1, 0, p->a, &one, e));
    TRY(stage_foresee(n->tree, export, LARGE, 0, p->a, &many, e));
    n->step_per_example = (many.step_seconds - one.step_seconds) / (LARGE - 1);
    n->step_base = one.step_seconds - n->step_per_example;
    return OK;
}

static status read_net(const space *s, const value *slots, buf *b, err *e)
{
    value knobs[ARCHITECTURE_MAX_KNOBS];
    int index = (int)slots[SET_ARCHITECTURE].number;
    for (int k = 0; k < s->n_knobs; k++)
        if (s->own_knob[index][k] >= 0) knobs[s->own_knob[index][k]] = slots[SLOT_KNOBS + k];
    architecture_io io = {(int)slots[SET_STEPS_IN].number, FORECAST_FEATURES,
                          (int)slots[SET_STEPS_OUT].number, FORECAST_OUTPUTS};
    status code = architecture_put_net(s->architecture[index], knobs, io, b, e);
    if (code != OK) buf_free(b);
    return code;
}

static status make_net(plan *p, uint64_t recipe, const value *slots, const node *export, err *e)
{
    bool added;
    buf b = {0};
    TRY(read_net(p->s, slots, &b, e));
    uint64_t id = hash_u64(b.data, b.len, 4);
    const uint32_t *same = identity_find(&p->net_of, id);
    if (same) { /* another recipe, the same network: truncation made them equal */
        buf_free(&b);
        return identity_put(&p->net_of, recipe, *same, &added, e);
    }
    status s = reserve(p, (void **)&p->nets, sizeof *p->nets, p->n_nets, &p->cap_nets, e);
    if (s != OK || p->n_nets == MAX_NETS) {
        buf_free(&b);
        return s != OK ? s : FAIL(e, ERR_INPUT, "more than %d different networks", MAX_NETS);
    }
    net_record *n = &p->nets[p->n_nets];
    node *tree;
    n->id = id;
    TRY(keep_text(p, &b, &n->json, e));
    TRY(node_read_json(p->a, n->json, strlen(n->json), &tree, e));
    n->tree = tree;
    TRY(time_net(p, n, export, e));
    TRY(identity_put(&p->net_of, id, (uint32_t)p->n_nets, &added, e));
    return identity_put(&p->net_of, recipe, (uint32_t)p->n_nets++, &added, e);
}

/* --- parts of a training --- */

static bool is_number(const value *v)
{
    return v->kind == VALUE_NUMBER;
}

/* Whether the learning rate of an epoch depends on how long the training is. */
static bool rate_depends_on_length(const value *slots)
{
    const char *schedule = slots[SET_SCHEDULE].text;
    return strcmp(schedule, "polynomial") == 0 || strcmp(schedule, "cosine") == 0;
}

static void cut_training(const plan *p, const value *slots, build *out)
{
    int epochs = (int)slots[SET_EPOCHS].number, from = 0;
    bool pruned = slots[SET_FINAL_SPARSITY].number > 0, fixed_rate = !rate_depends_on_length(slots);
    const value *begin = &slots[SET_PRUNE_BEGIN];
    out->n_parts = 0;
    for (int i = 0; i <= p->n_cuts; i++) {
        int to = i < p->n_cuts ? p->cuts[i].epoch : epochs;
        bool last = to >= epochs;
        if (!last && !p->cuts[i].pruning && !fixed_rate) continue;
        if (last) to = epochs;
        bool before = pruned && is_number(begin) && to <= begin->number;
        out->part[out->n_parts++] = (train_part){
            .from = from, .to = to, .pruning = pruned && !before, .before_prune = before};
        from = to;
        if (last) return;
    }
}

static uint64_t prune_identity(uint64_t id, const value *slots)
{
    static const int list[] = {SET_FINAL_SPARSITY, SET_INITIAL_SPARSITY, SET_PRUNE_BEGIN,
                               SET_PRUNE_END,      SET_PRUNE_FREQUENCY,  SET_PRUNE_POWER};
    return mix_slots(id, slots, list, 6);
}

/* Mirrors chain_put_train: a part's identity has all that its parameters have, and its parents'. */
static void identify_parts(const plan *p, const value *slots, build *out)
{
    uint64_t common = identity_mix(out->data_id, out->net->id);
    common = mix_slots(common, slots, p->mixed, p->n_mixed);
    if (rate_depends_on_length(slots)) common = identity_mix(common, slots[SET_EPOCHS].id);
    double epoch = epoch_seconds(out->data, out->net, slots[SET_BATCH].number);
    uint64_t earlier = 5;
    for (int i = 0; i < out->n_parts; i++) {
        train_part *t = &out->part[i];
        uint64_t id = identity_mix(earlier, common);
        id = identity_mix(id, (uint64_t)t->from << 32 | (uint32_t)t->to);
        if (!t->before_prune) {
            id = identity_mix(id, slots[SET_KEEP].id);
            id = identity_mix(id, slots[SET_EARLY_STOP].id);
        } else { /* "last" and 0, which other candidates may have on purpose */
            id = identity_mix(id, p->s->slot[SET_KEEP].def.id);
            id = identity_mix(id, p->s->slot[SET_EARLY_STOP].def.id);
        }
        if (t->pruning) id = prune_identity(id, slots);
        t->id = earlier = id;
        t->seconds = (t->to - t->from) * epoch;
    }
}

/* --- a candidate's records --- */

/* Costs are made for sparsity 0. Only where a packed size would then break a limit is the floor of the
 * candidate's own sparsity asked for: more zeros never make it higher. */
static uint64_t cost_identity(const net_record *n, uint64_t export_id)
{
    return identity_mix(n->id, export_id);
}

static uint64_t sparse_identity(uint64_t cost_id, const value *slots)
{
    return identity_mix(cost_id, slots[SET_FINAL_SPARSITY].id);
}

static status make_cost(plan *p, uint64_t id, const net_record *n, const node *export,
                        double sparsity, err *e)
{
    bool added;
    TRY(reserve(p, (void **)&p->costs, sizeof *p->costs, p->n_costs, &p->cap_costs, e));
    TRY(stage_foresee(n->tree, export, 1, sparsity, p->a, &p->costs[p->n_costs], e));
    return identity_put(&p->cost_of, id, (uint32_t)p->n_costs++, &added, e);
}

static bool floor_is_high(const plan *p, const stage_forecast *c)
{
    return c->packed_floor > p->least_packed;
}

static status resolve_cost(plan *p, const value *slots, const net_record *n, const node *export,
                           uint64_t export_id, err *e)
{
    uint64_t id = cost_identity(n, export_id), own = sparse_identity(id, slots);
    double sparsity = slots[SET_FINAL_SPARSITY].number;
    const uint32_t *cost = identity_find(&p->cost_of, id);
    if (!cost) TRY(make_cost(p, id, n, export, 0, e));
    cost = identity_find(&p->cost_of, id);
    if (sparsity <= 0 || !floor_is_high(p, &p->costs[*cost])) return OK;
    return identity_find(&p->cost_of, own) ? OK : make_cost(p, own, n, export, sparsity, e);
}

static const stage_forecast *find_cost(const plan *p, const value *slots, const net_record *n,
                                       uint64_t export_id)
{
    uint64_t id = cost_identity(n, export_id);
    const uint32_t *cost = identity_find(&p->cost_of, id), *own = NULL;
    if (cost && floor_is_high(p, &p->costs[*cost]))
        own = identity_find(&p->cost_of, sparse_identity(id, slots));
    if (own) cost = own;
    return cost ? &p->costs[*cost] : NULL;
}

status plan_resolve(plan *p, const value *slots, build *out, err *e)
{
    uint64_t data = data_identity(slots), recipe = recipe_identity(p->s, slots);
    uint64_t export_id = export_identity(slots);
    if (!identity_find(&p->data_of, data)) TRY(make_data(p, data, slots, e));
    if (!identity_find(&p->export_of, export_id)) TRY(make_export(p, export_id, slots, e));
    const node *export = p->exports[*identity_find(&p->export_of, export_id)];
    if (!identity_find(&p->net_of, recipe)) TRY(make_net(p, recipe, slots, export, e));
    const net_record *n = &p->nets[*identity_find(&p->net_of, recipe)];
    TRY(resolve_cost(p, slots, n, export, export_id, e));
    return plan_lookup(p, slots, out, e);
}

status plan_lookup(const plan *p, const value *slots, build *out, err *e)
{
    out->data_id = data_identity(slots);
    uint64_t export_id = export_identity(slots);
    const uint32_t *data = identity_find(&p->data_of, out->data_id);
    const uint32_t *net = identity_find(&p->net_of, recipe_identity(p->s, slots));
    if (!data || !net) return FAIL(e, ERR_ARG, "the candidate was not planned");
    out->data = &p->data[*data];
    out->net = &p->nets[*net];
    out->cost = find_cost(p, slots, out->net, export_id);
    if (!out->cost) return FAIL(e, ERR_ARG, "the candidate was not planned");
    cut_training(p, slots, out);
    identify_parts(p, slots, out);
    out->export_id = identity_mix(out->part[out->n_parts - 1].id, export_id);
    return OK;
}

/* --- where trainings are cut --- */

static void add_cut(plan *p, double epoch, bool pruning)
{
    if (epoch < 1 || epoch > 1e6 || epoch != floor(epoch)) return;
    int at = 0;
    while (at < p->n_cuts && p->cuts[at].epoch < (int)epoch) at++;
    if (at < p->n_cuts && p->cuts[at].epoch == (int)epoch) {
        p->cuts[at].pruning |= pruning;
        return;
    }
    if (p->n_cuts == MAX_CUTS) return; /* more would share more, at no gain in what is right */
    memmove(&p->cuts[at + 1], &p->cuts[at], (size_t)(p->n_cuts - at) * sizeof(cut));
    p->cuts[at] = (cut){(int)epoch, pruning};
    p->n_cuts++;
}

/* The i-th value that a slot may take, NULL behind the last. */
static const value *possible_value(const space *s, int slot, int i)
{
    const slot_info *info = &s->slot[slot];
    int n = info->axis >= 0 ? s->axis[info->axis].n : 1;
    if (i < n) return info->axis >= 0 ? &s->axis[info->axis].values[i] : &info->fixed;
    return i == n && info->when ? &info->otherwise : NULL;
}

static bool may_prune(const space *s)
{
    const value *v;
    for (int i = 0; (v = possible_value(s, SET_FINAL_SPARSITY, i)) != NULL; i++)
        if (v->number > 0) return true;
    return false;
}

static void find_cuts(plan *p)
{
    const space *s = p->s;
    const value *begin, *epochs;
    for (int i = 0; may_prune(s) && (begin = possible_value(s, SET_PRUNE_BEGIN, i)) != NULL; i++) {
        if (is_number(begin)) add_cut(p, begin->number, true);
        if (is_number(begin) || !strchr(begin->text, '%')) continue;
        for (int k = 0; (epochs = possible_value(s, SET_EPOCHS, k)) != NULL; k++)
            add_cut(p, begin->number * epochs->number / 100, true);
    }
    for (int k = 0; (epochs = possible_value(s, SET_EPOCHS, k)) != NULL; k++)
        if (s->slot[SET_EPOCHS].axis >= 0) add_cut(p, epochs->number, false);
}

static void find_mixed(plan *p)
{
    for (int i = 0; i < N_SETTINGS; i++) {
        const setting_row *row = schema_row((setting)i);
        bool apart = i == SET_KEEP || i == SET_EARLY_STOP || i == SET_EPOCHS;
        if ((row->stages & 1u << STAGE_TRAIN) && row->param && !apart) p->mixed[p->n_mixed++] = i;
    }
}

/* --- limits on what is known before training --- */

/* The figure that a limit is about; *floor: no less than this, but maybe more. NaN when not known.
 */
static double known_figure(const char *metric, const value *slots, const stage_forecast *c,
                           bool *floor_only)
{
    *floor_only = false;
    if (strcmp(metric, "n_params") == 0) return c->n_params;
    if (strcmp(metric, "macs") == 0) return c->macs;
    if (strcmp(metric, "arena") == 0) return c->arena_bytes;
    if (strcmp(metric, "size_flat") == 0) return c->flat_bytes;
    bool size = strcmp(metric, "size") == 0;
    if (size && strcmp(slots[SET_PACK].text, "flat") == 0) return c->flat_bytes;
    if (!size && strcmp(metric, "size_zlib") != 0 && strcmp(metric, "size_zip") != 0) return NAN;
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
    double v = known_figure(l->metric, slots, c, &floor_only);
    if (isnan(v) || (floor_only && !is_upper(l->op))) return false;
    return !limit_holds(l->op, v, l->bound);
}

/* True when every version has a limit that the candidate cannot meet. Counts the limits broken. */
static bool over_limit(plan *p, const value *slots, const stage_forecast *c)
{
    const space *s = p->s;
    int hopeless = 0;
    for (int v = 0; v < s->n_versions; v++) {
        bool broken = false;
        for (int l = 0; l < s->version[v].n_limits; l++) {
            if (!breaks_limit(&s->version[v].limit[l], slots, c)) continue;
            p->over[v][l]++;
            broken = true;
        }
        hopeless += broken;
    }
    return s->n_versions > 0 && hopeless == s->n_versions && s->static_filter;
}

static void find_least_packed(plan *p)
{
    p->least_packed = INFINITY;
    for (int v = 0; v < p->s->n_versions; v++)
        for (int i = 0; i < p->s->version[v].n_limits; i++) {
            const store_limit *l = &p->s->version[v].limit[i];
            bool packed = strncmp(l->metric, "size", 4) == 0 && strcmp(l->metric, "size_flat") != 0;
            if (packed && is_upper(l->op)) p->least_packed = fmin(p->least_packed, l->bound - 1);
        }
}

/* --- rules --- */

/* Pruning must begin before its end and before the training's. Where begin and end are in steps
 * only the trainer knows how they lie to the epochs. */
static const char *bad_pruning(const value *slots)
{
    if (slots[SET_FINAL_SPARSITY].number <= 0) return NULL;
    const value *begin = &slots[SET_PRUNE_BEGIN], *end = &slots[SET_PRUNE_END];
    if (begin->number >= end->number) return "pruning must begin before its end";
    if (is_number(begin) && begin->number >= slots[SET_EPOCHS].number)
        return "pruning must begin before the training ends";
    return NULL;
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
    if (bad_pruning(slots)) *out = s->n_rules;
    return OK;
}

/* --- enumeration --- */

/* Memory of one pass over the candidates. */
typedef struct {
    arena a;
    identity_table parts, exports;
} pass;

static status count_stages(plan *p, pass *x, const build *w, err *e)
{
    plan_summary *t = &p->summary;
    bool added;
    double chain_seconds = predicted_data_seconds(w->data) + predicted_export_seconds() +
                           predicted_score_seconds(w->data, w->net);
    int n_seeds = p->s->n_seeds;
    t->unshared[STAGE_TRAIN] += (int64_t)w->n_parts * n_seeds;
    for (int i = 0; i < w->n_parts; i++) {
        const train_part *part = &w->part[i];
        chain_seconds += part->seconds;
        t->epochs_unshared += (double)(part->to - part->from) * n_seeds;
        TRY(identity_put(&x->parts, part->id, 0, &added, e));
        if (!added) continue;
        t->stages[STAGE_TRAIN] += n_seeds;
        t->epochs += (double)(part->to - part->from) * n_seeds;
        t->cpu_seconds += part->seconds * n_seeds;
        t->disk_bytes += predicted_train_bytes(w->cost) * n_seeds;
    }
    if (chain_seconds > t->longest_seconds) t->longest_seconds = chain_seconds;
    TRY(identity_put(&x->parts, identity_mix(w->data_id, 6), 0, &added, e));
    if (added) {
        t->stages[STAGE_DATA]++;
        t->cpu_seconds += predicted_data_seconds(w->data);
        t->disk_bytes += predicted_data_bytes(w->data);
    }
    TRY(identity_put(&x->exports, w->export_id, 0, &added, e));
    if (!added) return OK;
    t->stages[STAGE_EXPORT] += n_seeds;
    t->stages[STAGE_SCORE] += n_seeds;
    t->cpu_seconds +=
        n_seeds * (predicted_export_seconds() + predicted_score_seconds(w->data, w->net));
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
    return *out == CAND_OK ? count_stages(p, x, &w, e) : OK;
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
    t->unshared[STAGE_DATA] = t->unshared[STAGE_EXPORT] = t->unshared[STAGE_SCORE] = t->trials;
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
    TRY(identity_init(&p->net_of, p->a, 64, e));
    TRY(identity_init(&p->export_of, p->a, 16, e));
    TRY(identity_init(&p->cost_of, p->a, 256, e));
    find_cuts(p);
    find_mixed(p);
    find_least_packed(p);
    return OK;
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
    *out = p;
    return OK;
}

/* --- what others ask --- */

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
    out->step_seconds = w.net->step_base + slots[SET_BATCH].number * w.net->step_per_example;
    return OK;
}

static const char *why_excluded(const plan *p, const value *slots, arena *a)
{
    int i;
    if (find_rule(p->s, slots, &i, NULL) != OK || i < 0) return "";
    if (i == p->s->n_rules) return bad_pruning(slots);
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
            if (!breaks_limit(limit, slots, w->cost)) continue;
            char text[60];
            double figure = known_figure(limit->metric, slots, w->cost, &floor_only);
            quantity_format(figure, stage_metric_find(limit->metric)->unit, text, sizeof text);
            return arena_printf(a, "%s is %s%s, and version %s asks for %s%s", limit->metric,
                                floor_only ? "at least " : "", text, p->s->version[v].name,
                                limit->text,
                                p->s->n_versions > 1 ? "; the others are out of reach, too" : "");
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

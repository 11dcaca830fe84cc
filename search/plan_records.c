/* What candidates amount to: data, networks, costs and parts of trainings, each made once for all
 * that share it and found again by identity. */
#include "search/plan_parts.h"

#include <string.h>

/* --- predictions: rough, for a first idea; measured times replace them in a run --- */

enum {
    BYTES_PER_VALUE = 4,
    AWARE_FACTOR = 4 /* a quantization-aware step: a layer behind each, weights derived anew */
};

static double examples_of(const data_record *d)
{
    return (double)d->n[0] + d->n[1] + d->n[2];
}

/* Reading a recording and making its features takes about a third of a millisecond. */
double predicted_data_seconds(const data_record *d)
{
    return 0.02 + (d->io.steps_out ? 1e-6 : 3e-4) * examples_of(d);
}

/* A forward pass is about a third of a step (forward, and twice as much backward). */
double predicted_score_seconds(const data_record *d, const net_record *n)
{
    int scored = d->n[1] + d->n[2];
    return 0.005 +
           scored / (double)SCORE_BATCH * (n->step_base + SCORE_BATCH * n->step_per_example) / 3;
}

/* zopfli packs twice, as a stream and as a zip; it needs 0.1 to 1 s for files of 1 to 25 kB. */
double predicted_export_seconds(const value *slots, const stage_forecast *c)
{
    const bool zopfli = strncmp(slots[SET_PACK].text, "zopfli", 6) == 0;
    return 0.005 + (zopfli ? 0.1 + 4e-5 * c->flat_bytes : 0);
}

double predicted_data_bytes(const data_record *d)
{
    if (d->io.steps_out) return BYTES_PER_VALUE * FORECAST_FEATURES * examples_of(d) + 1000;
    return (2.0 * shape_size(d->io.in) + 16) * examples_of(d) + 1000; /* float16 */
}

/* Weights, two moments of Adam, the best weights. */
double predicted_train_bytes(const stage_forecast *c)
{
    return 4.0 * BYTES_PER_VALUE * c->n_params + 500;
}

/* About 500 runs of a front end and a network. */
double predicted_latency_seconds(const value *slots)
{
    return strcmp(slots[SET_PROTOCOL].text, "none") == 0 ? 0 : 0.5;
}

/* The same on something slower, and a connection to it. */
double predicted_device_seconds(const value *slots)
{
    return *slots[SET_DEVICE_RUN].text ? 10 : 0;
}

/* A joined set is copied once. */
double predicted_join_seconds(const data_record *d)
{
    return d->n_shards ? 0.01 + 1e-9 * predicted_data_bytes(d) : 0;
}

double predicted_waves_seconds(const data_record *d)
{
    return 0.02 + 2e-4 * d->n[0];
}

double predicted_waves_bytes(const data_record *d)
{
    return 32000.0 * d->n[0] + 1000;
}

/* Speech Commands' six recordings, which are six minutes long. */
double predicted_noise_seconds(void)
{
    return 0.3;
}

double predicted_noise_bytes(void)
{
    return 1.2e7;
}

double predicted_score_bytes(void)
{
    return 1000;
}

/* Shifting, mixing and clipping a second of samples, then its front end; masks are next to nothing. */
static double augment_seconds(const data_record *d, const value *slots)
{
    return plan_hears(slots) ? d->n[0] * (2e-5 + d->clip_seconds) : 0;
}

static double epoch_seconds(const data_record *d, const net_record *n, const value *slots)
{
    double batch = slots[SET_BATCH].number, step = n->step_base + batch * n->step_per_example;
    return (d->n[0] + d->n[1] / 3.0) / batch * step + augment_seconds(d, slots);
}

/* --- records --- */

static uint64_t mix_slots(uint64_t id, const value *slots, const int *list, int n)
{
    for (int i = 0; i < n; i++) id = identity_mix(id, slots[list[i]].id);
    return id;
}

static uint64_t data_identity(const plan *p, const value *slots)
{
    return mix_slots(1, slots, p->data_mixed, p->n_data_mixed);
}

/* Of what the network is made from; two of these may give the same network. */
static uint64_t recipe_identity(const space *s, const value *slots, const architecture_io *io)
{
    uint64_t id = identity_mix(2, slots[SET_ARCHITECTURE].id);
    for (int i = 0; i < io->in.rank; i++) id = identity_mix(id, (uint64_t)io->in.dim[i]);
    id = identity_mix(id, (uint64_t)io->steps_out << 32 | (uint32_t)io->outputs);
    const signed char *own = s->own_knob[(int)slots[SET_ARCHITECTURE].number];
    for (int k = 0; k < s->n_knobs; k++)
        if (own[k] >= 0) id = identity_mix(id, slots[SLOT_KNOBS + k].id);
    return id;
}

/* The file carries its front end, so that counts too. */
static uint64_t export_identity(const data_record *d, const value *slots)
{
    static const int list[] = {SET_STORAGE,
                               SET_DYNAMIC_MIN,
                               SET_PER_CHANNEL,
                               SET_AWARE,
                               SET_CALIBRATION,
                               SET_CALIBRATION_PERCENTILE,
                               SET_CALIBRATION_EXAMPLES,
                               SET_IO,
                               SET_HEADS,
                               SET_PACK,
                               SET_ZLIB_LEVEL,
                               SET_WRITER,
                               SET_DEVICE};
    const uint64_t id = mix_slots(3, slots, list, 13);
    return d->features ? hash_u64(d->features, strlen(d->features), id) : id;
}

/* `array` of n records with room for one more: itself, or a copy twice as long. NULL when out of
 * memory. */
static void *reserve(plan *p, void *array, size_t size, int n, int *cap)
{
    if (n < *cap) return array;
    int longer = *cap ? *cap * 2 : 16;
    void *copy = arena_take(p->a, (size_t)longer, size);
    if (!copy) return NULL;
    if (n) memcpy(copy, array, (size_t)n * size);
    *cap = longer;
    return copy;
}

static status no_memory(err *e)
{
    return FAIL(e, ERR_MEM, "out of memory for a plan");
}

status plan_keep_text(plan *p, buf *b, const char **out, err *e)
{
    status s = buf_check(b, e);
    if (s == OK) *out = arena_copy(p->a, b->data, b->len);
    buf_free(b);
    if (s == OK && !*out) return no_memory(e);
    return s;
}

static status make_export(plan *p, uint64_t id, const data_record *d, const value *slots, err *e)
{
    bool added;
    buf b = {0};
    node *tree;
    const char *text;
    export_record *longer = reserve(p, p->exports, sizeof *longer, p->n_exports, &p->cap_exports);
    if (!longer) return no_memory(e);
    p->exports = longer;
    chain_put_export(p->s, slots, d->features, &b);
    TRY(plan_keep_text(p, &b, &text, e));
    TRY(node_read_json(p->a, text, strlen(text), &tree, e));
    p->exports[p->n_exports].params = tree;
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

static status read_net(const space *s, const value *slots, const architecture_io *io, buf *b,
                       err *e)
{
    value knobs[ARCHITECTURE_MAX_KNOBS];
    int index = (int)slots[SET_ARCHITECTURE].number;
    for (int k = 0; k < s->n_knobs; k++)
        if (s->own_knob[index][k] >= 0) knobs[s->own_knob[index][k]] = slots[SLOT_KNOBS + k];
    status code = architecture_put_net(s->architecture[index], knobs, *io, b, e);
    if (code != OK) buf_free(b);
    return code;
}

/* The record of the network whose JSON is in `b`, which is freed, under `recipe` too. */
static status keep_net(plan *p, uint64_t recipe, buf *b, const node *export, err *e)
{
    bool added;
    uint64_t id = hash_u64(b->data, b->len, 4);
    const uint32_t *same = identity_find(&p->net_of, id);
    if (same) { /* another recipe, the same network: truncation made them equal */
        buf_free(b);
        return identity_put(&p->net_of, recipe, *same, &added, e);
    }
    net_record *longer = reserve(p, p->nets, sizeof *longer, p->n_nets, &p->cap_nets);
    if (!longer || p->n_nets == MAX_NETS) {
        buf_free(b);
        if (!longer) return no_memory(e);
        return FAIL(e, ERR_INPUT, "more than %d different networks", MAX_NETS);
    }
    p->nets = longer;
    net_record *n = &p->nets[p->n_nets];
    node *tree;
    n->id = id;
    TRY(plan_keep_text(p, b, &n->json, e));
    TRY(node_read_json(p->a, n->json, strlen(n->json), &tree, e));
    n->tree = tree;
    TRY(time_net(p, n, export, e));
    TRY(identity_put(&p->net_of, id, (uint32_t)p->n_nets, &added, e));
    return identity_put(&p->net_of, recipe, (uint32_t)p->n_nets++, &added, e);
}

static status make_net(plan *p, uint64_t recipe, const value *slots, const architecture_io *io,
                       const node *export, err *e)
{
    buf b = {0};
    TRY(read_net(p->s, slots, io, &b, e));
    return keep_net(p, recipe, &b, export, e);
}

/* Whether fine-tuning trains another network than was trained before. */
static bool changes_net(const value *slots)
{
    return slots[SET_CHANNELS].number > 0 || slots[SET_CLUSTERS].number > 0;
}

static uint64_t tuned_identity(const value *slots, uint64_t net_id)
{
    const uint64_t id = identity_mix(net_id, slots[SET_CHANNELS].id);
    return identity_mix(id, slots[SET_CLUSTERS].number > 0);
}

static status make_tuned(plan *p, const value *slots, const net_record *n, const node *export,
                         err *e)
{
    buf b = {0};
    if (!n) return FAIL(e, ERR_STATE, "a network is tuned before it is made");
    const uint64_t recipe = tuned_identity(slots, n->id);
    status s = stage_tuned_net(n->tree, slots[SET_CHANNELS].number, slots[SET_CLUSTERS].number > 0,
                               p->a, &b, e);
    if (s == OK) return keep_net(p, recipe, &b, export, e);
    buf_free(&b);
    return s;
}

/* The network that is exported; NULL when it was not made yet. */
static const net_record *find_tuned(const plan *p, const value *slots, const net_record *n)
{
    if (!changes_net(slots)) return n;
    const uint32_t *tuned = identity_find(&p->net_of, tuned_identity(slots, n->id));
    return tuned ? &p->nets[*tuned] : NULL;
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

phase plan_pruning_phase(const value *slots)
{
    return strcmp(slots[SET_PRUNE_DURING].text, "fine-tune") == 0 ? PHASE_TUNE : PHASE_TRAIN;
}

/* Fine-tuning has a constant rate. */
static void cut_phase(const plan *p, const value *slots, phase where, build *out)
{
    const cut *cuts = p->cuts[where];
    const int epochs = (int)slots[where == PHASE_TUNE ? SET_TUNE_EPOCHS : SET_EPOCHS].number;
    const bool pruned = candidate_prunes(slots) && plan_pruning_phase(slots) == where;
    const bool fixed_rate = where == PHASE_TUNE || !rate_depends_on_length(slots);
    const value *begin = &slots[SET_PRUNE_BEGIN];
    for (int i = 0, from = 0; from < epochs && i <= p->n_cuts[where]; i++) {
        int to = i < p->n_cuts[where] ? cuts[i].epoch : epochs;
        bool last = to >= epochs;
        if (!last && !cuts[i].always && !fixed_rate) continue;
        if (last) to = epochs;
        bool before = pruned && is_number(begin) && to <= begin->number;
        out->part[out->n_parts++] = (train_part){.phase = where,
                                                 .from = from,
                                                 .to = to,
                                                 .pruning = pruned && !before,
                                                 .before_prune = before};
        from = to;
    }
}

static void cut_training(const plan *p, const value *slots, build *out)
{
    out->n_parts = 0;
    for (int i = 0; i < N_PHASES; i++) cut_phase(p, slots, (phase)i, out);
}

static uint64_t prune_identity(uint64_t id, const value *slots)
{
    static const int list[] = {SET_PRUNE_PATTERN, SET_FINAL_SPARSITY, SET_INITIAL_SPARSITY,
                               SET_PRUNE_BEGIN,   SET_PRUNE_END,      SET_PRUNE_FREQUENCY,
                               SET_PRUNE_POWER};
    return mix_slots(id, slots, list, 7);
}

static uint64_t tuning_identity(uint64_t id, const value *slots)
{
    static const int list[] = {SET_TUNE_RATE,       SET_CHANNELS,     SET_CHANNEL_NORM,
                               SET_CLUSTERS,        SET_CLUSTER_INIT, SET_CLUSTER_GRADIENT,
                               SET_CLUSTER_SPARSITY};
    static const int ranges[] = {SET_AWARE, SET_CALIBRATION, SET_CALIBRATION_PERCENTILE,
                                 SET_CALIBRATION_EXAMPLES, SET_HEADS};
    id = mix_slots(id, slots, list, 7);
    return slots[SET_AWARE].number != 0 ? mix_slots(id, slots, ranges, 5) : id;
}

/* Mirrors chain_put_train: a part's identity has all that its parameters have, and its parents'. */
static void identify_parts(const plan *p, const value *slots, build *out)
{
    uint64_t common = identity_mix(out->data_id, out->net->id);
    common = mix_slots(common, slots, p->mixed, p->n_mixed);
    if (rate_depends_on_length(slots)) common = identity_mix(common, slots[SET_EPOCHS].id);
    const double epoch[N_PHASES] = {epoch_seconds(out->data, out->net, slots),
                                    epoch_seconds(out->data, out->tuned, slots)};
    uint64_t earlier = 5;
    for (int i = 0; i < out->n_parts; i++) {
        train_part *t = &out->part[i];
        uint64_t id = identity_mix(earlier, common);
        id = identity_mix(id, (uint64_t)t->from << 32 | (uint32_t)t->to);
        if (t->phase == PHASE_TUNE) id = tuning_identity(id, slots);
        if (!t->before_prune) {
            id = identity_mix(id, slots[SET_KEEP].id);
            id = identity_mix(id, slots[SET_EARLY_STOP].id);
        } else { /* "last" and 0, which other candidates may have on purpose */
            id = identity_mix(id, p->s->slot[SET_KEEP].def.id);
            id = identity_mix(id, p->s->slot[SET_EARLY_STOP].def.id);
        }
        if (t->pruning) id = prune_identity(id, slots);
        t->id = earlier = id;
        t->seconds = (t->to - t->from) * epoch[t->phase];
        if (t->phase == PHASE_TUNE && slots[SET_AWARE].number != 0) t->seconds *= AWARE_FACTOR;
    }
}

/* --- a candidate's records --- */

/* Costs are made for sparsity 0. Only where a packed size would then break a limit is the floor of the
 * candidate's own sparsity asked for: more zeros never make it higher. */
static uint64_t cost_identity(const net_record *n, uint64_t export_id)
{
    return identity_mix(n->id, export_id);
}

/* The most zeros there can be. Where the share falls, the trained network may keep the initial one: the
 * training may end first, and no update need come after the first. Clustered weights may pack to
 * next to nothing, as zeros do: nothing is foreseen of them. */
static double greatest_sparsity(const value *slots)
{
    const double initial = slots[SET_INITIAL_SPARSITY].number,
                 final = slots[SET_FINAL_SPARSITY].number;
    if (slots[SET_CLUSTERS].number > 0) return 1;
    if (candidate_prunes(slots) && final <= 0)
        return strcmp(slots[SET_PRUNE_PATTERN].text, "1:4") == 0 ? 0.75 : 0.5;
    return final > 0 && initial > final ? initial : final;
}

static uint64_t sparse_identity(uint64_t cost_id, const value *slots)
{
    return identity_mix(cost_id, value_number(greatest_sparsity(slots)).id);
}

static status make_cost(plan *p, uint64_t id, const net_record *n, const node *export,
                        double sparsity, err *e)
{
    bool added;
    stage_forecast *longer = reserve(p, p->costs, sizeof *longer, p->n_costs, &p->cap_costs);
    if (!longer) return no_memory(e);
    p->costs = longer;
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
    double sparsity = greatest_sparsity(slots);
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
    uint64_t data = data_identity(p, slots);
    if (!identity_find(&p->data_of, data)) TRY(plan_make_data(p, data, slots, e));
    TRY(plan_find_noise(p, slots, e));
    const data_record *d = &p->data[*identity_find(&p->data_of, data)];
    const architecture_io *io = &d->io;
    uint64_t recipe = recipe_identity(p->s, slots, io), export_id = export_identity(d, slots);
    if (!identity_find(&p->export_of, export_id)) TRY(make_export(p, export_id, d, slots, e));
    const node *export = p->exports[*identity_find(&p->export_of, export_id)].params;
    if (!identity_find(&p->net_of, recipe)) TRY(make_net(p, recipe, slots, io, export, e));
    const net_record *n = &p->nets[*identity_find(&p->net_of, recipe)];
    if (!find_tuned(p, slots, n)) TRY(make_tuned(p, slots, n, export, e));
    n = find_tuned(p, slots, &p->nets[*identity_find(&p->net_of, recipe)]);
    TRY(resolve_cost(p, slots, n, export, export_id, e));
    return plan_lookup(p, slots, out, e);
}

status plan_lookup(const plan *p, const value *slots, build *out, err *e)
{
    out->data_id = data_identity(p, slots);
    const uint32_t *data = identity_find(&p->data_of, out->data_id);
    if (!data) return FAIL(e, ERR_ARG, "the candidate was not planned");
    out->data = &p->data[*data];
    uint64_t export_id = export_identity(out->data, slots);
    const uint32_t *net = identity_find(&p->net_of, recipe_identity(p->s, slots, &out->data->io));
    if (!net) return FAIL(e, ERR_ARG, "the candidate was not planned");
    out->net = &p->nets[*net];
    out->tuned = find_tuned(p, slots, out->net);
    out->cost = out->tuned ? find_cost(p, slots, out->tuned, export_id) : NULL;
    if (!out->cost) return FAIL(e, ERR_ARG, "the candidate was not planned");
    cut_training(p, slots, out);
    identify_parts(p, slots, out);
    /* Not by how weights are stored but by the file that this writes: the choices may agree. */
    static const int besides[] = {SET_PACK,       SET_ZLIB_LEVEL,      SET_DEVICE,
                                  SET_DEVICE_RUN, SET_DEVICE_PROTOCOL, SET_PROTOCOL,
                                  SET_RUNTIME,    SET_LIBRARY};
    out->export_id = identity_mix(out->part[out->n_parts - 1].id, out->cost->file_id);
    out->export_id = mix_slots(out->export_id, slots, besides, 8);
    return OK;
}

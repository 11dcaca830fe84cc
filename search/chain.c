/* The stages of one candidate: their parameters as canonical JSON and their keys. The settings'
 * rows say where each stands in the JSON; what no setting decides (columns, units, the split) is
 * here. */
#include "search/plan_parts.h"
#include "search/stop.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- parameters --- */

/* What all forecasts have in common (the course's columns, names and 70/20/10 split). */
#define COLUMNS "\"columns\":[\"T (degC)\",\"rh (%)\"],"
#define OUTPUTS "\"names\":[\"T\",\"RH\"],\"units\":[\"°C\",\"%\"]"
#define SPLIT "\"split\":[0.7,0.2,0.1]"

void chain_put_data(const space *s, const value *slots, buf *b)
{
    buf_text(b, "{\"source\":");
    value_put_json(b, &slots[SET_DATA_SOURCE]);
    if (candidate_matters(s, slots, SET_DATA_FILE)) {
        buf_text(b, ",\"file_hash\":");
        buf_json_string(b, s->file[(int)slots[SET_DATA_FILE].number].content.text);
        buf_text(b, "," COLUMNS);
    } else {
        buf_text(b, ",\"rows\":");
        value_put_json(b, &slots[SET_DATA_ROWS]);
        buf_text(b, ",\"seed\":");
        value_put_json(b, &slots[SET_DATA_SEED]);
        buf_char(b, ',');
    }
    buf_text(b, OUTPUTS ",\"steps_in\":");
    value_put_json(b, &slots[SET_STEPS_IN]);
    buf_text(b, ",\"steps_out\":");
    value_put_json(b, &slots[SET_STEPS_OUT]);
    buf_text(b, "," SPLIT "}");
}

/* Whether a setting is written into its stage's parameters for these values. */
static bool is_written(const space *s, const value *slots, int i)
{
    const expr *x = s->slot[i].param_when;
    bool holds = false;
    if (!x) return candidate_matters(s, slots, i);
    return candidate_test(s, x, NULL, slots, &holds, NULL) == OK && holds;
}

/* The settings of a stage, in the schema's order: `loss`, and `optimizer.kind` inside `optimizer`.
 */
static void put_settings(const space *s, const value *slots, stage_kind kind, buf *b)
{
    char open[32] = "";
    for (int i = 0; i < N_SETTINGS; i++) {
        const setting_row *row = schema_row((setting)i);
        if (!row->param || !(row->stages & 1u << kind) || !is_written(s, slots, i)) continue;
        const char *dot = strchr(row->param, '.');
        int length = dot ? (int)(dot - row->param) : 0;
        bool same = (int)strlen(open) == length && strncmp(open, row->param, (size_t)length) == 0;
        if (!same && *open) buf_char(b, '}');
        if (b->data[b->len - 1] != '{') buf_char(b, ',');
        if (!same) snprintf(open, sizeof open, "%.*s", length, row->param);
        if (!same && length) buf_printf(b, "\"%s\":{", open);
        buf_printf(b, "\"%s\":", dot ? dot + 1 : row->param);
        value_put_json(b, &slots[i]);
    }
    if (*open) buf_char(b, '}');
}

/* The settings from `first` to `last` that are written for these values, as members. */
static void put_range(const space *s, const value *slots, setting first, setting last, buf *b)
{
    for (int i = (int)first; i <= (int)last; i++) {
        const setting_row *row = schema_row((setting)i);
        if (!row->param || !schema_has(row, s->task) || !is_written(s, slots, i)) continue;
        if (b->data[b->len - 1] != '{') buf_char(b, ',');
        buf_printf(b, "\"%s\":", row->param);
        value_put_json(b, &slots[i]);
    }
}

void chain_put_clips(const space *s, const value *slots, buf *b)
{
    buf_text(b, "{\"task\":\"keywords\"");
    put_range(s, slots, SET_DATA_SOURCE, SET_DATA_SOURCE, b);
    if (candidate_matters(s, slots, SET_DATA_FOLDER)) {
        buf_text(b, ",\"words\":[");
        for (int i = 0; i < s->n_words; i++) {
            if (i) buf_char(b, ',');
            buf_json_string(b, s->word[i]);
        }
        buf_char(b, ']');
    }
    put_range(s, slots, SET_CLIPS, SET_BAD_CLIPS, b);
    put_range(s, slots, SET_DATA_SEED, SET_DATA_SEED, b);
    buf_char(b, '}');
}

void chain_put_features(const space *s, const value *slots, buf *b)
{
    buf_char(b, '{');
    put_range(s, slots, SET_FEATURE, SET_RESIZE, b);
    buf_char(b, '}');
}

void chain_put_export(const space *s, const value *slots, const char *features, buf *b)
{
    buf_char(b, '{');
    put_settings(s, slots, STAGE_EXPORT, b);
    if (features) buf_printf(b, ",\"features\":%s", features);
    buf_char(b, '}');
}

static void put_prune(const value *slots, buf *b)
{
    const value *begin = &slots[SET_PRUNE_BEGIN], *end = &slots[SET_PRUNE_END];
    const bool share = slots[SET_FINAL_SPARSITY].number > 0;
    buf_text(b, share ? "{\"initial\":" : "{\"pattern\":");
    value_put_json(b, &slots[share ? SET_INITIAL_SPARSITY : SET_PRUNE_PATTERN]);
    if (share) buf_text(b, ",\"final\":");
    if (share) value_put_json(b, &slots[SET_FINAL_SPARSITY]);
    buf_text(b, ",\"begin\":"); /* a number of epochs; or of steps, beside its text */
    buf_number(b, begin->number);
    buf_text(b, ",\"end\":");
    buf_number(b, end->number);
    buf_printf(b,
               ",\"unit\":\"%s\",\"frequency\":", begin->kind == VALUE_TEXT ? "steps" : "epochs");
    value_put_json(b, &slots[SET_PRUNE_FREQUENCY]);
    if (share) buf_text(b, ",\"power\":");
    if (share) value_put_json(b, &slots[SET_PRUNE_POWER]);
    buf_char(b, '}');
}

static void put_clusters(const value *slots, buf *b)
{
    buf_text(b, ",\"cluster\":{\"clusters\":");
    value_put_json(b, &slots[SET_CLUSTERS]);
    buf_text(b, ",\"init\":");
    value_put_json(b, &slots[SET_CLUSTER_INIT]);
    buf_text(b, ",\"gradient\":");
    value_put_json(b, &slots[SET_CLUSTER_GRADIENT]);
    buf_printf(b, ",\"preserve_sparsity\":%s}",
               candidate_prunes(slots) && slots[SET_CLUSTER_SPARSITY].number != 0 ? "true"
                                                                                  : "false");
}

/* Quantization-aware: how the ranges of activations begin, and follow. */
static void put_fake_quant(const value *slots, buf *b)
{
    const bool tails = strcmp(slots[SET_CALIBRATION].text, "percentile") == 0;
    buf_text(b, ",\"fake_quant\":{\"calibration\":{\"method\":");
    value_put_json(b, &slots[SET_CALIBRATION]);
    if (tails) {
        buf_text(b, ",\"percentile\":");
        value_put_json(b, &slots[SET_CALIBRATION_PERCENTILE]);
    }
    buf_text(b, ",\"examples\":");
    value_put_json(b, &slots[SET_CALIBRATION_EXAMPLES]);
    buf_text(b, "},\"decay\":0.5");
    if (strcmp(slots[SET_HEADS].text, "joint") != 0) {
        buf_text(b, ",\"heads\":");
        value_put_json(b, &slots[SET_HEADS]);
    }
    buf_char(b, '}');
}

/* What fine-tuning does besides training. */
static void put_tuning(const value *slots, const train_part *part, buf *b)
{
    if (part->from == 0) buf_text(b, ",\"start\":\"weights\"");
    if (part->from == 0 && slots[SET_CHANNELS].number > 0) {
        buf_text(b, ",\"channels\":{\"remove\":");
        value_put_json(b, &slots[SET_CHANNELS]);
        buf_text(b, ",\"norm\":");
        value_put_json(b, &slots[SET_CHANNEL_NORM]);
        buf_char(b, '}');
    }
    if (slots[SET_CLUSTERS].number > 0) put_clusters(slots, b);
    if (slots[SET_AWARE].number != 0) put_fake_quant(slots, b);
}

void chain_put_train(const space *s, const value *slots, const char *net, const train_part *part,
                     uint64_t seed, int n_sounds, buf *b)
{
    value own[N_SLOTS];
    memcpy(own, slots, sizeof own);
    if (part->phase == PHASE_TUNE) {
        own[SET_SCHEDULE] = value_text("constant");
        own[SET_LEARNING_RATE] = slots[SET_TUNE_RATE];
    }
    if (part->before_prune) {
        own[SET_KEEP] = s->slot[SET_KEEP].def;
        own[SET_EARLY_STOP] = s->slot[SET_EARLY_STOP].def;
    }
    buf_printf(b, "{\"net\":%s", net);
    put_settings(s, own, STAGE_TRAIN, b);
    buf_text(b, ",\"prune\":");
    if (part->pruning)
        put_prune(slots, b);
    else
        buf_text(b, "null");
    if (part->phase == PHASE_TUNE) put_tuning(slots, part, b);
    buf_printf(b, ",\"seed\":%llu,\"from_epoch\":%d,\"to_epoch\":%d", (unsigned long long)seed,
               part->from, part->to);
    if (n_sounds) buf_printf(b, ",\"sounds\":%d", n_sounds);
    buf_char(b, '}');
}

/* --- a chain --- */

typedef struct {
    const plan *p;
    arena *a;
    chain *out;
    hash *keys; /* of the stages so far */
} maker;

static status add_stage(maker *m, stage_kind kind, buf *params, const char *input, int n_parents,
                        const hash *parents, double seconds, double bytes, err *e)
{
    status s = buf_check(params, e);
    const char *text = s == OK ? arena_copy(m->a, params->data, params->len) : NULL;
    buf_free(params);
    TRY(s);
    if (!text) return FAIL(e, ERR_MEM, "out of memory for a chain");
    chain_stage *c = &m->out->stage[m->out->n];
    *c = (chain_stage){.predicted_seconds = seconds, .predicted_bytes = bytes};
    c->request =
        (stage_request){.kind = kind, .params = text, .input = input, .n_parents = n_parents};
    if (n_parents) memcpy(c->request.parent, parents, (size_t)n_parents * sizeof *parents);
    c->request.key = stage_key(kind, text, parents, n_parents);
    m->keys[m->out->n++] = c->request.key;
    return OK;
}

/* Of the exported file, whose key is parents[0]. */
static status add_measurements(maker *m, const value *slots, const hash *parents, err *e)
{
    const space *s = m->p->s;
    const double here = predicted_latency_seconds(slots), there = predicted_device_seconds(slots);
    const char *library = "";
    buf b = {0};
    if (here > 0) {
        buf_char(&b, '{');
        put_settings(s, slots, STAGE_LATENCY, &b);
        if (candidate_matters(s, slots, SET_LIBRARY)) {
            const data_file *f = &s->file[(int)slots[SET_LIBRARY].number];
            library = f->path;
            buf_printf(&b, ",\"library_hash\":\"%s\"", f->content.text);
        }
        buf_char(&b, '}');
        TRY(add_stage(m, STAGE_LATENCY, &b, library, 1, parents, here, predicted_score_bytes(), e));
    }
    if (there <= 0) return OK;
    buf_char(&b, '{');
    put_settings(s, slots, STAGE_DEVICE, &b);
    buf_char(&b, '}');
    return add_stage(m, STAGE_DEVICE, &b, "", 1, parents, there, predicted_score_bytes(), e);
}

static status add_given(maker *m, const char *params, const char *input, int n_parents,
                        const hash *parents, double seconds, double bytes, err *e)
{
    buf b = {0};
    buf_text(&b, params);
    return add_stage(m, STAGE_DATA, &b, input, n_parents, parents, seconds, bytes, e);
}

/* The data, its shards before it. */
static status add_data(maker *m, const data_record *d, hash *out, err *e)
{
    const int n = d->n_shards, first = m->out->n;
    const double seconds = predicted_data_seconds(d), bytes = predicted_data_bytes(d);
    for (int i = 0; i < n; i++)
        TRY(add_given(m, d->shard[i], d->input, 0, NULL, seconds / n, bytes / n, e));
    TRY(add_given(m, d->params, d->input, n, m->keys + first,
                  n ? predicted_join_seconds(d) : seconds, bytes, e));
    *out = m->keys[m->out->n - 1];
    return OK;
}

/* What an augmented training hears, one behind the other. */
static status add_sounds(maker *m, const value *slots, const data_record *d, hash *out, int *n,
                         err *e)
{
    *n = 0;
    const int first = m->out->n, n_waves = plan_hears(slots) ? d->clips->survey.n_waves : 0;
    for (int i = 0; i < n_waves; i++)
        TRY(add_given(m, d->clips->wave[i], d->input, 0, NULL, predicted_waves_seconds(d) / n_waves,
                      predicted_waves_bytes(d) / n_waves, e));
    if (plan_hears_recordings(m->p, slots))
        TRY(add_given(m, m->p->noise, m->p->noise_input, 0, NULL, predicted_noise_seconds(),
                      predicted_noise_bytes(), e));
    *n = m->out->n - first;
    if (*n) memcpy(out, m->keys + first, (size_t)*n * sizeof *out);
    return OK;
}

/* The epoch from which a curve tells of the end: pruned ones dip before. 0: from the start; in steps it is not
 * known. */
static double first_rung(const value *slots)
{
    const value *begin = &slots[SET_PRUNE_BEGIN], *end = &slots[SET_PRUNE_END];
    if (!candidate_prunes(slots) || plan_pruning_phase(slots) != PHASE_TRAIN) return 0;
    if (begin->kind == VALUE_TEXT || end->kind == VALUE_TEXT) return HUGE_VAL;
    return stop_bites_at(begin->number, end->number, slots[SET_PRUNE_POWER].number);
}

/* Only the longest trainings may be stopped; before they begin, too. */
static void note_start(maker *m, const value *slots)
{
    if (slots[SET_EPOCHS].number == m->p->s->search.n_epochs)
        m->out->rung[m->out->n_rungs++] = (chain_rung){-1, 0};
}

/* Notes the stage that was just added. */
static void note_rung(maker *m, const value *slots, const train_part *part)
{
    const space_search *search = &m->p->s->search;
    chain *c = m->out;
    if (part->phase != PHASE_TRAIN) return;
    c->training = c->n - 1;
    c->n_epochs = part->to;
    if (slots[SET_EPOCHS].number != search->n_epochs || part->to < first_rung(slots)) return;
    for (int i = 0; i < search->n_rungs; i++)
        if (search->rung[i] == part->to) c->rung[c->n_rungs++] = (chain_rung){c->n - 1, part->to};
}

static status add_trainings(maker *m, const value *slots, const build *w, uint64_t seed,
                            const hash *data, err *e)
{
    int n_sounds;
    hash sounds[STAGE_MAX_SHARDS + 1];
    note_start(m, slots);
    TRY(add_sounds(m, slots, w->data, sounds, &n_sounds, e));
    for (int i = 0; i < w->n_parts; i++) {
        const net_record *net = w->part[i].phase == PHASE_TUNE ? w->tuned : w->net;
        hash parents[STAGE_MAX_PARENTS];
        int n = 0;
        buf b = {0};
        parents[n++] = *data;
        if (i) parents[n++] = m->keys[m->out->n - 1];
        memcpy(parents + n, sounds, (size_t)n_sounds * sizeof *sounds);
        chain_put_train(m->p->s, slots, net->json, &w->part[i], seed, n_sounds, &b);
        TRY(add_stage(m, STAGE_TRAIN, &b, "", n + n_sounds, parents, w->part[i].seconds,
                      predicted_train_bytes(w->cost), e));
        m->out->stage[m->out->n - 1].epochs = w->part[i].to - w->part[i].from;
        note_rung(m, slots, &w->part[i]);
    }
    return OK;
}

static status add_stages(maker *m, const value *slots, const build *w, uint64_t seed, err *e)
{
    const space *s = m->p->s;
    buf b = {0};
    hash parents[2]; /* the training, then its export; the data */
    TRY(add_data(m, w->data, &parents[1], e));
    TRY(add_trainings(m, slots, w, seed, &parents[1], e));
    chain_put_export(s, slots, w->data->features, &b);
    parents[0] = m->keys[m->out->n - 1]; /* behind it the data, which calibration looks at */
    const bool aware = slots[SET_AWARE].number != 0; /* then the training has the ranges */
    const int n_parents = candidate_matters(s, slots, SET_CALIBRATION) && !aware ? 2 : 1;
    TRY(add_stage(m, STAGE_EXPORT, &b, "", n_parents, parents,
                  predicted_export_seconds(slots, w->cost), w->cost->flat_bytes, e));
    parents[0] = m->keys[m->out->n - 1];
    buf_printf(&b, "{\"batch\":%d}", SCORE_BATCH);
    TRY(add_stage(m, STAGE_SCORE, &b, "", 2, parents, predicted_score_seconds(w->data, w->tuned),
                  predicted_score_bytes(), e));
    return add_measurements(m, slots, parents, e);
}

status plan_knobs(const plan *p, int64_t candidate, arena *a, store_knob *out, err *e)
{
    value slots[N_SLOTS];
    (void)a;
    TRY(plan_values(p, candidate, slots, e));
    for (int i = 0; i < p->s->n_axes; i++)
        out[i] = axis_knob(&p->s->axis[i], &slots[p->s->axis[i].slot]);
    return OK;
}

/* The axes that matter to the candidate; the others stay empty in its row. */
static int fill_knobs(const space *s, const value *slots, store_knob *out)
{
    int n = 0;
    for (int i = 0; i < s->n_axes; i++)
        if (candidate_matters(s, slots, s->axis[i].slot))
            out[n++] = axis_knob(&s->axis[i], &slots[s->axis[i].slot]);
    return n;
}

static status put_config(const plan *p, const value *slots, const build *w, buf *b, err *e)
{
    return candidate_put_config(p->s, slots, w->tuned->json,
                                w->data->clips ? w->data->clips->files : NULL, b, e);
}

status plan_config_hash(const plan *p, int64_t candidate, hash *out, err *e)
{
    value slots[N_SLOTS];
    build w;
    buf b = {0};
    TRY(plan_values(p, candidate, slots, e));
    TRY(plan_lookup(p, slots, &w, e));
    status s = put_config(p, slots, &w, &b, e);
    if (s == OK) *out = hash_bytes(b.data, b.len);
    buf_free(&b);
    return s;
}

static status fill_row(const plan *p, const value *slots, const build *w, arena *a, chain *out,
                       err *e)
{
    static const char *const known[] = {
        "n_params",         "macs", "size_flat", "arena", "size_converter", "modelled_inference_ms",
        "modelled_total_ms"};
    store_knob *knobs = ARENA_NEW(a, store_knob, p->s->n_axes);
    double *values = ARENA_NEW(a, double, 7);
    buf b = {0};
    status code = put_config(p, slots, w, &b, e);
    const char *config = code == OK ? arena_copy(a, b.data, b.len) : NULL;
    buf_free(&b);
    TRY(code);
    if (!knobs || !values || !config) return FAIL(e, ERR_MEM, "out of memory for a chain");
    values[0] = w->cost->n_params;
    values[1] = w->cost->macs;
    values[2] = w->cost->flat_bytes;
    values[3] = w->cost->arena_bytes;
    values[4] = w->cost->converter_bytes;
    values[5] = w->cost->modelled_inference_ms;
    values[6] = w->cost->modelled_total_ms;
    out->row.config = config;
    out->row.config_hash = hash_bytes(config, strlen(config));
    out->row.n_knobs = fill_knobs(p->s, slots, knobs);
    out->row.knob = knobs;
    out->row.n_known = isnan(values[5]) ? 5 : 7;
    out->row.known_name = known;
    out->row.known_value = values;
    return OK;
}

status plan_chain(const plan *p, int64_t candidate, int seed_index, arena *a, chain *out, err *e)
{
    value slots[N_SLOTS];
    build w;
    *out = (chain){.candidate = candidate};
    if (seed_index < 0 || seed_index >= p->s->n_seeds)
        return FAIL(e, ERR_ARG, "there is no seed %d", seed_index);
    TRY(plan_values(p, candidate, slots, e));
    if (plan_state(p, candidate) != CAND_OK)
        return FAIL(e, ERR_ARG, "candidate %lld is not to be built: %s", (long long)candidate,
                    plan_why(p, candidate, a));
    TRY(plan_lookup(p, slots, &w, e));
    hash *keys = ARENA_NEW(a, hash, CHAIN_MAX);
    if (!keys) return FAIL(e, ERR_MEM, "out of memory for a chain");
    maker m = {p, a, out, keys};
    out->seed = p->s->seed[seed_index];
    TRY(add_stages(&m, slots, &w, out->seed, e));
    TRY(fill_row(p, slots, &w, a, out, e));
    out->row.candidate = candidate;
    out->row.seed = out->seed;
    out->row.n_stages = out->n;
    out->row.stage = keys;
    return OK;
}

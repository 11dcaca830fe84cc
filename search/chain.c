/* The stages of one candidate: their parameters as canonical JSON and their keys. The settings'
 * rows say where each stands in the JSON; what no setting decides (columns, units, the split) is
 * here. */
#include "search/plan_parts.h"

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
    static const struct {
        const char *name;
        int slot;
    } rows[] = {{"initial", SET_INITIAL_SPARSITY}, {"final", SET_FINAL_SPARSITY}};
    for (int i = 0; i < 2; i++) {
        buf_printf(b, "%s\"%s\":", i ? "," : "{", rows[i].name);
        value_put_json(b, &slots[rows[i].slot]);
    }
    buf_text(b, ",\"begin\":"); /* a number of epochs; or of steps, beside its text */
    buf_number(b, begin->number);
    buf_text(b, ",\"end\":");
    buf_number(b, end->number);
    buf_printf(b,
               ",\"unit\":\"%s\",\"frequency\":", begin->kind == VALUE_TEXT ? "steps" : "epochs");
    value_put_json(b, &slots[SET_PRUNE_FREQUENCY]);
    buf_text(b, ",\"power\":");
    value_put_json(b, &slots[SET_PRUNE_POWER]);
    buf_char(b, '}');
}

void chain_put_train(const space *s, const value *slots, const char *net, const train_part *part,
                     uint64_t seed, buf *b)
{
    value own[N_SLOTS];
    memcpy(own, slots, sizeof own);
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
    buf_printf(b, ",\"seed\":%llu,\"from_epoch\":%d,\"to_epoch\":%d}", (unsigned long long)seed,
               part->from, part->to);
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
    memcpy(c->request.parent, parents, (size_t)n_parents * sizeof *parents);
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

static status add_stages(maker *m, const value *slots, const build *w, uint64_t seed, err *e)
{
    const space *s = m->p->s;
    buf b = {0};
    hash parents[STAGE_MAX_PARENTS] = {{{0}}};
    buf_text(&b, w->data->params);
    TRY(add_stage(m, STAGE_DATA, &b, w->data->input, 0, parents, predicted_data_seconds(w->data),
                  predicted_data_bytes(w->data), e));
    parents[0] = m->keys[0];
    for (int i = 0; i < w->n_parts; i++) {
        chain_put_train(s, slots, w->net->json, &w->part[i], seed, &b);
        parents[1] = m->keys[i];
        TRY(add_stage(m, STAGE_TRAIN, &b, "", i ? 2 : 1, parents, w->part[i].seconds,
                      predicted_train_bytes(w->cost), e));
    }
    chain_put_export(s, slots, w->data->features, &b);
    parents[0] = m->keys[w->n_parts];
    TRY(add_stage(m, STAGE_EXPORT, &b, "", 1, parents, predicted_export_seconds(),
                  w->cost->flat_bytes, e));
    buf_printf(&b, "{\"batch\":%d}", SCORE_BATCH);
    parents[0] = m->keys[w->n_parts + 1];
    parents[1] = m->keys[0];
    TRY(add_stage(m, STAGE_SCORE, &b, "", 2, parents, predicted_score_seconds(w->data, w->net),
                  predicted_score_bytes(), e));
    return add_measurements(m, slots, parents, e);
}

static store_knob make_knob(const space *s, const value *slots, int i)
{
    int slot = s->axis[i].slot;
    const value *v = &slots[slot];
    store_knob k = {.name = s->axis[i].name,
                    .is_number = v->kind != VALUE_TEXT,
                    .number = v->number,
                    .text = v->text};
    if (v->kind == VALUE_BOOL)
        k = (store_knob){.name = k.name, .text = v->number != 0 ? "true" : "false"};
    return k;
}

status plan_knobs(const plan *p, int64_t candidate, arena *a, store_knob *out, err *e)
{
    value slots[N_SLOTS];
    (void)a;
    TRY(plan_values(p, candidate, slots, e));
    for (int i = 0; i < p->s->n_axes; i++) out[i] = make_knob(p->s, slots, i);
    return OK;
}

/* The axes that matter to the candidate; the others stay empty in its row. */
static int fill_knobs(const space *s, const value *slots, store_knob *out)
{
    int n = 0;
    for (int i = 0; i < s->n_axes; i++)
        if (candidate_matters(s, slots, s->axis[i].slot)) out[n++] = make_knob(s, slots, i);
    return n;
}

static status fill_row(const plan *p, const value *slots, const build *w, arena *a, chain *out,
                       err *e)
{
    static const char *const known[] = {
        "n_params", "macs", "size_flat", "arena", "modelled_inference_ms", "modelled_total_ms"};
    store_knob *knobs = ARENA_NEW(a, store_knob, p->s->n_axes);
    double *values = ARENA_NEW(a, double, 6);
    buf b = {0};
    status code = candidate_put_config(p->s, slots, w->net->json, w->data->files, &b, e);
    const char *config = code == OK ? arena_copy(a, b.data, b.len) : NULL;
    buf_free(&b);
    TRY(code);
    if (!knobs || !values || !config) return FAIL(e, ERR_MEM, "out of memory for a chain");
    values[0] = w->cost->n_params;
    values[1] = w->cost->macs;
    values[2] = w->cost->flat_bytes;
    values[3] = w->cost->arena_bytes;
    values[4] = w->cost->modelled_inference_ms;
    values[5] = w->cost->modelled_total_ms;
    out->row.config = config;
    out->row.config_hash = hash_bytes(config, strlen(config));
    out->row.n_knobs = fill_knobs(p->s, slots, knobs);
    out->row.knob = knobs;
    out->row.n_known = isnan(values[4]) ? 4 : 6;
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

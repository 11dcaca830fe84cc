/* Reading goes in this order: overrides into the tree; settings and axes in the order written; the
 * parts with expressions once all names are known; the order in which conditions are settled; at
 * last what must be there. Every step reports and goes on. */
#include "search/space_parts.h"

#include "engine/base/file.h"
#include "search/candidate.h"

#include <stdio.h>
#include <string.h>

/* --- names --- */

static bool find_name(const void *user, const char *name, int *slot, value_kind *kind)
{
    const space *s = user;
    int i = schema_find(name);
    const char *knob_name = strncmp(name, "model.", 6) == 0 ? name + 6 : name;
    if (i >= 0 && schema_row((setting)i)->type != TYPE_OTHER)
        *slot = i;
    else if (space_find_knob(s, knob_name) >= 0)
        *slot = SLOT_KNOBS + space_find_knob(s, knob_name);
    else if (strcmp(name, "features") == 0)
        *slot = SLOT_FEATURES;
    else if (strcmp(name, "outputs") == 0)
        *slot = SLOT_OUTPUTS;
    else
        return false;
    *kind = s->slot[*slot].kind;
    return true;
}

const expr_names *space_names(space *s)
{
    expr_names *names = ARENA_NEW(s->a, expr_names, 1);
    const char **list = ARENA_NEW(s->a, const char *, N_SLOTS);
    if (!names || !list) return NULL;
    int n = 0;
    for (int i = 0; i < N_SLOTS; i++)
        if (s->slot[i].name && (i >= N_SETTINGS || schema_row((setting)i)->type != TYPE_OTHER))
            list[n++] = s->slot[i].name;
    *names = (expr_names){find_name, list, n, s};
    return names;
}

/* The task decides what the other settings mean, so it is looked at first; a mistake in it is
 * reported in its turn. */
static void find_task(space *s)
{
    const node *n = node_get(s->source.root, "task");
    bool known = n && n->text && schema_among(schema_row(SET_TASK)->choices, n->text);
    s->task = known ? n->text : NULL;
}

bool space_spots_words(const space *s)
{
    return s->task && strcmp(s->task, "keywords") == 0;
}

/* Defaults and fixed kinds of all settings, before anything is read. */
static void init_slots(space *s)
{
    for (int i = 0; i < N_SETTINGS; i++) {
        const setting_row *row = schema_row((setting)i);
        slot_info *info = &s->slot[i];
        *info = (slot_info){.name = schema_short_name((setting)i), .axis = -1, .kind = VALUE_TEXT};
        if (row->type == TYPE_INT || row->type == TYPE_NUMBER || row->type == TYPE_QUANTITY ||
            row->type == TYPE_PERIOD)
            info->kind = VALUE_NUMBER;
        if (row->type == TYPE_BOOL) info->kind = VALUE_BOOL;
        const char *def = schema_default(row, s->task);
        info->def = value_text("");
        if (def && row->type != TYPE_OTHER) {
            node *n = node_read_yaml(s->a, "default", def, strlen(def), s->source.d);
            if (n) space_parse_value(s, row, n, &info->def);
        }
        info->fixed = info->otherwise = info->def;
    }
    s->slot[SLOT_FEATURES] = (slot_info){.name = "features",
                                         .kind = VALUE_NUMBER,
                                         .axis = -1,
                                         .fixed = value_number(FORECAST_FEATURES)};
    s->slot[SLOT_OUTPUTS] = (slot_info){.name = "outputs",
                                        .kind = VALUE_NUMBER,
                                        .axis = -1,
                                        .fixed = value_number(FORECAST_OUTPUTS)};
}

/* What candidates have in common: the first candidate's values. */
static void fill_base(space *s)
{
    digits d = {{0}};
    err e = {0};
    for (int i = 0; i < N_SLOTS; i++) s->base[i] = s->slot[i].fixed;
    for (int i = 0; i < s->n_order; i++) {
        if (candidate_settle(s, &d, s->order[i], s->base, &e) == OK) continue;
        diag_report(s->source.d, s->path, 0, 0, "%s", e.msg);
        return;
    }
}

/* --- what must be there --- */

/* Whether a required setting may matter to some candidate. */
static bool may_matter(const space *s, int slot)
{
    if (slot < N_SETTINGS && !schema_has(schema_row((setting)slot), s->task)) return false;
    return space_may_hold(s, s->slot[slot].matters, false);
}

static void check_required(space *s)
{
    for (int i = 0; i < N_SETTINGS; i++) {
        const setting_row *row = schema_row((setting)i);
        if (s->slot[i].written || row->def || !may_matter(s, i)) continue;
        const char *dot = strchr(row->path, '.');
        char section[40] = "";
        if (dot) snprintf(section, sizeof section, "%.*s", (int)(dot - row->path), row->path);
        const node *place = dot ? node_get(s->source.root, section) : NULL;
        document_wrong(&s->source, place ? place : s->source.root, "%s is missing: %s", row->path,
                       row->help);
    }
}

static void read_lists(space *s)
{
    static void (*const readers[])(space *, const node *) = {space_read_words, space_read_seeds,
                                                             space_read_rules, space_read_versions,
                                                             space_read_objectives};
    static const setting settings[] = {SET_WORDS, SET_SEEDS, SET_RULES, SET_VERSIONS,
                                       SET_OBJECTIVES};
    for (int i = 0; i < 5; i++) {
        const node *n = s->slot[settings[i]].place;
        bool empty = n && n->kind == NODE_NULL && settings[i] != SET_OBJECTIVES;
        if (n && s->slot[settings[i]].written && !empty) readers[i](s, n);
    }
    if (!s->slot[SET_SEEDS].place) s->seed[s->n_seeds++] = 1;
    const value *fixed = s->base;
    s->budget = (space_budget){.max_trials = (int)fixed[SET_MAX_TRIALS].number,
                               .max_seconds = fixed[SET_MAX_TIME].number,
                               .confidence = fixed[SET_CONFIDENCE].number,
                               .max_seeds = (int)fixed[SET_MAX_SEEDS].number,
                               .max_epochs = (int)fixed[SET_MAX_EPOCHS].number,
                               .stage_seconds = fixed[SET_STAGE_TIME].number,
                               .worker_bytes = (uint64_t)fixed[SET_WORKER_MEMORY].number,
                               .retries = (int)fixed[SET_RETRIES].number};
    s->static_filter = fixed[SET_STATIC_FILTER].number != 0;
    space_read_search(s);
}

/* --- for the store --- */

/* All that the trials depend on: with other data it is another space, whose trials are not mixed with
 * those of the old. */
static const char *study_text(space *s)
{
    buf b = {0};
    buf_put(&b, s->source.text, s->source.n);
    for (int i = 0; i < s->options.n_sets; i++)
        buf_printf(&b, "\n# --set %s\n", s->options.sets[i]);
    for (int i = 0; i < s->n_files; i++)
        buf_printf(&b, "\n# data %s %s\n", s->file[i].written, s->file[i].content.text);
    for (int i = 0; i < s->n_architectures; i++)
        buf_printf(&b, "\n# architecture %s\n%s", architecture_name(s->architecture[i]),
                   architecture_text(s->architecture[i]));
    const char *text = b.failed ? NULL : arena_string(s->a, b.data);
    buf_free(&b);
    return text;
}

/* The metrics of the space's task. */
static const store_metric_info *list_metrics(space *s, int *n)
{
    static const store_better directions[] = {[BETTER_LOWER] = STORE_LOWER,
                                              [BETTER_HIGHER] = STORE_HIGHER,
                                              [BETTER_NONE] = STORE_NEITHER};
    *n = 0;
    int room = 0;
    for (const metric_row *m = stage_metrics(); m->name; m++) room++;
    store_metric_info *list = ARENA_NEW(s->a, store_metric_info, room);
    for (const metric_row *m = stage_metrics(); list && m->name; m++)
        if (!*m->task || strcmp(m->task, s->base[SET_TASK].text) == 0)
            list[(*n)++] = (store_metric_info){m->name, m->unit, m->help, directions[m->direction]};
    return list;
}

store_knob axis_knob(const axis *a, const value *v)
{
    if (v->kind == VALUE_BOOL)
        return (store_knob){.name = a->name, .text = v->number != 0 ? "true" : "false"};
    return (store_knob){
        .name = a->name, .is_number = v->kind != VALUE_TEXT, .number = v->number, .text = v->text};
}

static const store_axis *list_axes(space *s)
{
    store_axis *list = ARENA_NEW(s->a, store_axis, s->n_axes + 1);
    for (int i = 0; list && i < s->n_axes; i++) {
        const axis *from = &s->axis[i];
        int n = from->n <= STORE_MOST_VALUES ? from->n : 0;
        store_knob *v = ARENA_NEW(s->a, store_knob, n + 1);
        if (!v) return NULL;
        for (int k = 0; k < n; k++) v[k] = axis_knob(from, &from->values[k]);
        list[i] = (store_axis){n, v};
    }
    return list;
}

static bool describe(space *s)
{
    const char *file = file_name(s->path), *text = study_text(s);
    size_t length = strlen(file);
    if (length > 5 && strcmp(file + length - 5, ".yaml") == 0) length -= 5;
    const char **knobs = ARENA_NEW(s->a, const char *, s->n_axes);
    if (!text || !knobs) return false;
    for (int i = 0; i < s->n_axes; i++) knobs[i] = s->axis[i].name;
    s->stored = (store_space){.name = arena_copy(s->a, file, length),
                              .title = s->base[SET_TITLE].text,
                              .task = s->base[SET_TASK].text,
                              .path = s->path,
                              .text = text,
                              .text_hash = hash_bytes(text, strlen(text)),
                              .n_versions = s->n_versions,
                              .version = s->version,
                              .n_objectives = s->n_objectives,
                              .objective = s->objective,
                              .n_knobs = s->n_axes,
                              .knob = knobs,
                              .axis = list_axes(s)};
    s->stored.metric = list_metrics(s, &s->stored.n_metrics);
    return s->stored.name && s->stored.metric && s->stored.axis;
}

/* Everything that follows once s->source is a map. */
static void read_space(space *s)
{
    space_unfold_device(s);
    for (int i = 0; i < s->options.n_sets; i++) space_apply_set(s, s->options.sets[i]);
    find_task(s);
    init_slots(s);
    space_read_settings(s);
    space_check_periods(s);
    space_check_pruning(s);
    space_check_tuning(s);
    space_check_noise(s);
    space_compile_conditions(s);
    space_check_strict(s);
    space_order_slots(s);
    fill_base(s);
    read_lists(s);
    check_required(s);
}

static space *new_space(arena *a, const char *path, const space_options *options, diag *d)
{
    space *s = ARENA_NEW(a, space, 1);
    if (!s) {
        diag_report(d, path, 0, 0, "out of memory");
        return NULL;
    }
    s->a = a;
    s->path = path;
    s->size = 1;
    if (options) s->options = *options;
    return s;
}

static space *finish_space(space *s, int reported)
{
    diag *d = s->source.d;
    read_space(s);
    if (d->total == reported && !describe(s)) diag_report(d, s->path, 0, 0, "out of memory");
    return d->total == reported ? s : NULL;
}

space *space_read(arena *a, const char *path, const space_options *options, diag *d)
{
    int reported = d->total;
    space *s = new_space(a, path, options, d);
    return s && document_open(&s->source, a, d, path) ? finish_space(s, reported) : NULL;
}

space *space_parse(arena *a, const char *path, const char *text, size_t n,
                   const space_options *options, diag *d)
{
    int reported = d->total;
    space *s = new_space(a, path, options, d);
    return s && document_parse(&s->source, a, d, path, text, n) ? finish_space(s, reported) : NULL;
}

const store_space *space_for_store(const space *s)
{
    return &s->stored;
}

int64_t space_size(const space *s)
{
    return s->size;
}

int space_n_axes(const space *s)
{
    return s->n_axes;
}

const char *space_axis_name(const space *s, int i)
{
    return s->axis[i].name;
}

int space_axis_values(const space *s, int i)
{
    return s->axis[i].n;
}

int space_n_rules(const space *s)
{
    return s->n_rules;
}

const char *space_rule(const space *s, int i, const char **because, int *line)
{
    *because = s->rule[i].because;
    *line = s->rule[i].place->line;
    return expr_text(s->rule[i].exclude);
}

const char *space_setting_place(const space *s, setting wanted)
{
    static const setting asks[] = {SET_PRUNE_END, SET_FINAL_SPARSITY, SET_PRUNE_PATTERN,
                                   SET_CHANNELS, SET_CLUSTERS};
    const node *at = s->slot[wanted].place;
    for (int i = 0; i < 5 && !at; i++) at = s->slot[asks[i]].place;
    if (!at) at = s->source.root;
    const char *text = arena_printf(s->a, "%s:%d:%d", at->file, at->line, at->column);
    return text ? text : s->path;
}

const char *space_rule_place(const space *s, int i)
{
    const node *at = s->rule[i].place;
    const char *text = arena_printf(s->a, "%s:%d:%d", at->file, at->line, at->column);
    return text ? text : s->path;
}

int space_n_seeds(const space *s)
{
    return s->n_seeds;
}

uint64_t space_seed(const space *s, int i)
{
    return s->seed[i];
}

space_budget space_get_budget(const space *s)
{
    return s->budget;
}

/* Reading goes in this order: overrides into the tree; settings and axes in the order written; the
 * parts with expressions once all names are known; the order in which conditions are settled; at
 * last what must be there. Every step reports and goes on. */
#include "search/space_parts.h"

#include "engine/base/file.h"
#include "search/candidate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- settings given by hand --- */

static bool map_put(space *s, node *map, node *key, node *item)
{
    for (int i = 0; i < map->n; i++) {
        if (strcmp(map->key[i]->text, key->text) != 0) continue;
        map->item[i] = item;
        return true;
    }
    node **keys = ARENA_NEW(s->a, node *, map->n + 1),
         **items = ARENA_NEW(s->a, node *, map->n + 1);
    if (!keys || !items) return false;
    for (int i = 0; i < map->n; i++) {
        keys[i] = map->key[i];
        items[i] = map->item[i];
    }
    keys[map->n] = key;
    items[map->n] = item;
    map->key = keys;
    map->item = items;
    map->n++;
    return true;
}

static node *named_node(space *s, const char *file, const char *name, size_t n, node_kind kind)
{
    node *x = ARENA_NEW(s->a, node, 1);
    if (!x) return NULL;
    *x = (node){.kind = kind, .line = 1, .column = 1, .file = file};
    x->text = kind == NODE_STRING ? arena_copy(s->a, name, n) : NULL;
    return x;
}

/* Puts `item` where the dotted path leads, making maps on the way. */
static void put_path(space *s, const char *file, const char *path, node *item)
{
    node *map = s->source.root;
    for (const char *dot; (dot = strchr(path, '.')) != NULL; path = dot + 1) {
        node *key = named_node(s, file, path, (size_t)(dot - path), NODE_STRING);
        if (!key || !key->text) return;
        node *next = node_get(map, key->text);
        if (!next || next->kind != NODE_MAP) {
            next = named_node(s, file, "", 0, NODE_MAP);
            if (!next || !map_put(s, map, key, next)) return;
        }
        map = next;
    }
    node *key = named_node(s, file, path, strlen(path), NODE_STRING);
    if (key && key->text) map_put(s, map, key, item);
}

static void apply_set(space *s, const char *set)
{
    const char *equals = strchr(set, '=');
    const char *file = arena_printf(s->a, "--set %s", set);
    if (!file) return;
    if (!equals || equals == set) {
        diag_report(s->source.d, file, 1, 1, "write a setting and its value: --set train.epochs=5");
        return;
    }
    const char *name = arena_copy(s->a, set, (size_t)(equals - set));
    node *item = node_read_yaml(s->a, file, equals + 1, strlen(equals + 1), s->source.d);
    if (!name || !item) return;
    int row = schema_find(name);
    put_path(s, file, row >= 0 ? schema_row((setting)row)->path : name, item);
}

/* --- settings and axes --- */

static void add_axis(space *s, int slot, const node *list, value *values, int n)
{
    if (n == 0) return;
    if (s->n_axes == SPACE_MAX_AXES) {
        document_wrong(&s->source, list, "more than %d axes", SPACE_MAX_AXES);
        return;
    }
    if (s->size > SPACE_MAX_SIZE / n) {
        document_wrong(&s->source, list,
                       "with this axis the space has more than %d candidates; shorten "
                       "a list",
                       SPACE_MAX_SIZE);
        return;
    }
    s->size *= n;
    s->slot[slot].axis = s->n_axes;
    s->axis[s->n_axes++] = (axis){s->slot[slot].name, slot, n, values};
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = ((const value *)a)->id, y = ((const value *)b)->id;
    return x < y ? -1 : x > y;
}

/* A long axis is searched for repeats in a sorted copy; the first repeat of each is reported. */
static void check_repeats(space *s, const node *list, const value *values, int n)
{
    arena_mark_t mark = arena_mark(s->a);
    value *sorted = ARENA_NEW(s->a, value, n);
    if (!sorted || n < 2) return;
    memcpy(sorted, values, (size_t)n * sizeof *values);
    qsort(sorted, (size_t)n, sizeof *sorted, by_id);
    uint64_t repeated = 0;
    bool any = false;
    for (int i = 1; i < n && !any; i++) {
        any = value_equal(&sorted[i], &sorted[i - 1]);
        repeated = sorted[i].id;
    }
    arena_release(s->a, mark);
    for (int i = 0, seen = 0; any && i < n; i++) {
        if (values[i].id != repeated || !seen++) continue;
        document_wrong(&s->source, list->item[i], "%s stands twice in this axis; keep one",
                       list->item[i]->text);
        return;
    }
}

typedef bool (*parse_function)(space *s, const void *row, const node *n, value *out);

/* The values of an axis; those that parse. */
static void read_values(space *s, int slot, const node *list, parse_function parse, const void *row)
{
    if (list->n == 0) {
        document_wrong(&s->source, list, "an axis needs at least one value");
        return;
    }
    if (list->n > SPACE_MAX_VALUES) {
        document_wrong(&s->source, list, "more than %d values in one axis", SPACE_MAX_VALUES);
        return;
    }
    value *values = ARENA_NEW(s->a, value, list->n);
    int n = 0;
    for (int i = 0; values && i < list->n; i++) n += parse(s, row, list->item[i], &values[n]);
    if (!values || n < list->n) return;
    check_repeats(s, list, values, n);
    add_axis(s, slot, list, values, n);
}

static void read_conditional(space *s, int slot, const node *map, parse_function parse,
                             const void *row)
{
    static const char *const keys[] = {"values", "when", "otherwise"};
    slot_info *info = &s->slot[slot];
    const node *list = node_get(map, "values");
    document_check_keys(&s->source, map, "of an axis", keys, 3);
    info->when_node = node_get(map, "when");
    info->otherwise_node = node_get(map, "otherwise");
    if (info->otherwise_node) parse(s, row, info->otherwise_node, &info->otherwise);
    if (!list || list->kind != NODE_LIST)
        document_wrong(&s->source, map,
                       "an axis is a list, or {values: [...], when: '...', otherwise: "
                       "...}");
    else
        read_values(s, slot, list, parse, row);
}

static void read_slot(space *s, int slot, const node *n, bool may_be_axis, parse_function parse,
                      const void *row)
{
    slot_info *info = &s->slot[slot];
    info->written = true;
    info->place = n;
    if (n->kind != NODE_LIST && n->kind != NODE_MAP)
        parse(s, row, n, &info->fixed);
    else if (!may_be_axis)
        document_wrong(&s->source, n, "%s takes one value; it is the same for all candidates",
                       info->name);
    else if (n->kind == NODE_LIST)
        read_values(s, slot, n, parse, row);
    else
        read_conditional(s, slot, n, parse, row);
}

static bool parse_setting(space *s, const void *row, const node *n, value *out)
{
    return space_parse_value(s, row, n, out);
}

static void read_setting(space *s, setting i, const node *n)
{
    const setting_row *row = schema_row(i);
    s->slot[i].place = n;
    if (!schema_has(row, s->task))
        document_wrong(&s->source, n, "%s belongs to task %s; this space has task %s", row->path,
                       row->task, s->task);
    else if (row->type == TYPE_OTHER)
        s->slot[i].written = true; /* read when the names are known */
    else
        read_slot(s, (int)i, n, row->axis, parse_setting, row);
}

/* --- knobs --- */

static bool parse_knob(space *s, const void *row, const node *n, value *out)
{
    const knob *k = row;
    if (k->def.kind == VALUE_NUMBER) {
        if (n->kind == NODE_NUMBER && n->number >= k->min && n->number <= k->max) {
            *out = value_number(n->number);
            return true;
        }
        document_wrong(&s->source, n, "knob %s is a number from %.10g to %.10g, not %s", k->name,
                       k->min, k->max, n->text && *n->text ? n->text : document_kind(n));
        return false;
    }
    if (k->def.kind == VALUE_BOOL && n->kind == NODE_BOOL) {
        *out = value_bool(n->number != 0);
        return true;
    }
    if (k->def.kind == VALUE_TEXT && n->text && schema_among(k->choices, n->text)) {
        *out = value_text(n->text);
        return true;
    }
    document_wrong(&s->source, n, "knob %s is %s%s, not %s", k->name,
                   k->choices ? "one of " : "true or false", k->choices ? k->choices : "",
                   n->text && *n->text ? n->text : document_kind(n));
    return false;
}

static int find_knob(const space *s, const char *name)
{
    for (int k = 0; k < s->n_knobs; k++)
        if (strcmp(s->slot[SLOT_KNOBS + k].name, name) == 0) return k;
    return -1;
}

/* Gives slots to the knobs of every architecture; knobs of one name are one knob. */
static void collect_knobs(space *s)
{
    memset(s->own_knob, -1, sizeof s->own_knob);
    for (int i = 0; i < s->n_architectures; i++) {
        for (int j = 0; j < architecture_n_knobs(s->architecture[i]); j++) {
            const knob *own = architecture_knob(s->architecture[i], j);
            int k = find_knob(s, own->name);
            if (k < 0 && s->n_knobs == SPACE_MAX_KNOBS) {
                diag_report(s->source.d, s->path, 0, 0, "more than %d knobs", SPACE_MAX_KNOBS);
                return;
            }
            if (k < 0) {
                k = s->n_knobs++;
                s->slot[SLOT_KNOBS + k] = (slot_info){.name = own->name,
                                                      .kind = own->def.kind,
                                                      .axis = -1,
                                                      .fixed = own->def,
                                                      .def = own->def,
                                                      .otherwise = own->def};
            }
            if (s->slot[SLOT_KNOBS + k].kind != own->def.kind)
                diag_report(s->source.d, architecture_path(s->architecture[i]), 0, 0,
                            "knob %s is of another kind in another architecture of this space",
                            own->name);
            s->own_knob[i][k] = (signed char)j;
        }
    }
}

/* A knob must suit every architecture that has it: the narrowest of their ranges. */
static knob common_range(const space *s, int k)
{
    knob common = {0};
    for (int i = 0; i < s->n_architectures; i++) {
        if (s->own_knob[i][k] < 0) continue;
        const knob *own = architecture_knob(s->architecture[i], s->own_knob[i][k]);
        if (!common.name) common = *own;
        if (own->min > common.min) common.min = own->min;
        if (own->max < common.max) common.max = own->max;
    }
    return common;
}

static void read_knob(space *s, const node *key, const node *n)
{
    int k = find_knob(s, key->text);
    if (k >= 0) {
        knob range = common_range(s, k);
        read_slot(s, SLOT_KNOBS + k, n, true, parse_knob, &range);
        return;
    }
    if (s->architecture_failed) return; /* its knobs are not known */
    const char *names[SPACE_MAX_KNOBS + 1] = {"architecture"};
    char list[300] = "architecture";
    for (int i = 0; i < s->n_knobs; i++) {
        names[i + 1] = s->slot[SLOT_KNOBS + i].name;
        snprintf(list + strlen(list), sizeof list - strlen(list), ", %s", names[i + 1]);
    }
    const char *meant = diag_did_you_mean(key->text, names, (size_t)s->n_knobs + 1);
    if (meant)
        document_wrong(&s->source, key, "no architecture here has a knob '%s'; did you mean '%s'?",
                       key->text, meant);
    else
        document_wrong(&s->source, key, "no architecture here has a knob '%s'; known are %s",
                       key->text, list);
}

/* --- sections --- */

static void load_architecture(space *s, const node *n)
{
    value unused;
    const node *list = n && n->kind == NODE_MAP ? node_get(n, "values") : n;
    const setting_row *row = schema_row(SET_ARCHITECTURE);
    if (!list) return;
    for (int i = 0; list->kind == NODE_LIST && i < list->n; i++)
        space_parse_value(s, row, list->item[i], &unused);
    if (list->kind == NODE_STRING) space_parse_value(s, row, list, &unused);
    const node *otherwise = n->kind == NODE_MAP ? node_get(n, "otherwise") : NULL;
    if (otherwise) space_parse_value(s, row, otherwise, &unused);
}

static void unknown_setting(space *s, const node *key, const char *section)
{
    const char *names[N_SETTINGS + 8];
    int n = 0;
    size_t length = strlen(section);
    if (!length) n = schema_sections(names, 8);
    for (int i = 0; i < N_SETTINGS; i++) {
        const char *path = schema_row((setting)i)->path, *dot = strchr(path, '.');
        if (!schema_has(schema_row((setting)i), s->task)) continue;
        if (!length && !dot) names[n++] = path;
        if (length && dot && (size_t)(dot - path) == length && strncmp(path, section, length) == 0)
            names[n++] = dot + 1;
    }
    int elsewhere = schema_find(key->text);
    const char *meant = diag_did_you_mean(key->text, names, (size_t)n);
    char list[600] = "";
    for (int i = 0; i < n; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", names[i]);
    if (elsewhere >= 0)
        document_wrong(&s->source, key, "unknown key '%s'%s%s; it belongs elsewhere: %s", key->text,
                       length ? " in " : "", section, schema_row((setting)elsewhere)->path);
    else if (meant)
        document_wrong(&s->source, key, "unknown key '%s'%s%s; did you mean '%s'?", key->text,
                       length ? " in " : "", section, meant);
    else
        document_wrong(&s->source, key, "unknown key '%s'%s%s; known are %s", key->text,
                       length ? " in " : "", section, list);
}

static void read_section(space *s, const char *section, const node *map)
{
    if (map->kind == NODE_NULL) return;
    if (map->kind != NODE_MAP) {
        document_wrong(&s->source, map, "%s is a section: a map of settings, not %s", section,
                       document_kind(map));
        return;
    }
    for (int i = 0; i < map->n; i++) {
        char path[100];
        snprintf(path, sizeof path, "%s.%.80s", section, map->key[i]->text);
        int row = schema_find(path);
        if (row >= 0)
            read_setting(s, (setting)row, map->item[i]);
        else if (strcmp(section, "model") == 0)
            read_knob(s, map->key[i], map->item[i]);
        else
            unknown_setting(s, map->key[i], section);
    }
}

static void read_settings(space *s)
{
    const node *root = s->source.root;
    const char *sections[8];
    int n_sections = schema_sections(sections, 8);
    load_architecture(s, node_get(node_get(root, "model"), "architecture"));
    collect_knobs(s);
    for (int i = 0; i < root->n; i++) {
        const char *key = root->key[i]->text;
        bool section = false;
        for (int k = 0; k < n_sections; k++) section |= strcmp(sections[k], key) == 0;
        int row = strchr(key, '.') ? -1 : schema_find(key);
        if (section)
            read_section(s, key, root->item[i]);
        else if (row >= 0 && strcmp(schema_row((setting)row)->path, key) == 0)
            read_setting(s, (setting)row, root->item[i]);
        else
            unknown_setting(s, root->key[i], "");
    }
}

/* --- names --- */

static bool find_name(const void *user, const char *name, int *slot, value_kind *kind)
{
    const space *s = user;
    int i = schema_find(name);
    const char *knob_name = strncmp(name, "model.", 6) == 0 ? name + 6 : name;
    if (i >= 0 && schema_row((setting)i)->type != TYPE_OTHER)
        *slot = i;
    else if (find_knob(s, knob_name) >= 0)
        *slot = SLOT_KNOBS + find_knob(s, knob_name);
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

static bool is_steps(const value *v)
{
    return v->kind == VALUE_TEXT && strstr(v->text, "steps") != NULL;
}

/* Counts the values of a period that are in steps and that are not. */
static void count_steps(const space *s, int slot, int count[2])
{
    const slot_info *info = &s->slot[slot];
    int n = info->axis >= 0 ? s->axis[info->axis].n : 1;
    for (int i = 0; i < n; i++)
        count[is_steps(info->axis >= 0 ? &s->axis[info->axis].values[i] : &info->fixed)]++;
    if (info->otherwise_node) count[is_steps(&info->otherwise)]++;
}

/* Pruning is told to trainers in one unit, so begin and end share it, over all their values. */
static void check_periods(space *s)
{
    int count[2] = {0, 0};
    count_steps(s, SET_PRUNE_BEGIN, count);
    count_steps(s, SET_PRUNE_END, count);
    if (count[1] == 0) return;
    s->slot[SET_PRUNE_BEGIN].kind = s->slot[SET_PRUNE_END].kind = VALUE_TEXT;
    const node *place = s->slot[SET_PRUNE_END].place;
    if (!place) place = s->slot[SET_PRUNE_BEGIN].place;
    if (count[0] > 0)
        document_wrong(&s->source, place,
                       "prune.begin and prune.end are partly in steps and partly in "
                       "epochs; give both, everywhere, in one unit");
}

/* --- conditions --- */

/* An expression of the schema itself; NULL stays NULL. */
static expr *compile_own(space *s, const char *text, const expr_names *names)
{
    expr *x = NULL;
    err e = {0};
    int at;
    if (text && expr_compile(s->a, text, names, &x, &at, &e) != OK)
        diag_report(s->source.d, s->path, 0, 0, "%s: %s", text, e.msg);
    return x;
}

static void compile_conditions(space *s)
{
    const expr_names *names = space_names(s);
    if (!names) return;
    for (int i = 0; i < N_SLOTS; i++) {
        slot_info *info = &s->slot[i];
        if (i < N_SETTINGS) {
            info->matters = compile_own(s, schema_row((setting)i)->matters, names);
            info->param_when = compile_own(s, schema_row((setting)i)->param_when, names);
        }
        if (info->when_node)
            info->when = document_expr(&s->source, info->when_node, names, VALUE_BOOL);
    }
}

/* The i-th slot that settling `slot` reads; -1 after the last. */
static int dependency(const space *s, int slot, int i)
{
    const slot_info *info = &s->slot[slot];
    int n = info->matters ? expr_n_slots(info->matters) : 0;
    int m = info->when ? expr_n_slots(info->when) : 0;
    if (i < n) return expr_slot(info->matters, i);
    if (i < n + m) return expr_slot(info->when, i - n);
    if (i > n + m) return -1;
    if (slot == SET_PRUNE_BEGIN || slot == SET_PRUNE_END) return SET_EPOCHS;
    return slot >= SLOT_KNOBS && slot < SLOT_KNOBS + s->n_knobs ? SET_ARCHITECTURE : -1;
}

typedef enum { NOT_SEEN, BEING_SEEN, SEEN } visit_state;

/* Depth-first, so that a slot comes behind what it reads. */
static void visit(space *s, int slot, visit_state *state)
{
    if (state[slot] == SEEN) return;
    if (state[slot] == BEING_SEEN) {
        const node *place = s->slot[slot].when_node ? s->slot[slot].when_node : s->source.root;
        document_wrong(&s->source, place,
                       "the condition of %s depends on itself, through other "
                       "conditions; break the circle",
                       s->slot[slot].name);
        return;
    }
    state[slot] = BEING_SEEN;
    for (int i = 0, d; (d = dependency(s, slot, i)) >= 0; i++) visit(s, d, state);
    state[slot] = SEEN;
    s->order[s->n_order++] = slot;
}

/* Whether a slot that varies must be settled for each candidate: not when only its default's
 * applicability varies. */
static bool needs_settling(const space *s, int slot)
{
    const slot_info *info = &s->slot[slot];
    bool knob_slot = slot >= SLOT_KNOBS && slot < SLOT_KNOBS + s->n_knobs;
    if (info->axis < 0 && !knob_slot && value_equal(&info->fixed, &info->def)) return false;
    return info->matters || info->when || dependency(s, slot, 0) >= 0;
}

static void order_slots(space *s)
{
    visit_state state[N_SLOTS] = {0};
    bool varies[N_SLOTS] = {0};
    for (int i = 0; i < N_SLOTS; i++)
        if (s->slot[i].name) visit(s, i, state);
    for (int i = 0; i < s->n_order; i++) {
        int slot = s->order[i];
        varies[slot] = s->slot[slot].axis >= 0;
        for (int k = 0, d; (d = dependency(s, slot, k)) >= 0; k++) varies[slot] |= varies[d];
        if (varies[slot] && needs_settling(s, slot)) s->dynamic[s->n_dynamic++] = slot;
    }
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

/* Whether a required setting may matter to some candidate: its condition reads one other setting.
 */
static bool may_matter(const space *s, int slot)
{
    const expr *x = s->slot[slot].matters;
    if (slot < N_SETTINGS && !schema_has(schema_row((setting)slot), s->task)) return false;
    if (!x) return true;
    value slots[N_SLOTS];
    memcpy(slots, s->base, sizeof slots);
    int cause = expr_slot(x, 0), n = 1;
    const axis *values = s->slot[cause].axis >= 0 ? &s->axis[s->slot[cause].axis] : NULL;
    if (values) n = values->n;
    for (int i = 0; i < n; i++) {
        bool holds = false;
        slots[cause] = values ? values->values[i] : s->slot[cause].fixed;
        if (candidate_test(s, x, NULL, slots, &holds, NULL) == OK && holds) return true;
    }
    return false;
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
                               .stage_seconds = fixed[SET_STAGE_TIME].number,
                               .worker_bytes = (uint64_t)fixed[SET_WORKER_MEMORY].number,
                               .retries = (int)fixed[SET_RETRIES].number};
    s->static_filter = fixed[SET_STATIC_FILTER].number != 0;
}

/* --- for the store --- */

static const char *study_text(space *s)
{
    buf b = {0};
    buf_put(&b, s->source.text, s->source.n);
    for (int i = 0; i < s->options.n_sets; i++)
        buf_printf(&b, "\n# --set %s\n", s->options.sets[i]);
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

static bool describe(space *s)
{
    const char *file = file_name(s->path), *text = study_text(s);
    size_t length = strlen(file);
    if (length > 5 && strcmp(file + length - 5, ".yaml") == 0) length -= 5;
    const char **knobs = ARENA_NEW(s->a, const char *, s->n_axes);
    if (!text || !knobs) return false;
    for (int i = 0; i < s->n_axes; i++) knobs[i] = s->axis[i].name;
    s->stored = (store_space){.name = arena_copy(s->a, file, length),
                              .task = s->base[SET_TASK].text,
                              .path = s->path,
                              .text = text,
                              .text_hash = hash_bytes(text, strlen(text)),
                              .n_versions = s->n_versions,
                              .version = s->version,
                              .n_objectives = s->n_objectives,
                              .objective = s->objective,
                              .n_knobs = s->n_axes,
                              .knob = knobs};
    s->stored.metric = list_metrics(s, &s->stored.n_metrics);
    return s->stored.name && s->stored.metric;
}

/* Everything that follows once s->source is a map. */
static void read_space(space *s)
{
    for (int i = 0; i < s->options.n_sets; i++) apply_set(s, s->options.sets[i]);
    find_task(s);
    init_slots(s);
    read_settings(s);
    check_periods(s);
    compile_conditions(s);
    order_slots(s);
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

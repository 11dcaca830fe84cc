/* Settings, axes and knobs, in the order written; before them, what --set puts into the tree. */
#include "search/space_parts.h"

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

static bool is_section(const char *name)
{
    const char *sections[SCHEMA_MAX_SECTIONS];
    int n = schema_sections(sections, SCHEMA_MAX_SECTIONS);
    for (int i = 0; i < n; i++)
        if (strcmp(sections[i], name) == 0) return true;
    return false;
}

/* `device: NAME`, or an axis of names, is short for `device: {model: NAME}`. */
void space_unfold_device(space *s)
{
    node *root = s->source.root;
    const node *written = node_get(root, "device");
    if (!written || (written->kind == NODE_MAP && !node_get(written, "values"))) return;
    for (int i = 0; i < root->n; i++) {
        if (strcmp(root->key[i]->text, "device") != 0) continue;
        node *key = named_node(s, written->file, "model", 5, NODE_STRING);
        node *map = named_node(s, written->file, "", 0, NODE_MAP);
        if (!key || !key->text || !map) return;
        key->line = map->line = written->line;
        key->column = map->column = written->column;
        if (map_put(s, map, key, root->item[i])) root->item[i] = map;
    }
}

void space_apply_set(space *s, const char *set)
{
    const char *equals = strchr(set, '=');
    const char *file = arena_printf(s->a, "--set %s", set);
    if (!file) return;
    if (!equals || equals == set) {
        diag_report(s->source.d, file, 1, 1, "write a setting and its value: --set train.epochs=5");
        return;
    }
    if (equals[1 + strspn(equals + 1, " \t")] == '\0') {
        diag_report(s->source.d, file, 1, 1, "a value is missing behind the =");
        return;
    }
    const char *name = arena_copy(s->a, set, (size_t)(equals - set));
    node *item = node_read_yaml(s->a, file, equals + 1, strlen(equals + 1), s->source.d);
    if (!name || !item) return;
    int row = schema_find(name);
    const char *path = row >= 0 ? schema_row((setting)row)->path : name;
    if (row < 0 && !strchr(name, '.') && !is_section(name)) /* a knob, or a mistake */
        path = arena_printf(s->a, "model.%s", name);
    if (path) put_path(s, file, path, item);
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

int space_find_knob(const space *s, const char *name)
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
            int k = space_find_knob(s, own->name);
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

/* Whether a key comes from --set NAME=..., without a section: a knob was guessed. */
static bool is_short_set(const node *key)
{
    size_t n = strlen(key->text);
    return strncmp(key->file, "--set ", 6) == 0 && strncmp(key->file + 6, key->text, n) == 0 &&
           key->file[6 + n] == '=';
}

/* The setting whose path ends in `name` and that must go by its path, since a knob may have that name;
 * NULL: none. */
static const char *path_that_ends_in(const space *s, const char *name)
{
    for (int i = 0; i < N_SETTINGS; i++) {
        const char *path = schema_row((setting)i)->path, *dot = strchr(path, '.');
        if (dot && strcmp(dot + 1, name) == 0 && schema_has(schema_row((setting)i), s->task))
            return path;
    }
    return NULL;
}

static void unknown_set(space *s, const node *key)
{
    const char *names[SPACE_MAX_KNOBS + N_SETTINGS];
    int n = 0;
    for (int i = 0; i < s->n_knobs; i++) names[n++] = s->slot[SLOT_KNOBS + i].name;
    for (int i = 0; i < N_SETTINGS; i++)
        if (schema_has(schema_row((setting)i), s->task)) names[n++] = schema_short_name((setting)i);
    const char *meant = path_that_ends_in(s, key->text);
    if (!meant) meant = diag_did_you_mean(key->text, names, (size_t)n);
    if (meant)
        document_wrong(&s->source, key, "no setting or knob '%s'; did you mean '%s'?", key->text,
                       meant);
    else
        document_wrong(&s->source, key,
                       "no setting or knob '%s'; 'paretune check --schema' lists the settings, "
                       "the architecture its knobs",
                       key->text);
}

static void read_knob(space *s, const node *key, const node *n)
{
    int k = space_find_knob(s, key->text);
    if (k >= 0) {
        knob range = common_range(s, k);
        read_slot(s, SLOT_KNOBS + k, n, true, parse_knob, &range);
        return;
    }
    if (s->architecture_failed) return; /* its knobs are not known */
    if (is_short_set(key)) {
        unknown_set(s, key);
        return;
    }
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
    const char *names[N_SETTINGS + SCHEMA_MAX_SECTIONS];
    int n = 0;
    size_t length = strlen(section);
    if (!length) n = schema_sections(names, SCHEMA_MAX_SECTIONS);
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

void space_read_settings(space *s)
{
    const node *root = s->source.root;
    load_architecture(s, node_get(node_get(root, "model"), "architecture"));
    collect_knobs(s);
    for (int i = 0; i < root->n; i++) {
        const char *key = root->key[i]->text;
        int row = strchr(key, '.') ? -1 : schema_find(key);
        if (is_section(key))
            read_section(s, key, root->item[i]);
        else if (row >= 0 && strcmp(schema_row((setting)row)->path, key) == 0)
            read_setting(s, (setting)row, root->item[i]);
        else
            unknown_setting(s, root->key[i], "");
    }
}

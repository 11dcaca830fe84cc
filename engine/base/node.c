/* libyaml parses; this file keeps its events on a stack of open collections. Aliases point to the
 * anchored node itself; `weight` counts nodes and `height` levels as if each alias were written
 * out, so that a small text cannot stand for a huge or deep tree (the "billion laughs"). The merge
 * key
 * `<<` is honoured for maps. Keys are compared through a table of hashes once a map is long, and
 * anchors are few, so that no text takes more than a time in proportion to its length. */
#include "engine/base/node.h"

#include "engine/base/hash.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

typedef struct anchor {
    struct anchor *next;
    const char *name;
    node *n;
    int weight, height;
    bool open; /* its collection has not ended: an alias to it would be a cycle */
} anchor;

typedef struct child {
    struct child *next;
    node *n;
} child;

typedef struct {
    node *n;
    child *first, **end;       /* children so far; maps: key, value, key, ... */
    int count, weight, height; /* height: levels of the tallest child */
    anchor *anchor;
} level;

typedef struct {
    arena *a;
    diag *d;
    const char *file;
    level open[NODE_MAX_DEPTH + 1];
    int depth;
    anchor *anchors;
    int n_anchors;
    node *root;
    int total; /* nodes after expansion */
    bool stop;
} reader;

static void report(reader *r, yaml_mark_t at, const char *text)
{
    diag_report(r->d, r->file, (int)at.line + 1, (int)at.column + 1, "%s", text);
}

static void out_of_memory(reader *r)
{
    diag_report(r->d, r->file, 1, 1, "out of memory");
    r->stop = true;
}

static bool is_number(const char *s)
{
    if (*s == '-' || *s == '+') s++;
    int digits = 0;
    while (isdigit((unsigned char)*s)) s++, digits++;
    if (*s == '.') {
        s++;
        while (isdigit((unsigned char)*s)) s++, digits++;
    }
    if (!digits) return false;
    if (*s == 'e' || *s == 'E') {
        s++;
        if (*s == '-' || *s == '+') s++;
        if (!isdigit((unsigned char)*s)) return false;
        while (isdigit((unsigned char)*s)) s++;
    }
    return *s == '\0';
}

static void resolve_scalar(reader *r, node *n, yaml_mark_t at)
{
    const char *s = n->text;
    n->kind = NODE_STRING;
    if (n->quoted) return;
    if (!*s || strcmp(s, "~") == 0 || strcmp(s, "null") == 0) {
        n->kind = NODE_NULL;
    } else if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0) {
        n->kind = NODE_BOOL;
        n->number = s[0] == 't';
    } else if (is_number(s)) {
        const char *digits = s + (*s == '-' || *s == '+');
        n->kind = NODE_NUMBER;
        n->number = strtod(s, NULL);
        if (!isfinite(n->number))
            report(r, at, "number out of range; the largest is about 1.8e308");
        else if (digits[0] == '0' && isdigit((unsigned char)digits[1]))
            report(r, at, "a number must not begin with 0; drop the zero, or quote the text");
    } else if (strcasecmp(s, ".nan") == 0 ||
               strcasecmp(s + (*s == '-' || *s == '+'), ".inf") == 0) {
        report(r, at, "not a finite number; write a finite one, or quote the text");
    }
}

static node *new_node(reader *r, node_kind kind, yaml_mark_t at)
{
    node *n = ARENA_NEW(r->a, node, 1);
    if (!n) {
        out_of_memory(r);
        return NULL;
    }
    n->kind = kind;
    n->file = r->file;
    n->line = (int)at.line + 1;
    n->column = (int)at.column + 1;
    return n;
}

/* Hangs a finished or just opened node under the innermost open collection. */
static void attach(reader *r, node *n, int weight, int height, yaml_mark_t at)
{
    if (r->depth + height > NODE_MAX_DEPTH) {
        report(r, at, "nested too deep; the limit is 32 levels");
        r->stop = true;
        return;
    }
    r->total += weight;
    if (r->total > NODE_MAX_NODES) {
        report(r, at, "too many values once aliases are expanded; the limit is 200000");
        r->stop = true;
        return;
    }
    if (r->depth == 0) {
        r->root = n;
        return;
    }
    level *top = &r->open[r->depth - 1];
    child *c = ARENA_NEW(r->a, child, 1);
    if (!c) {
        out_of_memory(r);
        return;
    }
    c->n = n;
    *top->end = c;
    top->end = &c->next;
    top->count++;
    for (int i = 0; i < r->depth; i++) {
        r->open[i].weight += weight;
        if (r->open[i].height < r->depth - i - 1 + height)
            r->open[i].height = r->depth - i - 1 + height;
    }
}

static anchor *add_anchor(reader *r, const yaml_event_t *ev, const yaml_char_t *name, node *n)
{
    if (!name || r->stop) return NULL;
    if (r->n_anchors++ == NODE_MAX_ANCHORS) {
        report(r, ev->start_mark, "too many anchors; the limit is 1000");
        r->stop = true;
        return NULL;
    }
    anchor *x = ARENA_NEW(r->a, anchor, 1);
    const char *kept = arena_string(r->a, (const char *)name);
    if (!x || !kept) {
        out_of_memory(r);
        return NULL;
    }
    *x = (anchor){.next = r->anchors, .name = kept, .n = n, .weight = 1};
    r->anchors = x;
    return x;
}

static void on_alias(reader *r, const yaml_event_t *ev)
{
    const char *name = (const char *)ev->data.alias.anchor;
    for (anchor *x = r->anchors; x; x = x->next) {
        if (strcmp(x->name, name) != 0) continue;
        if (x->open) {
            report(r, ev->start_mark, "an alias inside its own anchor would never end");
            r->stop = true;
        } else {
            attach(r, x->n, x->weight, x->height, ev->start_mark);
        }
        return;
    }
    report(r, ev->start_mark, "alias of an anchor that is not defined above");
    r->stop = true;
}

static void refuse_tag(reader *r, const yaml_char_t *tag, yaml_mark_t at)
{
    if (tag) report(r, at, "tags are not used here; drop it");
}

static void on_scalar(reader *r, const yaml_event_t *ev)
{
    node *n = new_node(r, NODE_STRING, ev->start_mark);
    if (!n) return;
    const char *value = (const char *)ev->data.scalar.value;
    if (memchr(value, '\0', ev->data.scalar.length))
        report(r, ev->start_mark, "a NUL character inside a text; remove it");
    n->text = arena_copy(r->a, value, ev->data.scalar.length);
    if (!n->text) {
        out_of_memory(r);
        return;
    }
    n->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    refuse_tag(r, ev->data.scalar.tag, ev->start_mark);
    resolve_scalar(r, n, ev->start_mark);
    attach(r, n, 1, 0, ev->start_mark);
    add_anchor(r, ev, ev->data.scalar.anchor, n);
}

static void on_open(reader *r, node_kind kind, const yaml_event_t *ev, const yaml_char_t *name,
                    const yaml_char_t *tag)
{
    refuse_tag(r, tag, ev->start_mark);
    node *n = new_node(r, kind, ev->start_mark);
    if (!n) return;
    attach(r, n, 1, 1, ev->start_mark);
    if (r->stop) return;
    level *l = &r->open[r->depth++];
    *l = (level){.n = n, .weight = 1, .anchor = add_anchor(r, ev, name, n)};
    if (l->anchor) l->anchor->open = true;
    l->end = &l->first;
}

/* The keys of a map being made: for a long one, an open-addressed table of indexes into key[]. */
typedef struct {
    node *map;
    int *slot; /* index + 1, 0 for free; NULL for a short map */
    size_t mask;
} key_set;

enum { SHORT_MAP = 16 };

static bool key_set_init(key_set *k, node *map, int room, arena *a)
{
    *k = (key_set){.map = map};
    if (room <= SHORT_MAP) return true;
    size_t n = 1;
    while (n < 2 * (size_t)room) n *= 2;
    k->slot = ARENA_NEW(a, int, n);
    k->mask = n - 1;
    return k->slot != NULL;
}

/* Adds a key and its value unless the key is there. */
static bool key_set_add(key_set *k, node *key, node *value)
{
    node *map = k->map;
    if (!k->slot) {
        if (node_get(map, key->text)) return false;
    } else {
        size_t i = hash_u64(key->text, strlen(key->text), 0) & k->mask;
        for (; k->slot[i]; i = (i + 1) & k->mask)
            if (strcmp(map->key[k->slot[i] - 1]->text, key->text) == 0) return false;
        k->slot[i] = map->n + 1;
    }
    map->key[map->n] = key;
    map->item[map->n++] = value;
    return true;
}

static bool is_merge(const node *key)
{
    return !key->quoted && key->text && strcmp(key->text, "<<") == 0;
}

static void add_written(reader *r, key_set *keys, node *key, node *value)
{
    if (!key->text)
        diag_report(r->d, r->file, key->line, key->column, "a key must be a single word");
    else if (!key_set_add(keys, key, value))
        diag_report(r->d, r->file, key->line, key->column,
                    "key '%s' stands twice in this map; keep one", key->text);
}

/* `<<: *defaults`: the keys of the merged map that are not written here. */
static void add_merged(reader *r, key_set *keys, const node *key, const node *from)
{
    if (from->kind != NODE_MAP)
        diag_report(r->d, r->file, key->line, key->column, "<< merges a map; this is not one");
    for (int i = 0; from->kind == NODE_MAP && i < from->n; i++)
        key_set_add(keys, from->key[i], from->item[i]);
}

static bool finish_map(reader *r, const level *l)
{
    key_set keys;
    node *n = l->n;
    int room = 0;
    for (const child *c = l->first; c; c = c->next->next)
        room += is_merge(c->n) && c->next->n->kind == NODE_MAP ? c->next->n->n : 1;
    n->key = ARENA_NEW(r->a, node *, room);
    n->item = ARENA_NEW(r->a, node *, room);
    if (!n->key || !n->item || !key_set_init(&keys, n, room, r->a)) return false;
    for (const child *c = l->first; c; c = c->next->next)
        if (!is_merge(c->n)) add_written(r, &keys, c->n, c->next->n);
    for (const child *c = l->first; c; c = c->next->next) /* last: what is written here wins */
        if (is_merge(c->n)) add_merged(r, &keys, c->n, c->next->n);
    return true;
}

static bool finish_list(reader *r, const level *l)
{
    l->n->item = ARENA_NEW(r->a, node *, l->count);
    if (!l->n->item) return false;
    for (const child *c = l->first; c; c = c->next) l->n->item[l->n->n++] = c->n;
    return true;
}

static void on_close(reader *r)
{
    assert(r->depth > 0 && r->open[r->depth - 1].n && "libyaml closes what it has opened");
    level *l = &r->open[--r->depth];
    if (l->anchor) {
        l->anchor->open = false;
        l->anchor->weight = l->weight;
        l->anchor->height = l->height + 1;
    }
    if (!(l->n->kind == NODE_MAP ? finish_map(r, l) : finish_list(r, l))) out_of_memory(r);
}

static void on_event(reader *r, const yaml_event_t *ev, int *documents)
{
    switch (ev->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++*documents > 1) {
            report(r, ev->start_mark, "a second document; keep one document in a file");
            r->stop = true;
        }
        break;
    case YAML_ALIAS_EVENT:
        on_alias(r, ev);
        break;
    case YAML_SCALAR_EVENT:
        on_scalar(r, ev);
        break;
    case YAML_SEQUENCE_START_EVENT:
        on_open(r, NODE_LIST, ev, ev->data.sequence_start.anchor, ev->data.sequence_start.tag);
        break;
    case YAML_MAPPING_START_EVENT:
        on_open(r, NODE_MAP, ev, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_close(r);
        break;
    default:
        break;
    }
}

/* Errors of the YAML text itself. Those of its encoding come with an offset instead of a mark. */
static void report_syntax(reader *r, const yaml_parser_t *parser, const char *text, size_t n)
{
    yaml_mark_t at = parser->problem_mark;
    if (parser->error == YAML_MEMORY_ERROR) {
        out_of_memory(r);
        return;
    }
    if (parser->error == YAML_READER_ERROR) {
        at = (yaml_mark_t){0};
        for (size_t i = 0; i < parser->problem_offset && i < n; i++) {
            at.column = text[i] == '\n' ? 0 : at.column + 1;
            at.line += text[i] == '\n';
        }
    }
    diag_report(r->d, r->file, (int)at.line + 1, (int)at.column + 1, "not valid YAML: %s",
                parser->problem ? parser->problem : "unreadable");
    r->stop = true;
}

static void read_events(reader *r, yaml_parser_t *parser, const char *text, size_t n)
{
    int documents = 0;
    for (bool done = false; !done && !r->stop;) {
        yaml_event_t ev;
        if (!yaml_parser_parse(parser, &ev)) {
            report_syntax(r, parser, text, n);
            return;
        }
        on_event(r, &ev, &documents);
        done = ev.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&ev);
    }
}

node *node_read_yaml(arena *a, const char *file, const char *text, size_t n, diag *d)
{
    int reported = d->total;
    reader r = {.a = a, .d = d, .file = arena_string(a, file)};
    yaml_parser_t parser;
    if (n > NODE_MAX_BYTES) {
        diag_report(d, file, 1, 1, "the text has %zu bytes; the limit is %d", n, NODE_MAX_BYTES);
        return NULL;
    }
    if (!r.file || !yaml_parser_initialize(&parser)) {
        diag_report(d, file, 1, 1, "out of memory");
        return NULL;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
    read_events(&r, &parser, text, n);
    yaml_parser_delete(&parser);
    if (d->total == reported && !r.root) diag_report(d, file, 1, 1, "the file is empty");
    return d->total == reported ? r.root : NULL;
}

status node_read_json(arena *a, const char *text, size_t n, node **out, err *e)
{
    diag d;
    diag_init(&d, a);
    *out = node_read_yaml(a, "parameters", text, n, &d);
    TRY(diag_status(&d, e));
    return *out ? OK : FAIL(e, ERR_MEM, "out of memory reading parameters");
}

node *node_get(const node *map, const char *key)
{
    if (!map || map->kind != NODE_MAP) return NULL;
    for (int i = 0; i < map->n; i++)
        if (strcmp(map->key[i]->text, key) == 0) return map->item[i];
    return NULL;
}

static status get_kind(const node *map, const char *key, node_kind kind, const char *what,
                       node **out, err *e)
{
    *out = node_get(map, key);
    if (!*out || (*out)->kind != kind)
        return FAIL(e, ERR_ARG, "parameter '%s' must be %s", key, what);
    return OK;
}

status node_int(const node *map, const char *key, long least, long most, int *out, err *e)
{
    node *n;
    TRY(get_kind(map, key, NODE_NUMBER, "a whole number", &n, e));
    if (n->number != floor(n->number) || n->number < (double)least || n->number > (double)most)
        return FAIL(e, ERR_ARG, "parameter '%s' is %s; it must be a whole number from %ld to %ld",
                    key, n->text, least, most);
    *out = (int)n->number;
    return OK;
}

status node_double(const node *map, const char *key, double *out, err *e)
{
    node *n;
    TRY(get_kind(map, key, NODE_NUMBER, "a number", &n, e));
    *out = n->number;
    return OK;
}

status node_seed(const node *map, const char *key, uint64_t *out, err *e)
{
    double v;
    TRY(node_double(map, key, &v, e));
    if (!(v >= 0 && v <= 9007199254740992.0 && v == floor(v)))
        return FAIL(e, ERR_ARG, "parameter '%s' must be a whole number from 0 to 2^53", key);
    *out = (uint64_t)v;
    return OK;
}

status node_string(const node *map, const char *key, const char **out, err *e)
{
    node *n;
    TRY(get_kind(map, key, NODE_STRING, "a text", &n, e));
    *out = n->text;
    return OK;
}

status node_bounded(const node *map, const char *key, double least, double most, double *out,
                    err *e)
{
    TRY(node_double(map, key, out, e));
    if (*out >= least && *out <= most) return OK;
    return FAIL(e, ERR_ARG, "parameter '%s' is %.9g; it must be from %.9g to %.9g", key, *out,
                least, most);
}

status node_choice(const node *map, const char *key, const char *const *words, int n, int *out,
                   err *e)
{
    const char *word;
    TRY(node_string(map, key, &word, e));
    for (int i = 0; i < n; i++) {
        if (strcmp(word, words[i]) != 0) continue;
        *out = i;
        return OK;
    }
    return FAIL(e, ERR_ARG, "parameter '%s' is '%s', which is not one of its values", key, word);
}

status node_list(const node *map, const char *key, node **out, err *e)
{
    return get_kind(map, key, NODE_LIST, "a list", out, e);
}

status node_map(const node *map, const char *key, node **out, err *e)
{
    return get_kind(map, key, NODE_MAP, "a map", out, e);
}

void node_put_json(buf *b, const node *n)
{
    switch (n->kind) {
    case NODE_NULL:
        buf_text(b, "null");
        break;
    case NODE_BOOL:
        buf_text(b, n->number != 0 ? "true" : "false");
        break;
    case NODE_NUMBER:
        buf_number(b, n->number);
        break;
    case NODE_STRING:
        buf_json_string(b, n->text);
        break;
    case NODE_LIST:
    case NODE_MAP:
        buf_char(b, n->kind == NODE_MAP ? '{' : '[');
        for (int i = 0; i < n->n; i++) {
            if (i) buf_char(b, ',');
            if (n->kind == NODE_MAP) {
                buf_json_string(b, n->key[i]->text);
                buf_char(b, ':');
            }
            node_put_json(b, n->item[i]);
        }
        buf_char(b, n->kind == NODE_MAP ? '}' : ']');
        break;
    }
}

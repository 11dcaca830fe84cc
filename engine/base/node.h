/* A tree of scalars, lists and maps with the place where each was written.
 *
 * It is what a YAML file becomes (search spaces, architectures) and what a stage's JSON parameters
 * become (JSON being YAML's flow style): one reader, one tree, one printer. Nodes live in the arena
 * they were read into. */
#ifndef PARETUNE_ENGINE_BASE_NODE_H
#define PARETUNE_ENGINE_BASE_NODE_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/diag.h"
#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { NODE_NULL, NODE_BOOL, NODE_NUMBER, NODE_STRING, NODE_LIST, NODE_MAP } node_kind;

typedef struct node node;
struct node {
    node_kind kind;
    bool quoted;      /* a scalar that stood in quotes: always NODE_STRING */
    int line, column; /* 1-based */
    const char *file; /* name of the text it came from */
    const char *text; /* scalar: as written, without quotes */
    double number;    /* NODE_NUMBER; NODE_BOOL: 0 or 1 */
    int n;            /* NODE_LIST, NODE_MAP: children */
    node **item;      /* children (map: the values) */
    node **key;       /* NODE_MAP: scalars, beside item; their `text` is the key */
};

enum {
    NODE_MAX_DEPTH = 32,
    NODE_MAX_NODES = 200000, /* after aliases are expanded, as is the depth */
    NODE_MAX_ANCHORS = 1000,
    NODE_MAX_BYTES = 4 << 20
};

/* Reads one YAML document. Numbers are decimal only (no octal, no sexagesimal, no inf/nan: `1e999`
 * is an error), booleans are true and false only (yes, no, on and off are plain words: they are
 * keywords of Speech Commands). Duplicate keys, undefined or recursive aliases, tags, a second
 * document, depth over NODE_MAX_DEPTH and more than NODE_MAX_NODES nodes are each reported to `d`.
 * Returns NULL when anything was reported. `text` need not be NUL-terminated; `file` is copied. */
node *node_read_yaml(arena *a, const char *file, const char *text, size_t n, diag *d);

/* The same for text that our own code wrote (stage parameters): one err instead of a list. */
status node_read_json(arena *a, const char *text, size_t n, node **out, err *e);

/* The value under `key`, or NULL (also when `map` is not a map). */
node *node_get(const node *map, const char *key);

/* Typed reads of our own JSON, for stage parameters: a missing or mistyped key is ERR_ARG. */
status node_int(const node *map, const char *key, long least, long most, int *out, err *e);
status node_double(const node *map, const char *key, double *out, err *e);
/* A seed: a whole number from 0 to 2^53, up to which JSON's doubles are exact. */
status node_seed(const node *map, const char *key, uint64_t *out, err *e);
status node_bounded(const node *map, const char *key, double least, double most, double *out,
                    err *e);
status node_string(const node *map, const char *key, const char **out, err *e);
/* Which of the n words it is. */
status node_choice(const node *map, const char *key, const char *const *words, int n, int *out,
                   err *e);
status node_list(const node *map, const char *key, node **out, err *e);
status node_map(const node *map, const char *key, node **out, err *e);

/* Appends the tree as compact JSON, maps in the order written, numbers by buf_number. */
void node_put_json(buf *b, const node *n);

#endif

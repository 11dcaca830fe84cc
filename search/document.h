/* What readers of YAML files share: reporting a mistake at its place, unknown keys, expressions. */
#ifndef PARETUNE_SEARCH_DOCUMENT_H
#define PARETUNE_SEARCH_DOCUMENT_H

#include "engine/base/arena.h"
#include "engine/base/diag.h"
#include "engine/base/node.h"
#include "search/expr.h"

#include <stdbool.h>

typedef struct {
    arena *a;
    diag *d;
    const char *path; /* as shown in messages */
    const char *text; /* the whole file */
    size_t n;
    node *root; /* NULL when the file is not a YAML map */
} document;

/* Reads `path`, or `text` of n bytes under that name. False, and something reported, when there is no
 * map to go on with. */
bool document_open(document *r, arena *a, diag *d, const char *path);
bool document_parse(document *r, arena *a, diag *d, const char *path, const char *text, size_t n);

void document_wrong(document *r, const node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Reports every key of `map` that is not among `known`, with what may have been meant. */
void document_check_keys(document *r, const node *map, const char *where, const char *const *known,
                         int n);

/* Compiles a scalar as an expression of the wanted kind; NULL when something was reported. */
expr *document_expr(document *r, const node *n, const expr_names *names, value_kind wanted);

/* Where byte `offset` of a scalar's text stands in the file. Scalars that the file spells otherwise
 * than their text (escapes, folded lines, --set) give the place where they begin. */
void document_place(const document *r, const node *n, int offset, int *line, int *column);

/* "a number", "a list", ...: what a node is, for messages. */
const char *document_kind(const node *n);

#endif

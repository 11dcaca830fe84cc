#include "search/document.h"

#include "engine/base/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool document_open(document *r, arena *a, diag *d, const char *path)
{
    err e = {0};
    char *text;
    size_t n;
    if (file_read(a, path, NODE_MAX_BYTES, &text, &n, &e) == OK)
        return document_parse(r, a, d, path, text, n);
    size_t name = strlen(path); /* the message begins with it, as the report will */
    bool doubled = strncmp(e.msg, path, name) == 0 && strncmp(e.msg + name, ": ", 2) == 0;
    diag_report(d, path, 0, 0, "%s", e.msg + (doubled ? name + 2 : 0));
    return false;
}

bool document_parse(document *r, arena *a, diag *d, const char *path, const char *text, size_t n)
{
    *r = (document){.a = a, .d = d, .path = path, .text = text, .n = n};
    r->root = node_read_yaml(a, path, text, n, d);
    if (!r->root) return false;
    if (r->root->kind == NODE_MAP) return true;
    document_wrong(r, r->root, "the file must hold a map of keys and values, not %s",
                   document_kind(r->root));
    r->root = NULL;
    return false;
}

void document_wrong(document *r, const node *at, const char *format, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    diag_report(r->d, at->file, at->line, at->column, "%s", text);
}

const char *document_kind(const node *n)
{
    static const char *const names[] = {
        [NODE_NULL] = "nothing",  [NODE_BOOL] = "true or false", [NODE_NUMBER] = "a number",
        [NODE_STRING] = "a word", [NODE_LIST] = "a list",        [NODE_MAP] = "a map"};
    return names[n->kind];
}

void document_check_keys(document *r, const node *map, const char *where, const char *const *known,
                         int n)
{
    for (int i = 0; i < map->n; i++) {
        const char *key = map->key[i]->text;
        bool found = false;
        for (int k = 0; k < n; k++) found |= strcmp(key, known[k]) == 0;
        if (found) continue;
        const char *meant = diag_did_you_mean(key, known, (size_t)n);
        char list[300] = "";
        for (int k = 0; k < n; k++)
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", k ? ", " : "",
                     known[k]);
        if (meant)
            document_wrong(r, map->key[i], "unknown key '%s' %s; did you mean '%s'?", key, where,
                           meant);
        else
            document_wrong(r, map->key[i], "unknown key '%s' %s; known are %s", key, where, list);
    }
}

/* The byte of r->text where line and column (in characters) point; NULL beyond the end. */
static const char *find_place(const document *r, int line, int column)
{
    const char *s = r->text, *end = r->text + r->n;
    for (int i = 1; i < line; i++) {
        s = memchr(s, '\n', (size_t)(end - s));
        if (!s) return NULL;
        s++;
    }
    for (int i = 1; i < column; i++) {
        if (s == end || *s == '\n') return NULL;
        do s++;
        while (s < end && ((unsigned char)*s & 0xc0) == 0x80);
    }
    return s;
}

void document_place(const document *r, const node *n, int offset, int *line, int *column)
{
    *line = n->line;
    *column = n->column;
    if (strcmp(n->file, r->path) != 0) return;
    const char *s = find_place(r, n->line, n->column);
    size_t length = strlen(n->text);
    if (!s) return;
    int quote = n->quoted;
    if ((size_t)(r->text + r->n - s) < length + (size_t)quote) return;
    if (memcmp(s + quote, n->text, length) != 0) return;
    *column += quote;
    for (int i = 0; i < offset; i++) *column += ((unsigned char)n->text[i] & 0xc0) != 0x80;
}

expr *document_expr(document *r, const node *n, const expr_names *names, value_kind wanted)
{
    if (!n->text) {
        document_wrong(r, n, "an expression is needed here, this is %s", document_kind(n));
        return NULL;
    }
    static const char *const kinds[] = {"a number", "true or false", "a word"};
    expr *x;
    err e = {0};
    int at;
    if (expr_compile(r->a, n->text, names, &x, &at, &e) != OK) {
        int line, column;
        document_place(r, n, at, &line, &column);
        diag_report(r->d, n->file, line, column, "%s", e.msg);
        return NULL;
    }
    if (expr_kind(x) == wanted) return x;
    document_wrong(r, n, "this must give %s; it gives %s", kinds[wanted], kinds[expr_kind(x)]);
    return NULL;
}

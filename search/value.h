/* A setting's value in a candidate: a number, a truth value or a word. */
#ifndef PARETUNE_SEARCH_VALUE_H
#define PARETUNE_SEARCH_VALUE_H

#include "engine/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum { VALUE_NUMBER, VALUE_BOOL, VALUE_TEXT } value_kind;

typedef struct {
    value_kind kind;
    double number;    /* VALUE_NUMBER; VALUE_BOOL: 0 or 1; VALUE_TEXT: see `value_index` */
    const char *text; /* VALUE_TEXT */
    uint64_t id;      /* equal for equal values: what identities are mixed from */
} value;

value value_number(double v);
value value_bool(bool v);
value value_text(const char *text); /* borrowed */
/* A word that stands for the `index`-th of something (an architecture, a data file). `content`
 * decides what it is equal to: two globs that match one file are one value. */
value value_index(const char *text, const char *content, int index);

bool value_equal(const value *a, const value *b);
void value_put_json(buf *b, const value *v);
/* The value as people write it: 0.05, true, mlp. In the caller's buffer of n; returns it. */
const char *value_show(const value *v, char *text, size_t n);

/* Mixes a value's id, or any number, into an identity. Order matters. */
static inline uint64_t identity_mix(uint64_t identity, uint64_t id)
{
    uint64_t x = (identity ^ id) * 0x9e3779b97f4a7c15u;
    return (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9u;
}

#endif

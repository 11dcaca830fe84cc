#include "search/value.h"

#include "engine/base/hash.h"

#include <stdio.h>
#include <string.h>

enum { SEED_NUMBER = 1, SEED_BOOL, SEED_TEXT };

value value_number(double v)
{
    if (v == 0) v = 0; /* -0 and 0 are one value */
    return (value){VALUE_NUMBER, v, NULL, hash_u64(&v, sizeof v, SEED_NUMBER)};
}

value value_bool(bool v)
{
    double number = v;
    return (value){VALUE_BOOL, number, NULL, hash_u64(&number, sizeof number, SEED_BOOL)};
}

value value_text(const char *text)
{
    return value_index(text, text, 0);
}

value value_index(const char *text, const char *content, int index)
{
    return (value){VALUE_TEXT, index, text, hash_u64(content, strlen(content), SEED_TEXT)};
}

bool value_equal(const value *a, const value *b)
{
    return a->id == b->id && a->kind == b->kind;
}

void value_put_json(buf *b, const value *v)
{
    switch (v->kind) {
    case VALUE_NUMBER:
        buf_number(b, v->number);
        break;
    case VALUE_BOOL:
        buf_text(b, v->number != 0 ? "true" : "false");
        break;
    case VALUE_TEXT:
        buf_json_string(b, v->text);
        break;
    }
}

const char *value_show(const value *v, char *text, size_t n)
{
    if (v->kind == VALUE_NUMBER) {
        buf b = {0};
        buf_number(&b, v->number);
        snprintf(text, n, "%s", b.data ? b.data : "");
        buf_free(&b);
    } else {
        snprintf(text, n, "%s",
                 v->kind == VALUE_TEXT ? v->text
                 : v->number != 0      ? "true"
                                       : "false");
    }
    return text;
}

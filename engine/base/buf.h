/* A growing byte buffer, also used as a string builder and a JSON writer.
 *
 * `data` is never NULL after the first put and always ends in a NUL that `len` does not count.
 * A put that runs out of memory sets `failed` and later puts do nothing: check once, at the end. */
#ifndef PARETUNE_ENGINE_BASE_BUF_H
#define PARETUNE_ENGINE_BASE_BUF_H

#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    char *data;
    size_t len, cap;
    bool failed;
} buf;

void buf_free(buf *b); /* accepts a zeroed struct */
void buf_clear(buf *b);
void buf_put(buf *b, const void *bytes, size_t n);
void buf_text(buf *b, const char *text);
void buf_char(buf *b, char c);
void buf_printf(buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_zeros(buf *b, size_t n);

/* Little-endian numbers, for wire and file formats. */
void buf_u32(buf *b, uint32_t v);
void buf_u64(buf *b, uint64_t v);

/* The shortest decimal that reads back as the same double: 0.1, 3, 1e-05, 12.25.
 * NaN and infinities, which JSON cannot say, are written as null. */
void buf_number(buf *b, double v);
/* A float as a constant in C that reads back as the same one: 1.5F, 2.0F, NAN, -INFINITY. */
void buf_c_float(buf *b, float v);
/* A JSON string with its quotes; control bytes are escaped, invalid UTF-8 is replaced by U+FFFD. */
void buf_json_string(buf *b, const char *text);

status buf_check(const buf *b, err *e); /* ERR_MEM when a put failed */

#endif

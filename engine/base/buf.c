#include "engine/base/buf.h"

#include "engine/base/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_free(buf *b)
{
    free(b->data);
    *b = (buf){0};
}

void buf_clear(buf *b)
{
    b->len = 0;
    if (b->data) b->data[0] = '\0';
}

/* Room for n more bytes and the NUL. */
static bool reserve(buf *b, size_t n)
{
    if (b->failed) return false;
    if (n < b->cap - b->len) return true;
    size_t cap = b->cap ? b->cap : 64;
    while (cap - b->len <= n) {
        if (cap > SIZE_MAX / 2) {
            b->failed = true;
            return false;
        }
        cap *= 2;
    }
    char *data = realloc(b->data, cap);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void buf_put(buf *b, const void *bytes, size_t n)
{
    if (!reserve(b, n)) return;
    if (n) memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void buf_text(buf *b, const char *text)
{
    buf_put(b, text, strlen(text));
}

void buf_char(buf *b, char c)
{
    buf_put(b, &c, 1);
}

void buf_zeros(buf *b, size_t n)
{
    if (!reserve(b, n)) return;
    memset(b->data + b->len, 0, n + 1);
    b->len += n;
}

void buf_printf(buf *b, const char *format, ...)
{
    va_list ap, again;
    va_start(ap, format);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n >= 0 && reserve(b, (size_t)n)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_u32(buf *b, uint32_t v)
{
    unsigned char p[4];
    for (int i = 0; i < 4; i++) p[i] = (unsigned char)(v >> (8 * i));
    buf_put(b, p, sizeof p);
}

void buf_u64(buf *b, uint64_t v)
{
    buf_u32(b, (uint32_t)v);
    buf_u32(b, (uint32_t)(v >> 32));
}

void buf_number(buf *b, double v)
{
    if (!isfinite(v)) {
        buf_text(b, "null");
        return;
    }
    char text[40];
    if (v == floor(v) && fabs(v) < 1e15) {
        snprintf(text, sizeof text, "%.0f", v == 0 ? 0.0 : v);
        buf_text(b, text);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) break;
    }
    buf_text(b, text);
}

void buf_c_float(buf *b, float v)
{
    char text[32];
    if (!isfinite(v)) {
        buf_text(b, isnan(v) ? "NAN" : v > 0 ? "INFINITY" : "-INFINITY");
        return;
    }
    snprintf(text, sizeof text, "%.9g", (double)v);
    buf_printf(b, "%s%sF", text, strpbrk(text, ".e") ? "" : ".0");
}

void buf_json_string(buf *b, const char *text)
{
    buf_char(b, '"');
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        unsigned v;
        int n = utf8_read((const char *)s, &v);
        if (n == 0) {
            buf_text(b, UTF8_REPLACEMENT);
            n = 1;
        } else if (*s == '"' || *s == '\\') {
            buf_printf(b, "\\%c", *s);
        } else if (*s == '\n') {
            buf_text(b, "\\n");
        } else if (*s == '\t') {
            buf_text(b, "\\t");
        } else if (*s < 0x20 || *s == 0x7f) {
            buf_printf(b, "\\u%04x", *s);
        } else {
            buf_put(b, s, (size_t)n);
        }
        s += n;
    }
    buf_char(b, '"');
}

status buf_check(const buf *b, err *e)
{
    return b->failed ? FAIL(e, ERR_MEM, "out of memory after %zu bytes of text", b->len) : OK;
}

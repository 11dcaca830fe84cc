#include "engine/base/buf.h"
#include "engine/base/rng.h"
#include "tests/support/expect.h"

#include <criterion/new/assert.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

static void expect_number(double v, const char *want)
{
    buf b = {0};
    buf_number(&b, v);
    EXPECT_TEXT(b.data, want);
    buf_free(&b);
}

Test(buf, numbers_are_written_short)
{
    expect_number(0, "0");
    expect_number(-0.0, "0");
    expect_number(3, "3");
    expect_number(-12.25, "-12.25");
    expect_number(0.1, "0.1");
    expect_number(0.1 + 0.2, "0.30000000000000004");
    expect_number(1e-05, "1e-05");
    expect_number(123456789012345, "123456789012345");
    expect_number(1e15, "1e+15");
    expect_number(5e-324, "5e-324");
    expect_number(DBL_MAX, "1.7976931348623157e+308");
    expect_number((double)NAN, "null");
    expect_number((double)-INFINITY, "null");
}

Test(buf, numbers_read_back_as_the_same_double)
{
    rng r = rng_stream(1, RNG_TEST, 0);
    buf b = {0};
    for (int i = 0; i < 100000; i++) {
        union {
            uint64_t bits;
            double v;
        } x = {.bits = rng_u64(&r)};
        if (!isfinite(x.v)) continue;
        if (i % 2) x.v = floor(x.v * 1000) / 1000;
        if (!isfinite(x.v)) continue;
        buf_clear(&b);
        buf_number(&b, x.v);
        cr_assert(strtod(b.data, NULL) == x.v, "%s is not %.17g", b.data, x.v);
    }
    buf_free(&b);
}

static void expect_json(const char *text, const char *want)
{
    buf b = {0};
    buf_json_string(&b, text);
    EXPECT_TEXT(b.data, want);
    buf_free(&b);
}

Test(buf, floats_are_constants_of_c)
{
    static const struct {
        float v;
        const char *text;
    } cases[] = {{0, "0.0F"},
                 {-2, "-2.0F"},
                 {0.1F, "0.100000001F"},
                 {1e10F, "1e+10F"},
                 {-INFINITY, "-INFINITY"},
                 {NAN, "NAN"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf b = {0};
        buf_c_float(&b, cases[i].v);
        cr_expect_str_eq(b.data, cases[i].text);
        buf_free(&b);
    }
}

Test(buf, json_strings_are_escaped)
{
    expect_json("", "\"\"");
    expect_json("a \"b\" \\ /", "\"a \\\"b\\\" \\\\ /\"");
    expect_json("\n\t\r\x01\x7f", "\"\\n\\t\\u000d\\u0001\\u007f\"");
    expect_json("°C \xf0\x9f\x8c\xa7 €", "\"°C \xf0\x9f\x8c\xa7 €\"");
}

Test(buf, invalid_utf8_is_replaced_byte_by_byte)
{
#define BAD "\xef\xbf\xbd"
    expect_json("a\x80z", "\"a" BAD "z\"");                     /* a continuation alone */
    expect_json("\xc0\xaf", "\"" BAD BAD "\"");                 /* overlong slash */
    expect_json("\xe0\x9f\xbf", "\"" BAD BAD BAD "\"");         /* overlong */
    expect_json("\xed\xa0\x80", "\"" BAD BAD BAD "\"");         /* a surrogate */
    expect_json("\xf4\x90\x80\x80", "\"" BAD BAD BAD BAD "\""); /* above U+10FFFF */
    expect_json("\xf5\x80\x80\x80", "\"" BAD BAD BAD BAD "\"");
    expect_json("\xe2\x82", "\"" BAD BAD "\""); /* cut off at the end */
    expect_json("\xc3", "\"" BAD "\"");
    expect_json("\xff", "\"" BAD "\"");
    expect_json("\xed\x9f\xbf\xee\x80\x80", "\"\xed\x9f\xbf\xee\x80\x80\""); /* their neighbours */
}

Test(buf, bytes_are_appended_with_a_nul_behind)
{
    buf b = {0};
    buf_u32(&b, 0x04030201);
    buf_u64(&b, 0x0c0b0a0908070605);
    buf_zeros(&b, 3);
    buf_put(&b, "", 0);
    static const char want[] = "\1\2\3\4\5\6\7\10\11\12\13\14\0\0\0";
    cr_assert(eq(sz, b.len, sizeof want - 1));
    cr_expect(memcmp(b.data, want, sizeof want) == 0);
    buf_free(&b);
}

Test(buf, long_texts_grow_it_and_clearing_keeps_it_usable)
{
    buf b = {0};
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 10000; i++) buf_printf(&b, "%d,", i);
        cr_expect(eq(sz, b.len, 48890));
        cr_expect(strcmp(b.data + b.len - 10, "9998,9999,") == 0);
        buf_clear(&b);
        EXPECT_TEXT(b.data, "");
    }
    buf_free(&b);
}

Test(buf, there_is_always_room_for_the_nul)
{
    static const char bytes[300];
    for (size_t n = 0; n < sizeof bytes; n++) {
        buf b = {0};
        buf_put(&b, bytes, n);
        cr_expect(b.len == n && b.cap > n, "%zu of %zu bytes", n, b.cap);
        buf_free(&b);
    }
}

Test(buf, a_put_that_fails_is_remembered)
{
    buf b = {0};
    err e = {0};
    buf_text(&b, "abc");
    buf_zeros(&b, SIZE_MAX - 10);
    cr_expect(b.failed);
    buf_text(&b, "more");
    cr_expect(eq(sz, b.len, 3));
    cr_expect(buf_check(&b, &e) == ERR_MEM);
    EXPECT_TEXT(e.msg, "out of memory after 3 bytes of text");
    buf_free(&b);
    cr_expect(buf_check(&b, &e) == OK);
}

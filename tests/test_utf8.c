#include "engine/base/utf8.h"
#include "engine/base/buf.h"
#include "engine/base/table.h"
#include "report/svg.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every code point written by the definition; the surrogates are none. */
Test(utf8, every_code_point_is_read_and_no_surrogate)
{
    for (unsigned v = 1; v < 0x110000; v++) {
        char s[5] = {0};
        int n = v < 0x80 ? 1 : v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;
        unsigned rest = v, got;
        for (int i = n - 1; i > 0; i--, rest >>= 6) s[i] = (char)(0x80 | (rest & 0x3F));
        s[0] = (char)(n == 1 ? v : (0xF00u >> n & 0xFF) | rest);
        bool valid = v < 0xD800 || v >= 0xE000;
        cr_assert_eq(utf8_read(s, &got), valid ? n : 0, "U+%04X", v);
        cr_assert_eq(got, valid ? v : 0xFFFD, "U+%04X", v);
        s[n - 1] = '\0';
        if (n > 1) cr_assert_eq(utf8_read(s, &got), 0, "U+%04X, cut off", v);
    }
}

Test(utf8, what_is_no_character_is_replaced_wherever_text_is_shown)
{
    /* a lone continuation, an overlong slash, an overlong NUL, a surrogate, above U+10FFFF, no lead */
    static const char *const bad[] = {"\x80",         "\xC0\xAF",         "\xE0\x80\x80",
                                      "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF0\x8F\xBF\xBF",
                                      "\xFF"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        unsigned v;
        char want[64] = "";
        buf json = {0}, svg = {0};
        char *shown = NULL;
        size_t n;
        cr_expect_eq(utf8_read(bad[i], &v), 0, "%zu", i);
        for (size_t k = 0; k < strlen(bad[i]); k++) strcat(want, UTF8_REPLACEMENT);
        buf_json_string(&json, bad[i]);
        cr_expect_eq(strncmp(json.data + 1, want, strlen(want)), 0, "JSON %zu", i);
        svg_escape(&svg, bad[i]);
        cr_expect_str_eq(svg.data, want, "SVG %zu", i);
        arena a;
        table t;
        arena_init(&a, 0);
        FILE *f = open_memstream(&shown, &n);
        cr_assert(f && table_init(&t, &a, 1, NULL) == OK);
        table_column(&t, 0, "x", "");
        table_row(&t)[0] = cell_text(bad[i]);
        cr_assert_eq(table_print(&t, FORMAT_TABLE, f, NULL), OK);
        fclose(f);
        cr_expect(strstr(shown, want), "table %zu: %s", i, shown);
        free(shown);
        arena_free(&a);
        buf_free(&json);
        buf_free(&svg);
    }
}

#include "engine/base/table.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Prints into memory; the caller frees. */
static char *printed(const table *t, table_format format)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    cr_assert_eq(table_print(t, format, f, NULL), OK);
    fclose(f);
    return text;
}

static void expect_print(const table *t, table_format format, const char *want)
{
    char *got = printed(t, format);
    cr_expect_str_eq(got, want, "got:\n%s\nwant:\n%s", got, want);
    free(got);
}

static arena scratch;

static table small_table(void)
{
    arena_init(&scratch, 0);
    table t;
    cr_assert_eq(table_init(&t, &scratch, 3, NULL), OK);
    table_column(&t, 0, "name", NULL);
    table_column(&t, 1, "T_mae", "°C");
    table_column(&t, 2, "note", "");
    return t;
}

Test(table, text_aligns_by_display_width_numbers_to_the_right)
{
    table t = small_table();
    cell *c = table_row(&t);
    c[0] = cell_text("über");
    c[1] = cell_number(0.123456789);
    c[2] = cell_text("x");
    c = table_row(&t);
    c[0] = cell_text("界");
    c[1] = cell_shown(12, "12.0");
    expect_print(&t, FORMAT_TABLE,
                 "name     T_mae  note\n"
                 "            °C\n"
                 "----  --------  ----\n"
                 "über  0.123457  x\n"
                 "界        12.0  -\n");
    arena_free(&scratch);
}

Test(table, text_lets_no_control_code_through)
{
    table t = small_table();
    table_row(&t)[0] = cell_text("a\033[31mb\nc\xff");
    char *got = printed(&t, FORMAT_TABLE);
    cr_expect_null(strchr(got, '\033'));
    cr_expect_null(strchr(got, '\xff'));
    cr_expect_not_null(strstr(got, "a [31mb c\xEF\xBF\xBD"));
    free(got);
    arena_free(&scratch);
}

Test(table, csv_quotes_and_guards_against_formulas)
{
    table t = small_table();
    cell *c = table_row(&t);
    c[0] = cell_text("a,\"b\"\nc");
    c[1] = cell_number(0.1 + 0.2);
    c[2] = cell_text("=cmd()");
    c = table_row(&t);
    c[0] = cell_text("@x");
    c[1] = cell_number(-1);
    c[2] = cell_text("-1+1");
    c = table_row(&t);
    c[1] = cell_number(NAN);
    c[2] = cell_text("");
    expect_print(&t, FORMAT_CSV,
                 "name,T_mae,note\n"
                 "\"a,\"\"b\"\"\nc\",0.30000000000000004,\"'=cmd()\"\n"
                 "\"'@x\",-1,\"'-1+1\"\n"
                 ",,\n");
    arena_free(&scratch);
}

Test(table, json_is_an_array_of_objects)
{
    table t = small_table();
    expect_print(&t, FORMAT_JSON, "[]\n");
    cell *c = table_row(&t);
    c[0] = cell_text("a\"b");
    c[1] = cell_shown(2.5, "2.50");
    c = table_row(&t);
    c[1] = cell_number(INFINITY);
    expect_print(&t, FORMAT_JSON,
                 "[\n {\"name\": \"a\\\"b\", \"T_mae\": 2.5, \"note\": null},\n"
                 " {\"name\": null, \"T_mae\": null, \"note\": null}\n]\n");
    arena_free(&scratch);
}

Test(table, rows_survive_growth)
{
    table t = small_table();
    for (int i = 0; i < 1000; i++) table_row(&t)[1] = cell_number(i);
    cr_expect_eq(t.n_rows, 1000);
    for (int i = 0; i < 1000; i++) cr_assert_eq(t.cells[i * 3 + 1].number, i);
    arena_free(&scratch);
}

Test(table, a_full_disk_is_an_error)
{
    table t = small_table();
    for (int i = 0; i < 20000; i++) table_row(&t)[0] = cell_text("some text to fill the buffer");
    FILE *f = fopen("/dev/full", "w");
    if (!f) cr_skip_test("no /dev/full here");
    err e = {0};
    cr_expect_eq(table_print(&t, FORMAT_CSV, f, &e), ERR_IO);
    fclose(f);
    arena_free(&scratch);
}

Test(table, the_format_is_named_by_a_word)
{
    table_format f;
    cr_expect_eq(table_format_parse("json", &f, NULL), OK);
    cr_expect_eq(f, FORMAT_JSON);
    err e = {0};
    cr_expect_eq(table_format_parse("xml", &f, &e), ERR_INPUT);
    cr_expect_str_eq(e.msg, "unknown format 'xml'; it can be table, csv or json");
}

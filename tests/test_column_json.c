#include "report/column_json.h"

#include <criterion/criterion.h>
#include <math.h>

static arena a;
static table t;

static void open_table(void)
{
    arena_init(&a, 0);
    cr_assert_eq(table_init(&t, &a, 1, NULL), OK);
    table_column(&t, 0, "x", NULL);
}

static void close_table(void)
{
    arena_free(&a);
}

TestSuite(column_json, .init = open_table, .fini = close_table);

static void add(cell c)
{
    *table_row(&t) = c;
}

static void expect(const char *want)
{
    buf out = {0};
    cr_assert_eq(column_json(&out, &t, 0, &a, NULL), OK);
    cr_expect_str_eq(out.data, want);
    buf_free(&out);
}

Test(column_json, one_value_is_said_once)
{
    for (int i = 0; i < 5; i++) add(cell_number(0.25));
    expect("{\"c\":0.25}");
}

Test(column_json, a_column_of_nothing_is_null)
{
    add((cell){.kind = CELL_NONE});
    add(cell_number((double)NAN));
    expect("{\"c\":null}");
}

Test(column_json, few_values_become_a_dictionary_in_the_order_they_come)
{
    for (int i = 0; i < 12; i++)
        add(i % 3 == 0 ? cell_text("b<") : i % 3 == 1 ? cell_number(2) : (cell){.kind = CELL_NONE});
    expect("{\"w\":[\"b<\",2,null],\"i\":[0,1,2,0,1,2,0,1,2,0,1,2]}");
}

Test(column_json, a_text_and_the_number_it_looks_like_are_two_values)
{
    for (int i = 0; i < 8; i++) add(i % 2 ? cell_text("1") : cell_number(1));
    expect("{\"w\":[1,\"1\"],\"i\":[0,1,0,1,0,1,0,1]}");
}

Test(column_json, short_numbers_stay_readable)
{
    add(cell_number(1));
    add(cell_number(-2.5));
    add((cell){.kind = CELL_NONE});
    expect("{\"v\":[1,-2.5,null]}");
}

Test(column_json, no_rows_give_no_values)
{
    expect("{\"v\":[]}");
}

/* python3: base64.b64encode(struct.pack('<4d', 1/3, 2/3, 0.1+0.2, math.nan)), whose NaN is 0x7ff8... */
Test(column_json, long_numbers_are_exact_in_base64)
{
    add(cell_number(1.0 / 3));
    add(cell_number(2.0 / 3));
    add(cell_number(0.1 + 0.2));
    add(cell_number((double)NAN));
    expect("{\"f\":\"VVVVVVVV1T9VVVVVVVXlPzQzMzMzM9M/AAAAAAAA+H8=\"}");
}

Test(column_json, padding_of_base64)
{
    buf out = {0};
    column_json_base64(&out, (const double[]){1, 2}, 2);
    cr_expect_str_eq(out.data, "\"AAAAAAAA8D8AAAAAAAAAQA==\"");
    buf_clear(&out);
    column_json_base64(&out, NULL, 0);
    cr_expect_str_eq(out.data, "\"\"");
    buf_free(&out);
}

Test(column_json, words_are_sorted_and_numbers_noted)
{
    const char *words[] = {"mlp", "cnn-1d", "mlp"};
    for (int i = 0; i < 3; i++) add(cell_text(words[i]));
    buf out = {0};
    cr_assert_eq(column_json_words(&out, &t, 0, &a, NULL), OK);
    cr_expect_str_eq(out.data, ",\"listed\":true,\"numbers\":false,\"words\":[\"cnn-1d\",\"mlp\"]");
    add(cell_number(3));
    buf_clear(&out);
    cr_assert_eq(column_json_words(&out, &t, 0, &a, NULL), OK);
    cr_expect_str_eq(out.data, ",\"listed\":true,\"numbers\":true,\"words\":[\"cnn-1d\",\"mlp\"]");
    buf_free(&out);
}

Test(column_json, what_never_occurs_is_not_listed)
{
    add((cell){.kind = CELL_NONE});
    buf out = {0};
    cr_assert_eq(column_json_words(&out, &t, 0, &a, NULL), OK);
    cr_expect_str_eq(out.data, ",\"listed\":false,\"numbers\":false,\"words\":[]");
    buf_free(&out);
}

#include "store/answer.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static arena scratch;

static answer made(void)
{
    answer w = {.a = &scratch};
    table *t;
    answer_say(&w, "Size is %d \"B\".", 7);
    answer_note(&w, "alpha=1");
    cr_assert(eq(int, answer_add(&w, "sizes", "Sizes:", ANSWER_BOTH, 2, &t, NULL), OK));
    table_column(t, 0, "layer", NULL);
    table_column(t, 1, "bytes", NULL);
    cell *r = table_row(t);
    r[0] = cell_text("dense");
    r[1] = answer_quantity(7, "B", &scratch);
    cr_assert(eq(int, answer_add(&w, "figures", NULL, ANSWER_PROGRAMS, 1, &t, NULL), OK));
    table_column(t, 0, "x", NULL);
    table_row(t)[0] = answer_percent(0.5, &scratch);
    cr_assert(eq(int, answer_add(&w, "eyes", NULL, ANSWER_PEOPLE, 1, &t, NULL), OK));
    table_column(t, 0, "y", NULL);
    table_row(t)[0] = cell_number((double)NAN);
    answer_say(&w, "The end.");
    return w;
}

static char *printed(const answer *w, table_format format, const char *part)
{
    char *text = NULL;
    size_t n = 0;
    err e = {0};
    FILE *f = open_memstream(&text, &n);
    cr_assert(eq(int, answer_print(w, format, part, f, &e), OK), "%s", e.msg);
    fclose(f);
    return text;
}

static void expect_printed(const answer *w, table_format format, const char *part, const char *want)
{
    char *text = printed(w, format, part);
    cr_expect(strcmp(text, want) == 0, "got:\n%s", text);
    free(text);
}

Test(answer, people_read_sentences_and_their_tables)
{
    answer w = made();
    expect_printed(&w, FORMAT_TABLE, NULL,
                   "Size is 7 \"B\".\n"
                   "    alpha=1\n"
                   "\n"
                   "Sizes:\n"
                   "layer  bytes\n"
                   "-----  -----\n"
                   "dense    7 B\n"
                   "\n"
                   "y\n"
                   "-\n"
                   "-\n"
                   "\n"
                   "The end.\n");
    arena_free(&scratch);
}

Test(answer, programs_get_an_object_or_one_table)
{
    answer w = made();
    expect_printed(&w, FORMAT_JSON, NULL,
                   "{\"text\": [\n\"Size is 7 \\\"B\\\".\",\n\"The end.\"],\n"
                   "\"sizes\": [\n {\"layer\": \"dense\", \"bytes\": 7}\n]\n,\n"
                   "\"figures\": [\n {\"x\": 0.5}\n]\n}\n");
    expect_printed(&w, FORMAT_JSON, "figures", "[\n {\"x\": 0.5}\n]\n");
    expect_printed(&w, FORMAT_CSV, NULL, "layer,bytes\ndense,7\n");
    expect_printed(&w, FORMAT_CSV, "figures", "x\n0.5\n");
    arena_free(&scratch);
}

Test(answer, an_unknown_part_is_a_mistake)
{
    answer w = made();
    err e = {0};
    cr_expect(eq(int, answer_print(&w, FORMAT_CSV, "size", stdout, &e), ERR_INPUT));
    cr_expect(strstr(e.msg, "did you mean 'sizes'?") != NULL, "%s", e.msg);
    e = (err){0};
    cr_expect(eq(int, answer_print(&w, FORMAT_CSV, "eyes", stdout, &e), ERR_INPUT));
    cr_expect(strstr(e.msg, "there are sizes, figures") != NULL, "%s", e.msg);
    arena_free(&scratch);
}

Test(answer, tables_stay_where_they_are_while_an_answer_grows)
{
    answer w = {.a = &scratch};
    table *t;
    cr_assert(eq(int, answer_add(&w, "first", NULL, ANSWER_BOTH, 1, &t, NULL), OK));
    for (int i = 0; i < 100; i++) answer_say(&w, "x");
    table_column(t, 0, "late", NULL);
    table_row(t)[0] = cell_number(3);
    expect_printed(&w, FORMAT_CSV, NULL, "late\n3\n");
    arena_free(&scratch);
}

Test(answer, without_memory_an_answer_is_an_error_not_a_part_of_one)
{
    arena little;
    arena_init(&little, 16384);
    answer w = {.a = &little};
    table *t;
    cr_assert(eq(int, answer_add(&w, "first", NULL, ANSWER_BOTH, 1, &t, NULL), OK));
    for (int i = 0; i < 1000; i++) answer_say(&w, "%d sentences", i);
    cr_expect(eq(int, answer_print(&w, FORMAT_JSON, NULL, stdout, NULL), ERR_MEM));
    arena_free(&little);
}

static void expect_wrapped(const char *text, int indent, int width, const char *want)
{
    buf b = {0};
    answer_wrap(&b, text, indent, width);
    cr_expect(strcmp(b.data ? b.data : "", want) == 0, "got:\n%s", b.data);
    buf_free(&b);
}

Test(answer, lines_break_between_words)
{
    expect_wrapped("one two three", 0, 7, "one two\nthree\n");
    expect_wrapped("one two three", 2, 7, "  one\n  two\n  three\n");
    expect_wrapped("averylongword x", 0, 5, "averylongword\nx\n");
    expect_wrapped("", 0, 5, "");
    expect_wrapped("äöü äöü", 0, 7, "äöü äöü\n");
}

Test(answer, a_figure_stays_with_its_unit_and_a_limit_with_its_figure)
{
    expect_wrapped("the limit 97 %, of x", 0, 12, "the limit\n97 %, of x\n");
    expect_wrapped("here size < 20 kB holds", 0, 14, "here\nsize < 20 kB\nholds\n");
    expect_wrapped("a < b", 0, 2, "a < b\n");
}

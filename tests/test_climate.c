/* The reader of weather tables: what it accepts, and every message it can give. */
#include "engine/base/rng.h"
#include "engine/base/buf.h"
#include "engine/base/file.h"
#include "engine/data/climate.h"
#include "tests/support/data_files.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static arena a;
static const climate_columns columns = {
    .time = "Date Time", .n = 2, .name = {"T (degC)", "rh (%)"}, .unit = {"°C", "%"}};

static void setup(void)
{
    arena_init(&a, 0);
}

static void teardown(void)
{
    arena_free(&a);
}

TestSuite(climate, .init = setup, .fini = teardown);

#define HEAD "Date Time,T (degC),rh (%)\n"
#define ROW "01.01.2009 00:10:00,-8.02,93.3\n"

static climate read_text(const char *text)
{
    climate c;
    err e = {0};
    int rows;
    cr_assert(climate_read("t.csv", text, strlen(text), &columns, &a, &c, &e) == OK, "%s", e.msg);
    cr_assert(climate_count("t.csv", text, strlen(text), &columns, &a, &rows, &e) == OK);
    cr_expect(eq(int, rows, c.n_rows), "counting differs from reading");
    return c;
}

static void expect_bytes_refused(const char *bytes, size_t n, const char *message)
{
    climate c;
    err e = {0};
    char *exact = malloc(n ? n : 1); /* so that the sanitizer sees a byte too far */
    memcpy(exact, bytes, n);
    cr_expect(climate_read("t.csv", exact, n, &columns, &a, &c, &e) == ERR_INPUT);
    EXPECT_TEXT(e.msg, message);
    free(exact);
}

static void expect_refused(const char *text, const char *message)
{
    expect_bytes_refused(text, strlen(text), message);
}

static void expect_values(const char *text, float t, float rh)
{
    climate c = read_text(text);
    cr_assert(eq(int, c.n_rows, 1), "%s", text);
    cr_expect(eq(flt, c.value[0], t), "%s", text);
    cr_expect(eq(flt, c.value[1], rh), "%s", text);
}

Test(climate, reads_columns_by_name_in_any_order)
{
    expect_values(HEAD ROW, -8.02f, 93.3f);
    expect_values("rh (%),p,Date Time,T (degC)\n93.3,-9999,01.01.2009 00:10:00,-8.02\n", -8.02f,
                  93.3f);
}

Test(climate, reads_quotes_crlf_marks_blanks_and_a_last_line_without_end)
{
    expect_values("\"Date Time\",\"T (degC)\",\"rh (%)\"\r\n"
                  "\"01.01.2009 00:10:00\",\"-8.02\",\"93.3\"\r\n",
                  -8.02f, 93.3f);
    expect_values("\xef\xbb\xbf" HEAD ROW, -8.02f, 93.3f);
    expect_values(" Date Time , T (degC),rh (%) \n 01.01.2009 00:10:00 , -8.02\t, 93.3 \n", -8.02f,
                  93.3f);
    expect_values(HEAD "01.01.2009 00:10:00,-8.02,93.3", -8.02f, 93.3f);
    expect_values(HEAD ROW "\r\n\n  \n", -8.02f, 93.3f);
    expect_values("note,Date Time,T (degC),rh (%)\n\"a, \"\"b\"\"\",01.01.2009 00:10:00,1e1,+.5\n",
                  10, .5f);
}

Test(climate, numbers_are_the_nearest_floats_of_the_nearest_doubles)
{
    rng r = rng_stream(1, RNG_TEST, 0);
    climate_columns any = {.time = "d", .n = 1, .name = {"v"}, .unit = {""}};
    for (int i = 0; i < 20000; i++) {
        char number[48], text[128];
        double v = (rng_double(&r) - 0.5) * (double)(rng_below(&r, 1000000) + 1);
        int digits = (int)rng_below(&r, 22);
        snprintf(number, sizeof number, rng_below(&r, 4) ? "%.*f" : "%.*e", digits, v);
        snprintf(text, sizeof text, "d,v\n01.01.2009 00:00:00,%s\n", number);
        climate c;
        err e = {0};
        arena_mark_t mark = arena_mark(&a);
        cr_assert(climate_read("t", text, strlen(text), &any, &a, &c, &e) == OK, "%s", e.msg);
        cr_expect(c.value[0] == (float)strtod(number, NULL), "%s", number);
        arena_release(&a, mark);
    }
}

Test(climate, steps_in_time_are_counted_with_their_first_lines)
{
    climate c = read_text(HEAD "31.12.2008 23:50:00,1,1\n"
                               "01.01.2009 00:00:00,1,1\n" /* a regular step over the year's end */
                               "01.01.2009 00:00:00,1,1\n"
                               "01.01.2009 00:00:00,1,1\n"
                               "01.01.2009 01:00:00,1,1\n"
                               "01.01.2009 00:30:00,1,1\n"
                               "01.01.2009 00:34:00,1,1\n"
                               "29.02.2012 00:34:00,1,1\n");
    climate_notes n = c.notes;
    cr_expect(eq(int, n.repeats, 2));
    cr_expect(eq(int, n.first_repeat_line, 4));
    cr_expect(eq(int, n.gaps, 2));
    cr_expect(eq(int, n.first_gap_line, 6));
    cr_expect(eq(long, n.missing_rows, 5 + 1154 * 144 - 1)); /* 1154 days to the leap day */
    cr_expect(eq(int, n.backward, 1));
    cr_expect(eq(int, n.first_backward_line, 7));
    cr_expect(eq(int, n.off_grid, 1));
    cr_expect(eq(int, n.first_off_grid_line, 8));
}

Test(climate, values_that_no_weather_has_are_named)
{
    expect_refused(HEAD ROW "01.01.2009 00:20:00,-9999,50\n",
                   "t.csv:3:21: 'T (degC)' is -9999, outside the possible -90 to 60 °C; correct "
                   "it, or remove the row");
    expect_refused(HEAD "01.01.2009 00:20:00,5,105.1\n",
                   "t.csv:2:23: 'rh (%)' is 105.1, outside the possible 0 to 105 %; correct it, or "
                   "remove the row");
    read_text(HEAD "01.01.2009 00:20:00,-90,0\n01.01.2009 00:30:00,60,105\n");
}

Test(climate, fields_that_are_no_numbers_are_named)
{
    static const char *const words[] = {"abc", "nan", "inf", "0x10", "1.2.3", "--1", "1e",
                                        "-",   ".",   "1 2", "1e+",  "5%",    "12a", "1_000"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        expect_refused(arena_printf(&a, "%s01.01.2009 00:20:00,%s,50\n", HEAD, words[i]),
                       arena_printf(&a,
                                    "t.csv:2:21: 'T (degC)' is '%s', not a number; write one with "
                                    "a decimal point, or remove the row",
                                    words[i]));
    }
    expect_refused(HEAD "01.01.2009 00:20:00,,50\n",
                   "t.csv:2:21: 'T (degC)' is empty; write its value, or remove the row");
    expect_refused(HEAD "01.01.2009 00:20:00,5,\" \"\n",
                   "t.csv:2:24: 'rh (%)' is empty; write its value, or remove the row");
    expect_refused(HEAD "01.01.2009 00:20:00,1e999,50\n",
                   "t.csv:2:21: 'T (degC)' is '1e999', not a number; write one with a decimal "
                   "point, or remove the row");
    expect_refused(HEAD "01.01.2009 00:20:00,\x01 a text that goes on and on and on and on,50\n",
                   "t.csv:2:21: 'T (degC)' is '? a text that goes on and on and on and ...', not a "
                   "number; write one with a decimal point, or remove the row");
}

Test(climate, dates_that_are_not_day_first_dates_are_named)
{
    static const char *const dates[] = {
        "2009-01-01 00:10:00", "01.13.2009 00:10:00", "31.04.2009 00:10:00", "29.02.2009 00:10:00",
        "29.02.1900 00:10:00", "00.01.2009 00:10:00", "01.00.2009 00:10:00", "01.01.2009 24:00:00",
        "01.01.2009 00:60:00", "01.01.2009 00:10:60", "1.1.2009 00:10",      "01.01.2009T00:10:00",
        "01.01.2o09 00:10:00"};
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
        expect_refused(arena_printf(&a, "%s%s,1,50\n", HEAD, dates[i]),
                       arena_printf(&a,
                                    "t.csv:2:1: 'Date Time' is '%s', not a date; dates are day "
                                    "first: dd.mm.yyyy hh:mm:ss",
                                    dates[i]));
    expect_refused(HEAD ",1,50\n",
                   "t.csv:2:1: 'Date Time' is empty; write the date as dd.mm.yyyy hh:mm:ss");
    read_text(HEAD "29.02.2000 23:59:59,1,50\n");
}

Test(climate, rows_of_the_wrong_form_are_named)
{
    expect_refused(HEAD "01.01.2009 00:10:00,1\n" ROW,
                   "t.csv:2:1: 2 fields where the header has 3; a comma too many or too few, or a "
                   "line that was cut");
    expect_refused(HEAD ROW "01.01.2009 00:20:00,-8,02,93,3\n",
                   "t.csv:3:1: 5 fields where the header has 3; a comma too many or too few, or a "
                   "line that was cut");
    expect_refused(
        HEAD ROW "01.01.20",
        "t.csv:3:1: 1 field where the header has 3; the file ends inside this line: copy "
        "it again, or remove the line");
    expect_refused(HEAD "\n" ROW, "t.csv:2:1: an empty line; remove it");
    expect_refused(HEAD "01.01.2009 00:10:00,\"1,50\n" ROW,
                   "t.csv:2:21: a quote that is not closed on its line; close it, or remove it");
    expect_refused(HEAD "01.01.2009 00:10:00,\"1\"2,50\n",
                   "t.csv:2:21: text behind a closing quote; put a comma between them");
}

Test(climate, a_huge_line_is_refused)
{
    buf b = {0};
    buf_text(&b, HEAD);
    for (int i = 0; i < 70000; i++) buf_char(&b, '7');
    expect_refused(b.data,
                   "t.csv:2:1: a line of more than 65536 bytes; this is not a table of weather");
    buf_clear(&b);
    for (int i = 0; i < 70000; i++) buf_char(&b, 'x');
    expect_refused(b.data, "t.csv:1: a first line of 70000 bytes; this is not a table of weather");
    buf_clear(&b);
    for (int i = 0; i < 300; i++) buf_text(&b, "a,");
    expect_refused(b.data, "t.csv:1: more than 256 columns; keep those that are needed");
    buf_free(&b);
}

Test(climate, files_that_are_no_tables_are_refused)
{
    static const char with_nul[] = HEAD "01.01.2009 00:10:00,1\0,50\n";
    expect_refused("", "t.csv: the file is empty or begins with an empty line; its first line must "
                       "name the columns");
    expect_refused("\n" HEAD ROW, "t.csv: the file is empty or begins with an empty line; its "
                                  "first line must name the columns");
    expect_refused(HEAD "\n", "t.csv: there is no row below the first line");
    expect_refused("Date Time;T (degC);rh (%)\n01.01.2009 00:10:00;1;50\n",
                   "t.csv:1: fields are separated by semicolons; save the table with commas");
    expect_refused("Date Time\tT (degC)\trh (%)\n",
                   "t.csv:1: fields are separated by tabs; save the table with commas");
    expect_refused("\"Date Time,T (degC)\n",
                   "t.csv:1: a quote that is not closed on its line; close it, or remove it");
    expect_bytes_refused(with_nul, sizeof with_nul - 1,
                         "t.csv:2: a NUL byte; this is not a text file, or it is damaged: copy it "
                         "again");
}

Test(climate, missing_columns_are_named_with_the_nearest)
{
    expect_refused("Date Time,T (degC),RH (%)\n" ROW,
                   "t.csv:1: no column 'rh (%)'; did you mean 'RH (%)'?");
    expect_refused("Date Time,Tdew,rh (%)\n" ROW,
                   "t.csv:1: no column 'T (degC)'; the first line must name the columns, and "
                   "begins with 'Date Time'");
    expect_refused(ROW, "t.csv:1: no column 'Date Time'; the first line must name the columns, and "
                        "begins with '01.01.2009 00:10:00'");
    expect_refused("Date Time,T (degC),rh (%),rh (%)\n",
                   "t.csv:1: two columns are called 'rh (%)'; rename one");
}

Test(climate, callers_mistakes_are_named)
{
    climate c;
    err e = {0};
    climate_columns none = {.time = "Date Time"}, twice = columns;
    twice.name[1] = twice.name[0];
    cr_expect(climate_read("t", HEAD, strlen(HEAD), &none, &a, &c, &e) == ERR_ARG);
    EXPECT_TEXT(e.msg, "0 columns of values; from 1 to 8 can be read");
    e = (err){0};
    cr_expect(climate_read("t", HEAD, strlen(HEAD), &twice, &a, &c, &e) == ERR_ARG);
    EXPECT_TEXT(e.msg, "column 'T (degC)' is asked for twice");
}

Test(climate, memory_that_runs_out_is_an_error)
{
    climate c;
    err e = {0};
    arena small;
    buf b = {0};
    buf_text(&b, HEAD);
    for (int i = 0; i < 1000; i++) buf_text(&b, ROW);
    arena_init(&small, 4096);
    cr_expect(climate_read("t", b.data, b.len, &columns, &small, &c, &e) == ERR_MEM);
    EXPECT_TEXT(e.msg, "t: out of memory for 1000 rows");
    arena_free(&small);
    buf_free(&b);
}

Test(climate, twenty_mistakes_are_listed_and_the_rest_counted)
{
    buf b = {0};
    climate c;
    err e = {0};
    buf_text(&b, HEAD);
    for (int i = 0; i < 30; i++) buf_text(&b, "01.01.2009 00:10:00,x,50\n");
    cr_expect(climate_read("t.csv", b.data, b.len, &columns, &a, &c, &e) == ERR_INPUT);
    int lines = 0;
    for (const char *p = e.msg; (p = strstr(p, "t.csv:")); p++) lines++;
    cr_expect(eq(int, lines, 20));
    cr_expect(strstr(e.msg, "\nt.csv:21:21: 'T (degC)' is 'x', not a number;") != NULL, "%s",
              e.msg);
    cr_expect(strstr(e.msg, "\n... and 10 more") != NULL, "%s", e.msg);
    buf_free(&b);
}

Test(climate, a_table_cut_at_any_byte_is_read_or_refused)
{
    static const char text[] = "\xef\xbb\xbf\"Date Time\",T (degC),rh (%)\r\n"
                               "\"01.01.2009 00:10:00\",-8.02,93.3\r\n";
    for (size_t n = 0; n < sizeof text; n++) {
        climate c;
        err e = {0};
        char *exact = malloc(n ? n : 1);
        memcpy(exact, text, n);
        status s = climate_read("t.csv", exact, n, &columns, &a, &c, &e);
        cr_expect(s == OK || s == ERR_INPUT, "%zu bytes: %s", n, e.msg);
        if (s == OK) cr_expect(n > sizeof text - 7, "%zu bytes", n); /* within the last number */
        free(exact);
    }
}

#include "engine/base/quantity.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

typedef struct {
    const char *text, *unit;
    double want; /* NaN: must be refused */
    const char *says;
} row;

static const row rows[] = {
    {"2 kB", "B", 2000, ""},
    {"2kB", "B", 2000, ""},
    {"1.7 kB", "B", 1700, ""},
    {"2 KiB", "B", 2048, ""},
    {"2 GiB", "B", 2147483648.0, ""},
    {"1999", "B", 1999, ""},
    {" 40 ms ", "ms", 40, ""},
    {"0.04 s", "ms", 40, ""},
    {"30 min", "s", 1800, ""},
    {"2 h", "s", 7200, ""},
    {"0.5 °C", "°C", 0.5, ""},
    {"1e-3", "%", 0.001, ""},
    {"-3", "", -3, ""},
    {"20 k", "", 20000, ""},
    {"2 KB", "B", NAN, "KiB for 1024"},
    {"2 ms", "B", NAN, "ms measures time, here bytes"},
    {"2 kB", "ms", NAN, "kB measures bytes, here time"},
    {"2 parsec", "B", NAN, "unknown unit 'parsec'"},
    {"2 kB 3", "B", NAN, "unknown unit 'kB 3'"},
    {"kB", "B", NAN, "does not begin with a number"},
    {"", "B", NAN, "does not begin with a number"},
    {"0x10", "B", NAN, "unknown unit 'x10'"},
    {"inf", "B", NAN, "does not begin with a number"},
    {"1e999", "B", NAN, "out of range"},
    {"1e300 GB", "B", NAN, "out of range"},
};

Test(quantity, units_convert_and_wrong_ones_are_explained)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const row *r = &rows[i];
        err e = {0};
        double got = 0;
        status s = quantity_parse(r->text, r->unit, &got, &e);
        if (*r->says) {
            cr_expect_eq(s, ERR_INPUT, "'%s' was accepted", r->text);
            cr_expect(strstr(e.msg, r->says), "'%s': %s", r->text, e.msg);
        } else {
            cr_expect_eq(s, OK, "'%s': %s", r->text, e.msg);
            cr_expect(fabs(got - r->want) <= 1e-12 * fabs(r->want), "'%s' gave %.17g", r->text,
                      got);
        }
    }
}

Test(quantity, a_number_ends_where_it_is_one_no_more)
{
    static const struct {
        const char *text;
        size_t want;
    } cases[] = {{"1.2.3", 3}, {".5", 2},  {"5.", 2}, {".", 0},  {"-", 0},         {"+.5e", 3},
                 {"1e5x", 3},  {"1e+", 1}, {"", 0},   {"x1", 0}, {"-1.5E-3 kB", 7}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(quantity_number_length(cases[i].text), cases[i].want, "%s", cases[i].text);
}

Test(quantity, limits_have_four_operators_and_are_strict_where_written_so)
{
    static const char *const text[] = {"< 2 kB", "<=2 kB", "> 2 kB", ">= 2 kB"};
    static const int at_bound[] = {0, 1, 0, 1}, below[] = {1, 1, 0, 0};
    for (int i = 0; i < 4; i++) {
        limit_op op;
        double bound;
        err e = {0};
        cr_assert_eq(limit_parse(text[i], "B", &op, &bound, &e), OK, "%s", e.msg);
        cr_expect_eq(bound, 2000);
        cr_expect_eq(limit_holds(op, 2000, bound), at_bound[i], "%s", text[i]);
        cr_expect_eq(limit_holds(op, 1999, bound), below[i], "%s", text[i]);
        cr_expect_eq(limit_holds(op, 2001, bound), !below[i], "%s", text[i]);
        cr_expect_eq(strncmp(text[i], limit_op_text(op), strlen(limit_op_text(op))), 0);
    }
    err e = {0};
    limit_op op;
    double bound;
    cr_expect_eq(limit_parse("2 kB", "B", &op, &bound, &e), ERR_INPUT);
    cr_expect(strstr(e.msg, "begin with <"));
}

Test(quantity, figures_are_shown_with_a_fitting_unit)
{
    static const struct {
        double v;
        const char *unit, *want;
    } cases[] = {
        {1999, "B", "1999 B"},     {25412, "B", "25.4 kB"},
        {3.2e6, "B", "3.2 MB"},    {0.4567, "°C", "0.457 °C"},
        {1.7571, "%", "1.757 %"},  {92.125, "%", "92.12 %"},
        {40, "ms", "40 ms"},       {12345, "ms", "12.3 s"},
        {90, "s", "90 s"},         {1800, "s", "30 min"},
        {9000, "s", "2.5 h"},      {18305, "", "18305"},
        {0.25, "s", "0.25 s"},     {9999, "B", "9999 B"},
        {10000, "B", "10 kB"},     {999499, "B", "999 kB"},
        {999600, "B", "1 MB"},     {999.6e6, "B", "1 GB"},
        {1.2e12, "B", "1200 GB"},  {1.2345e12, "B", "1234 GB"},
        {9999.4, "ms", "9999 ms"}, {9999.7, "ms", "10 s"},
        {119.94, "s", "119.9 s"},  {119.97, "s", "2 min"},
        {7196, "s", "2 h"},        {172799, "s", "2 d"},
        {18305.4, "", "18305"},    {2.5e12, "", "2500000000000"},
        {1e-5, "", "0.00001"},     {-0.00012346, "", "-0.000123"},
        {0, "B", "0 B"},           {-25412, "B", "-25.4 kB"},
        {99.996, "%", "100 %"},    {0.9996, "°C", "1 °C"},
        {1e-30, "", "0"},          {-1e-30, "", "0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[40];
        quantity_format(cases[i].v, cases[i].unit, text, sizeof text);
        cr_expect_str_eq(text, cases[i].want);
    }
}

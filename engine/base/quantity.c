/* One table of units, grouped by the base unit they measure; everything else looks things up in it.
 */
#include "engine/base/quantity.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *base, *name;
    double factor;
} unit_row;

static const unit_row units[] = {
    {"B", "B", 1},      {"B", "kB", 1e3},      {"B", "MB", 1e6},         {"B", "GB", 1e9},
    {"B", "KiB", 1024}, {"B", "MiB", 1048576}, {"B", "GiB", 1073741824}, {"ms", "us", 1e-3},
    {"ms", "µs", 1e-3}, {"ms", "ms", 1},       {"ms", "s", 1e3},         {"ms", "min", 6e4},
    {"s", "ms", 1e-3},  {"s", "s", 1},         {"s", "min", 60},         {"s", "h", 3600},
    {"s", "d", 86400},  {"%", "%", 1},         {"°C", "°C", 1},          {"°C", "degC", 1},
    {"", "k", 1e3},     {"", "M", 1e6},
};
enum { N_UNITS = sizeof units / sizeof *units };

static const unit_row *find_unit(const char *base, const char *name)
{
    for (int i = 0; i < N_UNITS; i++)
        if (strcmp(units[i].name, name) == 0 && (!base || strcmp(units[i].base, base) == 0))
            return &units[i];
    return NULL;
}

static const char *base_name(const char *base)
{
    static const char *const names[][2] = {
        {"B", "bytes"}, {"ms", "time"}, {"s", "time"}, {"%", "percent"}, {"°C", "temperature"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], base) == 0) return names[i][1];
    return "a plain number";
}

static void list_units(const char *base, char *text, size_t n)
{
    size_t at = 0;
    text[0] = '\0';
    for (int i = 0; i < N_UNITS && at < n; i++)
        if (strcmp(units[i].base, base) == 0)
            at += (size_t)snprintf(text + at, n - at, "%s%s", at ? ", " : "", units[i].name);
}

static status wrong_unit(const char *text, const char *base, const char *name, err *e)
{
    char choices[80];
    list_units(base, choices, sizeof choices);
    if (strcmp(name, "KB") == 0 && strcmp(base, "B") == 0)
        return FAIL(e, ERR_INPUT,
                    "'%s': KB is read both ways; write kB for 1000 bytes or KiB for 1024", text);
    const unit_row *other = find_unit(NULL, name);
    if (other)
        return FAIL(e, ERR_INPUT, "'%s': %s measures %s, here %s is asked for (%s)", text, name,
                    base_name(other->base), base_name(base), choices);
    return FAIL(e, ERR_INPUT, "'%s': unknown unit '%s'; use %s, or no unit", text, name, choices);
}

size_t quantity_number_length(const char *s)
{
    size_t n = s[0] == '-' || s[0] == '+', digits = 0;
    for (bool dot = false; isdigit((unsigned char)s[n]) || (s[n] == '.' && !dot); n++) {
        if (s[n] == '.')
            dot = true;
        else
            digits++;
    }
    if (!digits) return 0;
    if (s[n] == 'e' || s[n] == 'E') {
        size_t m = n + 1 + (s[n + 1] == '-' || s[n + 1] == '+');
        if (isdigit((unsigned char)s[m])) {
            while (isdigit((unsigned char)s[m])) m++;
            n = m;
        }
    }
    return n;
}

static const char *skip_spaces(const char *s)
{
    while (*s == ' ' || *s == '\t') s++;
    return s;
}

status quantity_parse(const char *text, const char *unit, double *out, err *e)
{
    char number[64], name[32];
    const char *s = skip_spaces(text);
    size_t n = quantity_number_length(s);
    if (n == 0 || n >= sizeof number)
        return FAIL(e, ERR_INPUT, "'%.40s' does not begin with a number", text);
    memcpy(number, s, n);
    number[n] = '\0';
    double v = strtod(number, NULL);
    if (!isfinite(v)) return FAIL(e, ERR_INPUT, "'%.40s': the number is out of range", text);
    s = skip_spaces(s + n);
    n = strlen(s);
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t')) n--;
    if (n >= sizeof name) return FAIL(e, ERR_INPUT, "'%.40s': the unit is too long", text);
    memcpy(name, s, n);
    name[n] = '\0';
    if (n == 0) {
        *out = v;
        return OK;
    }
    const unit_row *row = find_unit(unit, name);
    if (!row) return wrong_unit(text, unit, name, e);
    *out = v * row->factor;
    return isfinite(*out) ? OK : FAIL(e, ERR_INPUT, "'%.40s': the number is out of range", text);
}

const char *limit_op_text(limit_op op)
{
    static const char *const text[] = {"<", "<=", ">", ">="};
    return text[op];
}

status limit_parse(const char *text, const char *unit, limit_op *op, double *bound, err *e)
{
    const char *s = skip_spaces(text);
    if (*s != '<' && *s != '>')
        return FAIL(e, ERR_INPUT, "'%.40s' is no limit; begin with <, <=, > or >=", text);
    bool greater = *s++ == '>', equal = *s == '=';
    if (equal) s++;
    *op = greater ? (equal ? LIMIT_GE : LIMIT_GT) : (equal ? LIMIT_LE : LIMIT_LT);
    return quantity_parse(skip_spaces(s), unit, bound, e);
}

int limit_holds(limit_op op, double value, double bound)
{
    switch (op) {
    case LIMIT_LT:
        return value < bound;
    case LIMIT_LE:
        return value <= bound;
    case LIMIT_GT:
        return value > bound;
    case LIMIT_GE:
        return value >= bound;
    }
    return 0;
}

typedef struct {
    const char *base;
    double from; /* smallest magnitude shown in this unit, as the unit before it would show it */
    const char *name;
    double factor;
} shown_row;

/* Of each base unit the larger ones, upwards. Bytes stay exact up to 10 kB, since limits are written
 * near 2 kB. */
static const shown_row shown[] = {
    {"B", 1e4, "kB", 1e3}, {"B", 1e6, "MB", 1e6},  {"B", 1e9, "GB", 1e9},     {"ms", 1e4, "s", 1e3},
    {"s", 120, "min", 60}, {"s", 7200, "h", 3600}, {"s", 172800, "d", 86400},
};

/* Decimals that give v three significant digits, or four in its base unit; whole numbers have all of
 * theirs. */
static int decimals_of(double v, double factor)
{
    enum { MOST = 12 };
    double size = fabs(v);
    if (!(size >= 1e-12) || isinf(size)) return 0;
    int significant = factor == 1 && size >= 1 ? 4 : 3;
    int n = significant - 1 - (int)floor(log10(size));
    return n < 0 ? 0 : n > MOST ? MOST : n;
}

static double as_shown(double v, double factor)
{
    double scale = pow(10, decimals_of(v, factor));
    return round(v * scale) / scale;
}

/* A fixed number of decimals, without zeros behind the last of them that counts. */
static void put_fixed(double v, int decimals, char *text, size_t n)
{
    snprintf(text, n, "%.*f", decimals, v);
    size_t end = strlen(text);
    if (decimals == 0 || end + 1 >= n) return;
    while (text[end - 1] == '0') end--;
    if (text[end - 1] == '.') end--;
    text[end] = '\0';
}

void quantity_format(double value, const char *unit, char *text, size_t n)
{
    char number[400]; /* the largest double has 309 digits */
    double factor = 1;
    const char *name = unit;
    if (fabs(value) < 1e-12) value = 0; /* and never -0 */
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        if (strcmp(shown[i].base, unit) != 0) continue;
        if (!(fabs(as_shown(value / factor, factor)) * factor >= shown[i].from)) break;
        factor = shown[i].factor;
        name = shown[i].name;
    }
    put_fixed(value / factor, decimals_of(value / factor, factor), number, sizeof number);
    snprintf(text, n, "%s%s%s", number, *name ? " " : "", name);
}

void quantity_duration(double seconds, char *text, size_t n)
{
    if (isnan(seconds)) {
        snprintf(text, n, "?");
        return;
    }
    long s = seconds > 1e9 ? 1000000000 : lround(seconds);
    long m = (s + 30) / 60, h = (s + 1800) / 3600;
    if (s < 90)
        snprintf(text, n, "%ld s", s);
    else if (m < 90)
        snprintf(text, n, "%ld min", m);
    else if (h < 48)
        snprintf(text, n, "%ld h %02ld min", m / 60, m % 60);
    else
        snprintf(text, n, "%ld d %ld h", h / 24, h % 24);
}

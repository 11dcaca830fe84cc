/* One pass over the mapped bytes, line by line. A line is cut into fields; the fields of wanted
 * columns go to their slots, the others are only counted, since a wrong count betrays a cut line.
 * Numbers whose digits and power of ten are both exact in a double need only one division (Clinger,
 * "How to read floating point numbers accurately", PLDI 1990); the rest go through strtod: both
 * give the double nearest to the text. */
#include "engine/data/climate.h"

#include "engine/base/diag.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FIELDS = 256, MAX_LINE = 1 << 16, UNUSED = -1, TIME_SLOT = CLIMATE_MAX_COLUMNS };

typedef struct {
    const char *text; /* without its quotes; doubled quotes inside stay doubled */
    size_t n;
} field;

typedef struct {
    const char *file;
    const climate_columns *columns;
    const char *at, *end;         /* what is still to be read */
    int line;                     /* number of the line returned last */
    int n_fields;                 /* of the header */
    bool ends_open;               /* the last line has no line end: it may be cut */
    signed char slot[MAX_FIELDS]; /* where a field of a row goes: a column, TIME_SLOT or UNUSED */
    arena *a;
    diag d;
} reader;

/* --- lines and fields --- */

/* The next line without its end; false at the end of the file. */
static bool next_line(reader *r, field *line)
{
    if (r->at >= r->end) return false;
    const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    const char *stop = newline ? newline : r->end;
    line->text = r->at;
    line->n = (size_t)(stop - r->at);
    if (line->n && stop[-1] == '\r') line->n--;
    r->at = newline ? newline + 1 : r->end;
    r->line++;
    return true;
}

/* Cuts the field at *at, which ends before a comma or at `end`, and steps behind the comma. Returns
 * NULL, or what is wrong with its quotes. */
static const char *cut_field(const char **at, const char *end, field *f, bool *last)
{
    const char *p = *at;
    if (p < end && *p == '"') {
        f->text = ++p;
        for (; p < end; p++) {
            if (*p != '"') continue;
            if (p + 1 < end && p[1] == '"')
                p++;
            else
                break;
        }
        if (p == end) return "a quote that is not closed on its line; close it, or remove it";
        f->n = (size_t)(p++ - f->text);
        if (p < end && *p != ',') return "text behind a closing quote; put a comma between them";
    } else {
        f->text = p;
        while (p < end && *p != ',') p++;
        f->n = (size_t)(p - f->text);
    }
    *last = p == end;
    *at = p + !*last;
    return NULL;
}

static void report(reader *r, const field *line, const char *at, const char *what)
{
    diag_report(&r->d, r->file, r->line, (int)(at - line->text) + 1, "%s", what);
}

static field trim(field f)
{
    while (f.n && (*f.text == ' ' || *f.text == '\t')) f.text++, f.n--;
    while (f.n && (f.text[f.n - 1] == ' ' || f.text[f.n - 1] == '\t')) f.n--;
    return f;
}

/* Cuts a row into wanted[]; false when something was reported. */
static bool cut_row(reader *r, field line, field wanted[TIME_SLOT + 1])
{
    const char *at = line.text, *end = at + line.n;
    int count = 0;
    if (line.n > MAX_LINE) {
        report(r, &line, at, "a line of more than 65536 bytes; this is not a table of weather");
        return false;
    }
    if (trim(line).n == 0) {
        report(r, &line, at, "an empty line; remove it");
        return false;
    }
    for (bool last = false; !last; count++) {
        field f;
        const char *start = at, *wrong = cut_field(&at, end, &f, &last);
        if (wrong) {
            report(r, &line, start, wrong);
            return false;
        }
        if (count < r->n_fields && r->slot[count] != UNUSED) wanted[r->slot[count]] = f;
    }
    if (count == r->n_fields) return true;
    bool cut_off = count < r->n_fields && r->at == r->end && r->ends_open;
    diag_report(&r->d, r->file, r->line, 1, "%d field%s where the header has %d; %s", count,
                count == 1 ? "" : "s", r->n_fields,
                cut_off ? "the file ends inside this line: copy it again, or remove the line"
                        : "a comma too many or too few, or a line that was cut");
    return false;
}

/* --- the header --- */

static status refuse_delimiter(const reader *r, field line, err *e)
{
    bool semicolons = memchr(line.text, ';', line.n), tabs = memchr(line.text, '\t', line.n);
    if (memchr(line.text, ',', line.n) || (!semicolons && !tabs)) return OK;
    return FAIL(e, ERR_INPUT, "%s:1: fields are separated by %s; save the table with commas",
                r->file, semicolons ? "semicolons" : "tabs");
}

static status find_column(const reader *r, const char *name, const char *const *names, int *found,
                          err *e)
{
    *found = UNUSED;
    for (int i = 0; i < r->n_fields; i++) {
        if (strcmp(names[i], name) != 0) continue;
        if (*found != UNUSED)
            return FAIL(e, ERR_INPUT, "%s:1: two columns are called '%s'; rename one", r->file,
                        name);
        *found = i;
    }
    if (*found != UNUSED) return OK;
    const char *meant = diag_did_you_mean(name, names, (size_t)r->n_fields);
    if (meant)
        return FAIL(e, ERR_INPUT, "%s:1: no column '%s'; did you mean '%s'?", r->file, name, meant);
    return FAIL(e, ERR_INPUT,
                "%s:1: no column '%s'; the first line must name the columns, and "
                "begins with '%.60s'",
                r->file, name, names[0]);
}

static status read_names(reader *r, field line, const char **names, err *e)
{
    const char *at = line.text, *end = at + line.n;
    for (bool last = false; !last; r->n_fields++) {
        field f;
        const char *wrong = cut_field(&at, end, &f, &last);
        if (wrong) return FAIL(e, ERR_INPUT, "%s:1: %s", r->file, wrong);
        if (r->n_fields == MAX_FIELDS)
            return FAIL(e, ERR_INPUT, "%s:1: more than %d columns; keep those that are needed",
                        r->file, MAX_FIELDS);
        f = trim(f);
        names[r->n_fields] = arena_copy(r->a, f.text, f.n);
        if (!names[r->n_fields]) return FAIL(e, ERR_MEM, "%s: out of memory", r->file);
    }
    return OK;
}

static status read_header(reader *r, err *e)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    if (r->end - r->at >= 3 && memcmp(r->at, byte_order_mark, 3) == 0) r->at += 3;
    field line;
    if (!next_line(r, &line) || trim(line).n == 0)
        return FAIL(e, ERR_INPUT,
                    "%s: the file is empty or begins with an empty line; its first "
                    "line must name the columns",
                    r->file);
    if (line.n > MAX_LINE)
        return FAIL(e, ERR_INPUT, "%s:1: a first line of %zu bytes; this is not a table of weather",
                    r->file, line.n);
    TRY(refuse_delimiter(r, line, e));
    const char *names[MAX_FIELDS];
    TRY(read_names(r, line, names, e));
    memset(r->slot, UNUSED, sizeof r->slot);
    int found;
    TRY(find_column(r, r->columns->time, names, &found, e));
    r->slot[found] = TIME_SLOT;
    for (int c = 0; c < r->columns->n; c++) {
        TRY(find_column(r, r->columns->name[c], names, &found, e));
        if (r->slot[found] != UNUSED)
            return FAIL(e, ERR_ARG, "column '%s' is asked for twice", r->columns->name[c]);
        r->slot[found] = (signed char)c;
    }
    return OK;
}

/* Bytes that no text has are looked for once, so that messages may print fields as strings. */
static status open_reader(reader *r, const char *file, const char *bytes, size_t n,
                          const climate_columns *columns, arena *a, err *e)
{
    if (columns->n < 1 || columns->n > CLIMATE_MAX_COLUMNS)
        return FAIL(e, ERR_ARG, "%d columns of values; from 1 to %d can be read", columns->n,
                    CLIMATE_MAX_COLUMNS);
    if (n == 0) bytes = "";
    *r = (reader){.file = file, .columns = columns, .at = bytes, .end = bytes + n, .a = a};
    r->ends_open = n > 0 && bytes[n - 1] != '\n';
    diag_init(&r->d, a);
    const char *nul = n ? memchr(bytes, '\0', n) : NULL;
    if (nul) {
        int line = 1;
        for (const char *p = bytes; p < nul; p++) line += *p == '\n';
        return FAIL(e, ERR_INPUT,
                    "%s:%d: a NUL byte; this is not a text file, or it is damaged: "
                    "copy it again",
                    file, line);
    }
    return read_header(r, e);
}

/* --- values --- */

static const char *shown(field f, char text[48])
{
    size_t n = f.n < 40 ? f.n : 40;
    for (size_t i = 0; i < n; i++) text[i] = (unsigned char)f.text[i] < 0x20 ? '?' : f.text[i];
    memcpy(text + n, f.n > n ? "..." : "", f.n > n ? 4 : 1);
    return text;
}

/* The double nearest to a decimal number of the field's whole text; false when it is none. */
static bool parse_decimal(field f, double *out)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                   1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    const char *p = f.text, *end = p + f.n;
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    uint64_t digits = 0;
    int n_digits = 0, n_fraction = 0;
    for (; p < end && (unsigned)(*p - '0') < 10; p++, n_digits++)
        digits = digits * 10 + (uint64_t)(*p - '0');
    if (p < end && *p == '.')
        for (p++; p < end && (unsigned)(*p - '0') < 10; p++, n_digits++, n_fraction++)
            digits = digits * 10 + (uint64_t)(*p - '0');
    if (n_digits == 0) return false;
    if (p == end && n_digits <= 18 && digits <= (uint64_t)1 << 53) {
        double v = (double)digits / power[n_fraction];
        *out = minus ? -v : v;
        return true;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '-' || *p == '+')) p++;
        if (p == end) return false;
        while (p < end && (unsigned)(*p - '0') < 10) p++;
    }
    char copy[64];
    if (p != end || f.n >= sizeof copy) return false;
    memcpy(copy, f.text, f.n);
    copy[f.n] = '\0';
    *out = strtod(copy, NULL);
    return isfinite(*out);
}

/* The coldest and hottest air ever measured are -89.2 and 56.7 °C; saturated air makes humidity
 * sensors read a little over 100 %. */
static bool possible_range(const char *unit, double *least, double *most)
{
    bool celsius = strcmp(unit, "°C") == 0, percent = strcmp(unit, "%") == 0;
    *least = celsius ? -90 : 0;
    *most = celsius ? 60 : 105;
    return celsius || percent;
}

static bool read_value(reader *r, field line, field f, int c, float *out)
{
    const char *name = r->columns->name[c], *unit = r->columns->unit[c];
    int column = (int)(f.text - line.text) + 1;
    char text[48];
    double v = 0, least, most;
    f = trim(f);
    if (f.n == 0) {
        diag_report(&r->d, r->file, r->line, column,
                    "'%s' is empty; write its value, or remove the row", name);
        return false;
    }
    if (!parse_decimal(f, &v)) {
        diag_report(&r->d, r->file, r->line, column,
                    "'%s' is '%s', not a number; write one with a decimal point, or remove the row",
                    name, shown(f, text));
        return false;
    }
    if (possible_range(unit, &least, &most) && !(v >= least && v <= most)) {
        diag_report(&r->d, r->file, r->line, column,
                    "'%s' is %s, outside the possible %g to %g %s; correct it, or remove the row",
                    name, shown(f, text), least, most, unit);
        return false;
    }
    *out = (float)v;
    return true;
}

/* --- dates --- */

/* Days from 1970-01-01 in the Gregorian calendar: years begin in March, so that the leap day is the
 * last, and 400 years have 146097 days. */
static int64_t days_of_date(int year, int month, int day)
{
    int64_t y = year - (month <= 2), era = y / 400, of_era = y - era * 400;
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool two_digits(const char *p, int *out)
{
    unsigned tens = (unsigned)(p[0] - '0'), ones = (unsigned)(p[1] - '0');
    *out = (int)(tens * 10 + ones);
    return tens < 10 && ones < 10;
}

/* Seconds from 1970-01-01 of "dd.mm.yyyy hh:mm:ss"; false when the text is no such date. */
static bool parse_time(field f, int64_t *out)
{
    static const char month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int day, month, century, year, hour, minute, second;
    const char *p = f.text;
    if (f.n != 19 || p[2] != '.' || p[5] != '.' || p[10] != ' ' || p[13] != ':' || p[16] != ':')
        return false;
    bool digits = two_digits(p, &day) && two_digits(p + 3, &month) && two_digits(p + 6, &century) &&
                  two_digits(p + 8, &year) && two_digits(p + 11, &hour) &&
                  two_digits(p + 14, &minute) && two_digits(p + 17, &second);
    if (!digits || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return false;
    year += century * 100;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day < 1 || day > month_days[month - 1] + (month == 2 && leap)) return false;
    *out = days_of_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}

static bool read_time(reader *r, field line, field f, int64_t *out)
{
    char text[48];
    int column = (int)(f.text - line.text) + 1;
    f = trim(f);
    if (parse_time(f, out)) return true;
    if (f.n == 0)
        diag_report(&r->d, r->file, r->line, column,
                    "'%s' is empty; write the date as "
                    "dd.mm.yyyy hh:mm:ss",
                    r->columns->time);
    else
        diag_report(&r->d, r->file, r->line, column,
                    "'%s' is '%s', not a date; dates are day "
                    "first: dd.mm.yyyy hh:mm:ss",
                    r->columns->time, shown(f, text));
    return false;
}

static void note(int *n, int *first_line, int line)
{
    if ((*n)++ == 0) *first_line = line;
}

static void note_step(climate_notes *notes, int64_t seconds, int line)
{
    if (seconds == CLIMATE_STEP_SECONDS) return;
    if (seconds > CLIMATE_STEP_SECONDS) {
        note(&notes->gaps, &notes->first_gap_line, line);
        notes->missing_rows += (long)(seconds / CLIMATE_STEP_SECONDS - 1);
    } else if (seconds > 0) {
        note(&notes->off_grid, &notes->first_off_grid_line, line);
    } else if (seconds == 0) {
        note(&notes->repeats, &notes->first_repeat_line, line);
    } else {
        note(&notes->backward, &notes->first_backward_line, line);
    }
}

/* --- the table --- */

/* Empty lines at the end belong to no row. */
static void drop_empty_tail(reader *r)
{
    while (r->end > r->at && strchr("\r\n \t", r->end[-1])) r->end--;
}

static status count_lines(const reader *r, int *n, err *e)
{
    size_t lines = r->at < r->end;
    for (const char *p = r->at; (p = memchr(p, '\n', (size_t)(r->end - p))); p++) lines++;
    if (lines == 0) return FAIL(e, ERR_INPUT, "%s: there is no row below the first line", r->file);
    if (lines > INT_MAX / CLIMATE_MAX_COLUMNS)
        return FAIL(e, ERR_INPUT, "%s: %zu rows; the limit is %d", r->file, lines,
                    INT_MAX / CLIMATE_MAX_COLUMNS);
    *n = (int)lines;
    return OK;
}

static bool read_row(reader *r, field line, int64_t *time, float *value)
{
    field wanted[TIME_SLOT + 1] = {0};
    if (!cut_row(r, line, wanted)) return false;
    bool good = read_time(r, line, wanted[TIME_SLOT], time);
    for (int c = 0; c < r->columns->n; c++) good &= read_value(r, line, wanted[c], c, value + c);
    return good;
}

/* Such a table would be trained on its future and judged on its past. */
static status refuse_reversed(const char *file, const climate *table, err *e)
{
    const climate_notes *notes = &table->notes;
    if (notes->backward <= table->n_rows / 2) return OK;
    return FAIL(e, ERR_INPUT,
                "%s: %d of %d steps go backwards in time, the first at line %d; sort the rows by "
                "date, the oldest first",
                file, notes->backward, table->n_rows - 1, notes->first_backward_line);
}

status climate_read(const char *file, const char *bytes, size_t n, const climate_columns *columns,
                    arena *a, climate *out, err *e)
{
    reader r;
    int most;
    *out = (climate){0};
    TRY(open_reader(&r, file, bytes, n, columns, a, e));
    drop_empty_tail(&r);
    TRY(count_lines(&r, &most, e));
    out->value = ARENA_NEW(a, float, (size_t)most *(size_t)columns->n);
    if (!out->value) return FAIL(e, ERR_MEM, "%s: out of memory for %d rows", file, most);
    int64_t before = 0, now = 0;
    for (field line; next_line(&r, &line);) {
        if (!read_row(&r, line, &now, out->value + (size_t)out->n_rows * (size_t)columns->n))
            continue;
        if (out->n_rows++ > 0) note_step(&out->notes, now - before, r.line);
        before = now;
    }
    TRY(diag_list(&r.d, e));
    return refuse_reversed(file, out, e);
}

status climate_count(const char *file, const char *bytes, size_t n, const climate_columns *columns,
                     arena *a, int *n_rows, err *e)
{
    reader r;
    TRY(open_reader(&r, file, bytes, n, columns, a, e));
    drop_empty_tail(&r);
    return count_lines(&r, n_rows, e);
}

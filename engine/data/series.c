/* Format of the artifact, all little-endian:
 *
 *   offset  bytes  what
 *        0      8  "ptseries"
 *        8      4  format version, 1
 *       12     24  n_rows, n_channels, steps_in, steps_out, first[PART_VAL], first[PART_TEST] (u32)
 *       36     28  zero
 *       64   48 c  per channel: name[28] and unit[12], ended and filled up with NULs; mean, std
 * (f32)
 *     ....         zeros up to a multiple of 64
 *           4 n c  physical values (f32), row by row
 *           4 n c  normalised values (f32), row by row
 */
#include "engine/data/series.h"

#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "engine/data/synth.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "artifacts are used in place");
_Static_assert(sizeof(series_channel) == 48, "a channel is written as it lies in memory");

enum { FIXED = 64, ALIGN = 64, FORMAT_VERSION = 1 };
static const char magic[] = "ptseries";
static const char time_column[] = "Date Time";
static const char *const part_name[] = {"training", "validation", "test"};

/* --- parameters --- */

static status read_words(const node *params, const char *key, int n, const char **word, err *e)
{
    node *list;
    TRY(node_list(params, key, &list, e));
    if (list->n != n) return FAIL(e, ERR_ARG, "'%s' has %d entries, not %d", key, list->n, n);
    for (int i = 0; i < n; i++) {
        if (list->item[i]->kind != NODE_STRING)
            return FAIL(e, ERR_ARG, "'%s' must hold texts", key);
        word[i] = list->item[i]->text;
    }
    return OK;
}

static status set_text(char *to, size_t room, const char *text, err *e)
{
    if (strlen(text) >= room)
        return FAIL(e, ERR_ARG, "'%s' is too long: %zu bytes at the most", text, room - 1);
    memset(to, 0, room);
    snprintf(to, room, "%s", text);
    return OK;
}

static status read_channels(const node *params, series *s, err *e)
{
    node *names;
    const char *name[SERIES_MAX_CHANNELS], *unit[SERIES_MAX_CHANNELS];
    TRY(node_list(params, "names", &names, e));
    if (names->n < 1 || names->n > SERIES_MAX_CHANNELS)
        return FAIL(e, ERR_ARG, "'names' must have from 1 to %d entries", SERIES_MAX_CHANNELS);
    int n = s->n_channels = names->n;
    TRY(read_words(params, "names", n, name, e));
    TRY(read_words(params, "units", n, unit, e));
    for (int c = 0; c < n; c++) {
        TRY(set_text(s->channel[c].name, sizeof s->channel[c].name, name[c], e));
        TRY(set_text(s->channel[c].unit, sizeof s->channel[c].unit, unit[c], e));
    }
    return OK;
}

static status read_split(const node *params, double split[N_PARTS], err *e)
{
    node *list;
    double sum = 0;
    TRY(node_list(params, "split", &list, e));
    if (list->n != N_PARTS) return FAIL(e, ERR_ARG, "'split' must have three entries");
    for (int p = 0; p < N_PARTS; p++) {
        split[p] = list->item[p]->number;
        if (list->item[p]->kind != NODE_NUMBER || !(split[p] > 0) || !(split[p] < 1))
            return FAIL(e, ERR_ARG, "'split' must hold numbers between 0 and 1");
        sum += split[p];
    }
    if (fabs(sum - 1) > 1e-9) return FAIL(e, ERR_ARG, "'split' must add up to 1, not %g", sum);
    return OK;
}

static status read_shape(const node *params, series *s, double split[N_PARTS], err *e)
{
    *s = (series){0};
    TRY(read_channels(params, s, e));
    TRY(node_int(params, "steps_in", 1, SERIES_MAX_STEPS, &s->steps_in, e));
    TRY(node_int(params, "steps_out", 1, SERIES_MAX_STEPS, &s->steps_out, e));
    return read_split(params, split, e);
}

static status read_columns(const node *params, const series *s, climate_columns *columns, err *e)
{
    *columns = (climate_columns){.time = time_column, .n = s->n_channels};
    for (int c = 0; c < s->n_channels; c++) columns->unit[c] = s->channel[c].unit;
    return read_words(params, "columns", s->n_channels, columns->name, e);
}

typedef enum { SOURCE_CSV, SOURCE_SYNTHETIC } source_kind;

static status read_source(const node *params, const series *s, source_kind *kind, err *e)
{
    const char *source;
    TRY(node_string(params, "source", &source, e));
    *kind = strcmp(source, "jena-csv") == 0 ? SOURCE_CSV : SOURCE_SYNTHETIC;
    if (*kind == SOURCE_CSV) return OK;
    if (strcmp(source, "synthetic-climate") != 0)
        return FAIL(e, ERR_ARG, "source '%s' is not jena-csv or synthetic-climate", source);
    if (s->n_channels != SYNTH_COLUMNS)
        return FAIL(e, ERR_ARG, "synthetic-climate has %d channels, not %d", SYNTH_COLUMNS,
                    s->n_channels);
    return OK;
}

/* --- split and windows --- */

/* Boundaries as Python's int(0.7 * n), int(0.9 * n): the second is 1 - 0.1 in double, because
 * 0.7 + 0.2 falls short of 0.9. */
static void split_rows(int n_rows, const double split[N_PARTS], int first[N_PARTS + 1])
{
    first[PART_TRAIN] = 0;
    first[PART_VAL] = (int)(split[PART_TRAIN] * n_rows);
    first[PART_TEST] = (int)((1 - split[PART_TEST]) * n_rows);
    first[N_PARTS] = n_rows;
}

static int n_windows(const int first[N_PARTS + 1], part p, int length)
{
    int n = first[p + 1] - first[p] - length + 1;
    return n > 0 ? n : 0;
}

static part shortest_part(const int first[N_PARTS + 1])
{
    part shortest = PART_TRAIN;
    for (part p = PART_VAL; p < N_PARTS; p++)
        if (first[p + 1] - first[p] < first[shortest + 1] - first[shortest]) shortest = p;
    return shortest;
}

static status split_series(series *s, const double split[N_PARTS], err *e)
{
    int length = s->steps_in + s->steps_out, first[N_PARTS + 1];
    split_rows(s->n_rows, split, s->first);
    part p = shortest_part(s->first);
    if (n_windows(s->first, p, length) > 0) return OK;
    int need = s->n_rows; /* its parts grow with n, but not each with every row */
    do split_rows(++need, split, first);
    while (n_windows(first, shortest_part(first), length) == 0 && need < INT_MAX / 2);
    return FAIL(e, ERR_INPUT,
                "%d rows give the %s part %d; one window of %d + %d steps needs %d: "
                "take a series of at least %d rows, or fewer steps",
                s->n_rows, part_name[p], s->first[p + 1] - s->first[p], s->steps_in, s->steps_out,
                length, need);
}

/* Sums are taken in double and rounded once, so that they do not depend on the order of summation
 * the way the course's float32 sums do. */
static void take_statistics(series *s)
{
    int n = s->first[PART_VAL], n_channels = s->n_channels;
    for (int c = 0; c < n_channels; c++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < n; i++)
            sum += (double)s->physical[(size_t)i * (size_t)n_channels + (size_t)c];
        double mean = sum / n;
        for (int i = 0; i < n; i++) {
            double d = (double)s->physical[(size_t)i * (size_t)n_channels + (size_t)c] - mean;
            squares += d * d;
        }
        s->channel[c].mean = (float)mean;
        s->channel[c].std = (float)sqrt(squares / n);
    }
}

static status normalise(series *s, arena *a, err *e)
{
    size_t n = (size_t)s->n_rows * (size_t)s->n_channels;
    float *x = ARENA_NEW(a, float, n);
    if (!x) return FAIL(e, ERR_MEM, "out of memory for %d rows", s->n_rows);
    take_statistics(s);
    for (size_t i = 0; i < n; i++) {
        const series_channel *c = &s->channel[i % (size_t)s->n_channels];
        x[i] = (s->physical[i] - c->mean) / (c->std + 1e-6f);
    }
    s->normalised = x;
    return OK;
}

/* --- building --- */

static status check_hash(const node *params, const char *input, const file_map *m, err *e)
{
    const char *want;
    TRY(node_string(params, "file_hash", &want, e));
    hash have = hash_bytes(m->bytes, m->n);
    if (strcmp(have.text, want) != 0)
        return FAIL(e, ERR_STATE, "%s: changed since the run was planned; start the run again",
                    input);
    return OK;
}

static status build_from_table(const node *params, const char *input, arena *a, series *s, err *e)
{
    climate_columns columns;
    climate table;
    file_map m;
    TRY(read_columns(params, s, &columns, e));
    if (!file_exists(input)) return FAIL(e, ERR_IO, "%s: cannot read: %s", input, strerror(errno));
    TRY(file_map_open(&m, input, e));
    status result = check_hash(params, input, &m, e);
    if (result == OK) result = climate_read(input, m.bytes, m.n, &columns, a, &table, e);
    file_unmap(&m);
    if (result != OK) return result;
    s->n_rows = table.n_rows;
    s->physical = table.value;
    s->notes = table.notes;
    return OK;
}

static status read_synthetic(const node *params, series *s, uint64_t *seed, err *e)
{
    TRY(node_int(params, "rows", 1, SYNTH_MAX_ROWS, &s->n_rows, e));
    return node_seed(params, "seed", seed, e);
}

static status build_synthetic(const node *params, arena *a, series *s, err *e)
{
    uint64_t seed;
    TRY(read_synthetic(params, s, &seed, e));
    float *value = ARENA_NEW(a, float, (size_t)s->n_rows *SYNTH_COLUMNS);
    if (!value) return FAIL(e, ERR_MEM, "out of memory for %d rows", s->n_rows);
    synth_climate(s->n_rows, seed, value);
    s->physical = value;
    return OK;
}

status series_build(const node *params, const char *input, arena *a, series *out, err *e)
{
    double split[N_PARTS];
    source_kind kind;
    TRY(read_shape(params, out, split, e));
    TRY(read_source(params, out, &kind, e));
    if (kind == SOURCE_CSV)
        TRY(build_from_table(params, input, a, out, e));
    else
        TRY(build_synthetic(params, a, out, e));
    TRY(split_series(out, split, e));
    return normalise(out, a, e);
}

static status count_rows(const node *params, const char *input, arena *a, series *s, err *e)
{
    climate_columns columns;
    file_map m;
    TRY(read_columns(params, s, &columns, e));
    TRY(file_map_open(&m, input, e));
    status result = climate_count(input, m.bytes, m.n, &columns, a, &s->n_rows, e);
    file_unmap(&m);
    return result;
}

status series_count(const node *params, const char *input, arena *a, int n[N_PARTS], err *e)
{
    series s;
    double split[N_PARTS];
    source_kind kind;
    uint64_t seed;
    TRY(read_shape(params, &s, split, e));
    TRY(read_source(params, &s, &kind, e));
    if (kind == SOURCE_CSV)
        TRY(count_rows(params, input, a, &s, e));
    else
        TRY(read_synthetic(params, &s, &seed, e));
    TRY(split_series(&s, split, e));
    for (part p = PART_TRAIN; p < N_PARTS; p++)
        n[p] = n_windows(s.first, p, s.steps_in + s.steps_out);
    return OK;
}

/* --- the artifact --- */

static size_t data_offset(int n_channels)
{
    size_t n = FIXED + sizeof(series_channel) * (size_t)n_channels;
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

void series_save(const series *s, buf *out)
{
    size_t start = out->len, values = (size_t)s->n_rows * (size_t)s->n_channels * sizeof(float);
    buf_put(out, magic, sizeof magic - 1);
    buf_u32(out, FORMAT_VERSION);
    buf_u32(out, (uint32_t)s->n_rows);
    buf_u32(out, (uint32_t)s->n_channels);
    buf_u32(out, (uint32_t)s->steps_in);
    buf_u32(out, (uint32_t)s->steps_out);
    buf_u32(out, (uint32_t)s->first[PART_VAL]);
    buf_u32(out, (uint32_t)s->first[PART_TEST]);
    buf_zeros(out, start + FIXED - out->len);
    buf_put(out, s->channel, sizeof *s->channel * (size_t)s->n_channels);
    buf_zeros(out, start + data_offset(s->n_channels) - out->len);
    buf_put(out, s->physical, values);
    buf_put(out, s->normalised, values);
}

static bool all_finite(const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(v[i])) return false;
    return true;
}

static status check_head(const uint32_t head[7], err *e)
{
    uint32_t rows = head[1], channels = head[2], in = head[3], out = head[4];
    uint32_t val = head[5], test = head[6], length = in + out;
    if (head[0] != FORMAT_VERSION)
        return FAIL(e, ERR_INPUT, "data artifact: format %u, this program reads %d", head[0],
                    FORMAT_VERSION);
    if (rows > INT_MAX / SERIES_MAX_CHANNELS || channels < 1 || channels > SERIES_MAX_CHANNELS)
        return FAIL(e, ERR_INPUT, "data artifact: %u rows of %u channels", rows, channels);
    if (in < 1 || in > SERIES_MAX_STEPS || out < 1 || out > SERIES_MAX_STEPS)
        return FAIL(e, ERR_INPUT, "data artifact: windows of %u + %u steps", in, out);
    if (val > test || test > rows || val < length || test - val < length || rows - test < length)
        return FAIL(e, ERR_INPUT, "data artifact: parts that end at rows %u, %u and %u", val, test,
                    rows);
    return OK;
}

static status check_channel(const series_channel *c, err *e)
{
    if (!memchr(c->name, 0, sizeof c->name) || !memchr(c->unit, 0, sizeof c->unit))
        return FAIL(e, ERR_INPUT, "data artifact: a name without an end");
    if (!isfinite(c->mean) || !isfinite(c->std) || c->std < 0)
        return FAIL(e, ERR_INPUT, "data artifact: statistics of '%s' are not numbers", c->name);
    return OK;
}

status series_open(const void *bytes, size_t n, series *out, err *e)
{
    const unsigned char *p = bytes;
    uint32_t head[7];
    *out = (series){0};
    if ((uintptr_t)p % sizeof(float)) return FAIL(e, ERR_ARG, "data artifact: not aligned");
    if (n < FIXED || memcmp(p, magic, sizeof magic - 1) != 0)
        return FAIL(e, ERR_INPUT, "data artifact: not one, or cut off in its first bytes");
    memcpy(head, p + sizeof magic - 1, sizeof head);
    TRY(check_head(head, e));
    size_t offset = data_offset((int)head[2]), values = (size_t)head[1] * head[2];
    if (n != offset + 2 * values * sizeof(float))
        return FAIL(e, ERR_INPUT, "data artifact: %zu bytes instead of %zu", n,
                    offset + 2 * values * sizeof(float));
    series s = {.n_rows = (int)head[1],
                .n_channels = (int)head[2],
                .steps_in = (int)head[3],
                .steps_out = (int)head[4],
                .first = {0, (int)head[5], (int)head[6], (int)head[1]}};
    memcpy(s.channel, p + FIXED, sizeof *s.channel * (size_t)s.n_channels);
    for (int c = 0; c < s.n_channels; c++) TRY(check_channel(&s.channel[c], e));
    s.physical = (const float *)(const void *)(p + offset);
    s.normalised = s.physical + values;
    if (!all_finite(s.physical, 2 * values))
        return FAIL(e, ERR_INPUT, "data artifact: holds values that are not numbers");
    *out = s;
    return OK;
}

/* --- examples --- */

static void fetch_windows(const examples *ex, part p, int first, int count, float *x, float *y)
{
    const series *s = ex->source;
    size_t channels = (size_t)s->n_channels;
    size_t n_x = (size_t)s->steps_in * channels, n_y = (size_t)s->steps_out * channels;
    for (int i = 0; i < count; i++) {
        size_t row = (size_t)(s->first[p] + first + i) * channels;
        memcpy(x + (size_t)i * n_x, s->normalised + row, n_x * sizeof *x);
        if (y) memcpy(y + (size_t)i * n_y, s->physical + row + n_x, n_y * sizeof *y);
    }
}

void series_examples(const series *s, examples *ex)
{
    *ex = (examples){.in = {2, {s->steps_in, s->n_channels}},
                     .out = {2, {s->steps_out, s->n_channels}},
                     .n_outputs = s->n_channels,
                     .fetch = fetch_windows,
                     .source = s};
    for (part p = PART_TRAIN; p < N_PARTS; p++)
        ex->n[p] = n_windows(s->first, p, s->steps_in + s->steps_out);
    for (int c = 0; c < s->n_channels; c++) {
        ex->output_name[c] = s->channel[c].name;
        ex->output_unit[c] = s->channel[c].unit;
        ex->label_mean[c] = s->channel[c].mean;
        ex->label_std[c] = s->channel[c].std;
    }
}

static void put_note(buf *b, const char *name, int n, int first_line)
{
    if (n) buf_printf(b, ",\"%s\":%d,\"first_%s_line\":%d", name, n, name, first_line);
}

void series_put_notes(const series *s, const char *file, buf *out)
{
    const climate_notes *x = &s->notes;
    const struct {
        int n, line;
        const char *one, *many;
    } rows[] = {{x->gaps, x->first_gap_line, "gap", "gaps"},
                {x->repeats, x->first_repeat_line, "repeat", "repeats"},
                {x->backward, x->first_backward_line, "step backwards", "steps backwards"},
                {x->off_grid, x->first_off_grid_line, "short step", "short steps"}};
    const char *before = ": its dates have ";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].n == 0) continue;
        const char *what = rows[i].n == 1 ? rows[i].one : rows[i].many;
        buf_printf(out, "%s%s%d %s, the first at line %d", *before == ';' ? "" : file, before,
                   rows[i].n, what, rows[i].line);
        if (i == 0) buf_printf(out, " (rows missing: %ld)", x->missing_rows);
        before = "; ";
    }
    if (*before == ';') buf_text(out, "; rows are taken as they stand\n");
}

void series_detail(const series *s, buf *out)
{
    const climate_notes *notes = &s->notes;
    buf_printf(out, "{\"rows\":%d,\"parts\":[%d,%d,%d],\"channels\":[", s->n_rows, s->first[1],
               s->first[2] - s->first[1], s->first[3] - s->first[2]);
    for (int c = 0; c < s->n_channels; c++) {
        buf_text(out, c ? ",{\"name\":" : "{\"name\":");
        buf_json_string(out, s->channel[c].name);
        buf_text(out, ",\"unit\":");
        buf_json_string(out, s->channel[c].unit);
        buf_text(out, ",\"mean\":");
        buf_number(out, (double)s->channel[c].mean);
        buf_text(out, ",\"std\":");
        buf_number(out, (double)s->channel[c].std);
        buf_char(out, '}');
    }
    buf_char(out, ']');
    put_note(out, "gaps", notes->gaps, notes->first_gap_line);
    if (notes->gaps) buf_printf(out, ",\"missing_rows\":%ld", notes->missing_rows);
    put_note(out, "repeats", notes->repeats, notes->first_repeat_line);
    put_note(out, "backward", notes->backward, notes->first_backward_line);
    put_note(out, "off_grid", notes->off_grid, notes->first_off_grid_line);
    buf_char(out, '}');
}

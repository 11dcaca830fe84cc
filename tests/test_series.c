/* Windows, splits, normalisation and the artifact; on the real table also published references. */
#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "engine/data/series.h"
#include "engine/data/synth.h"
#include "tests/support/data_files.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static arena a;

static void setup(void)
{
    arena_init(&a, 0);
}

static void teardown(void)
{
    arena_free(&a);
}

TestSuite(series, .init = setup, .fini = teardown);

static node *parse(const char *json)
{
    node *n;
    err e = {0};
    cr_assert(node_read_json(&a, json, strlen(json), &n, &e) == OK, "%s", e.msg);
    return n;
}

static node *synthetic(int rows, int in, int out)
{
    return parse(arena_printf(&a,
                              "{\"source\":\"synthetic-climate\",\"rows\":%d,\"seed\":1,"
                              "\"names\":[\"T\",\"RH\"],\"units\":[\"°C\",\"%%\"],\"steps_in\":%d,"
                              "\"steps_out\":%d,\"split\":[0.7,0.2,0.1]}",
                              rows, in, out));
}

static node *table(const char *path, int out)
{
    hash h;
    err e = {0};
    cr_assert(hash_file(path, &h, &e) == OK, "%s", e.msg);
    return parse(arena_printf(
        &a,
        "{\"source\":\"jena-csv\",\"file_hash\":\"%s\",\"columns\":[\"T (degC)\",\"rh (%%)\"],"
        "\"names\":[\"T\",\"RH\"],\"units\":[\"°C\",\"%%\"],\"steps_in\":6,\"steps_out\":%d,"
        "\"split\":[0.7,0.2,0.1]}",
        h.text, out));
}

static series build(const node *params, const char *input)
{
    series s;
    err e = {0};
    cr_assert(series_build(params, input, &a, &s, &e) == OK, "%s", e.msg);
    return s;
}

static void expect_error(const char *json, status code, const char *message)
{
    series s;
    err e = {0};
    int n[N_PARTS];
    cr_expect(series_build(parse(json), "", &a, &s, &e) == code, "%s", json);
    EXPECT_TEXT(e.msg, message);
    e = (err){0};
    cr_expect(series_count(parse(json), "", &a, n, &e) == code, "%s", json);
    EXPECT_TEXT(e.msg, message);
}

Test(series, cuts_rows_where_the_course_does)
{
    static const int rows_and_bounds[][3] = {
        /* int(0.7 * n), int(0.9 * n) as Python computes them */
        {420551, 294385, 378495},
        {20002, 14001, 18001},
        {20000, 14000, 18000},
        {130, 91, 117},
        {1010, 707, 909}};
    for (size_t i = 0; i < sizeof rows_and_bounds / sizeof *rows_and_bounds; i++) {
        const int *want = rows_and_bounds[i];
        series s = build(synthetic(want[0], 6, 3), "");
        cr_expect(eq(int, s.first[PART_VAL], want[1]), "%d rows", want[0]);
        cr_expect(eq(int, s.first[PART_TEST], want[2]), "%d rows", want[0]);
    }
}

Test(series, windows_are_consecutive_rows_of_one_part)
{
    series s = build(synthetic(500, 4, 3), "");
    examples ex;
    series_examples(&s, &ex);
    float x[8], y[6];
    for (part p = PART_TRAIN; p < N_PARTS; p++) {
        int rows = s.first[p + 1] - s.first[p];
        cr_assert(eq(int, ex.n[p], rows - 7 + 1));
        for (int i = 0; i < ex.n[p]; i++) {
            const float *start = s.physical + 2 * (s.first[p] + i);
            const float *normalised = s.normalised + 2 * (s.first[p] + i);
            ex.fetch(&ex, p, i, 1, x, y);
            cr_assert(memcmp(x, normalised, sizeof x) == 0, "part %d window %d", p, i);
            cr_assert(memcmp(y, start + 8, sizeof y) == 0, "part %d window %d", p, i);
        }
    }
    cr_expect(eq(int, ex.in.rank, 2));
    cr_expect(eq(int, ex.in.dim[0], 4));
    cr_expect(eq(int, ex.out.dim[0], 3));
    cr_expect(eq(int, shape_size(ex.out), 6));
}

Test(series, a_run_of_windows_equals_windows_one_by_one)
{
    series s = build(synthetic(300, 6, 6), "");
    examples ex;
    series_examples(&s, &ex);
    enum { RUN = 32 };
    float x[RUN * 12], y[RUN * 12], x_one[12], y_one[12];
    ex.fetch(&ex, PART_TRAIN, 5, RUN, x, y);
    for (int i = 0; i < RUN; i++) {
        ex.fetch(&ex, PART_TRAIN, 5 + i, 1, x_one, y_one);
        cr_expect(memcmp(x + 12 * i, x_one, sizeof x_one) == 0, "window %d", i);
        cr_expect(memcmp(y + 12 * i, y_one, sizeof y_one) == 0, "window %d", i);
    }
    ex.fetch(&ex, PART_TEST, 0, 1, x_one, NULL);
}

Test(series, training_rows_are_normalised_to_mean_0_and_std_1)
{
    series s = build(synthetic(5000, 6, 6), "");
    for (int c = 0; c < 2; c++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < s.first[PART_VAL]; i++) {
            double v = (double)s.normalised[2 * i + c];
            sum += v;
            squares += v * v;
        }
        double n = s.first[PART_VAL], mean = sum / n;
        cr_expect(epsilon_eq(dbl, mean, 0, 1e-5));
        cr_expect(epsilon_eq(dbl, sqrt(squares / n - mean * mean), 1, 1e-5));
        float first = (s.physical[c] - s.channel[c].mean) / (s.channel[c].std + 1e-6f);
        cr_expect(eq(flt, s.normalised[c], first));
    }
}

Test(series, counting_agrees_with_building)
{
    int n[N_PARTS];
    err e = {0};
    series s = build(synthetic(777, 6, 9), "");
    examples ex;
    series_examples(&s, &ex);
    cr_assert(series_count(synthetic(777, 6, 9), "", &a, n, &e) == OK, "%s", e.msg);
    cr_expect(memcmp(n, ex.n, sizeof n) == 0);
}

Test(series, too_few_rows_says_how_many_are_needed)
{
    series s;
    err e = {0};
    cr_expect(series_build(synthetic(100, 6, 6), "", &a, &s, &e) == ERR_INPUT);
    EXPECT_TEXT(e.msg, "100 rows give the test part 10; one window of 6 + 6 steps needs 12: take a "
                       "series of at least 111 rows, or fewer steps");
    e = (err){0};
    cr_expect(series_build(synthetic(111, 6, 6), "", &a, &s, &e) == OK, "%s", e.msg);
    e = (err){0};
    cr_expect(series_build(synthetic(110, 6, 6), "", &a, &s, &e) == ERR_INPUT);
}

#define REST                                                                           \
    "\"names\":[\"T\",\"RH\"],\"units\":[\"C\",\"%\"],\"steps_in\":6,\"steps_out\":6," \
    "\"split\":[0.7,0.2,0.1]}"
#define SYNTHETIC "{\"source\":\"synthetic-climate\",\"rows\":999,\"seed\":1,"

Test(series, parameters_that_are_not_as_described_are_refused)
{
    expect_error("{" REST, ERR_ARG, "parameter 'source' must be a text");
    expect_error("{\"source\":\"rain\"," REST, ERR_ARG,
                 "source 'rain' is not jena-csv or synthetic-climate");
    expect_error("{\"source\":\"synthetic-climate\",\"seed\":1," REST, ERR_ARG,
                 "parameter 'rows' must be a whole number");
    expect_error("{\"source\":\"jena-csv\",\"columns\":[\"T\"]," REST, ERR_ARG,
                 "'columns' has 1 entries, not 2");
    expect_error(SYNTHETIC "\"names\":[1],\"units\":[\"C\"],\"steps_in\":6,\"steps_out\":6,"
                           "\"split\":[0.7,0.2,0.1]}",
                 ERR_ARG, "'names' must hold texts");
    expect_error(SYNTHETIC "\"names\":[],\"units\":[],\"steps_in\":6,\"steps_out\":6,"
                           "\"split\":[0.7,0.2,0.1]}",
                 ERR_ARG, "'names' must have from 1 to 8 entries");
    expect_error(SYNTHETIC "\"names\":[\"T\"],\"units\":[\"C\"],\"steps_in\":6,\"steps_out\":6,"
                           "\"split\":[0.7,0.2,0.1]}",
                 ERR_ARG, "synthetic-climate has 2 channels, not 1");
    expect_error(SYNTHETIC "\"names\":[\"T\",\"a name of more than 27 bytes\"],"
                           "\"units\":[\"C\",\"%\"],\"steps_in\":6,\"steps_out\":6,"
                           "\"split\":[0.7,0.2,0.1]}",
                 ERR_ARG, "'a name of more than 27 bytes' is too long: 27 bytes at the most");
#define SPLIT(text)                                                                              \
    SYNTHETIC "\"names\":[\"T\",\"RH\"],\"units\":[\"C\",\"%\"],\"steps_in\":6,\"steps_out\":6," \
              "\"split\":" text "}"
    expect_error(SPLIT("[0.7,0.3]"), ERR_ARG, "'split' must have three entries");
    expect_error(SPLIT("[0.7,0.3,0]"), ERR_ARG, "'split' must hold numbers between 0 and 1");
    expect_error(SPLIT("[0.7,0.3,0.1]"), ERR_ARG, "'split' must add up to 1, not 1.1");
}

static buf saved(const series *s)
{
    buf b = {0};
    err e = {0};
    series_save(s, &b);
    cr_assert(buf_check(&b, &e) == OK);
    return b;
}

Test(series, an_opened_artifact_is_the_saved_series)
{
    series s = build(synthetic(400, 6, 9), ""), back;
    buf b = saved(&s), again = {0};
    err e = {0};
    cr_assert(series_open(b.data, b.len, &back, &e) == OK, "%s", e.msg);
    cr_expect(eq(int, back.n_rows, 400));
    EXPECT_TEXT(back.channel[0].unit, "°C");
    cr_expect(memcmp(back.first, s.first, sizeof s.first) == 0);
    cr_expect(memcmp(back.physical, s.physical, 400 * 2 * sizeof(float)) == 0);
    cr_expect(memcmp(back.normalised, s.normalised, 400 * 2 * sizeof(float)) == 0);
    series_save(&back, &again);
    cr_expect(again.len == b.len && memcmp(again.data, b.data, b.len) == 0);
    buf_free(&b);
    buf_free(&again);
}

/* Writes `value` at `offset` of a good artifact and expects it to be refused. */
static void expect_refused(size_t offset, uint32_t value, const char *message)
{
    series s = build(synthetic(400, 6, 9), ""), back;
    buf b = saved(&s);
    err e = {0};
    memcpy(b.data + offset, &value, sizeof value);
    cr_expect(series_open(b.data, b.len, &back, &e) == ERR_INPUT, "%s", message);
    EXPECT_TEXT(e.msg, message);
    buf_free(&b);
}

Test(series, hostile_artifacts_are_refused)
{
    expect_refused(0, 0, "data artifact: not one, or cut off in its first bytes");
    expect_refused(8, 2, "data artifact: format 2, this program reads 1");
    expect_refused(12, 399, "data artifact: 6592 bytes instead of 6576");
    expect_refused(12, UINT32_MAX, "data artifact: 4294967295 rows of 2 channels");
    expect_refused(16, 9, "data artifact: 400 rows of 9 channels");
    expect_refused(16, 0, "data artifact: 400 rows of 0 channels");
    expect_refused(20, 0, "data artifact: windows of 0 + 9 steps");
    expect_refused(24, UINT32_MAX, "data artifact: windows of 6 + 4294967295 steps");
    expect_refused(28, 361, "data artifact: parts that end at rows 361, 360 and 400");
    expect_refused(28, 350, "data artifact: parts that end at rows 350, 360 and 400");
    expect_refused(28, 14, "data artifact: parts that end at rows 14, 360 and 400");
    expect_refused(32, 401, "data artifact: parts that end at rows 280, 401 and 400");
    expect_refused(32, 399, "data artifact: parts that end at rows 280, 399 and 400");
    expect_refused(64 + 40, 0x7fc00000, "data artifact: statistics of 'T' are not numbers");
    expect_refused(192, 0x7f800000, "data artifact: holds values that are not numbers");
}

Test(series, a_cut_artifact_is_refused_at_every_length)
{
    series s = build(synthetic(130, 6, 6), ""), back;
    buf b = saved(&s);
    for (size_t n = 0; n < b.len; n++) {
        char *exact = malloc(n ? n : 1); /* so that the sanitizer sees a byte too far */
        memcpy(exact, b.data, n);
        cr_expect(series_open(exact, n, &back, NULL) == ERR_INPUT, "%zu bytes", n);
        free(exact);
    }
    buf_free(&b);
}

Test(series, a_name_without_an_end_is_refused)
{
    series s = build(synthetic(130, 6, 6), ""), back;
    buf b = saved(&s);
    err e = {0};
    memset(b.data + 64, 'x', 28);
    cr_expect(series_open(b.data, b.len, &back, &e) == ERR_INPUT);
    EXPECT_TEXT(e.msg, "data artifact: a name without an end");
    buf_free(&b);
}

static char *small_table(int rows)
{
    buf b = {0};
    buf_text(&b, "Date Time,T (degC),rh (%)\n");
    for (int i = 0; i < rows; i++)
        buf_printf(&b, "01.01.2009 %02d:%02d:00,%d.5,%d\n", i / 6 % 24, i % 6 * 10, i % 30, i % 90);
    char *path = data_file(&a, "series", b.data, b.len);
    buf_free(&b);
    return path;
}

Test(series, a_table_is_checked_against_its_hash)
{
    char *path = small_table(140), *other = small_table(141);
    node *params = table(path, 6);
    series s = build(params, path);
    int n[N_PARTS];
    err e = {0};
    cr_expect(eq(int, s.n_rows, 140));
    cr_expect(eq(flt, s.physical[2 * 31], 1.5f));
    cr_expect(series_count(params, path, &a, n, &e) == OK, "%s", e.msg);
    cr_expect(eq(int, n[PART_TRAIN], 98 - 12 + 1));
    cr_expect(series_build(params, other, &a, &s, &e) == ERR_STATE);
    cr_expect(strstr(e.msg, ": changed since the run was planned; start the run again") != NULL,
              "%s", e.msg);
    e = (err){0};
    cr_expect(series_build(params, "no-such-file.csv", &a, &s, &e) == ERR_IO);
    EXPECT_TEXT(e.msg, "no-such-file.csv: cannot read: No such file or directory");
    remove(path);
    remove(other);
}

Test(series, the_detail_is_json_and_names_what_the_dates_do)
{
    static const char text[] = "Date Time,T (degC),rh (%)\n"
                               "01.01.2009 00:10:00,1,50\n01.01.2009 00:10:00,2,51\n"
                               "01.01.2009 00:50:00,3,52\n01.01.2009 00:40:00,4,53\n"
                               "01.01.2009 00:41:00,5,54\n";
    buf table_text = {0}, detail = {0};
    buf_text(&table_text, text);
    for (int i = 0; i < 130; i++) buf_text(&table_text, "01.01.2009 00:51:00,5,54\n");
    char *path = data_file(&a, "detail", table_text.data, table_text.len);
    series s = build(table(path, 6), path);
    series_detail(&s, &detail);
    node *n = parse(detail.data), *parts;
    int value;
    static const struct {
        const char *key;
        int value;
    } want[] = {{"rows", 135},          {"gaps", 1},
                {"first_gaps_line", 4}, {"missing_rows", 3},
                {"repeats", 130},       {"first_repeats_line", 3},
                {"backward", 1},        {"first_backward_line", 5},
                {"off_grid", 1},        {"first_off_grid_line", 6}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        cr_assert(node_int(n, want[i].key, 0, 1000, &value, NULL) == OK, "%s", want[i].key);
        cr_expect(eq(int, value, want[i].value), "%s", want[i].key);
    }
    cr_assert(node_list(n, "parts", &parts, NULL) == OK);
    cr_expect(eq(dbl, parts->item[0]->number, 94));
    remove(path);
    buf_free(&table_text);
    buf_free(&detail);
}

/* --- the real table --- */

enum { IN = 12, MOST_OUT = 18 };

/* Mean absolute error of each output over windows and steps. */
typedef struct {
    double sum[2];
    int n;
} mae;

static void add_error(mae *m, const float *y, const double *forecast, int steps)
{
    for (int t = 0; t < steps; t++, m->n++)
        for (int c = 0; c < 2; c++) m->sum[c] += fabs(forecast[2 * t + c] - (double)y[2 * t + c]);
}

static void expect_mae(const mae *m, const double want[2], const char *what, int steps)
{
    double t = m->sum[0] / m->n, rh = m->sum[1] / m->n;
    cr_expect(fabs(t - want[0]) < 0.0005 && fabs(rh - want[1]) < 0.0005,
              "%s, %d steps: %.4f/%.4f instead of %.3f/%.3f", what, steps, t, rh, want[0], want[1]);
}

/* Solves a[n,n] x[n,k] = b[n,k] in place by elimination with pivots; b becomes x. */
static void solve(double *m, double *b, int n, int k)
{
    for (int i = 0; i < n; i++) {
        int best = i;
        for (int r = i + 1; r < n; r++)
            if (fabs(m[r * n + i]) > fabs(m[best * n + i])) best = r;
        for (int j = 0; j < n; j++) {
            double t = m[i * n + j];
            m[i * n + j] = m[best * n + j];
            m[best * n + j] = t;
        }
        for (int j = 0; j < k; j++) {
            double t = b[i * k + j];
            b[i * k + j] = b[best * k + j];
            b[best * k + j] = t;
        }
        for (int r = 0; r < n; r++) {
            if (r == i) continue;
            double factor = m[r * n + i] / m[i * n + i];
            for (int j = 0; j < n; j++) m[r * n + j] -= factor * m[i * n + j];
            for (int j = 0; j < k; j++) b[r * k + j] -= factor * b[i * k + j];
        }
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < k; j++) b[i * k + j] /= m[i * n + i];
}

/* The least-squares linear map of the 12 normalised inputs and a constant, over training windows.
 */
static void fit_linear(const examples *ex, int n_out, double *map)
{
    enum { N = IN + 1 };
    double normal[N * N] = {0};
    float x[IN], y[MOST_OUT];
    memset(map, 0, sizeof *map * N * (size_t)n_out);
    for (int i = 0; i < ex->n[PART_TRAIN]; i++) {
        double row[N] = {[IN] = 1};
        ex->fetch(ex, PART_TRAIN, i, 1, x, y);
        for (int j = 0; j < IN; j++) row[j] = (double)x[j];
        for (int j = 0; j < N; j++) {
            for (int l = 0; l < N; l++) normal[j * N + l] += row[j] * row[l];
            for (int l = 0; l < n_out; l++) map[j * n_out + l] += row[j] * (double)y[l];
        }
    }
    solve(normal, map, N, n_out);
}

static void linear_forecast(const double *map, const float *x, int n_out, double *y)
{
    for (int l = 0; l < n_out; l++) {
        y[l] = map[IN * n_out + l];
        for (int j = 0; j < IN; j++) y[l] += map[j * n_out + l] * (double)x[j];
    }
}

static void persistence_forecast(const series *s, const float *x, int n_out, double *y)
{
    for (int l = 0; l < n_out; l++) {
        const series_channel *c = &s->channel[l % 2];
        y[l] = (double)x[IN - 2 + l % 2] * ((double)c->std + 1e-6) + (double)c->mean;
    }
}

Test(series, real_rows_give_the_published_reference_errors)
{
    char *path = real_climate(&a);
    if (!path) cr_skip_test("PARETUNE_DATA is not set");
    static const struct {
        int steps;
        double persistence[2], linear[2];
    } want[] = {{3, {.320, 1.537}, {.265, 1.384}},
                {6, {.501, 2.356}, {.396, 2.009}},
                {9, {.679, 3.139}, {.528, 2.598}}};
    for (int i = 0; i < 3; i++) {
        int steps = want[i].steps, n_out = 2 * steps;
        series s = build(table(path, steps), path);
        examples ex;
        double map[(IN + 1) * MOST_OUT], forecast[MOST_OUT];
        float x[IN], y[MOST_OUT];
        mae linear = {0}, persistence = {0};
        series_examples(&s, &ex);
        fit_linear(&ex, n_out, map);
        for (int w = 0; w < ex.n[PART_TEST]; w++) {
            ex.fetch(&ex, PART_TEST, w, 1, x, y);
            linear_forecast(map, x, n_out, forecast);
            add_error(&linear, y, forecast, steps);
            persistence_forecast(&s, x, n_out, forecast);
            add_error(&persistence, y, forecast, steps);
        }
        expect_mae(&persistence, want[i].persistence, "persistence", steps);
        expect_mae(&linear, want[i].linear, "linear map", steps);
    }
}

Test(series, real_rows_are_20002_without_a_gap)
{
    char *path = real_climate(&a);
    if (!path) cr_skip_test("PARETUNE_DATA is not set");
    series s = build(table(path, 6), path);
    cr_expect(eq(int, s.n_rows, 20002));
    cr_expect(eq(int, s.first[1], 14001));
    cr_expect(eq(int, s.first[2] - s.first[1], 4000));
    cr_expect(eq(int, s.first[3] - s.first[2], 2001));
    cr_expect(eq(flt, s.physical[0], -8.02f));
    cr_expect(eq(flt, s.physical[1], 93.3f));
    climate_notes none = {0};
    cr_expect(memcmp(&s.notes, &none, sizeof none) == 0);
}

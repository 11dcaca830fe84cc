/* Latency: what is counted, not how fast this machine is. */
#include "engine/measure/latency.h"
#include "engine/tflite/writer.h"
#include "tests/support/nets.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <time.h>

static arena a;

static void open_arena(void)
{
    arena_init(&a, 0);
}

static void close_arena(void)
{
    arena_free(&a);
}

TestSuite(latency, .init = open_arena, .fini = close_arena);

Test(latency, a_spread_is_that_of_its_numbers)
{
    double even[] = {4, 1, 3, 8}, odd[] = {5, 1, 3};
    latency_spread s = latency_spread_of(even, 4);
    cr_expect_eq(s.n, 4);
    cr_expect_eq(s.least, 1);
    cr_expect_eq(s.most, 8);
    cr_expect_eq(s.mean, 4);
    cr_expect_eq(s.median, 3.5);
    cr_expect_float_eq(s.deviation, sqrt((9 + 1 + 0 + 16) / 4.0), 1e-12);
    cr_expect_eq(latency_spread_of(odd, 3).median, 3);
}

Test(latency, protocols_are_known_by_their_years)
{
    latency_protocol p;
    err e = {0};
    cr_assert_eq(latency_protocol_parse("2020", &p, NULL), OK);
    cr_expect_eq(p, LATENCY_2020);
    cr_expect_str_eq(latency_protocol_name(LATENCY_2024), "2024");
    cr_expect_eq(latency_protocol_parse("2022", &p, &e), ERR_INPUT);
    cr_expect_str_eq(e.msg, "'2022' is no latency protocol; use 2020 or 2024");
}

static status read_record(const char *text, latency_protocol p, double ms[2], err *e)
{
    node *record;
    TRY(node_read_json(&a, text, strlen(text), &record, e));
    return latency_read_json(record, p, &ms[0], &ms[1], e);
}

Test(latency, a_record_is_read_back)
{
    double us[] = {1, 2, 3}, ms[2] = {0, 0};
    buf b = {0};
    err e = {0};
    const latency_figures f = {.inference_ms = 1.25,
                               .total_ms = 20.5,
                               .inference = latency_spread_of(us, 3),
                               .quickest_us = 1};
    latency_put_json(&b, LATENCY_2020, "tflite", &f);
    cr_assert_eq(read_record(b.data, LATENCY_2020, ms, &e), OK, "%s", e.msg);
    cr_expect_eq(ms[0], 1.25);
    cr_expect_eq(ms[1], 20.5);
    cr_expect_eq(read_record(b.data, LATENCY_2024, ms, &e), ERR_INPUT);
    cr_expect_str_eq(e.msg, "a latency record by protocol 2020, not 2024");
    buf_free(&b);
}

/* Scripts of users write the year as it comes. */
Test(latency, a_year_may_be_a_number)
{
    double ms[2] = {0, 0};
    err e = {0};
    const char *text = "{\"protocol\":2024,\"inference_ms\":0.5,\"total_ms\":3.25}";
    cr_assert_eq(read_record(text, LATENCY_2024, ms, &e), OK, "%s", e.msg);
    cr_expect_eq(ms[0], 0.5);
    cr_expect_eq(ms[1], 3.25);
}

Test(latency, what_is_no_record_is_refused)
{
    static const char *const wrong[][2] = {
        {"[1]", "no latency record: it has no \"protocol\""},
        {"{\"protocol\":[2024]}", "no latency record: it has no \"protocol\""},
        {"{\"protocol\":2020}", "a latency record by protocol 2020, not 2024"},
        {"{\"protocol\":\"2024\",\"inference_ms\":\"1\",\"total_ms\":1}",
         "no latency record: 'inference_ms' must be a number above 0"},
        {"{\"protocol\":\"2024\",\"inference_ms\":1,\"total_ms\":-1}",
         "no latency record: 'total_ms' must be a number above 0"},
        {"{\"protocol\":\"2024\",\"inference_ms\":1}",
         "no latency record: 'total_ms' must be a number above 0"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        double ms[2];
        err e = {0};
        cr_expect_eq(read_record(wrong[i][0], LATENCY_2024, ms, &e), ERR_INPUT, "%s", wrong[i][0]);
        cr_expect_str_eq(e.msg, wrong[i][1]);
    }
}

/* A network whose first hundred runs last a millisecond at the least. */
typedef struct {
    int runs;
    float x[12];
} slow_start;

static void invoke_slow_start(void *self)
{
    slow_start *s = self;
    if (s->runs++ >= 100) return;
    struct timespec begin, t;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do clock_gettime(CLOCK_MONOTONIC, &t);
    while ((double)(t.tv_sec - begin.tv_sec) + 1e-9 * (double)(t.tv_nsec - begin.tv_nsec) < 1e-3);
}

static latency_figures figures_of(latency_protocol p)
{
    slow_start s = {0};
    latency_figures f;
    err e = {0};
    const latency_runner r = {
        &s, invoke_slow_start, {.type = TFL_FLOAT32, .bytes = sizeof s.x, .data = s.x}};
    cr_assert_eq(latency_measure(&r, NULL, p, &a, &f, &e), OK, "%s", e.msg);
    cr_expect_eq(f.inference.n, 200);
    cr_expect_eq(f.total.n, 200);
    cr_expect_eq(f.features.n, 0, "there is no front end");
    cr_expect_eq(f.resampling.n, 0);
    cr_expect_leq(f.quickest_us, f.inference.most);
    return f;
}

Test(latency, nothing_is_discarded_by_the_older_protocol)
{
    cr_expect_geq(figures_of(LATENCY_2020).inference_ms, 1);
}

Test(latency, a_hundred_runs_are_discarded_by_the_newer_protocol)
{
    cr_expect_lt(figures_of(LATENCY_2024).inference_ms, 1);
}

/* The lab's network on MFCC, with a front end in its metadata. */
static buf file_with(const char *metadata)
{
    net_spec s;
    buf file = {0};
    err e = {0};
    const tflite_options o = {.storage = STORE_FLOAT32, .metadata = metadata};
    const char *json = keyword_net(&a, "mlp", "mfcc", 0.1, "valid");
    cr_assert_eq(net_from_text(json, &s, &e), OK, "%s", e.msg);
    cr_assert_eq(tflite_write(&s, NULL, &o, &a, &file, &e), OK, "%s", e.msg);
    return file;
}

static const char *metadata_of(const feature_settings *s)
{
    buf b = {0};
    buf_text(&b, "{\"features\":");
    feature_put_json(&b, s);
    buf_char(&b, '}');
    const char *text = arena_string(&a, b.data);
    buf_free(&b);
    return text;
}

Test(latency, the_front_end_travels_in_the_file)
{
    feature_settings s = feature_defaults(FEATURE_MFCC), found;
    s.rate = 8000;
    s.frame = s.fft = 320;
    s.hop = 160;
    bool is_there;
    err e = {0};
    cr_assert_eq(feature_check(&s, &e), OK, "%s", e.msg);
    buf file = file_with(metadata_of(&s)), plain = file_with(NULL),
        bad = file_with("{\"features\":7}");
    cr_assert_eq(latency_front_end(file.data, file.len, &a, &found, &is_there, &e), OK, "%s",
                 e.msg);
    cr_expect(is_there);
    cr_expect_str_eq(metadata_of(&found), metadata_of(&s));
    cr_assert_eq(latency_front_end(plain.data, plain.len, &a, &found, &is_there, &e), OK);
    cr_expect(!is_there);
    cr_expect_eq(latency_front_end(bad.data, bad.len, &a, &found, &is_there, &e), ERR_INPUT);
    cr_expect(strstr(e.msg, "the file's front end: "), "%s", e.msg);
    buf_free(&file);
    buf_free(&plain);
    buf_free(&bad);
}

Test(latency, a_clip_goes_through_the_whole_chain)
{
    const feature_settings s = feature_defaults(FEATURE_MFCC);
    buf file = file_with(metadata_of(&s));
    interpreter *it;
    latency_figures f;
    err e = {0};
    cr_assert_eq(interpreter_open(&a, file.data, file.len, &it, &e), OK, "%s", e.msg);
    const latency_runner own = latency_own_runner(it);
    for (int p = 0; p < N_LATENCY_PROTOCOLS; p++) {
        cr_assert_eq(latency_measure(&own, &s, (latency_protocol)p, &a, &f, &e), OK, "%s", e.msg);
        cr_expect_gt(f.inference_ms, 0);
        cr_expect_gt(f.total_ms, f.inference_ms);
        cr_expect_eq(f.features.n, 200);
        cr_expect_eq(f.resampling.n, p == LATENCY_2020 ? 200 : 0, "48 kHz is resampled to 16 kHz");
    }
    feature_settings other = s;
    other.coefficients = 12;
    cr_expect_eq(latency_measure(&own, &other, LATENCY_2024, &a, &f, &e), ERR_INPUT);
    cr_expect_str_eq(e.msg, "the front end gives 588 values, the model's input takes 490");
    buf_free(&file);
}

Test(latency, steps_one_by_one_are_an_inference)
{
    buf file = file_with(NULL);
    interpreter *it;
    table t;
    cr_assert_eq(interpreter_open(&a, file.data, file.len, &it, NULL), OK);
    float *x = interpreter_input(it, 0)->data;
    for (int i = 0; i < 490; i++) x[i] = (float)(i % 7);
    interpreter_invoke(it);
    float want[8];
    memcpy(want, interpreter_output(it, 0)->data, sizeof want);
    memset(interpreter_output(it, 0)->data, 0xff, sizeof want);
    interpreter_reset(it);
    for (int i = 0; i < interpreter_n_steps(it); i++) interpreter_run_step(it, i);
    cr_expect_arr_eq(interpreter_output(it, 0)->data, want, sizeof want);
    double macs = 0;
    for (int i = 0; i < interpreter_n_steps(it); i++) macs += interpreter_get_step(it, i).macs;
    cr_expect_eq(macs, interpreter_macs(it));
    cr_assert_eq(latency_operator_table(it, &a, &t, NULL), OK);
    cr_expect_eq(t.n_rows, 4);
    cr_expect_str_eq(t.cells[1].text, "FULLY_CONNECTED");
    cr_expect_str_eq(t.cells[2].text, "1x25");
    buf_free(&file);
}

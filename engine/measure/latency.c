#include "engine/measure/latency.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/node.h"
#include "engine/base/rng.h"
#include "engine/tflite/tfl_reader.h"

enum { PROTOCOL_RUNS = 100, WARM_RUNS = 200, SOURCE_RATE = 48000 };

static const struct {
    const char *name;
    bool from_48k, is_median;
    int discarded;
} protocols[N_LATENCY_PROTOCOLS] = {
    [LATENCY_2020] = {"2020", true, false, 0},
    [LATENCY_2024] = {"2024", false, true, 100},
};

status latency_protocol_parse(const char *word, latency_protocol *out, err *e)
{
    for (int p = 0; p < N_LATENCY_PROTOCOLS; p++) {
        if (strcmp(protocols[p].name, word) != 0) continue;
        *out = (latency_protocol)p;
        return OK;
    }
    return FAIL(e, ERR_INPUT, "'%s' is no latency protocol; use 2020 or 2024", word);
}

const char *latency_protocol_name(latency_protocol p)
{
    return protocols[p].name;
}

static int compare(const void *p, const void *q)
{
    const double a = *(const double *)p, b = *(const double *)q;
    return (a > b) - (a < b);
}

latency_spread latency_spread_of(double *us, int n)
{
    latency_spread s = {.n = n};
    qsort(us, (size_t)n, sizeof *us, compare);
    for (int i = 0; i < n; i++) s.mean += us[i] / n;
    for (int i = 0; i < n; i++) s.deviation += (us[i] - s.mean) * (us[i] - s.mean) / n;
    s.deviation = sqrt(s.deviation);
    s.least = us[0];
    s.most = us[n - 1];
    s.median = n % 2 ? us[n / 2] : (us[n / 2 - 1] + us[n / 2]) / 2;
    return s;
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static void invoke_own(void *self)
{
    interpreter_invoke(self);
}

latency_runner latency_own_runner(interpreter *it)
{
    return (latency_runner){it, invoke_own, *interpreter_input(it, 0)};
}

/* --- the front end --- */

status latency_front_end(const void *file, size_t n, arena *a, feature_settings *out, bool *found,
                         err *e)
{
    tfl_graph g;
    node *tree;
    arena_mark_t mark = arena_mark(a);
    *found = false;
    TRY(tfl_read(a, file, n, &g, e));
    status s = OK;
    const bool ours = g.metadata && strcmp(g.metadata_name, "paretune") == 0;
    if (ours) s = node_read_json(a, g.metadata, g.metadata_bytes, &tree, e);
    if (ours && s == OK && node_get(tree, "features")) {
        s = feature_parse(node_get(tree, "features"), out, e);
        *found = s == OK;
    }
    arena_release(a, mark);
    return s == OK ? OK : err_wrap(e, "the file's front end");
}

typedef struct {
    const latency_runner *r;
    bool has_front_end;
    feature_plan plan;
    float *clip, *features;
    int n_features;
    double inference, total, front_end; /* microseconds of the last run */
} chain;

static void run_once(chain *c)
{
    const double start = now_us();
    if (c->has_front_end) feature_run(&c->plan, c->features, c->clip);
    const double ready = now_us();
    tfl_port_put(&c->r->port, c->features, c->n_features);
    const double there = now_us();
    c->r->invoke(c->r->self);
    const double end = now_us();
    c->front_end = ready - start;
    c->inference = end - there;
    c->total = end - start;
}

static float *noise(arena *a, int n, uint64_t stream)
{
    rng r = rng_stream(0, RNG_TEST, stream);
    float *x = ARENA_NEW(a, float, n);
    for (int i = 0; x && i < n; i++) x[i] = rng_normal(&r);
    return x;
}

static status chain_init(chain *c, const latency_runner *r, const feature_settings *front_end,
                         latency_protocol p, arena *a, err *e)
{
    *c = (chain){.r = r, .has_front_end = front_end != NULL};
    const tfl_port *port = &r->port;
    c->n_features = tfl_port_count(port);
    if (c->n_features == 0)
        return FAIL(e, ERR_INPUT, "the input must be float32 or quantized int8 to be timed");
    c->features = noise(a, c->n_features, 0);
    if (!c->features) return FAIL(e, ERR_MEM, "out of memory for an input");
    if (!front_end) return OK;
    feature_settings s = *front_end;
    if (protocols[p].from_48k) {
        s.clip_samples = (int)((int64_t)s.clip_samples * SOURCE_RATE / s.clip_rate);
        s.clip_rate = SOURCE_RATE;
    }
    TRY(feature_plan_make(&c->plan, &s, a, e));
    if (shape_size(c->plan.out) != c->n_features)
        return FAIL(e, ERR_INPUT, "the front end gives %d values, the model's input takes %d",
                    shape_size(c->plan.out), c->n_features);
    c->clip = noise(a, s.clip_samples, 1);
    return c->clip ? OK : FAIL(e, ERR_MEM, "out of memory for a clip");
}

/* --- measuring --- */

static status measure_by_protocol(chain *c, latency_protocol p, arena *a, latency_figures *out,
                                  err *e)
{
    double *inference = ARENA_NEW(a, double, PROTOCOL_RUNS);
    double *total = ARENA_NEW(a, double, PROTOCOL_RUNS);
    if (!inference || !total) return FAIL(e, ERR_MEM, "out of memory for times");
    for (int i = -protocols[p].discarded; i < PROTOCOL_RUNS; i++) {
        run_once(c);
        if (i < 0) continue;
        inference[i] = c->inference;
        total[i] = c->total;
    }
    const latency_spread one = latency_spread_of(inference, PROTOCOL_RUNS);
    const latency_spread all = latency_spread_of(total, PROTOCOL_RUNS);
    out->inference_ms = 1e-3 * (protocols[p].is_median ? one.median : one.mean);
    out->total_ms = 1e-3 * (protocols[p].is_median ? all.median : all.mean);
    return OK;
}

/* The resampling alone, which feature_run contains. */
static double time_resampling(const chain *c)
{
    const double start = now_us();
    resample_run(&c->plan.resample, c->plan.resampled, c->clip);
    return now_us() - start;
}

static status measure_warm(chain *c, arena *a, latency_figures *out, err *e)
{
    double *us[4];
    for (int k = 0; k < 4; k++) {
        us[k] = ARENA_NEW(a, double, WARM_RUNS);
        if (!us[k]) return FAIL(e, ERR_MEM, "out of memory for times");
    }
    const bool resamples = c->has_front_end && c->plan.s.rate != c->plan.s.clip_rate;
    for (int i = 0; i < WARM_RUNS; i++) {
        run_once(c);
        us[0][i] = c->inference;
        us[1][i] = c->total;
        us[2][i] = c->front_end;
        if (resamples) us[3][i] = time_resampling(c);
    }
    out->inference = latency_spread_of(us[0], WARM_RUNS);
    out->total = latency_spread_of(us[1], WARM_RUNS);
    if (c->has_front_end) out->features = latency_spread_of(us[2], WARM_RUNS);
    if (resamples) out->resampling = latency_spread_of(us[3], WARM_RUNS);
    return OK;
}

/* Blocks long enough (50 us) that reading the clock does not count. */
static double measure_quickest(const chain *c, double typical_us)
{
    const int block = typical_us < 50 ? 1 + (int)(50 / fmax(typical_us, 0.05)) : 1;
    double least = HUGE_VAL;
    for (int i = 0; i < WARM_RUNS; i++) {
        const double start = now_us();
        for (int k = 0; k < block; k++) c->r->invoke(c->r->self);
        least = fmin(least, (now_us() - start) / block);
    }
    return least;
}

status latency_measure(const latency_runner *r, const feature_settings *front_end,
                       latency_protocol p, arena *a, latency_figures *out, err *e)
{
    chain c;
    *out = (latency_figures){0};
    arena_mark_t mark = arena_mark(a);
    status s = chain_init(&c, r, front_end, p, a, e);
    if (s == OK) s = measure_by_protocol(&c, p, a, out, e);
    if (s == OK) s = measure_warm(&c, a, out, e);
    if (s == OK) out->quickest_us = measure_quickest(&c, out->inference.median);
    arena_release(a, mark);
    return s;
}

/* --- records --- */

static void put_spread(buf *b, const char *name, const latency_spread *s)
{
    if (s->n == 0) return;
    const double v[] = {s->least, s->median, s->mean, s->most, s->deviation};
    static const char *const names[] = {"least", "median", "mean", "most", "deviation"};
    buf_printf(b, ",\"%s\":{\"runs\":%d", name, s->n);
    for (int i = 0; i < 5; i++) buf_printf(b, ",\"%s\":%.3f", names[i], v[i]);
    buf_char(b, '}');
}

void latency_put_json(buf *b, latency_protocol p, const char *runtime, const latency_figures *f)
{
    buf_printf(b, "{\"protocol\":\"%s\",\"runtime\":\"%s\"", latency_protocol_name(p), runtime);
    buf_printf(b, ",\"inference_ms\":%.6f,\"total_ms\":%.6f,\"unit\":\"us\"", f->inference_ms,
               f->total_ms);
    put_spread(b, "resampling", &f->resampling);
    put_spread(b, "resampling_and_features", &f->features);
    put_spread(b, "inference", &f->inference);
    put_spread(b, "total", &f->total);
    buf_printf(b, ",\"inference_least_of_blocks\":%.3f}", f->quickest_us);
}

static status read_figure(const node *record, const char *name, double *out, err *e)
{
    const node *n = node_get(record, name);
    if (!n || n->kind != NODE_NUMBER || !isfinite(n->number) || n->number <= 0)
        return FAIL(e, ERR_INPUT, "no latency record: '%s' must be a number above 0", name);
    *out = n->number;
    return OK;
}

status latency_read_json(const node *record, latency_protocol p, double *inference_ms,
                         double *total_ms, err *e)
{
    const node *year = node_get(record, "protocol");
    char text[24] = "";
    if (year && year->kind == NODE_STRING) snprintf(text, sizeof text, "%s", year->text);
    if (year && year->kind == NODE_NUMBER) snprintf(text, sizeof text, "%.10g", year->number);
    if (!*text) return FAIL(e, ERR_INPUT, "no latency record: it has no \"protocol\"");
    if (strcmp(text, protocols[p].name) != 0)
        return FAIL(e, ERR_INPUT, "a latency record by protocol %s, not %s", text,
                    protocols[p].name);
    TRY(read_figure(record, "inference_ms", inference_ms, e));
    return read_figure(record, "total_ms", total_ms, e);
}

/* --- operators --- */

static const char *shape_text(arena *a, const interpreter_step *step)
{
    const char *text = "";
    for (int i = 0; i < step->rank && text; i++)
        text = arena_printf(a, i ? "%sx%d" : "%s%d", text, step->dim[i]);
    return text;
}

/* us[step][run] */
static void time_steps(interpreter *it, double *us, size_t n_steps)
{
    for (int run = -WARM_RUNS / 4; run < WARM_RUNS; run++) {
        interpreter_reset(it);
        for (size_t i = 0; i < n_steps; i++) {
            const double start = now_us();
            interpreter_run_step(it, (int)i);
            if (run >= 0) us[i * WARM_RUNS + (size_t)run] = now_us() - start;
        }
    }
}

static status put_step(table *t, int i, const interpreter_step *step, const latency_spread *us,
                       double sum, err *e)
{
    const double shown[] = {us->least, us->median, us->deviation,
                            sum > 0 ? 100 * us->median / sum : 0};
    const char *output = shape_text(t->a, step);
    cell *c = table_row(t);
    if (!c || !output) return FAIL(e, ERR_MEM, "out of memory for a table");
    c[0] = cell_number(i);
    c[1] = cell_text(step->name);
    c[2] = cell_text(output);
    c[3] = cell_shown(step->macs, arena_printf(t->a, "%.0f", step->macs));
    for (int k = 0; k < 4; k++)
        c[4 + k] = cell_shown(shown[k], arena_printf(t->a, "%.2f", shown[k]));
    return OK;
}

status latency_operator_table(interpreter *it, arena *a, table *out, err *e)
{
    static const char *const columns[][2] = {{"op", ""},          {"name", ""},    {"output", ""},
                                             {"macs", ""},        {"least", "us"}, {"median", "us"},
                                             {"deviation", "us"}, {"share", "%"}};
    enum { N_COLUMNS = sizeof columns / sizeof *columns };
    const int n = interpreter_n_steps(it);
    double *us = ARENA_NEW(a, double, (size_t)n *WARM_RUNS + 1), sum = 0;
    latency_spread *s = ARENA_NEW(a, latency_spread, n + 1);
    if (!us || !s) return FAIL(e, ERR_MEM, "out of memory for times");
    time_steps(it, us, (size_t)n);
    for (int i = 0; i < n; i++) {
        s[i] = latency_spread_of(us + (size_t)i * WARM_RUNS, WARM_RUNS);
        sum += s[i].median;
    }
    TRY(table_init(out, a, N_COLUMNS, e));
    for (int i = 0; i < N_COLUMNS; i++) table_column(out, i, columns[i][0], columns[i][1]);
    for (int i = 0; i < n; i++) {
        const interpreter_step step = interpreter_get_step(it, i);
        TRY(put_step(out, i, &step, &s[i], sum, e));
    }
    return OK;
}

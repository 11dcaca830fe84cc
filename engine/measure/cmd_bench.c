#include "engine/measure/cmd_bench.h"

#include "engine/base/file.h"
#include "engine/base/table.h"
#include "engine/measure/latency.h"
#include "engine/tflite/foreign.h"
#include "engine/tflite/pack.h"

#include <stdio.h>
#include <string.h>

static const size_t MOST_FILE = (size_t)64 << 20;

static const char *library_path, *protocol_name = "2024", *format_name = "table";
static bool use_xnnpack, by_operator;

static const opt options[] = {
    {.name = "protocol",
     .type = OPT_STRING,
     .arg = "YEAR",
     .value = &protocol_name,
     .help = "whose latency figure: 2020 (48 kHz noise, mean of 100 runs) or 2024 (the clips' own "
             "rate, median of 100 after 100 discarded)"},
    {.name = "operators",
     .type = OPT_FLAG,
     .value = &by_operator,
     .help = "times of each operator instead of the whole"},
    {.name = "tflite-lib",
     .type = OPT_STRING,
     .arg = "PATH",
     .value = &library_path,
     .help = "run the network in TensorFlow Lite's own libtensorflowlite_c.so instead"},
    {.name = "xnnpack",
     .type = OPT_FLAG,
     .value = &use_xnnpack,
     .help = "with --tflite-lib: use the XNNPACK delegate instead of the built-in kernels"},
    {.name = "format",
     .type = OPT_STRING,
     .arg = "FORM",
     .value = &format_name,
     .help = "table, csv or json"},
    {0},
};

static const opt_spec spec = {
    .name = "bench",
    .args = "FILE.tflite",
    .summary = "measure how long a .tflite file takes on this machine",
    .details =
        "One thread, 200 warm runs of each part. Where the file's metadata describes a front end, "
        "clips of\n"
        "noise go through it, and its resampling and features are timed too. The file may be flat, "
        "a zlib\n"
        "stream or a zip with one entry. Nothing else should run on the machine: 'deviation' tells "
        "whether\n"
        "something did.",
    .examples = "paretune bench model.tflite --operators\n"
                "paretune bench model.tflite --protocol 2020 --format csv",
    .args_min = 1,
    .args_max = 1,
    .options = options,
};

/* TensorFlow Lite as a runner. */
typedef struct {
    foreign *f;
    void *y;
    tfl_port port;
    status last;
} foreign_model;

static void invoke_foreign(void *self)
{
    foreign_model *m = self;
    if (m->last == OK) m->last = foreign_invoke(m->f, m->port.data, m->y, NULL);
}

static status put_part(table *t, const char *part, const latency_spread *s, err *e)
{
    if (s->n == 0) return OK;
    cell *c = table_row(t);
    if (!c) return FAIL(e, ERR_MEM, "out of memory for a table");
    const double us[] = {s->least, s->median, s->mean, s->most, s->deviation};
    c[0] = cell_text(part);
    c[1] = cell_number(s->n);
    for (int i = 0; i < 5; i++) c[2 + i] = cell_shown(us[i], arena_printf(t->a, "%.2f", us[i]));
    return OK;
}

static status put_figure(table *t, const char *part, double ms, latency_protocol p, err *e)
{
    cell *c = table_row(t);
    if (!c) return FAIL(e, ERR_MEM, "out of memory for a table");
    c[0] = cell_text(part);
    c[1] = cell_number(100);
    c[p == LATENCY_2020 ? 4 : 3] = cell_shown(1e3 * ms, arena_printf(t->a, "%.2f", 1e3 * ms));
    return OK;
}

static status print_parts(const latency_figures *f, latency_protocol p, table_format form, arena *a,
                          err *e)
{
    static const char *const columns[][2] = {{"part", ""},       {"runs", ""},   {"least", "us"},
                                             {"median", "us"},   {"mean", "us"}, {"most", "us"},
                                             {"deviation", "us"}};
    enum { N_COLUMNS = sizeof columns / sizeof *columns };
    table t;
    TRY(table_init(&t, a, N_COLUMNS, e));
    for (int i = 0; i < N_COLUMNS; i++) table_column(&t, i, columns[i][0], columns[i][1]);
    TRY(put_part(&t, "resampling", &f->resampling, e));
    TRY(put_part(&t, "resampling and features", &f->features, e));
    TRY(put_part(&t, "inference", &f->inference, e));
    TRY(put_part(&t, "total", &f->total, e));
    const char *name = latency_protocol_name(p);
    TRY(put_figure(&t, arena_printf(a, "inference by protocol %s", name), f->inference_ms, p, e));
    TRY(put_figure(&t, arena_printf(a, "total by protocol %s", name), f->total_ms, p, e));
    return table_print(&t, form, stdout, e);
}

static status run_parts(const latency_runner *r, const void *model, size_t n, table_format form,
                        arena *a, err *e)
{
    latency_protocol p;
    feature_settings front_end;
    latency_figures figures;
    bool found;
    TRY(latency_protocol_parse(protocol_name, &p, e));
    TRY(latency_front_end(model, n, a, &front_end, &found, e));
    TRY(latency_measure(r, found ? &front_end : NULL, p, a, &figures, e));
    return print_parts(&figures, p, form, a, e);
}

static status run_foreign(interpreter *it, const void *model, size_t n, table_format form, arena *a,
                          err *e)
{
    foreign_model m = {.port = *interpreter_input(it, 0)};
    TRY(foreign_open(a, library_path, model, n, use_xnnpack, &m.f, e));
    status s = OK;
    m.y = ARENA_NEW(a, char, foreign_output_bytes(m.f));
    if (!m.y) s = FAIL(e, ERR_MEM, "out of memory for the output");
    if (s == OK && foreign_input_bytes(m.f) != m.port.bytes)
        s = FAIL(e, ERR_INPUT, "TensorFlow Lite takes another input than this interpreter");
    const latency_runner r = {&m, invoke_foreign, m.port};
    if (s == OK) s = run_parts(&r, model, n, form, a, e);
    if (s == OK && m.last != OK) s = FAIL(e, m.last, "TensorFlow Lite failed while it was timed");
    foreign_close(m.f);
    return s;
}

static status run_model(arena *a, const void *model, size_t n, err *e)
{
    interpreter *it;
    table_format form;
    TRY(table_format_parse(format_name, &form, e));
    TRY(interpreter_open(a, model, n, &it, e));
    if (interpreter_n_inputs(it) != 1)
        return FAIL(e, ERR_INPUT, "%d inputs; one is supported", interpreter_n_inputs(it));
    if (by_operator) {
        table t;
        TRY(latency_operator_table(it, a, &t, e));
        return table_print(&t, form, stdout, e);
    }
    if (library_path) return run_foreign(it, model, n, form, a, e);
    const latency_runner own = latency_own_runner(it);
    return run_parts(&own, model, n, form, a, e);
}

static status run(int n_args, char **args, int *code, err *e)
{
    (void)n_args;
    (void)code;
    arena a;
    char *packed;
    void *model;
    size_t n;
    if (by_operator && library_path)
        return FAIL(e, ERR_INPUT, "--operators measures this interpreter; leave out --tflite-lib");
    arena_init(&a, 0);
    status s = file_read(&a, args[0], MOST_FILE, &packed, &n, e);
    if (s == OK) {
        s = pack_open(&a, packed, n, MOST_FILE, &model, &n, e);
        if (s == OK) s = run_model(&a, model, n, e);
        if (s != OK) err_wrap(e, "%s", args[0]);
    }
    arena_free(&a);
    return s;
}

const command cmd_bench = {.spec = &spec, .run = run};

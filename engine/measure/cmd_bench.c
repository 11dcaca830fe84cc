#include "engine/measure/cmd_bench.h"

#include "engine/base/file.h"
#include "engine/base/table.h"
#include "engine/base/tflite_args.h"
#include "engine/measure/latency.h"
#include "engine/measure/runner.h"
#include "engine/tflite/pack.h"

#include <stdio.h>
#include <string.h>

static const char *protocol_name = "2024", *format_name = "table";
static bool by_operator, as_record;
static tflite_args tflite;

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
    TFLITE_OPTIONS(tflite),
    {.name = "record",
     .type = OPT_FLAG,
     .value = &as_record,
     .help = "print the record of a latency stage, as JSON: what `device: {run: ...}` of a search "
             "space expects"},
    {.name = "format",
     .type = OPT_STRING,
     .arg = "FORMAT",
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
        "something did. FILE may be - for standard input.",
    .examples = "paretune bench model.tflite --operators\n"
                "paretune bench model.tflite --protocol 2020 --format csv",
    .args_min = 1,
    .args_max = 1,
    .options = options,
};

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

static status print_record(const latency_figures *f, latency_protocol p, runtime r, err *e)
{
    buf b = {0};
    latency_put_json(&b, p, runtime_names[r], f);
    status s = buf_check(&b, e);
    if (s == OK) puts(b.data); /* main.c sees to it that it was written */
    buf_free(&b);
    return s;
}

static status run_parts(timed_model *m, runtime r, const void *model, size_t n, table_format form,
                        arena *a, err *e)
{
    latency_protocol p;
    feature_settings front_end;
    latency_figures figures;
    bool found;
    TRY(latency_protocol_parse(protocol_name, &p, e));
    TRY(timed_model_open(a, r, tflite.library, model, n, m, e));
    TRY(latency_front_end(model, n, a, &front_end, &found, e));
    TRY(latency_measure(&m->runner, found ? &front_end : NULL, p, a, &figures, e));
    TRY(timed_model_check(m, e));
    return as_record ? print_record(&figures, p, r, e) : print_parts(&figures, p, form, a, e);
}

static status run_operators(const void *model, size_t n, table_format form, arena *a, err *e)
{
    interpreter *it;
    table t;
    TRY(interpreter_open(a, model, n, &it, e));
    TRY(latency_operator_table(it, a, &t, e));
    return table_print(&t, form, stdout, e);
}

static status run_model(arena *a, const void *model, size_t n, err *e)
{
    table_format form;
    timed_model m = {0};
    TRY(table_format_parse(format_name, &form, e));
    if (by_operator) return run_operators(model, n, form, a, e);
    const runtime r = !tflite.library  ? RUNTIME_OWN
                      : tflite.xnnpack ? RUNTIME_XNNPACK
                                       : RUNTIME_TFLITE;
    status s = run_parts(&m, r, model, n, form, a, e);
    timed_model_close(&m);
    return s;
}

static status run(int n_args, char **args, int *code, err *e)
{
    (void)n_args;
    (void)code;
    arena a;
    char *packed;
    void *model;
    size_t n;
    TRY(tflite_args_check(&tflite, e));
    if (by_operator && (tflite.library || as_record))
        return FAIL(e, ERR_INPUT,
                    "--operators measures this interpreter; leave out --tflite-lib and --record");
    arena_init(&a, 0);
    status s = file_read(&a, args[0], PACK_MOST_BYTES, &packed, &n, e);
    if (s == OK) {
        s = pack_open(&a, packed, n, PACK_MOST_BYTES, &model, &n, e);
        if (s == OK) s = run_model(&a, model, n, e);
        if (s != OK) err_wrap(e, "%s", args[0]);
    }
    arena_free(&a);
    return s;
}

const command cmd_bench = {.spec = &spec, .run = run};

/* grade: a .tflite file from elsewhere, judged by what it is. The file may be hostile: it is only ever
 * opened here, in a worker. "ask" among the parameters says what is wanted:
 *
 *   facts   {"ask":"facts","file_hash":..,"export":{..export stage..}}: sizes as an export stage counts
 *           them (a file that came packed as it is counted counts as it came), parameters,
 *           multiply-adds, arena. The detail holds its ports, and the front end that its metadata
 *           describes:
 *           {"packing":"zlib","bytes":1412,"input":{"type":"float32","shape":[1,49,10,1]},
 *            "output":{..},"features":{..}}
 *   errors  {"ask":"errors","file_hash":..,"batch":32[,"order":[1,0]][,"features":{..}][,"device":..]
 *            [,"inputs":{"mean":[9.1,75.9],"std":[8.7,16.6]}]}, parent data: as a score stage, output i
 *           of the file being class order[i] of the data, its inputs normalised by "inputs"; and latency
 *           on the device asked for
 *   times   {"ask":"times","file_hash":..,"protocol":"2020"[,"features":{..}]}: as a latency stage */
#include <string.h>

#include "engine/measure/cost.h"
#include "engine/measure/latency.h"
#include "engine/stage_score.h"
#include "engine/tflite/pack.h"
#include "engine/tflite/tfl_reader.h"

typedef struct {
    const char *packing; /* "flat", "zlib", "zip": how it came */
    size_t packed_bytes;
    file_map flat;
    interpreter *it;
} submission;

static status open_file(const stage_job *job, submission *out, err *e)
{
    const char *expected;
    char *bytes;
    void *flat;
    size_t n;
    TRY(node_string(job->params, "file_hash", &expected, e));
    TRY(file_read(job->a, job->rq->input, PACK_MOST_BYTES, &bytes, &n, e));
    const hash found = hash_bytes(bytes, n);
    if (strcmp(found.text, expected) != 0)
        return FAIL(e, ERR_INPUT, "the file changed while it was graded");
    out->packed_bytes = n;
    TRY(pack_open(job->a, bytes, n, PACK_MOST_BYTES, &flat, &n, e));
    out->packing = pack_names[pack_form_of(bytes, out->packed_bytes).how];
    out->flat = (file_map){flat, n};
    return interpreter_open(job->a, flat, n, &out->it, e);
}

/* --- facts --- */

static status count_params(const submission *s, arena *a, double *out, err *e)
{
    tfl_graph g;
    TRY(tfl_read(a, s->flat.bytes, s->flat.n, &g, e));
    *out = 0;
    for (int i = 0; i < g.n_tensors; i++) {
        const tfl_tensor *t = &g.tensor[i];
        const size_t count = t->bytes / tfl_type_bytes(t->type);
        if (tfl_is_trained(t)) *out += (double)count;
    }
    return OK;
}

/* What the space counts as the size: the bytes that came, when they came in that form. */
static status put_sizes(const stage_job *job, const submission *s, stage_result *out, err *e)
{
    stage_job sub = *job;
    buf file = {0};
    const char *pack;
    sub.params = node_get(job->params, "export");
    if (!sub.params) return FAIL(e, ERR_ARG, "parameter 'export' is missing");
    TRY(node_string(sub.params, "pack", &pack, e));
    buf_put(&file, s->flat.bytes, s->flat.n);
    status st = buf_check(&file, e);
    if (st == OK) st = stage_put_sizes(&sub, &file, out, e);
    buf_free(&file);
    const char *form = strstr(pack, "zip") ? "zip" : strcmp(pack, "flat") == 0 ? "flat" : "zlib";
    for (int i = 0; st == OK && strcmp(form, s->packing) == 0 && i < out->n_metrics; i++)
        if (strcmp(out->metric[i].name, "size") == 0)
            out->metric[i].value = (double)s->packed_bytes;
    return st;
}

static void put_port(buf *b, const char *name, const tfl_port *p)
{
    buf_printf(b, ",\"%s\":{\"type\":\"%s\",\"shape\":[", name, tfl_type_name(p->type));
    for (int i = 0; i < p->rank; i++) buf_printf(b, i ? ",%d" : "%d", p->dim[i]);
    buf_text(b, "]}");
}

static status check_ports(interpreter *it, err *e)
{
    if (interpreter_n_inputs(it) == 1 && interpreter_n_outputs(it) == 1) return OK;
    return FAIL(e, ERR_INPUT, "%d inputs and %d outputs; one of each can be graded",
                interpreter_n_inputs(it), interpreter_n_outputs(it));
}

static status put_facts(const stage_job *job, const submission *s, stage_result *out, err *e)
{
    feature_settings front_end;
    bool found;
    double n_params;
    TRY(check_ports(s->it, e));
    TRY(latency_front_end(s->flat.bytes, s->flat.n, job->a, &front_end, &found, e));
    TRY(put_sizes(job, s, out, e));
    TRY(count_params(s, job->a, &n_params, e));
    stage_put_metric(out, "n_params", n_params);
    stage_put_metric(out, "macs", interpreter_macs(s->it));
    stage_put_metric(out, "arena", (double)interpreter_arena_bytes(s->it));
    buf *b = &out->detail;
    buf_printf(b, "{\"packing\":\"%s\",\"bytes\":%zu", s->packing, s->packed_bytes);
    put_port(b, "input", interpreter_input(s->it, 0));
    put_port(b, "output", interpreter_output(s->it, 0));
    if (found) {
        buf_text(b, ",\"features\":");
        feature_put_json(b, &front_end);
    }
    buf_char(b, '}');
    return OK;
}

/* --- errors --- */

/* A permutation of the classes. */
static status read_order(const stage_job *job, int n_classes, const int **out, err *e)
{
    node *list;
    *out = NULL;
    if (!node_get(job->params, "order")) return OK;
    TRY(node_list(job->params, "order", &list, e));
    int *order = ARENA_NEW(job->a, int, n_classes);
    bool *seen = ARENA_NEW(job->a, bool, n_classes);
    if (!order || !seen) return FAIL(e, ERR_MEM, "out of memory");
    bool is_whole = list->n == n_classes;
    for (int i = 0; is_whole && i < n_classes; i++) {
        const double v = list->item[i]->number;
        is_whole = v >= 0 && v < n_classes && !seen[(int)v];
        if (is_whole) seen[order[i] = (int)v] = true;
    }
    if (!is_whole)
        return FAIL(e, ERR_ARG, "parameter 'order' is no order of %d classes", n_classes);
    *out = order;
    return OK;
}

/* Latency on the device that the space asks for, by a model. */
static status put_modelled(const stage_job *job, const submission *s, stage_result *out, err *e)
{
    const node *features = node_get(job->params, "features");
    const char *name;
    device_model m;
    feature_settings front_end;
    if (!node_get(job->params, "device")) return OK;
    TRY(node_string(job->params, "device", &name, e));
    TRY(device_fit(name, &m, e));
    if (features) TRY(feature_parse(features, &front_end, e));
    const device_work work = device_work_of(s->it);
    const double inference_ms = device_inference_ms(&m, &work);
    stage_put_metric(out, "modelled_inference_ms", inference_ms);
    stage_put_metric(out, "modelled_total_ms",
                     inference_ms + (features ? device_front_end_ms(&m, &front_end) : 0));
    return OK;
}

static status read_inputs(const stage_job *job, stage_dialect *d, err *e)
{
    const node *inputs = node_get(job->params, "inputs");
    node *mean, *std;
    if (!inputs) return OK;
    TRY(node_list(inputs, "mean", &mean, e));
    TRY(node_list(inputs, "std", &std, e));
    if (mean->n != std->n || mean->n < 1 || mean->n > 8)
        return FAIL(e, ERR_ARG, "parameter 'inputs' is not understood");
    d->n_channels = mean->n;
    for (int c = 0; c < mean->n; c++) {
        d->mean[c] = mean->item[c]->number;
        d->std[c] = std->item[c]->number;
    }
    return OK;
}

static status put_errors(const stage_job *job, const submission *s, stage_result *out, err *e)
{
    stage_examples data = {0};
    stage_dialect dialect = {0};
    status st = stage_open_examples(job, 0, &data, e);
    if (st == OK) st = read_order(job, data.ex.n_classes, &dialect.order, e);
    if (st == OK) st = read_inputs(job, &dialect, e);
    if (st == OK) st = stage_score_model(job, &s->flat, s->it, &dialect, &data, out, e);
    if (st == OK) st = put_modelled(job, s, out, e);
    stage_close_examples(&data);
    return st;
}

/* --- times --- */

static status put_times(const stage_job *job, const submission *s, stage_result *out, err *e)
{
    const node *features = node_get(job->params, "features");
    const char *word;
    feature_settings front_end;
    latency_protocol protocol;
    latency_figures figures;
    TRY(node_string(job->params, "protocol", &word, e));
    TRY(latency_protocol_parse(word, &protocol, e));
    if (features) TRY(feature_parse(features, &front_end, e));
    const latency_runner own = latency_own_runner(s->it);
    TRY(latency_measure(&own, features ? &front_end : NULL, protocol, job->a, &figures, e));
    stage_put_metric(out, "inference_ms", figures.inference_ms);
    stage_put_metric(out, "total_ms", figures.total_ms);
    return OK;
}

status stage_build_grade(const stage_job *job, buf *artifact, stage_result *out, err *e)
{
    static const char *const asks[] = {"facts", "errors", "times"};
    static status (*const answer[])(const stage_job *, const submission *, stage_result *,
                                    err *) = {put_facts, put_errors, put_times};
    submission s = {0};
    int ask;
    TRY(node_choice(job->params, "ask", asks, 3, &ask, e));
    TRY(open_file(job, &s, e));
    TRY(answer[ask](job, &s, out, e));
    buf_put(artifact, out->detail.data, out->detail.len);
    return OK;
}

/* latency: how long the exported file takes on this machine. The artifact is the detail: least, median
 * and spread of each part, in microseconds. Its bytes differ from run to run. */
#include "engine/measure/latency.h"
#include "engine/stage_kinds.h"

static void put_spread(buf *b, const char *name, const latency_spread *s)
{
    if (s->n == 0) return;
    const double v[] = {s->least, s->median, s->mean, s->most, s->deviation};
    static const char *const names[] = {"least", "median", "mean", "most", "deviation"};
    buf_printf(b, ",\"%s\":{\"runs\":%d", name, s->n);
    for (int i = 0; i < 5; i++) buf_printf(b, ",\"%s\":%.3f", names[i], v[i]);
    buf_char(b, '}');
}

static void put_detail(buf *b, latency_protocol p, const latency_figures *f)
{
    buf_printf(b, "{\"protocol\":\"%s\",\"unit\":\"us\"", latency_protocol_name(p));
    put_spread(b, "resampling", &f->resampling);
    put_spread(b, "resampling_and_features", &f->features);
    put_spread(b, "inference", &f->inference);
    put_spread(b, "total", &f->total);
    buf_printf(b, ",\"inference_least_of_blocks\":%.3f}", f->quickest_us);
}

static status measure(const stage_job *job, const file_map *model, stage_result *out, err *e)
{
    const char *word;
    latency_protocol protocol;
    feature_settings front_end;
    latency_figures figures;
    interpreter *it;
    bool found;
    TRY(node_string(job->params, "protocol", &word, e));
    TRY(latency_protocol_parse(word, &protocol, e));
    TRY(interpreter_open(job->a, model->bytes, model->n, &it, e));
    TRY(latency_front_end(model->bytes, model->n, job->a, &front_end, &found, e));
    const latency_runner own = latency_own_runner(it);
    TRY(latency_measure(&own, found ? &front_end : NULL, protocol, job->a, &figures, e));
    stage_put_metric(out, "inference_ms", figures.inference_ms);
    stage_put_metric(out, "total_ms", figures.total_ms);
    put_detail(&out->detail, protocol, &figures);
    return buf_check(&out->detail, e);
}

status stage_build_latency(const stage_job *job, buf *artifact, stage_result *out, err *e)
{
    file_map model = {0};
    status s = stage_open_parent(job, 0, STAGE_EXPORT, &model, e);
    if (s == OK) s = measure(job, &model, out, e);
    if (s == OK) buf_put(artifact, out->detail.data, out->detail.len);
    file_unmap(&model);
    return s;
}

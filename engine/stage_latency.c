/* latency: how long the exported file takes on this machine. The artifact is the detail: least, median
 * and spread of each part, in microseconds. Its bytes differ from run to run.
 *
 * "runtime" among the parameters names another interpreter than ours; its library is the stage's
 * outside input, and "library_hash" tells one version of it from another. */
#include <string.h>

#include "engine/measure/latency.h"
#include "engine/measure/runner.h"
#include "engine/stage_kinds.h"

typedef struct {
    latency_protocol protocol;
    runtime runtime;
} latency_request;

static status check_library(const stage_job *job, err *e)
{
    const char *expected;
    hash found;
    TRY(node_string(job->params, "library_hash", &expected, e));
    TRY(hash_file(job->rq->input, &found, e));
    if (strcmp(found.text, expected) == 0) return OK;
    return FAIL(e, ERR_STATE, "%s has changed since the study was planned", job->rq->input);
}

static status read_request(const stage_job *job, latency_request *out, err *e)
{
    const char *word;
    int r = RUNTIME_OWN;
    TRY(node_string(job->params, "protocol", &word, e));
    TRY(latency_protocol_parse(word, &out->protocol, e));
    if (node_get(job->params, "runtime"))
        TRY(node_choice(job->params, "runtime", runtime_names, N_RUNTIMES, &r, e));
    out->runtime = (runtime)r;
    return out->runtime == RUNTIME_OWN ? OK : check_library(job, e);
}

static status measure(const stage_job *job, const file_map *model, timed_model *m,
                      stage_result *out, err *e)
{
    latency_request asked;
    feature_settings front_end;
    latency_figures figures;
    bool found;
    TRY(read_request(job, &asked, e));
    TRY(timed_model_open(job->a, asked.runtime, job->rq->input, model->bytes, model->n, m, e));
    TRY(latency_front_end(model->bytes, model->n, job->a, &front_end, &found, e));
    TRY(latency_measure(&m->runner, found ? &front_end : NULL, asked.protocol, job->a, &figures,
                        e));
    TRY(timed_model_check(m, e));
    stage_put_metric(out, "inference_ms", figures.inference_ms);
    stage_put_metric(out, "total_ms", figures.total_ms);
    latency_put_json(&out->detail, asked.protocol, runtime_names[asked.runtime], &figures);
    return buf_check(&out->detail, e);
}

status stage_build_latency(const stage_job *job, buf *artifact, stage_result *out, err *e)
{
    file_map file = {0};
    timed_model model = {0};
    status s = stage_open_parent(job, 0, STAGE_EXPORT, &file, e);
    if (s == OK) s = measure(job, &file, &model, out, e);
    if (s == OK) buf_put(artifact, out->detail.data, out->detail.len);
    timed_model_close(&model);
    file_unmap(&file);
    return s;
}

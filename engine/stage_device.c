/* device: how long the exported file takes on a machine that a command reaches. The artifact is the
 * record it answers with. */
#include "engine/measure/remote.h"
#include "engine/stage_kinds.h"

enum { MOST_SECONDS = 300, MOST_ANSWER = 1 << 16, SHOWN = 40 };

/* What the user sees of an answer that is none: its beginning, without line ends. */
static const char *beginning(const stage_job *job, const buf *answer)
{
    if (!answer->len) return "nothing";
    char *text = arena_copy(job->a, answer->data, answer->len < SHOWN ? answer->len : SHOWN);
    for (char *c = text; c && *c; c++)
        if (*c < ' ' || *c > '~') *c = '?';
    return text ? text : "";
}

static status read_answer(const stage_job *job, latency_protocol p, const buf *answer,
                          stage_result *out, err *e)
{
    node *record;
    double inference_ms, total_ms;
    err why = {0};
    status s = node_read_json(job->a, answer->len ? answer->data : "", answer->len, &record, &why);
    if (s == OK) s = latency_read_json(record, p, &inference_ms, &total_ms, &why);
    if (s != OK)
        return FAIL(e, ERR_IO, "the device answers %s: %s", beginning(job, answer), why.msg);
    stage_put_metric(out, "device_inference_ms", inference_ms);
    stage_put_metric(out, "device_total_ms", total_ms);
    node_put_json(&out->detail, record);
    return buf_check(&out->detail, e);
}

static status ask(const stage_job *job, buf *answer, stage_result *out, err *e)
{
    const char *words, *year;
    latency_protocol p;
    TRY(node_string(job->params, "run", &words, e));
    TRY(node_string(job->params, "protocol", &year, e));
    TRY(latency_protocol_parse(year, &p, e));
    const char *model = stage_path(job->a, job->rq->folder, STAGE_EXPORT, &job->rq->parent[0]);
    const char *command = model ? remote_command(words, model, p, job->a) : NULL;
    if (!command) return FAIL(e, ERR_MEM, "out of memory");
    TRY(remote_run(command, model, MOST_SECONDS, MOST_ANSWER, answer, e));
    return read_answer(job, p, answer, out, e);
}

status stage_build_device(const stage_job *job, buf *artifact, stage_result *out, err *e)
{
    file_map file = {0};
    buf answer = {0};
    status s = stage_open_parent(job, 0, STAGE_EXPORT, &file, e); /* that it is there */
    file_unmap(&file);
    if (s == OK) s = ask(job, &answer, out, e);
    if (s == OK) buf_put(artifact, out->detail.data, out->detail.len);
    buf_free(&answer);
    return s;
}

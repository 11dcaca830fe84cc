/* data: outside files or a generator -> a series with its split and statistics, or a set of clips with
 * their features. Their first bytes tell them apart. A stage with parents joins these, the shards of a
 * set. */
#include <string.h>

#include "engine/data/keyword_data.h"
#include "engine/stage_kinds.h"

static status build_series(const stage_job *job, buf *artifact, stage_result *out, err *e)
{
    series s = {0};
    TRY(series_build(job->params, job->rq->input, job->a, &s, e));
    series_detail(&s, &out->detail);
    series_save(&s, artifact);
    return OK;
}

status stage_open_clips(const stage_job *job, int first, int n, stage_clips *out, err *e)
{
    *out = (stage_clips){0};
    for (int i = 0; i < n; i++) {
        TRY(stage_open_parent(job, first + i, STAGE_DATA, &out->map[i], e));
        out->n++;
        TRY(stage_distrust(
            clip_set_read(&out->set[i], out->map[i].bytes, out->map[i].n, "a set of clips", e), e));
    }
    return OK;
}

void stage_close_clips(stage_clips *x)
{
    for (int i = 0; i < x->n; i++) file_unmap(&x->map[i]);
}

static status join_shards(const stage_job *job, buf *artifact, stage_result *out, err *e)
{
    stage_clips shards;
    status s = stage_open_clips(job, 0, job->rq->n_parents, &shards, e);
    if (s == OK) s = keyword_data_join(shards.set, shards.n, artifact, &out->detail, e);
    stage_close_clips(&shards);
    return s;
}

status stage_build_data(const stage_job *job, buf *artifact, stage_result *out, err *e)
{
    if (job->rq->n_parents) return join_shards(job, artifact, out, e);
    if (!keyword_data_asked(job->params)) return build_series(job, artifact, out, e);
    return keyword_data_build(job->params, job->rq->input, job->a, artifact, &out->detail, e);
}

status stage_check_data(const char *data_params, const char *input, arena *a, buf *notes, err *e)
{
    arena_mark_t mark = arena_mark(a);
    node *params;
    series table;
    status s = node_read_json(a, data_params, strlen(data_params), &params, e);
    if (s == OK && *input && !keyword_data_asked(params)) {
        s = series_build(params, input, a, &table, e);
        if (s == OK) series_put_notes(&table, input, notes);
        if (s == OK) s = buf_check(notes, e);
    }
    arena_release(a, mark);
    return s;
}

status stage_open_examples(const stage_job *job, int i, stage_examples *out, err *e)
{
    *out = (stage_examples){0};
    TRY(stage_open_parent(job, i, STAGE_DATA, &out->map, e));
    const char *bytes = out->map.bytes;
    size_t n = out->map.n;
    if (n >= 8 && memcmp(bytes, "ptclips1", 8) == 0) {
        TRY(stage_distrust(clip_set_read(&out->clips, bytes, n, "the data", e), e));
        clip_set_examples(&out->clips, &out->ex);
    } else {
        TRY(stage_distrust(series_open(bytes, n, &out->series, e), e));
        series_examples(&out->series, &out->ex);
    }
    return OK;
}

void stage_close_examples(stage_examples *x)
{
    file_unmap(&x->map);
}

/* data: an outside file or a generator -> a series with its split and statistics. */
#include "engine/data/series.h"
#include "engine/stage_kinds.h"

status stage_build_data(const stage_job *job, buf *artifact, stage_result *out, err *e)
{
    series s = {0};
    TRY(series_build(job->params, job->rq->input, job->a, &s, e));
    series_detail(&s, &out->detail);
    series_save(&s, artifact);
    return OK;
}

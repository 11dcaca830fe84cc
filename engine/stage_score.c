/* score: the exported file, run by our interpreter over the validation and the test part. Forecasts
 * are here, words in stage_score_words.c.
 *
 * Errors are averaged the course's way: the mean over each batch (its windows and steps), then the mean
 * of those with equal weight, so that a last, smaller batch counts as much as the others. The detail
 * holds the error of each forecast step. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/stage_score.h"
#include "engine/nn/loss.h"

enum { MAX_OUTPUTS = MAE_MAX_OUTPUTS, MAX_STEPS = 64 };

typedef struct {
    mae_meter mae;
    double step[MAX_OUTPUTS][MAX_STEPS];
    double mse;
} part_errors;

typedef struct {
    const examples *ex;
    stage_model model;
    float *x, *y;
    int batch;
} scorer;

static void add_example(scorer *s, part p, int i, part_errors *r)
{
    int outputs = s->ex->n_outputs, steps = s->ex->out.dim[0];
    s->ex->fetch(s->ex, p, i, 1, s->x, s->y);
    const float *forecast = stage_model_run(&s->model, s->x);
    mae_add(&r->mae, forecast, s->y, steps);
    for (int t = 0; t < steps; t++) {
        for (int o = 0; o < outputs; o++) {
            double d = (double)forecast[t * outputs + o] - (double)s->y[t * outputs + o];
            r->step[o][t] += fabs(d);
            r->mse += d * d;
        }
    }
}

static status score_part(scorer *s, part p, part_errors *r, err *e)
{
    int n = s->ex->n[p], outputs = s->ex->n_outputs, steps = s->ex->out.dim[0];
    *r = (part_errors){0};
    mae_start(&r->mae, outputs);
    for (int first = 0; first < n; first += s->batch) {
        int count = n - first < s->batch ? n - first : s->batch;
        for (int i = 0; i < count; i++) add_example(s, p, first + i, r);
        mae_end_batch(&r->mae);
    }
    for (int o = 0; o < outputs; o++) {
        for (int t = 0; t < steps; t++) r->step[o][t] /= n;
        if (!isfinite(mae_get(&r->mae, o)))
            return FAIL(e, ERR_NUM, "the forecasts of %s are not finite", s->ex->output_name[o]);
    }
    r->mse /= (double)n * steps * outputs;
    return OK;
}

static void put_part(const scorer *s, const char *suffix, const part_errors *r, stage_result *out)
{
    char name[32];
    for (int o = 0; o < s->ex->n_outputs; o++) {
        snprintf(name, sizeof name, "%s_mae%s", s->ex->output_name[o], suffix);
        stage_put_metric(out, name, mae_get(&r->mae, o));
    }
    snprintf(name, sizeof name, "mse%s", suffix);
    stage_put_metric(out, name, r->mse);
}

static void put_steps(buf *b, const scorer *s, const char *part_name, const part_errors *r)
{
    buf_printf(b, "\"%s\":{", part_name);
    for (int o = 0; o < s->ex->n_outputs; o++) {
        if (o) buf_char(b, ',');
        buf_json_string(b, s->ex->output_name[o]);
        buf_text(b, ":[");
        for (int t = 0; t < s->ex->out.dim[0]; t++) {
            if (t) buf_char(b, ',');
            buf_number(b, r->step[o][t]);
        }
        buf_char(b, ']');
    }
    buf_char(b, '}');
}

static status score_forecasts(const stage_job *job, scorer *s, stage_result *out, err *e)
{
    const examples *ex = s->ex;
    if (ex->n_outputs > MAX_OUTPUTS || ex->out.rank < 1 || ex->out.dim[0] > MAX_STEPS)
        return FAIL(e, ERR_INPUT, "at most %d outputs and %d steps can be scored", MAX_OUTPUTS,
                    MAX_STEPS);
    s->x = ARENA_NEW(job->a, float, shape_size(ex->in));
    s->y = ARENA_NEW(job->a, float, shape_size(ex->out));
    if (!s->x || !s->y) return FAIL(e, ERR_MEM, "out of memory");
    part_errors val, test;
    TRY(score_part(s, PART_VAL, &val, e));
    TRY(score_part(s, PART_TEST, &test, e));
    put_part(s, "", &val, out);
    put_part(s, "_test", &test, out);
    buf_text(&out->detail, "{\"mae_by_step\":{");
    put_steps(&out->detail, s, "val", &val);
    buf_char(&out->detail, ',');
    put_steps(&out->detail, s, "test", &test);
    buf_text(&out->detail, "}}");
    return OK;
}

status stage_score_model(const stage_job *job, const file_map *file, interpreter *it,
                         const stage_dialect *dialect, const stage_examples *data,
                         stage_result *out, err *e)
{
    scorer s = {.ex = &data->ex};
    TRY(node_int(job->params, "batch", 1, 65536, &s.batch, e));
    TRY(stage_model_open(it, s.ex, dialect, job->a, &s.model, e));
    if (s.ex->n_classes > 0) return stage_score_words(job, file, &s.model, data, out, e);
    return score_forecasts(job, &s, out, e);
}

static status score(const stage_job *job, const file_map *model, const stage_examples *data,
                    stage_result *out, err *e)
{
    interpreter *it;
    TRY(stage_distrust(interpreter_open(job->a, model->bytes, model->n, &it, e), e));
    return stage_score_model(job, model, it, NULL, data, out, e);
}

status stage_build_score(const stage_job *job, buf *artifact, stage_result *out, err *e)
{
    file_map model = {0};
    stage_examples data = {0};
    status s = stage_open_parent(job, 0, STAGE_EXPORT, &model, e);
    if (s == OK) s = stage_open_examples(job, 1, &data, e);
    if (s == OK) s = score(job, &model, &data, out, e);
    if (s == OK) buf_put(artifact, out->detail.data, out->detail.len);
    file_unmap(&model);
    stage_close_examples(&data);
    return s;
}

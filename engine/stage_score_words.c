/* score, for words: each clip's class is the largest output (the first of equals). The detail holds a
 * confusion matrix of each part, a row for each word spoken, a column for each word heard.
 *
 * A file may end in probabilities or in logits; the cross-entropy is that of its probabilities either
 * way. A probability below 1e-7 counts as that, as in Keras. */
#include <math.h>
#include <string.h>

#include "engine/stage_score.h"
#include "engine/tflite/tfl_reader.h"

typedef struct {
    const examples *ex;
    const stage_model *model;
    bool softmax; /* the file ends in probabilities */
} listener;

typedef struct {
    int *confusion; /* [n_classes, n_classes] */
    int right;
    double loss; /* sum */
} part_result;

static status ends_in_softmax(const file_map *model, arena *a, bool *out, err *e)
{
    tfl_graph g;
    TRY(tfl_read(a, model->bytes, model->n, &g, e));
    int last = g.n_ops - 1;
    while (last > 0 && (g.op[last].code == OP_DEQUANTIZE || g.op[last].code == OP_QUANTIZE)) last--;
    *out = last >= 0 && g.op[last].code == OP_SOFTMAX;
    return OK;
}

static int largest(const float *y, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (y[i] > y[best]) best = i;
    return best;
}

/* -log p[label], with p the softmax of y or y itself. */
static double cross_entropy(const float *y, int n, int label, bool softmax)
{
    if (softmax) return -log(fmax((double)y[label], 1e-7));
    const double most = (double)y[largest(y, n)];
    double sum = 0;
    for (int i = 0; i < n; i++) sum += exp((double)y[i] - most);
    return log(sum) - ((double)y[label] - most);
}

static bool all_finite(const float *y, int n)
{
    for (int i = 0; i < n; i++)
        if (!isfinite(y[i])) return false;
    return true;
}

static status listen(const listener *l, part p, arena *a, part_result *r, err *e)
{
    const examples *ex = l->ex;
    int n = ex->n_classes;
    float label;
    float *x = ARENA_NEW(a, float, l->model->n_in);
    *r = (part_result){.confusion = ARENA_NEW(a, int, n *n)};
    if (!r->confusion || !x) return FAIL(e, ERR_MEM, "out of memory");
    for (int i = 0; i < ex->n[p]; i++) {
        ex->fetch(ex, p, i, 1, x, &label);
        const float *y = stage_model_run(l->model, x);
        if (!all_finite(y, n))
            return FAIL(e, ERR_NUM, "the model's answer to clip %d is not finite", i);
        int spoken = (int)label, heard = largest(y, n);
        r->confusion[spoken * n + heard]++;
        r->right += spoken == heard;
        r->loss += cross_entropy(y, n, spoken, l->softmax);
    }
    return OK;
}

static void put_confusion(buf *b, const char *name, const part_result *r, int n)
{
    buf_printf(b, "\"%s\":[", name);
    for (int i = 0; i < n * n; i++)
        buf_printf(b, "%s%d%s", i % n == 0 ? (i ? ",[" : "[") : ",", r->confusion[i],
                   i % n == n - 1 ? "]" : "");
    buf_char(b, ']');
}

static void put_words(buf *b, const clip_set *s)
{
    buf_text(b, "{\"words\":[");
    for (int w = 0; w < s->n_words; w++) {
        if (w) buf_char(b, ',');
        buf_json_string(b, clip_set_word(s, w));
    }
    buf_char(b, ']');
}

status stage_score_words(const stage_job *job, const file_map *file, const stage_model *model,
                         const stage_examples *data, stage_result *out, err *e)
{
    listener l = {.ex = &data->ex, .model = model};
    const int *n = l.ex->n;
    part_result val, test;
    if (n[PART_VAL] < 1 || n[PART_TEST] < 1)
        return FAIL(e, ERR_INPUT, "there is no clip to score a model on");
    TRY(ends_in_softmax(file, job->a, &l.softmax, e));
    TRY(listen(&l, PART_VAL, job->a, &val, e));
    TRY(listen(&l, PART_TEST, job->a, &test, e));
    stage_put_metric(out, "accuracy", 100.0 * val.right / n[PART_VAL]);
    stage_put_metric(out, "loss", val.loss / n[PART_VAL]);
    stage_put_metric(out, "accuracy_test", 100.0 * test.right / n[PART_TEST]);
    stage_put_metric(out, "loss_test", test.loss / n[PART_TEST]);
    put_words(&out->detail, &data->clips);
    buf_text(&out->detail, ",\"confusion\":{");
    put_confusion(&out->detail, "val", &val, l.ex->n_classes);
    buf_char(&out->detail, ',');
    put_confusion(&out->detail, "test", &test, l.ex->n_classes);
    buf_text(&out->detail, "}}");
    return OK;
}

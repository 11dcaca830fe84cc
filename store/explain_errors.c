/* Where the errors of a trial are: words, steps of a forecast, and its training. */
#include "store/explain.h"
#include "store/ask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_PARTS = 2, WIDEST_MATRIX = 12 };
static const char *const parts[N_PARTS] = {"val", "test"};
static const char *const part_names[N_PARTS] = {"validation", "test"};

static bool is_list(const node *n, int least)
{
    return n && n->kind == NODE_LIST && n->n >= least;
}

/* --- words --- */

typedef struct {
    int n;
    const char **word;
    double *count[N_PARTS]; /* n x n, spoken by heard */
} confusion;

static status take_matrix(const node *rows, int n, arena *a, double **out, err *e)
{
    *out = ARENA_NEW(a, double, (size_t)n *(size_t)n + 1);
    if (!*out) return FAIL(e, ERR_MEM, "no memory for a confusion matrix");
    for (int i = 0; i < n; i++) {
        if (!is_list(rows->item[i], n))
            return FAIL(e, ERR_INPUT, "the score's confusion matrix is not square");
        for (int j = 0; j < n; j++) (*out)[i * n + j] = rows->item[i]->item[j]->number;
    }
    return OK;
}

static status read_confusion(const explained *x, confusion *out, err *e)
{
    const explained_stage *g = explain_stage(x, "score");
    const node *words = g && g->detail ? node_get(g->detail, "words") : NULL;
    const node *both = words ? node_get(g->detail, "confusion") : NULL;
    *out = (confusion){0};
    if (!is_list(words, 1) || !both) return OK;
    out->word = ARENA_NEW(x->a, const char *, words->n);
    if (!out->word) return FAIL(e, ERR_MEM, "no memory for a confusion matrix");
    for (int p = 0; p < N_PARTS; p++) {
        const node *rows = node_get(both, parts[p]);
        if (!is_list(rows, words->n))
            return FAIL(e, ERR_INPUT, "the score's confusion matrix is not square");
        TRY(take_matrix(rows, words->n, x->a, &out->count[p], e));
    }
    for (int i = 0; i < words->n; i++) out->word[i] = words->item[i]->text;
    out->n = words->n;
    return OK;
}

typedef struct {
    int word, heard; /* heard: most often instead; -1: never another */
    double clips[N_PARTS], right[N_PARTS], n_heard;
} class_note;

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : (double)NAN;
}

static class_note take_class(const confusion *c, int word)
{
    class_note k = {.word = word, .heard = -1};
    for (int p = 0; p < N_PARTS; p++) {
        for (int j = 0; j < c->n; j++) k.clips[p] += c->count[p][word * c->n + j];
        k.right[p] = c->count[p][word * c->n + word];
    }
    for (int j = 0; j < c->n; j++) {
        double n = c->count[0][word * c->n + j];
        if (j == word || !(n > k.n_heard)) continue;
        k.heard = j;
        k.n_heard = n;
    }
    return k;
}

static int by_share(const void *p, const void *q)
{
    const class_note *a = p, *b = q;
    double x = share(a->right[0], a->clips[0]), y = share(b->right[0], b->clips[0]);
    return (x > y) - (x < y);
}

static cell share_cell(double part, double whole, arena *a)
{
    double s = share(part, whole);
    return isnan(s) ? (cell){.kind = CELL_NONE}
                    : cell_shown(100 * s, arena_printf(a, "%.1f %%", 100 * s));
}

static status put_classes(const confusion *c, const class_note *k, answer *w, err *e)
{
    static const char *const names[] = {"word",       "clips",           "found", "test_clips",
                                        "test_found", "mostly_heard_as", "times"};
    table *t;
    TRY(answer_add(w, "classes", "Words, the worst first (validation and test clips, share found):",
                   ANSWER_BOTH, 7, &t, e));
    for (int i = 0; i < 7; i++) table_column(t, i, names[i], NULL);
    for (int i = 0; i < c->n; i++) {
        cell *r = table_row(t);
        if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
        r[0] = cell_text(c->word[k[i].word]);
        r[1] = cell_number(k[i].clips[0]);
        r[2] = share_cell(k[i].right[0], k[i].clips[0], w->a);
        r[3] = cell_number(k[i].clips[1]);
        r[4] = share_cell(k[i].right[1], k[i].clips[1], w->a);
        if (k[i].heard < 0) continue;
        r[5] = cell_text(c->word[k[i].heard]);
        r[6] = cell_number(k[i].n_heard);
    }
    return OK;
}

static status put_pairs(const confusion *c, answer *w, err *e)
{
    static const char *const names[] = {"part", "spoken", "heard", "clips"};
    table *t;
    TRY(answer_add(w, "confusion", NULL, ANSWER_PROGRAMS, 4, &t, e));
    for (int i = 0; i < 4; i++) table_column(t, i, names[i], NULL);
    for (int p = 0; p < N_PARTS; p++)
        for (int i = 0; i < c->n * c->n; i++) {
            cell *r = table_row(t);
            if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
            r[0] = cell_text(part_names[p]);
            r[1] = cell_text(c->word[i / c->n]);
            r[2] = cell_text(c->word[i % c->n]);
            r[3] = cell_number(c->count[p][i]);
        }
    return OK;
}

/* A matrix that 80 columns hold: words heard are cut to five letters. */
static status put_matrix(const confusion *c, answer *w, err *e)
{
    table *t;
    if (c->n > WIDEST_MATRIX) return OK;
    TRY(answer_add(w, "matrix",
                   "Validation clips: a row for each word spoken, a column for each heard:",
                   ANSWER_PEOPLE, c->n + 1, &t, e));
    table_column(t, 0, "spoken", NULL);
    for (int j = 0; j < c->n; j++)
        table_column(t, j + 1, arena_printf(w->a, "%.5s", c->word[j]), NULL);
    for (int i = 0; i < c->n; i++) {
        cell *r = table_row(t);
        if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
        r[0] = cell_text(c->word[i]);
        for (int j = 0; j < c->n; j++)
            r[j + 1] =
                cell_shown(c->count[0][i * c->n + j], c->count[0][i * c->n + j] > 0 ? NULL : ".");
    }
    return OK;
}

static void tell_words(const explained *x, const confusion *c, const class_note *k, answer *w)
{
    double wrong = 0, worst = 0;
    for (int i = 0; i < c->n; i++) wrong += k[i].clips[0] - k[i].right[0];
    int n = c->n < 2 ? c->n : 2;
    for (int i = 0; i < n; i++) worst += k[i].clips[0] - k[i].right[0];
    answer_say(w, "Accuracy: %s on validation clips, %s on test clips.",
               answer_figure(explain_figure(x, "accuracy"), "%", w->a),
               answer_figure(explain_figure(x, "accuracy_test"), "%", w->a));
    if (wrong > 0 && n == 2)
        answer_say(w, "The words '%s' and '%s' make %.0f %% of the mistakes on validation clips.",
                   c->word[k[0].word], c->word[k[1].word], 100 * worst / wrong);
}

status explain_words(const explained *x, answer *w, err *e)
{
    confusion c;
    TRY(read_confusion(x, &c, e));
    if (c.n == 0) return OK;
    class_note *k = ARENA_NEW(x->a, class_note, c.n);
    if (!k) return FAIL(e, ERR_MEM, "no memory for an answer");
    for (int i = 0; i < c.n; i++) k[i] = take_class(&c, i);
    qsort(k, (size_t)c.n, sizeof *k, by_share);
    tell_words(x, &c, k, w);
    TRY(put_classes(&c, k, w, e));
    TRY(put_matrix(&c, w, e));
    return put_pairs(&c, w, e);
}

/* --- forecasts --- */

static status put_output(const node *by_part[N_PARTS], int output, answer *w, table *t, err *e)
{
    const char *name = by_part[0]->key[output]->text;
    const node *val = by_part[0]->item[output], *test = node_get(by_part[1], name);
    for (int i = 0; is_list(val, 1) && i < val->n; i++) {
        cell *r = table_row(t);
        if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
        r[0] = cell_text(name);
        r[1] = cell_number(i + 1);
        r[2] = cell_shown(val->item[i]->number, arena_printf(w->a, "%.3f", val->item[i]->number));
        if (is_list(test, i + 1))
            r[3] = cell_shown(test->item[i]->number,
                              arena_printf(w->a, "%.3f", test->item[i]->number));
    }
    if (is_list(val, 2) && val->item[0]->number > 0)
        answer_say(w, "%s: the error of step %d is %.1f times that of step 1 (validation part).",
                   name, val->n, val->item[val->n - 1]->number / val->item[0]->number);
    return OK;
}

status explain_forecast(const explained *x, answer *w, err *e)
{
    static const char *const names[] = {"output", "step", "validation", "test"};
    const explained_stage *g = explain_stage(x, "score");
    const node *both = g && g->detail ? node_get(g->detail, "mae_by_step") : NULL;
    table *t;
    const node *by_part[N_PARTS] = {node_get(both, "val"), node_get(both, "test")};
    if (!both || !by_part[0] || !by_part[1] || by_part[0]->kind != NODE_MAP) return OK;
    TRY(answer_add(w, "steps", "Mean absolute error by step ahead:", ANSWER_BOTH, 4, &t, e));
    for (int k = 0; k < 4; k++) table_column(t, k, names[k], NULL);
    for (int o = 0; o < by_part[0]->n; o++) TRY(put_output(by_part, o, w, t, e));
    return OK;
}

/* --- the training --- */

typedef struct {
    int stage, epoch;
    double train_loss, val_loss, rate, accuracy; /* accuracy in %, NaN: none */
} epoch_note;

static double item(const node *row, int i)
{
    return row->kind == NODE_LIST && row->n > i && row->item[i]->kind == NODE_NUMBER
               ? row->item[i]->number
               : (double)NAN;
}

/* A stage that continues another holds its whole curve; one that begins anew from its weights (fine-tuning) says how many
 * epochs went before. */
static int take_curve(const explained_stage *g, int stage, epoch_note *out, int n)
{
    const node *curve = g->detail ? node_get(g->detail, "curve") : NULL;
    const node *earlier = g->detail ? node_get(g->detail, "earlier_epochs") : NULL;
    int first = earlier && earlier->number >= 0 && earlier->number <= n ? (int)earlier->number : 0;
    if (!is_list(curve, 1)) return n;
    for (int i = 0; i < curve->n; i++)
        out[first + i] = (epoch_note){stage,
                                      first + i + 1,
                                      item(curve->item[i], 0),
                                      item(curve->item[i], 1),
                                      item(curve->item[i], 2),
                                      100 * item(curve->item[i], 3)};
    return first + curve->n;
}

static status read_curve(const explained *x, epoch_note **out, int *n, err *e)
{
    size_t most = 1;
    for (int i = 0; i < x->n_stages; i++) {
        const node *curve = x->stage[i].detail ? node_get(x->stage[i].detail, "curve") : NULL;
        most += curve && curve->kind == NODE_LIST ? (size_t)curve->n : 0;
    }
    *n = 0;
    *out = ARENA_NEW(x->a, epoch_note, most);
    if (!*out) return FAIL(e, ERR_MEM, "no memory for a learning curve");
    for (int i = 0; i < x->n_stages; i++)
        if (strcmp(x->stage[i].kind, "train") == 0) *n = take_curve(&x->stage[i], i, *out, *n);
    return OK;
}

static status put_curve(const epoch_note *c, int n, answer *w, err *e)
{
    static const char *const names[] = {"epoch",    "stage",        "train_loss",
                                        "val_loss", "val_accuracy", "learning_rate"};
    table *t;
    TRY(answer_add(w, "curve", NULL, ANSWER_PROGRAMS, 6, &t, e));
    for (int k = 0; k < 6; k++) table_column(t, k, names[k], NULL);
    for (int i = 0; i < n; i++) {
        cell *r = table_row(t);
        if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
        r[0] = cell_number(c[i].epoch);
        r[1] = cell_number(c[i].stage);
        r[2] = cell_number(c[i].train_loss);
        r[3] = cell_number(c[i].val_loss);
        r[4] = cell_number(c[i].accuracy);
        r[5] = cell_number(c[i].rate);
    }
    return OK;
}

/* The validation loss in blocks of eight heights, from its least to its greatest by their logarithms. */
static const char *sketch(const epoch_note *c, int n, arena *a)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    enum { MOST = 60 };
    double low = (double)INFINITY, high = 0;
    const char *text = "";
    int columns = n < MOST ? n : MOST;
    for (int i = 0; i < n; i++) {
        if (!(c[i].val_loss > 0) || !isfinite(c[i].val_loss)) continue;
        low = fmin(low, c[i].val_loss);
        high = fmax(high, c[i].val_loss);
    }
    for (int k = 0; text && k < columns; k++) {
        double v = c[k * (n - 1) / (columns > 1 ? columns - 1 : 1)].val_loss;
        double at = high > low ? log(v / low) / log(high / low) : 0;
        text =
            arena_printf(a, "%s%s", text, at >= 0 && at <= 1 ? blocks[(int)lround(7 * at)] : " ");
    }
    return text;
}

/* How many of the last epochs tell whether it was still learning, and by how much the loss must have fallen in them. */
enum { LAST_PART = 5 };
static const double STILL_LEARNING = 0.01;

static double least_loss(const epoch_note *c, int from, int to)
{
    double least = (double)INFINITY;
    for (int i = from; i < to; i++) least = fmin(least, c[i].val_loss);
    return least;
}

/* Of classifiers: the best share of right answers, which "keep: best" would have kept. */
static void tell_accuracy(const epoch_note *c, int n, answer *w)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (c[i].accuracy > c[best].accuracy) best = i;
    answer_say(w, "Its validation accuracy was best in epoch %d, %.2f %%, and %.2f %% at the end.",
               c[best].epoch, c[best].accuracy, c[n - 1].accuracy);
}

static void tell_end(const epoch_note *c, int n, double least, answer *w)
{
    int last = n / LAST_PART;
    if (last < 1) return;
    double before = least_loss(c, 0, n - last), late = least_loss(c, n - last, n);
    if (late < before * (1 - STILL_LEARNING))
        answer_say(w, "The last %d epochs still lowered the loss by %.1f %%: more epochs may help.",
                   last, 100 * (1 - late / before));
    else if (isnan(c[0].accuracy) && c[n - 1].val_loss > 1.1 * least)
        answer_say(w,
                   "It ended %.0f %% above its least: fewer epochs, a lower learning rate or "
                   "train.keep best may help.",
                   100 * (c[n - 1].val_loss / least - 1));
}

static void tell_curve(const epoch_note *c, int n, answer *w)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (c[i].val_loss < c[best].val_loss) best = i;
    answer_say(w,
               "Training: %d epochs; validation loss from %.4g to %.4g, least %.4g in epoch %d; "
               "training loss at the end %.4g.",
               n, c[0].val_loss, c[n - 1].val_loss, c[best].val_loss, c[best].epoch,
               c[n - 1].train_loss);
    answer_note(w, sketch(c, n, w->a));
    if (!isnan(c[0].accuracy)) tell_accuracy(c, n, w);
    tell_end(c, n, c[best].val_loss, w);
}

status explain_curve(const explained *x, answer *w, err *e)
{
    epoch_note *c;
    int n;
    TRY(read_curve(x, &c, &n, e));
    if (n > 0) tell_curve(c, n, w);
    return put_curve(c, n, w, e);
}

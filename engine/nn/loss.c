#include "engine/nn/loss.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

enum { LANES = 8 }; /* chains of additions: what the compiler may put in one vector */

static float value(loss_kind kind, float d)
{
    float size = fabsf(d);
    if (kind == LOSS_MSE) return d * d;
    if (kind == LOSS_MAE) return size;
    return size <= 1 ? 0.5f * d * d : size - 0.5f;
}

static float slope(loss_kind kind, float d)
{
    if (kind == LOSS_MSE) return 2 * d;
    if (kind == LOSS_HUBER && fabsf(d) <= 1) return d;
    return d > 0 ? 1.0f : d < 0 ? -1.0f : d; /* d: 0 or NaN */
}

/* `kind` is a constant wherever this is inlined. */
static inline __attribute__((always_inline)) double
sum_of(loss_kind kind, const float *predicted, const float *wanted, int n, float *gradient)
{
    const float share = 1.0f / (float)n;
    double lane[LANES] = {0};
    for (int i = 0; i < n; i += LANES) {
        int m = n - i < LANES ? n - i : LANES;
        for (int l = 0; l < m; l++) {
            float d = predicted[i + l] - wanted[i + l];
            lane[l] += (double)value(kind, d);
            if (gradient) gradient[i + l] = slope(kind, d) * share;
        }
    }
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

double loss_sum(loss_kind kind, const float *predicted, const float *wanted, int n, float *gradient)
{
    switch (kind) {
    case LOSS_MSE:
        return sum_of(LOSS_MSE, predicted, wanted, n, gradient);
    case LOSS_MAE:
        return sum_of(LOSS_MAE, predicted, wanted, n, gradient);
    default:
        return sum_of(LOSS_HUBER, predicted, wanted, n, gradient);
    }
}

/* log(sum exp(x)) with the largest taken out, so that nothing overflows. */
static double log_sum_exp(const float *x, int n, double most)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += exp((double)x[i] - most);
    return most + log(sum);
}

static int first_largest(const float *x, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

/* One example; `share` is what its gradient is divided by. */
static double class_loss(const float *x, int classes, int label, double smoothing, int share,
                         float *gradient)
{
    double total = log_sum_exp(x, classes, (double)x[first_largest(x, classes)]), loss = 0;
    for (int c = 0; c < classes; c++) {
        double log_p = (double)x[c] - total;
        double t = (c == label ? 1 - smoothing : 0) + smoothing / classes;
        if (t > 0) loss -= t * log_p;
        if (gradient) gradient[c] = (float)((exp(log_p) - t) / share);
    }
    return loss;
}

double loss_classes(const float *logits, const float *label, int n, int classes, double smoothing,
                    float *gradient, int *right)
{
    double sum = 0;
    if (right) *right = 0;
    for (int i = 0; i < n; i++) {
        const float *x = logits + (ptrdiff_t)i * classes;
        float *g = gradient ? gradient + (ptrdiff_t)i * classes : NULL;
        if (!(label[i] >= 0 && label[i] < (float)classes)) {
            if (g) memset(g, 0, (size_t)classes * sizeof *g);
            sum += HUGE_VAL;
            continue;
        }
        sum += class_loss(x, classes, (int)label[i], smoothing, n, g);
        if (right) *right += first_largest(x, classes) == (int)label[i];
    }
    return sum;
}

void mae_start(mae_meter *m, int n_outputs)
{
    assert(n_outputs >= 1 && n_outputs <= MAE_MAX_OUTPUTS);
    *m = (mae_meter){.n_outputs = n_outputs};
}

void mae_add(mae_meter *m, const float *predicted, const float *wanted, int rows)
{
    for (int r = 0; r < rows; r++)
        for (int o = 0; o < m->n_outputs; o++) {
            ptrdiff_t at = (ptrdiff_t)r * m->n_outputs + o;
            m->batch[o] += fabs((double)predicted[at] - (double)wanted[at]);
        }
    m->n_rows += rows;
}

void mae_end_batch(mae_meter *m)
{
    assert(m->n_rows > 0);
    for (int o = 0; o < m->n_outputs; o++) {
        m->sum[o] += m->batch[o] / m->n_rows;
        m->batch[o] = 0;
    }
    m->n_rows = 0;
    m->n_batches++;
}

double mae_get(const mae_meter *m, int output)
{
    return m->n_batches ? m->sum[output] / m->n_batches : (double)NAN;
}

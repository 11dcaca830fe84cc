/* What training minimises, and the error that homeworks count.
 *
 * A loss is the mean over examples, time steps and outputs of a function of d = prediction - label:
 *   mse d^2;  mae |d|;  huber d^2/2 up to |d| = 1, |d| - 1/2 beyond (Keras's delta of 1).
 * Sums are in double. */
#ifndef PARETUNE_ENGINE_NN_LOSS_H
#define PARETUNE_ENGINE_NN_LOSS_H

typedef enum { LOSS_MSE, LOSS_MAE, LOSS_HUBER, N_LOSSES } loss_kind;

/* The sum over n numbers: divide by the count for the loss. When `gradient` is not NULL it receives
 * the derivatives of the mean over these n numbers. */
double loss_sum(loss_kind kind, const float *predicted, const float *wanted, int n,
                float *gradient);

/* Mean absolute error per output, the course's way: a mean over (batch, time) for each batch, then
 * a mean over batches with equal weight, so the last, smaller batch counts as much as any other. */
enum { MAE_MAX_OUTPUTS = 8 };
typedef struct {
    int n_outputs, n_batches, n_rows; /* rows: of the batch not yet ended */
    double batch[MAE_MAX_OUTPUTS], sum[MAE_MAX_OUTPUTS];
} mae_meter;

void mae_start(mae_meter *m, int n_outputs);
/* Of the present batch `rows` = examples * time steps more; predicted[rows, n_outputs]. */
void mae_add(mae_meter *m, const float *predicted, const float *wanted, int rows);
void mae_end_batch(mae_meter *m); /* after one row at least */
double mae_get(const mae_meter *m, int output); /* NaN before the first batch's end */

#endif

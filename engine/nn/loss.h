/* What training minimises, and the error that homeworks count.
 *
 * A loss is the mean over examples, time steps and outputs of a function of d = prediction - label:
 *   mse d^2;  mae |d|;  huber d^2/2 up to |d| = 1, |d| - 1/2 beyond (Keras's delta of 1).
 *   cross-entropy, for labels that are class numbers: the mean over examples of -sum_c t_c log p_c
 *   with p = softmax(logits) and t = 1 - s + s / C for the label's class, s / C for the others, s
 *   being the label smoothing (Keras's SparseCategoricalCrossentropy where s = 0).
 * Sums are in double. */
#ifndef PARETUNE_ENGINE_NN_LOSS_H
#define PARETUNE_ENGINE_NN_LOSS_H

typedef enum { LOSS_MSE, LOSS_MAE, LOSS_HUBER, LOSS_CROSS_ENTROPY, N_LOSSES } loss_kind;

/* Not for cross-entropy: the sum over n numbers: divide by the count for the loss. When `gradient`
 * is not NULL it receives the derivatives of the mean over these n numbers. */
double loss_sum(loss_kind kind, const float *predicted, const float *wanted, int n,
                float *gradient);

/* Cross-entropy's sum over n examples, logits[n,classes], and in *right (unless NULL) how many have
 * their largest logit (the first of equal ones) at the label's class. `gradient` as above; rows
 * whose label is no class number below `classes` count as an infinite loss with no gradient. */
double loss_classes(const float *logits, const float *label, int n, int classes, double smoothing,
                    float *gradient, int *right);

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
void mae_end_batch(mae_meter *m);               /* after one row at least */
double mae_get(const mae_meter *m, int output); /* NaN before the first batch's end */

#endif

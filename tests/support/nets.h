/* Networks and examples for tests. */
#ifndef PARETUNE_TESTS_SUPPORT_NETS_H
#define PARETUNE_TESTS_SUPPORT_NETS_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/data/examples.h"
#include "engine/nn/spec.h"
#include "engine/nn/train.h"

/* The specification in a JSON text. */
status net_from_text(const char *json, net_spec *out, err *e);

/* The lab's networks of input [6,2], `arch` being "mlp", "cnn-1d" or "lstm", widths times alpha
 * (truncated), output [steps,2]. The JSON text is in `a`. */
const char *lab_net(arena *a, const char *arch, double alpha, int steps);

/* The lab's networks for keywords: `arch` "mlp", "cnn" or "ds-cnn", `feature` "mfcc" [49,10,1],
 * "log-mel" [49,40,1] or "stft" [32,32,1], widths times alpha (truncated), 8 classes; the first
 * stride is (2,1) for mfcc, else (2,2). `edges` is the padding of the later convolutions: "valid"
 * as in the editions to 2022, "same" as later. The JSON text is in `a`. */
const char *keyword_net(arena *a, const char *arch, const char *feature, double alpha,
                        const char *edges);

/* A forecasting problem that a small network can learn: two channels, input [6,2], output
 * [steps,2], labels smooth functions of the input in physical-looking units. Every example is a
 * function of its part and number. */
void toy_examples(examples *ex, int n_train, int n_val, int steps);

/* A train stage's configuration for that problem: adam, mse, constant rate 0.001, batch 32. */
train_config toy_config(const char *net_json);

#endif

/* What a layer kind is: one row of a table and one file, layer_<kind>.c.
 *
 * A row says which parameters the kind takes (so that the JSON reader, the checks of a space file
 * and the documentation agree), which tensors it trains and how much memory a pass needs (`plan`),
 * and how to run (`forward`, `backward`). A network is a list of rows with numbers: net.c does the
 * rest. A new kind is its file, its line in LAYER_KINDS and its word in `layer_kind` (spec.h). */
#ifndef PARETUNE_ENGINE_NN_LAYER_H
#define PARETUNE_ENGINE_NN_LAYER_H

#include "engine/base/err.h"
#include "engine/base/param.h"
#include "engine/base/rng.h"
#include "engine/base/shape.h"
#include "engine/nn/kernel.h"
#include "engine/nn/spec.h"

#include <stdbool.h>
#include <stddef.h>

enum { LAYER_MAX_TENSORS = 4, LAYER_MAX_PARAMS = 8 };

/* Most elements of any tensor of one example and of any weight tensor; with it every index of a
 * pass over NET_MAX_BATCH examples fits an int. */
enum { LAYER_MAX_ELEMENTS = 1 << 26 };

typedef struct {
    tensor_role role;
    shape dims;
    int fan_in, fan_out; /* of Keras's glorot_uniform; biases 0 */
    float fill; /* no kernel: first value of the rows [fill_from, fill_to); others start at 0 */
    int fill_from, fill_to;
    bool never_pruned;
} tensor_plan;

/* Memory in floats for a pass over B examples: fixed + per_example * B. Of `saved` the two lie
 * apart, as layer_pass has them. */
typedef struct {
    long long fixed, per_example;
} room;

typedef struct {
    shape out;
    bool view; /* output and input are the same memory: flatten, reshape */
    int n_tensors;
    tensor_plan tensor[LAYER_MAX_TENSORS];
    double macs;  /* multiply-adds for one example */
    room saved;   /* written by forward, read by backward */
    room scratch; /* valid within one call; shared by all layers */
} layer_plan;

/* One call of forward or backward: over the whole batch, or over `B` of its examples. No two of the
 * pointers alias, except in views. */
typedef struct {
    const kernels *k;
    const layer_spec *spec;
    shape in, out;
    int B;
    const float *x;               /* [B, in] */
    float *y;                     /* [B, out] */
    float *w[LAYER_MAX_TENSORS];  /* the tensors, in the order of the plan */
    float *dw[LAYER_MAX_TENSORS]; /* their gradients: backward adds to them */
    float *dy;                    /* [B, out]: read and may be overwritten by backward */
    float *dx;                    /* [B, in]: written by backward; NULL when nobody wants it */
    float *saved;                 /* [B, saved.per_example] */
    float *fixed;                 /* saved.fixed; keeps its contents from call to call */
    float *scratch;     /* as large as planned for B; begins on a cache line, like fixed */
    const float *other; /* add: [B, in], what is added */
    float *d_other;     /* add: its gradient: written, or added to if `add_other` */
    bool add_other;
    bool training;     /* as training computes: batch statistics, dropout */
    int first;         /* the first example's place in the batch */
    fetch_list *fetch; /* what will be wanted after this call; NULL for nothing */
    rng random;        /* dropout: the stream of this layer and step */
} layer_pass;

typedef struct {
    /* Where in layer_spec each parameter of layer_<kind>_params lies: an int (for a choice its
     * place in the list), a bool or a shape, after the parameter's type. */
    size_t field[LAYER_MAX_PARAMS];
    /* Checks the layer against its input and fills `out` (zeroed beforehand). Sizes that do not fit
     * are refused by the caller. */
    status (*plan)(const layer_spec *s, shape in, layer_plan *out, err *e);
    void (*forward)(const layer_pass *p);
    void (*backward)(const layer_pass *p); /* behind a forward over the same B; NULL for views */

    /* The layer may be called for a few examples at a time, in order, so that what one layer wrote
     * is still in the cache when the next reads it. Others get the whole batch at once. */
    bool by_parts;
    /* Its forward costs so little that a part's output is made again for the backward pass of the
     * layer behind it rather than kept: for layers that observe. */
    bool cheap;
    bool ignores_x; /* backward does not read x */
    /* Its backward costs so little, reads but dy and changes nothing else than dx: dx is made again
     * for the stretch in front of it rather than kept. */
    bool cheap_back;
    /* With the whole batch, before its first part and behind its last. May be NULL. */
    void (*begin)(const layer_pass *p);
    void (*begin_back)(const layer_pass *p);
    void (*end_back)(const layer_pass *p);
    /* Of layers that must know the whole batch first, in training: `observe` sees the parts of x
     * (`observe_back`: of dy) as they are made; `settle` comes behind the last of them and before
     * the first forward (backward). NULL for all others. */
    void (*observe)(const layer_pass *p);
    void (*settle)(const layer_pass *p);
    void (*observe_back)(const layer_pass *p);
    void (*settle_back)(const layer_pass *p);
    /* Whether observe_back changes dy by what it reads from y: then both are kept for the whole
     * batch. NULL when it never does. */
    bool (*changes_dy)(const layer_spec *s);
} layer_ops;

/* X(enumerator, name in C, name in JSON, help) */
#define LAYER_KINDS(X)                                                                    \
    X(LAYER_DENSE, dense, "dense", "every output sees every input")                       \
    X(LAYER_CONV1D, conv1d, "conv1d", "a filter slides over time")                        \
    X(LAYER_LSTM, lstm, "lstm",                                                           \
      "long short-term memory over time; gives its last state. TensorFlow Lite keeps "    \
      "its state from one inference to the next: call ResetVariableTensors, from Python " \
      "reset_all_variables(), before each")                                               \
    X(LAYER_FLATTEN, flatten, "flatten", "one row of numbers from any shape")             \
    X(LAYER_RESHAPE, reshape, "reshape", "the same numbers in another shape")             \
    X(LAYER_ACTIVATION, activation, "activation", "a function of each number")            \
    X(LAYER_CONV2D, conv2d, "conv2d", "a filter slides over an image")                    \
    X(LAYER_DEPTHWISE_CONV2D, depthwise_conv2d, "depthwise-conv2d",                       \
      "a filter for each channel slides over an image")                                   \
    X(LAYER_BATCH_NORM, batch_norm, "batch-norm",                                         \
      "each channel to a trained mean and deviation over the batch")                      \
    X(LAYER_MAX_POOL2D, max_pool2d, "max-pool2d", "the largest number in each window")    \
    X(LAYER_AVERAGE_POOL2D, average_pool2d, "average-pool2d", "the mean of each window")  \
    X(LAYER_GLOBAL_AVERAGE_POOL2D, global_average_pool2d, "global-average-pool2d",        \
      "each channel's mean over the image")                                               \
    X(LAYER_GLOBAL_MAX_POOL2D, global_max_pool2d, "global-max-pool2d",                    \
      "each channel's largest number")                                                    \
    X(LAYER_DROPOUT, dropout, "dropout", "zeroes numbers at random while training")       \
    X(LAYER_SOFTMAX, softmax, "softmax", "numbers as probabilities")                      \
    X(LAYER_ADD, add, "add", "adds the output of an earlier layer")

#define LAYER_DECLARE(kind, name, word, help) \
    extern const layer_ops layer_##name;      \
    extern const param_row layer_##name##_params[];
LAYER_KINDS(LAYER_DECLARE)
#undef LAYER_DECLARE
extern const layer_ops layer_fake_quant;

#define LAYER_ACTIVATIONS "none|relu|tanh|sigmoid|relu6" /* in the order of `activation` */
#define LAYER_PARAM_ACTIVATION                                                                   \
    {                                                                                            \
        "activation", PARAM_CHOICE, 0, 0, LAYER_ACTIVATIONS, "none", "function behind the layer" \
    }
#define LAYER_PARAM_BIAS                                                 \
    {                                                                    \
        "bias", PARAM_BOOL, 0, 1, NULL, "true", "add a trained constant" \
    }

const layer_ops *layer_find(layer_kind kind);
/* The kinds with their parameters, in the order of `layer_kind`, ended by a row without a name. */
const layer_row *layer_table(void);

#endif

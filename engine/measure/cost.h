/* What a candidate costs, known before it is trained. */
#ifndef PARETUNE_ENGINE_MEASURE_COST_H
#define PARETUNE_ENGINE_MEASURE_COST_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/measure/device.h"
#include "engine/nn/spec.h"
#include "engine/tflite/writer.h"

typedef struct {
    int n_params, n_prunable; /* as trained: a batch norm counts four for each channel */
    double macs;
    int flat_bytes;      /* of the .tflite file, exact: its size does not depend on the weights */
    int converter_bytes; /* of the file that TensorFlow's converter would write, likewise */
    uint64_t file_id;    /* equal for options that write the same file whatever the weights */
    int arena_bytes;     /* activations that our interpreter holds at once */
    device_work work;    /* of one inference, for models of devices */
    int packed_floor;    /* bytes of the zlib stream that no training can undercut: a model */
} net_cost;

/* Folds the network, writes the file with zero weights and opens it in the interpreter: nothing is estimated but the
 * floor. It is the zlib size of that file plus the bytes of the kernel weights that pruning to
 * `final_sparsity`, the most zeros there can be, keeps, at bits below which trained weights are not expected to be coded (float32:
 * 22, their mantissas being noise; float16: 10; int8: 2). A filter that uses it may in principle be
 * wrong; one that uses the other figures cannot. */
status cost_of_net(const net_spec *net, const tflite_options *options, double final_sparsity,
                   arena *a, net_cost *out, err *e);

/* Predicted CPU seconds of one training step: three passes over the multiply-adds of a batch at the
 * rate of this machine's kernels, Adam over the parameters, and a fixed cost per layer. A rough
 * model for plans and for the first estimate of the time left; measured times replace it. */
double cost_of_step(const net_spec *net, const net_layout *layout, int batch);

#endif

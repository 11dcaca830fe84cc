/* Random small networks and a naive forward pass, for tests of everything that writes or runs them.
 */
#ifndef PARETUNE_TESTS_SUPPORT_RANDOM_NET_H
#define PARETUNE_TESTS_SUPPORT_RANDOM_NET_H

#include "engine/base/arena.h"
#include "engine/base/rng.h"
#include "engine/nn/spec.h"
#include "engine/tflite/writer.h"

/* One to five layers of all kinds on a short series; at most a few thousand weights. */
net_spec random_net(rng *r);
float *random_floats(rng *r, arena *a, int n, float deviation);

/* A random network with its batch norms folded, and its parameters, of this deviation before; for STORE_INT8 one that has an integer
 * form, with the parameters of its points in `options`. */
float *random_folded_net(rng *r, weight_storage storage, float deviation, arena *a, net_spec *net,
                         tflite_options *options);

/* The network's output for `x`, in double precision, with the weights and activations rounded as
 * `options` stores them. *tie tells how near to a rounding tie the worst quantized activation came,
 * in steps (0.5 when nothing was quantized): below 1e-3 two correct programs may differ by a step.
 */
const double *naive_forward(const net_spec *net, const float *params, const tflite_options *options,
                            const float *x, arena *a, int *n_out, double *tie);

/* Path of the real TensorFlow Lite library: PARETUNE_TFLITE_LIB, or where `make tflite-lib` puts
 * it; NULL, said aloud once, when it is not there. */
const char *real_library(void);

#endif

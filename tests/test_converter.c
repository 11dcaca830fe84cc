/* Files like TensorFlow's converter's, held against files that it made (PARETUNE_DATA/oracles): the
 * same network with the same weights must give nearly the same sizes. */
#include "engine/base/file.h"
#include "engine/tflite/interpreter.h"
#include "engine/tflite/pack.h"
#include "engine/tflite/tfl_reader.h"
#include "engine/tflite/writer.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DENSE(units, act) \
    "{\"kind\":\"dense\",\"units\":" #units ",\"activation\":\"" act "\",\"bias\":true}"
#define FLAT "{\"kind\":\"flatten\"}"
#define RESHAPE(rows) "{\"kind\":\"reshape\",\"to\":[" #rows ",2]}"
#define FORECAST "{\"input\":[6,2],\"layers\":["
#define CONV2D(filters, k, s, act)                                                           \
    "{\"kind\":\"conv2d\",\"filters\":" #filters ",\"kernel\":[" #k "," #k "],\"stride\":" s \
    ",\"padding\":\"valid\",\"activation\":\"" act "\",\"bias\":true}"
#define DEPTHWISE(act, pad)                                                               \
    "{\"kind\":\"depthwise-conv2d\",\"kernel\":[3,3],\"stride\":[1,1],\"padding\":\"" pad \
    "\",\"activation\":\"" act "\",\"bias\":true}"

/* `flat_off` and `zlib_off` bound the differences, in bytes. What is left: of 280f and 3675, made by the
 * versions that converter.h describes, shape signatures of an open batch and longer names; of the
 * others, made by older ones, names written twice and no signature (2ceb, 17d3, 5097, 20bf), or by a
 * newer one, conversion metadata and ranks (5b7c). */
typedef struct {
    const char *id, *net;
    tflite_options options;
    int flat_off, zlib_off;
} twin;

#define DYNAMIC                                                                     \
    {                                                                               \
        .storage = STORE_DYNAMIC, .dynamic_min_elements = 1024, .per_channel = true \
    }
#define FLOAT32                                                                     \
    {                                                                               \
        .storage = STORE_FLOAT32, .dynamic_min_elements = 1024, .per_channel = true \
    }

static const twin twins[] = {
    {"280f5d24d60a",
     FORECAST FLAT "," DENSE(32, "relu") "," DENSE(32, "relu") "," DENSE(2, "none") "]}", DYNAMIC,
     176, 16},
    {"2cebea893ab2",
     FORECAST FLAT "," DENSE(32, "relu") "," DENSE(32, "relu") "," DENSE(2, "none") "]}", DYNAMIC,
     48, 77},
    {"3675fbddf9c8",
     FORECAST "{\"kind\":\"conv1d\",\"filters\":64,\"kernel\":3,\"stride\":1,\"padding\":\"valid\","
              "\"activation\":\"relu\",\"bias\":true}," FLAT
              "," DENSE(64, "relu") "," DENSE(2, "none") "]}",
     FLOAT32, 100, 43},
    {"17d36107d9bc",
     FORECAST FLAT
     "," DENSE(6, "relu") "," DENSE(12, "relu") "," DENSE(18, "none") "," RESHAPE(9) "]}",
     DYNAMIC, 596, 2},
    {"5097aaadf4da",
     FORECAST FLAT
     "," DENSE(32, "relu") "," DENSE(32, "relu") "," DENSE(12, "none") "," RESHAPE(6) "]}",
     DYNAMIC, 288, 81},
    {"5b7cc0b703de",
     "{\"input\":[61,8,1],\"layers\":[" CONV2D(32, 2, "[2,2]", "relu") "," CONV2D(
         32, 2, "[2,2]", "relu") "," DEPTHWISE("relu",
                                               "same") ",{\"kind\":\"global-average-pool2d\"}"
                                                       "," DENSE(2, "none") ",{\"kind\":"
                                                                            "\"softmax\"}]}",
     FLOAT32, 816, 120},
    {"20bf6f434c58",
     "{\"input\":[49,10,1],\"layers\":[" CONV2D(256, 3, "[2,1]", "relu") "," DEPTHWISE(
         "none",
         "valid") "," CONV2D(256, 1, "[1,1]",
                             "relu") "," DEPTHWISE("none",
                                                   "valid") "," CONV2D(256, 1, "[1,1]",
                                                                       "relu") ",{\"kind\":"
                                                                               "\"global-"
                                                                               "average-"
                                                                               "pool2d\"}"
                                                                               "," DENSE(
                                                                                   8, "none") "]}",
     FLOAT32, 548, 368},
};

/* A constant's values as floats. */
static void decode(float *out, const tfl_tensor *t)
{
    const float *real = t->data;
    const int8_t *small = t->data;
    const size_t n = t->bytes / tfl_type_bytes(t->type);
    for (size_t i = 0; i < n; i++)
        out[i] = t->type == TFL_INT8 ? (float)small[i] * t->quant.scale[0] : real[i];
}

/* The weights of a file in the order of its operators, as a parameter block. */
static float *weights_of(arena *a, const tfl_graph *g, const net_layout *layout)
{
    float *params = ARENA_NEW(a, float, layout->n_params);
    int next = 0;
    for (int i = 0; i < g->n_ops; i++) {
        const tfl_op *op = &g->op[i];
        if (op->code != OP_CONV_2D && op->code != OP_DEPTHWISE_CONV_2D &&
            op->code != OP_FULLY_CONNECTED)
            continue;
        for (int k = 1; k < 3; k++) {
            const tfl_tensor *t = &g->tensor[op->in[k]];
            const net_tensor *to = &layout->tensor[next++];
            cr_assert_eq((size_t)to->size, t->bytes / tfl_type_bytes(t->type));
            decode(params + to->offset, t);
        }
    }
    cr_assert_eq(next, layout->n_tensors);
    return params;
}

static char *read_oracle(arena *a, const char *id, size_t *n)
{
    char *bytes;
    err e = {0};
    const char *path = arena_printf(a, "%s/oracles/%s.tflite", getenv("PARETUNE_DATA"), id);
    cr_assert_eq(file_read(a, path, 16 << 20, &bytes, n, &e), OK, "%s", e.msg);
    return bytes;
}

static void parse_net(arena *a, const char *json, net_spec *spec, net_layout *layout)
{
    node *tree;
    err e = {0};
    cr_assert_eq(node_read_json(a, json, strlen(json), &tree, &e), OK, "%s", e.msg);
    cr_assert_eq(net_spec_parse(tree, spec, &e), OK, "%s: %s", json, e.msg);
    cr_assert_eq(net_layout_make(spec, layout, &e), OK, "%s", e.msg);
}

static size_t zlib_bytes(const void *bytes, size_t n)
{
    buf b = {0};
    cr_assert_eq(pack_zlib(bytes, n, PACK_LEVEL, &b, NULL), OK);
    const size_t packed = b.len;
    buf_free(&b);
    return packed;
}

Test(converter, a_network_costs_what_the_converter_spends_on_it)
{
    if (!getenv("PARETUNE_DATA")) cr_skip("PARETUNE_DATA is not set");
    for (size_t i = 0; i < sizeof twins / sizeof *twins; i++) {
        const twin *w = &twins[i];
        arena a;
        buf own = {0};
        size_t n;
        tfl_graph g;
        arena_init(&a, 0);
        net_spec *spec = ARENA_NEW(&a, net_spec, 1);
        net_layout *layout = ARENA_NEW(&a, net_layout, 1);
        tflite_options o = w->options;
        o.converter_like = true;
        const char *theirs = read_oracle(&a, w->id, &n);
        cr_assert_eq(tfl_read(&a, theirs, n, &g, NULL), OK);
        parse_net(&a, w->net, spec, layout);
        cr_assert_eq(tflite_write(spec, weights_of(&a, &g, layout), &o, &a, &own, NULL), OK);
        const int flat = (int)own.len - (int)n;
        const int zlib = (int)zlib_bytes(own.data, own.len) - (int)zlib_bytes(theirs, n);
        cr_expect_leq(abs(flat), w->flat_off, "%s: %+d bytes", w->id, flat);
        cr_expect_leq(abs(zlib), w->zlib_off, "%s: %+d zlib bytes", w->id, zlib);
        buf_free(&own);
        arena_free(&a);
    }
}

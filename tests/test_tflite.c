/* Every kind of file that the writer makes, run by our interpreter, by a naive forward pass, and,
 * when it is installed, by TensorFlow Lite itself. */
#include "engine/compress/calibrate.h"
#include "engine/compress/quantize.h"
#include "engine/nn/fold.h"
#include "engine/tflite/emit.h"
#include "engine/tflite/foreign.h"
#include "engine/tflite/interpreter.h"
#include "engine/tflite/pack.h"
#include "engine/tflite/tfl_reader.h"
#include "engine/tflite/writer.h"
#include "tests/support/random_net.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_NETS = 200 };

static layer_spec dense(int units, activation act)
{
    return (layer_spec){.kind = LAYER_DENSE, .units = units, .act = act, .bias = true};
}

/* Flatten, hidden layers, one row of outputs a step. */
static net_spec forecaster(int hidden, int steps)
{
    return (net_spec){.in = {2, {6, 2}},
                      .n = 4,
                      .layer = {{.kind = LAYER_FLATTEN},
                                dense(hidden, ACT_RELU),
                                dense(2 * steps, ACT_NONE),
                                {.kind = LAYER_RESHAPE, .to = {2, {steps, 2}}}}};
}

static float *random_params(const net_spec *net, rng *r, arena *a)
{
    net_layout *layout = ARENA_NEW(a, net_layout, 1);
    cr_assert_eq(net_layout_make(net, layout, NULL), OK);
    return random_floats(r, a, layout->n_params, 0.4F);
}

/* The largest difference, as a fraction of the largest value. */
static double distance(const float *got, const double *want, int n)
{
    double worst = 0, most = 1e-30;
    for (int i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double)got[i] - want[i]));
        most = fmax(most, fabs(want[i]));
        if (isnan(got[i])) return INFINITY;
    }
    return worst / most;
}

typedef struct {
    arena a;
    buf file;
    net_spec net;
    float *params, *x;
    tflite_options options;
    const double *want;
    int n;
    double tie;
} sample;

/* Network number `seed` in one of the storages, with its input and naive output. */
static void sample_init(sample *s, uint64_t seed, weight_storage storage)
{
    err e = {0};
    *s = (sample){0};
    arena_init(&s->a, 0);
    rng r = rng_stream(seed, RNG_TEST, 0);
    s->params = random_folded_net(&r, storage, 0.4F, &s->a, &s->net, &s->options);
    s->x = random_floats(&r, &s->a, shape_size(s->net.in), 1);
    s->options.storage = storage;
    s->options.dynamic_min_elements = 1 << rng_below(&r, 11);
    s->options.per_channel = rng_below(&r, 2);
    s->options.converter_like = rng_below(&r, 3) == 0;
    cr_assert_eq(tflite_write(&s->net, s->params, &s->options, &s->a, &s->file, &e), OK, "%s",
                 e.msg);
    s->want = naive_forward(&s->net, s->params, &s->options, s->x, &s->a, &s->n, &s->tie);
}

static void sample_free(sample *s)
{
    buf_free(&s->file);
    arena_free(&s->a);
}

/* Our interpreter's output of a sample, in its arena. */
static const float *run_own(sample *s)
{
    err e = {0};
    interpreter *it = NULL;
    cr_assert_eq(interpreter_open(&s->a, s->file.data, s->file.len, &it, &e), OK, "%s", e.msg);
    memcpy(interpreter_input(it, 0)->data, s->x, interpreter_input(it, 0)->bytes);
    interpreter_invoke(it);
    cr_assert_eq(interpreter_output(it, 0)->bytes, sizeof(float) * (size_t)s->n);
    return interpreter_output(it, 0)->data;
}

static double tolerance(weight_storage storage)
{
    return storage == STORE_DYNAMIC ? 1e-4 : 1e-5;
}

/* The steps that an output may be off: integer operators round twice, and what an activation is off
 * grows on its way. */
static double allowed(const sample *s, const double *want)
{
    enum { STEPS = 7 };
    double most = 1e-30;
    for (int i = 0; i < s->n; i++) most = fmax(most, fabs(want[i]));
    if (s->options.storage != STORE_INT8) return tolerance(s->options.storage);
    return (STEPS + 1e-3) * (double)s->options.points[s->net.n].scale / most;
}

/* A tie lets two correct programs round an activation differently. */
static bool is_tie(const sample *s)
{
    return s->tie < 1e-4;
}

Test(tflite, written_networks_compute_what_a_naive_pass_computes)
{
    int ties = 0;
    for (uint64_t seed = 0; seed < N_NETS * N_STORAGES; seed++) {
        sample s;
        const weight_storage storage = (weight_storage)(seed % N_STORAGES);
        sample_init(&s, seed / N_STORAGES, storage);
        const double far = distance(run_own(&s), s.want, s.n);
        ties += is_tie(&s);
        cr_expect(is_tie(&s) || far <= allowed(&s, s.want), "seed %d storage %d: off by %g, tie %g",
                  (int)(seed / N_STORAGES), (int)storage, far, s.tie);
        sample_free(&s);
    }
    cr_expect_lt(ties, N_NETS / 10, "%d networks came too near to a rounding tie to be compared",
                 ties);
}

Test(tflite, written_networks_run_alike_in_tensorflow_lite)
{
    const char *library = real_library();
    if (!library) cr_skip("TensorFlow Lite is not installed");
    for (uint64_t seed = 0; seed < N_NETS * N_STORAGES; seed++) {
        sample s;
        err e = {0};
        foreign *f = NULL;
        const weight_storage storage = (weight_storage)(seed % N_STORAGES);
        sample_init(&s, seed / N_STORAGES, storage);
        const float *own = run_own(&s);
        float *y = ARENA_NEW(&s.a, float, s.n);
        double *want = ARENA_NEW(&s.a, double, s.n);
        cr_assert_eq(foreign_open(&s.a, library, s.file.data, s.file.len, false, &f, &e), OK,
                     "seed %d: %s", (int)(seed / N_STORAGES), e.msg);
        cr_assert_eq(foreign_output_bytes(f), sizeof(float) * (size_t)s.n);
        cr_assert_eq(foreign_invoke(f, s.x, y, &e), OK, "%s", e.msg);
        for (int i = 0; i < s.n; i++) want[i] = (double)y[i];
        const double far = distance(own, want, s.n);
        const bool alike =
            storage == STORE_INT8 ? far == 0 : is_tie(&s) || far <= tolerance(storage);
        cr_expect(alike, "seed %d storage %d: off by %g, tie %g", (int)(seed / N_STORAGES),
                  (int)storage, far, s.tie);
        foreign_close(f);
        sample_free(&s);
    }
}

Test(tflite, size_does_not_depend_on_the_weights)
{
    for (uint64_t seed = 0; seed < N_NETS * N_STORAGES; seed++) {
        sample s;
        buf blank = {0};
        sample_init(&s, seed / N_STORAGES, (weight_storage)(seed % N_STORAGES));
        s.options.points = NULL;
        cr_assert_eq(tflite_write(&s.net, NULL, &s.options, &s.a, &blank, NULL), OK);
        cr_expect_eq(blank.len, s.file.len, "seed %d: %zu and %zu bytes", (int)(seed / N_STORAGES),
                     blank.len, s.file.len);
        buf_free(&blank);
        sample_free(&s);
    }
}

/* `known_*`: a careful hand-made writer that shares vtables and shapes only. */
Test(tflite, files_are_smaller_than_the_known_minimum)
{
    static const struct {
        int hidden, steps;
        size_t flat, known_flat, known_zlib;
    } rows[] = {{2, 3, 772, 972, 555},
                {3, 3, 840, 1048, 634},
                {8, 3, 1228, 1428, 1019},
                {6, 6, 1220, 1424, 1028},
                {3, 9, 1040, 1240, 824}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        arena a;
        buf file = {0}, packed = {0};
        arena_init(&a, 0);
        rng r = rng_stream(i, RNG_TEST, 1);
        const net_spec net = forecaster(rows[i].hidden, rows[i].steps);
        const tflite_options options = {.storage = STORE_FLOAT32, .dynamic_min_elements = 1024};
        cr_assert_eq(tflite_write(&net, random_params(&net, &r, &a), &options, &a, &file, NULL),
                     OK);
        cr_assert_eq(pack_zlib(file.data, file.len, 6, &packed, NULL), OK);
        cr_expect_lt(rows[i].flat, rows[i].known_flat);
        cr_expect_eq(file.len, rows[i].flat, "12-%d-%d: %zu bytes", rows[i].hidden,
                     2 * rows[i].steps, file.len);
        cr_expect_lt(packed.len, rows[i].known_zlib);
        buf_free(&file);
        buf_free(&packed);
        arena_free(&a);
    }
}

Test(tflite, halves_are_clamped_instead_of_becoming_infinite)
{
    arena a;
    buf file = {0};
    interpreter *it = NULL;
    arena_init(&a, 0);
    const net_spec net = {.in = {1, {1}}, .n = 1, .layer = {dense(1, ACT_NONE)}};
    const float params[2] = {1e6F, 0};
    const tflite_options options = {.storage = STORE_FLOAT16};
    cr_assert_eq(tflite_write(&net, params, &options, &a, &file, NULL), OK);
    cr_assert_eq(interpreter_open(&a, file.data, file.len, &it, NULL), OK);
    *(float *)interpreter_input(it, 0)->data = 1;
    interpreter_invoke(it);
    cr_expect_eq(*(const float *)interpreter_output(it, 0)->data, 65504.0F);
    buf_free(&file);
    arena_free(&a);
}

Test(tflite, an_inference_does_not_remember_the_one_before)
{
    arena a;
    buf file = {0};
    interpreter *it = NULL;
    arena_init(&a, 0);
    rng r = rng_stream(1, RNG_TEST, 2);
    const net_spec net = {
        .in = {2, {6, 2}}, .n = 1, .layer = {{.kind = LAYER_LSTM, .units = 5, .bias = true}}};
    const tflite_options options = {.storage = STORE_FLOAT32};
    cr_assert_eq(tflite_write(&net, random_params(&net, &r, &a), &options, &a, &file, NULL), OK);
    cr_assert_eq(interpreter_open(&a, file.data, file.len, &it, NULL), OK);
    float first[5];
    memcpy(interpreter_input(it, 0)->data, random_floats(&r, &a, 12, 1), 12 * sizeof(float));
    interpreter_invoke(it);
    memcpy(first, interpreter_output(it, 0)->data, sizeof first);
    cr_expect_neq(first[0], 0.0F);
    interpreter_invoke(it);
    cr_expect_arr_eq(interpreter_output(it, 0)->data, first, sizeof first);
    buf_free(&file);
    arena_free(&a);
}

Test(tflite, figures_are_known_without_weights)
{
    arena a;
    buf file = {0};
    interpreter *it = NULL;
    arena_init(&a, 0);
    const net_spec net = forecaster(128, 6);
    const tflite_options options = {.storage = STORE_FLOAT32};
    cr_assert_eq(tflite_write(&net, NULL, &options, &a, &file, NULL), OK);
    cr_assert_eq(interpreter_open(&a, file.data, file.len, &it, NULL), OK);
    cr_expect_eq(interpreter_macs(it), 12.0 * 128 + 128 * 12);
    /* The input stays for another inference: 48 bytes beside 128 floats and 12 outputs. */
    cr_expect_eq(interpreter_arena_bytes(it), (size_t)(48 + 512 + 48));
    buf_free(&file);
    arena_free(&a);
}

Test(tflite, metadata_travels_in_the_file)
{
    arena a;
    buf file = {0};
    tfl_graph g;
    arena_init(&a, 0);
    const net_spec net = forecaster(2, 3);
    const tflite_options options = {.storage = STORE_FLOAT32, .metadata = "{\"mean\":[9.1,75.9]}"};
    cr_assert_eq(tflite_write(&net, NULL, &options, &a, &file, NULL), OK);
    cr_assert_eq(tfl_read(&a, file.data, file.len, &g, NULL), OK);
    cr_expect_str_eq(g.metadata_name, "paretune");
    cr_assert_eq(g.metadata_bytes, strlen(options.metadata));
    cr_expect_arr_eq(g.metadata, options.metadata, g.metadata_bytes);
    buf_free(&file);
    arena_free(&a);
}

/* --- damaged files --- */

/* Opens and, when that works, runs; any outcome but a crash is right. */
static status survive(const void *bytes, size_t n)
{
    arena a;
    err e = {0};
    interpreter *it = NULL;
    arena_init(&a, (size_t)512 << 20);
    /* A copy of its own, so that the sanitizer sees a read behind the end. */
    void *copy = malloc(n ? n : 1);
    memcpy(copy, bytes, n);
    status s = interpreter_open(&a, copy, n, &it, &e);
    cr_assert(s == OK || (e.msg[0] && (s == ERR_INPUT || s == ERR_MEM)), "status %d without words",
              (int)s);
    if (s == OK && interpreter_macs(it) < 1e6 && interpreter_arena_bytes(it) < 1 << 20)
        interpreter_invoke(it);
    free(copy);
    arena_free(&a);
    return s;
}

static const net_spec integer_layers = {
    .in = {3, {6, 5, 2}},
    .n = 9,
    .layer = {{.kind = LAYER_CONV2D,
               .units = 3,
               .window = {2, {2, 2}},
               .step = {2, {1, 1}},
               .act = ACT_RELU,
               .bias = true},
              {.kind = LAYER_DEPTHWISE_CONV2D, .window = {2, {2, 2}}, .step = {2, {1, 1}}},
              {.kind = LAYER_ADD, .from = 1, .act = ACT_RELU},
              {.kind = LAYER_MAX_POOL2D, .window = {2, {2, 2}}, .step = {2, {1, 1}}},
              {.kind = LAYER_ACTIVATION, .act = ACT_RELU6},
              {.kind = LAYER_GLOBAL_AVERAGE_POOL2D},
              {.kind = LAYER_ACTIVATION, .act = ACT_TANH},
              {.kind = LAYER_DENSE, .units = 4, .bias = true},
              {.kind = LAYER_SOFTMAX}}};

/* A network with every operator the writer knows, or that int8 knows. */
static void everything(sample *s, weight_storage storage)
{
    *s = (sample){0};
    arena_init(&s->a, 0);
    rng r = rng_stream(3, RNG_TEST, 3);
    s->net = (net_spec){.in = {2, {6, 2}},
                        .n = 5,
                        .layer = {{.kind = LAYER_CONV1D,
                                   .units = 3,
                                   .kernel = 3,
                                   .stride = 1,
                                   .act = ACT_TANH,
                                   .bias = true},
                                  {.kind = LAYER_LSTM, .units = 4, .bias = true},
                                  dense(4, ACT_SIGMOID),
                                  dense(6, ACT_RELU),
                                  {.kind = LAYER_RESHAPE, .to = {2, {3, 2}}}}};
    s->options =
        (tflite_options){.storage = storage, .dynamic_min_elements = 1, .per_channel = true};
    if (storage == STORE_INT8) s->net = integer_layers;
    cr_assert_eq(tflite_write(&s->net, random_params(&s->net, &r, &s->a), &s->options, &s->a,
                              &s->file, NULL),
                 OK);
}

Test(tflite, a_file_cut_anywhere_is_refused)
{
    for (int storage = 0; storage < N_STORAGES; storage++) {
        sample s;
        everything(&s, (weight_storage)storage);
        cr_expect_eq(survive(s.file.data, s.file.len), OK);
        int opened = 0;
        for (size_t n = 0; n < s.file.len; n++) opened += survive(s.file.data, n) == OK;
        /* The last bytes of a file may be padding behind everything that is read. */
        cr_expect_lt(opened, 16, "%d cut files were opened", opened);
        sample_free(&s);
    }
}

Test(tflite, a_file_with_any_byte_changed_never_crashes, .timeout = 300)
{
    static const unsigned char flips[] = {0x01, 0x80, 0xff, 0x10};
    for (int storage = 0; storage < N_STORAGES; storage++) {
        sample s;
        int refused = 0;
        everything(&s, (weight_storage)storage);
        for (size_t i = 0; i < s.file.len; i++)
            for (size_t k = 0; k < sizeof flips; k++) {
                s.file.data[i] = (char)(s.file.data[i] ^ flips[k]);
                refused += survive(s.file.data, s.file.len) != OK;
                s.file.data[i] = (char)(s.file.data[i] ^ flips[k]);
            }
        cr_expect_gt(refused, (int)s.file.len / 4, "only %d changes were noticed", refused);
        sample_free(&s);
    }
}

/* A graph of one operator on [1,4]. */
static status open_operator(int code, int version, int in, int out, err *e)
{
    arena a;
    buf file = {0};
    interpreter *it;
    arena_init(&a, 0);
    tfl_tensor tensors[2] = {{.rank = 2, .dim = {1, 4}, .name = ""},
                             {.rank = 2, .dim = {1, 4}, .name = ""}};
    const int ends[2] = {0, 1};
    tfl_op op = {.code = code, .version = version, .n_in = 1, .n_out = 1, .in = &in, .out = &out};
    const tfl_graph g = {.n_tensors = 2,
                         .n_ops = 1,
                         .n_in = 1,
                         .n_out = 1,
                         .tensor = tensors,
                         .op = &op,
                         .in = ends,
                         .out = ends + 1};
    status s = tfl_emit(&g, &a, &file, e);
    if (s == OK) s = interpreter_open(&a, file.data, file.len, &it, e);
    buf_free(&file);
    arena_free(&a);
    return s;
}

static void expect_refusal(int code, int version, int in, int out, const char *words)
{
    err e = {0};
    cr_expect_eq(open_operator(code, version, in, out, &e), ERR_INPUT);
    cr_expect(strstr(e.msg, words), "'%s' does not say '%s'", e.msg, words);
}

Test(tflite, refusals_name_the_operator)
{
    cr_expect_eq(open_operator(OP_RELU, 1, 0, 1, NULL), OK);
    expect_refusal(OP_DENSIFY, 1, 0, 1, "operator 0, DENSIFY: DENSIFY is not supported");
    expect_refusal(99, 1, 0, 1, "operator 99 is not supported");
    expect_refusal(OP_RELU, 7, 0, 1, "version 7 is not supported; 2 is the newest that is");
    expect_refusal(OP_FULLY_CONNECTED, 1, 0, 1, "1 inputs and 1 outputs do not fit");
}

Test(tflite, a_cycle_is_refused)
{
    expect_refusal(OP_RELU, 1, 1, 1, "input 0 is read before it is written");
    expect_refusal(OP_RELU, 1, 0, 0, "output 0 is written twice");
}

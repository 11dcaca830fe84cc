#include "engine/base/buf.h"
#include "engine/base/rng.h"
#include "engine/nn/net.h"
#include "tests/support/nets.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static net_layout layout_of(const char *arch, double alpha, int steps)
{
    arena a;
    err e = {0};
    net_spec s;
    net_layout l;
    arena_init(&a, 0);
    cr_assert(net_from_text(lab_net(&a, arch, alpha, steps), &s, &e) == OK, "%s", e.msg);
    cr_assert(net_layout_make(&s, &l, &e) == OK, "%s", e.msg);
    arena_free(&a);
    return l;
}

Test(net, parameters_of_the_labs_networks_are_the_published_ones)
{
    static const struct {
        const char *arch;
        int steps, params;
    } row[] = {{"mlp", 1, 18434},    {"mlp", 3, 18950},    {"mlp", 6, 19724},
               {"mlp", 9, 20498},    {"cnn-1d", 1, 17026}, {"cnn-1d", 3, 17286},
               {"cnn-1d", 6, 17676}, {"cnn-1d", 9, 18066}, {"lstm", 1, 17282},
               {"lstm", 3, 17542},   {"lstm", 6, 17932},   {"lstm", 9, 18322}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int n = layout_of(row[i].arch, 1, row[i].steps).n_params;
        cr_expect(n == row[i].params, "%s %d steps: %d, published %d", row[i].arch, row[i].steps, n,
                  row[i].params);
    }
}

Test(net, multiply_adds_are_those_of_the_products)
{
    cr_expect(layout_of("mlp", 1, 6).macs == 12 * 128 + 128 * 128 + 128 * 12);
    cr_expect(layout_of("cnn-1d", 1, 6).macs == 4 * 6 * 64 + 256 * 64 + 64 * 12);
    cr_expect(layout_of("lstm", 1, 6).macs == 6 * 256 * (2 + 64) + 64 * 12);
}

static net_layout keyword_layout(const char *arch, const char *feature, double alpha)
{
    arena a;
    err e = {0};
    net_spec s;
    net_layout l;
    arena_init(&a, 0);
    cr_assert(net_from_text(keyword_net(&a, arch, feature, alpha, "valid"), &s, &e) == OK, "%s",
              e.msg);
    cr_assert(net_layout_make(&s, &l, &e) == OK, "%s", e.msg);
    arena_free(&a);
    return l;
}

Test(net, keyword_networks_have_the_published_parameters)
{
    static const struct {
        const char *arch, *feature;
        double alpha;
        int params;
    } row[] = {{"mlp", "stft", 1, 396040},     {"mlp", "mfcc", 1, 259336},
               {"cnn", "stft", 1, 298632},     {"cnn", "mfcc", 1, 298632},
               {"ds-cnn", "stft", 1, 143112},  {"ds-cnn", "mfcc", 1, 143112},
               {"ds-cnn", "mfcc", .25, 11208}, {"ds-cnn", "mfcc", .3, 15132},
               {"ds-cnn", "mfcc", .31, 16203}, {"ds-cnn", "mfcc", .33, 18068},
               {"ds-cnn", "mfcc", .5, 38792},  {"ds-cnn", "mfcc", .75, 82760}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int n = keyword_layout(row[i].arch, row[i].feature, row[i].alpha).n_params;
        cr_expect(n == row[i].params, "%s %s %g: %d, published %d", row[i].arch, row[i].feature,
                  row[i].alpha, n, row[i].params);
    }
}

Test(net, keyword_networks_have_the_published_multiply_adds)
{
    static const struct {
        const char *arch, *feature;
        double alpha, millions;
    } row[] = {{"mlp", "stft", 1, .395},     {"cnn", "stft", 1, 43.02},
               {"ds-cnn", "stft", 1, 20.19}, {"mlp", "mfcc", 1, .259},
               {"cnn", "mfcc", 1, 31.48},    {"ds-cnn", "mfcc", 1, 14.83},
               {"ds-cnn", "mfcc", .25, 1.1}, {"ds-cnn", "mfcc", .5, 3.94}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        double m = keyword_layout(row[i].arch, row[i].feature, row[i].alpha).macs * 1e-6;
        double digit = row[i].millions < 1 ? 0.001 : 0.01;
        cr_expect(fabs(m - row[i].millions) < 0.6 * digit, "%s %s %g: %g, published %g",
                  row[i].arch, row[i].feature, row[i].alpha, m, row[i].millions);
    }
}

Test(net, depthwise_kernels_and_norms_are_not_prunable)
{
    net_layout l = keyword_layout("ds-cnn", "mfcc", 1);
    for (int i = 0; i < l.n_tensors; i++) {
        bool kernel = l.tensor[i].role == ROLE_KERNEL, depthwise = l.tensor[i].dims.rank == 3;
        cr_expect(l.tensor[i].prunable == (kernel && !depthwise), "tensor %d", i);
    }
}

Test(net, only_kernels_are_prunable)
{
    net_layout l = layout_of("lstm", 1, 6);
    cr_assert(l.n_tensors == 5);
    for (int i = 0; i < l.n_tensors; i++)
        cr_expect(l.tensor[i].prunable == (l.tensor[i].role != ROLE_BIAS), "tensor %d", i);
}

static void build(net *n, arena *a, const char *json, int batch, uint64_t seed)
{
    err e = {0};
    net_spec s;
    cr_assert(net_from_text(json, &s, &e) == OK, "%s", e.msg);
    cr_assert(net_build(n, &s, batch, NULL, a, &e) == OK, "%s", e.msg);
    cr_assert(net_init_weights(n, seed, a, &e) == OK, "%s", e.msg);
}

Test(net, initial_weights_are_keras_distributions)
{
    arena a;
    net n;
    arena_init(&a, 0);
    build(&n, &a, lab_net(&a, "mlp", 1, 6), 1, 5);
    const net_tensor *t = &n.layout.tensor[2]; /* 128 x 128 */
    double limit = sqrt(6.0 / 256), sum = 0, square = 0, most = 0;
    for (int i = 0; i < t->size; i++) {
        double w = (double)n.params[t->offset + i];
        sum += w, square += w * w;
        most = fmax(most, fabs(w));
    }
    cr_expect(most <= limit && most > 0.99 * limit, "largest %g, limit %g", most, limit);
    cr_expect(fabs(sum / t->size) < 0.02 * limit);
    cr_expect(fabs(square / t->size / (limit * limit / 3) - 1) < 0.03);
    for (int i = 0; i < 128; i++) cr_expect(n.params[n.layout.tensor[3].offset + i] == 0);
    arena_free(&a);
}

Test(net, recurrent_kernels_start_orthogonal_and_forget_gates_open)
{
    arena a;
    net n;
    arena_init(&a, 0);
    build(&n, &a, lab_net(&a, "lstm", 0.5, 6), 1, 5);
    int u = 32;
    const float *r = n.params + n.layout.tensor[1].offset,
                *b = n.params + n.layout.tensor[2].offset;
    for (int i = 0; i < u; i++)
        for (int j = 0; j <= i; j++) {
            double dot = 0;
            for (int k = 0; k < 4 * u; k++) dot += (double)r[k * u + i] * (double)r[k * u + j];
            cr_expect(fabs(dot - (i == j)) < 1e-6, "columns %d and %d: %g", i, j, dot);
        }
    for (int i = 0; i < 4 * u; i++) cr_expect(b[i] == (i / u == 1 ? 1 : 0), "bias %d", i);
    arena_free(&a);
}

Test(net, weights_depend_on_the_seed_alone)
{
    arena a;
    net one, two, other;
    arena_init(&a, 0);
    build(&one, &a, lab_net(&a, "cnn-1d", 1, 6), 32, 5);
    build(&two, &a, lab_net(&a, "cnn-1d", 1, 6), 1, 5);
    build(&other, &a, lab_net(&a, "cnn-1d", 1, 6), 1, 6);
    size_t bytes = (size_t)one.layout.n_params * sizeof(float);
    cr_expect(memcmp(one.params, two.params, bytes) == 0);
    cr_expect(memcmp(one.params, other.params, bytes) != 0);
    arena_free(&a);
}

/* Every set of kernels promises this; here it is tried through whole networks. */
Test(net, an_examples_outputs_have_the_same_bits_in_any_batch)
{
    static const char *const arch[] = {"mlp", "cnn-1d", "lstm"};
    for (int k = 0; k < 3; k++)
        for (int wide = 0; wide < 2; wide++) {
            arena a;
            net many, one;
            arena_init(&a, 0);
            const char *json = lab_net(&a, arch[k], wide ? 1 : 0.07, 6);
            build(&many, &a, json, 33, 3);
            build(&one, &a, json, 1, 3);
            rng r = rng_stream(1, RNG_TEST, 0);
            for (int i = 0; i < 33 * 12; i++) many.input[i] = rng_normal(&r);
            net_forward(&many, 33);
            for (int i = 0; i < 33; i++) {
                memcpy(one.input, many.input + i * 12, 12 * sizeof(float));
                net_forward(&one, 1);
                cr_assert(memcmp(one.output, many.output + i * 12, 12 * sizeof(float)) == 0,
                          "%s example %d", arch[k], i);
            }
            arena_free(&a);
        }
}

Test(net, json_survives_a_round_trip)
{
    static const char text[] =
        "{\"input\":[6,2],\"layers\":[{\"kind\":\"conv1d\",\"filters\":8,\"kernel\":3,\"stride\":2,"
        "\"padding\":\"same\",\"activation\":\"tanh\",\"bias\":false},{\"kind\":\"activation\","
        "\"function\":\"sigmoid\"},{\"kind\":\"lstm\",\"units\":4},{\"kind\":\"reshape\",\"to\":[2,"
        "2]},"
        "{\"kind\":\"flatten\"},{\"kind\":\"dense\",\"units\":3,\"activation\":\"relu\",\"bias\":"
        "true}]}";
    err e = {0};
    net_spec s;
    buf b = {0};
    cr_assert(net_from_text(text, &s, &e) == OK, "%s", e.msg);
    net_spec_put_json(&b, &s);
    cr_expect(strcmp(b.data, text) == 0, "%s", b.data);
    buf_free(&b);
}

Test(net, mistakes_in_a_network_are_named)
{
#define NET(layers) "{\"input\":[6,2],\"layers\":[" layers "]}"
    static const struct {
        const char *json, *message;
    } row[] = {
        {"{\"input\":[6,2]}", "a network needs 'input' and 'layers'"},
        {NET(""), "network: layers must be a list of 1 to 64 layers"},
        {"{\"input\":[0,2],\"layers\":[]}",
         "network: input: must be a whole number from 1 to 67108864"},
        {NET("{\"kind\":\"dence\",\"units\":3}"),
         "layer 0: unknown kind 'dence'; did you mean 'dense'?"},
        {NET("{\"units\":3}"), "layer 0: 'kind' must name a layer kind"},
        {NET("3"), "layer 0: 'kind' must name a layer kind"},
        {NET("{\"kind\":\"flatten\"},{\"kind\":\"dense\"}"), "layer 1 (dense): units is missing"},
        {NET("{\"kind\":\"dense\",\"units\":0}"),
         "layer 0 (dense): units: must be a whole number from 1 to 1048576"},
        {NET("{\"kind\":\"dense\",\"units\":2.5}"),
         "layer 0 (dense): units: must be a whole number from 1 to 1048576"},
        {NET("{\"kind\":\"dense\",\"units\":3,\"activation\":\"gelu\"}"),
         "layer 0 (dense): activation: must be one of none|relu|tanh|sigmoid|relu6"},
        {NET("{\"kind\":\"dense\",\"units\":3,\"bias\":1}"),
         "layer 0 (dense): bias: must be true or false"},
        {NET("{\"kind\":\"dense\",\"units\":3,\"size\":1}"),
         "layer 0 (dense): 'size' is not a parameter of this kind"},
        {NET("{\"kind\":\"conv1d\",\"filters\":3,\"kernel\":7}"),
         "layer 0 (conv1d): kernel 7 is longer than the 6 time steps of its input"},
        {NET("{\"kind\":\"flatten\"},{\"kind\":\"conv1d\",\"filters\":3,\"kernel\":3}"),
         "layer 1 (conv1d): its input must be [time, channels], not of rank 1"},
        {NET("{\"kind\":\"flatten\"},{\"kind\":\"lstm\",\"units\":3}"),
         "layer 1 (lstm): its input must be [time, features], not of rank 1"},
        {NET("{\"kind\":\"reshape\",\"to\":[5,2]}"),
         "layer 0 (reshape): 'to' has 10 elements, its input 12"},
        {NET("{\"kind\":\"reshape\",\"to\":[]}"),
         "layer 0 (reshape): to: must be a list of 1 to 4 whole numbers"},
        {NET("{\"kind\":\"reshape\",\"to\":[100000,100000]}"),
         "layer 0 (reshape): to: more than 67108864 elements"},
        {NET("{\"kind\":\"flatten\"},{\"kind\":\"dense\",\"units\":1000000},{\"kind\":\"dense\","
             "\"units\":1000000}"),
         "layer 2 (dense): more than 67108864 parameters"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        err e = {0};
        net_spec s;
        cr_expect(net_from_text(row[i].json, &s, &e) == ERR_INPUT, "%s", row[i].json);
        cr_expect(strcmp(e.msg, row[i].message) == 0, "%s\n got  %s\n want %s", row[i].json, e.msg,
                  row[i].message);
    }
}

Test(net, the_layer_table_names_every_kind)
{
    const layer_row *t = layer_table();
    static const char *const names[] = {"dense",
                                        "conv1d",
                                        "lstm",
                                        "flatten",
                                        "reshape",
                                        "activation",
                                        "conv2d",
                                        "depthwise-conv2d",
                                        "batch-norm",
                                        "max-pool2d",
                                        "average-pool2d",
                                        "global-average-pool2d",
                                        "global-max-pool2d",
                                        "dropout",
                                        "softmax",
                                        "add"};
    for (int i = 0; i < N_LAYER_KINDS; i++) {
        cr_expect(strcmp(t[i].name, names[i]) == 0);
        cr_expect(t[i].help && t[i].params);
    }
    cr_expect(t[N_LAYER_KINDS].name == NULL);
}

Test(net, batches_out_of_bounds_are_refused)
{
    arena a;
    net n;
    net_spec s;
    err e = {0};
    arena_init(&a, 1 << 20);
    cr_assert(net_from_text(lab_net(&a, "mlp", 1, 6), &s, &e) == OK);
    cr_expect(net_build(&n, &s, 0, NULL, &a, &e) == ERR_INPUT);
    cr_expect(strcmp(e.msg, "a batch of 0 examples; must be from 1 to 65536") == 0, "%s", e.msg);
    e = (err){0};
    cr_expect(net_build(&n, &s, 65536, NULL, &a, &e) == ERR_MEM, "%s", e.msg);
    arena_free(&a);
}

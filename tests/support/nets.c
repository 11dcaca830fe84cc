#include "tests/support/nets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

status net_from_text(const char *json, net_spec *out, err *e)
{
    arena a;
    arena_init(&a, 0);
    node *n;
    status s = node_read_json(&a, json, strlen(json), &n, e);
    if (s == OK) s = net_spec_parse(n, out, e);
    arena_free(&a);
    return s;
}

static int width(int full, double alpha)
{
    int w = (int)(full * alpha);
    return w < 1 ? 1 : w;
}

const char *lab_net(arena *a, const char *arch, double alpha, int steps)
{
    const char *body;
    if (strcmp(arch, "mlp") == 0)
        body =
            arena_printf(a,
                         "{\"kind\":\"flatten\"},{\"kind\":\"dense\",\"units\":%d,\"activation\":"
                         "\"relu\"},{\"kind\":\"dense\",\"units\":%d,\"activation\":\"relu\"}",
                         width(128, alpha), width(128, alpha));
    else if (strcmp(arch, "cnn-1d") == 0)
        body = arena_printf(
            a,
            "{\"kind\":\"conv1d\",\"filters\":%d,\"kernel\":3,\"activation\":\"relu\"},"
            "{\"kind\":\"flatten\"},{\"kind\":\"dense\",\"units\":%d,\"activation\":"
            "\"relu\"}",
            width(64, alpha), width(64, alpha));
    else
        body = arena_printf(a, "{\"kind\":\"lstm\",\"units\":%d},{\"kind\":\"flatten\"}",
                            width(64, alpha));
    return arena_printf(a,
                        "{\"input\":[6,2],\"layers\":[%s,{\"kind\":\"dense\",\"units\":%d},"
                        "{\"kind\":\"reshape\",\"to\":[%d,2]}]}",
                        body, 2 * steps, steps);
}

#define NORM "{\"kind\":\"batch-norm\",\"momentum\":0.1,\"activation\":\"relu\"}"

static const char *convolution(arena *a, int filters, int size, const char *stride,
                               const char *edges)
{
    return arena_printf(a,
                        "{\"kind\":\"conv2d\",\"filters\":%d,\"kernel\":[%d,%d],\"stride\":%s,"
                        "\"padding\":\"%s\",\"bias\":false}," NORM ",",
                        filters, size, size, stride, edges);
}

const char *keyword_net(arena *a, const char *arch, const char *feature, double alpha,
                        const char *edges)
{
    bool mfcc = strcmp(feature, "mfcc") == 0, ds = strcmp(arch, "ds-cnn") == 0;
    const char *in = mfcc ? "49,10,1" : strcmp(feature, "stft") == 0 ? "32,32,1" : "49,40,1";
    const char *body;
    if (strcmp(arch, "mlp") == 0) {
        const char *dense = arena_printf(
            a, "{\"kind\":\"dense\",\"units\":%d,\"activation\":\"relu\"},", width(256, alpha));
        body = arena_printf(a, "{\"kind\":\"flatten\"},%s%s%s", dense, dense, dense);
    } else {
        int f = width(ds ? 256 : 128, alpha);
        const char *first = convolution(a, f, 3, mfcc ? "[2,1]" : "[2,2]", "valid");
        const char *next = convolution(a, f, ds ? 1 : 3, "[1,1]", edges);
        const char *depthwise =
            ds ? arena_printf(a,
                              "{\"kind\":\"depthwise-conv2d\",\"kernel\":[3,3],\"padding\":"
                              "\"%s\",\"bias\":false},",
                              edges)
               : "";
        body = arena_printf(a, "%s%s%s%s%s{\"kind\":\"global-average-pool2d\"},", first, depthwise,
                            next, depthwise, next);
    }
    return arena_printf(a, "{\"input\":[%s],\"layers\":[%s{\"kind\":\"dense\",\"units\":8}]}", in,
                        body);
}

/* Two waves sampled at `time`; roughly standard. */
static void weather(double time, float *t, float *rh)
{
    *t = (float)(sin(time / 23) + 0.4 * sin(time / 5.1 + 1));
    *rh = (float)(cos(time / 17) - 0.3 * sin(time / 7.3));
}

static void toy_fetch(const examples *ex, part p, int first, int count, float *x, float *y)
{
    int steps = ex->out.dim[0];
    for (int i = 0; i < count; i++) {
        double start = 100000.0 * p + 1.37 * (first + i);
        for (int t = 0; t < 6; t++) weather(start + t, &x[i * 12 + 2 * t], &x[i * 12 + 2 * t + 1]);
        for (int t = 0; y && t < steps; t++) {
            float *out = &y[(i * steps + t) * 2];
            weather(start + 6 + t, &out[0], &out[1]);
            out[0] = 9 + 8 * out[0];
            out[1] = 76 + 16 * out[1];
        }
    }
}

void toy_examples(examples *ex, int n_train, int n_val, int steps)
{
    *ex = (examples){
        .in = {2, {6, 2}},
        .out = {2, {steps, 2}},
        .n = {n_train, n_val, 0},
        .n_outputs = 2,
        .output_name = {"T", "RH"},
        .output_unit = {"°C", "%"},
        .label_mean = {9, 76},
        .label_std = {6, 12},
        .fetch = toy_fetch,
    };
}

train_config toy_config(const char *net_json)
{
    train_config c = {
        .loss = LOSS_MSE,
        .batch = 32,
        .optimizer = {.kind = OPTIM_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7},
        .rate = {.kind = RATE_CONSTANT, .initial = 0.001},
        .shuffle_buffer = 100,
        .seed = 1,
    };
    err e = {0};
    if (net_from_text(net_json, &c.net, &e) != OK) {
        fprintf(stderr, "toy_config: %s\n", e.msg);
        abort();
    }
    return c;
}

/* Grading: ports of other types, other words and other normalisation, and a file that takes forever. */
#include "engine/base/file.h"
#include "engine/nn/spec.h"
#include "engine/stage_score.h"
#include "engine/tflite/emit.h"
#include "engine/tflite/writer.h"
#include "tests/support/data_files.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static arena a;

static void start(void)
{
    arena_init(&a, 0);
}

static void end(void)
{
    arena_free(&a);
}

TestSuite(grade, .init = start, .fini = end);

/* --- ports --- */

/* A file that gives back the numbers it takes, as many as `batch` examples of four have. */
static interpreter *open_echo(tfl_type type, int batch, const float scale[2], const int64_t zero[2])
{
    static int in[] = {0}, out[] = {1};
    const bool real = type == TFL_FLOAT32;
    tfl_tensor *t = ARENA_NEW(&a, tfl_tensor, 2);
    tfl_op *op = ARENA_NEW(&a, tfl_op, 1);
    for (int i = 0; i < 2; i++)
        t[i] = (tfl_tensor){.type = type,
                            .rank = 3 - i,
                            .dim = {batch, i ? 4 : 2, 2},
                            .quant = {.n = !real, .scale = &scale[i], .zero_point = &zero[i]},
                            .name = ""};
    *op = (tfl_op){.code = OP_RESHAPE, .version = 1, .n_in = 1, .n_out = 1, .in = in, .out = out};
    tfl_options_init(&op->options, tfl_options_of(OP_RESHAPE));
    op->options.n_list = 2;
    op->options.list[0] = batch;
    op->options.list[1] = 4;
    const tfl_graph g = {.n_tensors = 2,
                         .n_ops = 1,
                         .n_in = 1,
                         .n_out = 1,
                         .tensor = t,
                         .op = op,
                         .in = in,
                         .out = out};
    buf file = {0};
    err e = {0};
    interpreter *it = NULL;
    cr_assert_eq(tfl_emit(&g, &a, &file, &e), OK, "%s", e.msg);
    const void *bytes = arena_copy(&a, file.data, file.len);
    cr_assert_eq(interpreter_open(&a, bytes, file.len, &it, &e), OK, "%s", e.msg);
    buf_free(&file);
    return it;
}

static const examples four_classes = {.in = {2, {2, 2}}, .out = {1, {4}}, .n_classes = 4};

static void expect_answer(const stage_model *m, const float *x, const float *want)
{
    const float *y = stage_model_run(m, x);
    for (int i = 0; i < 4; i++)
        cr_expect(fabsf(y[i] - want[i]) < 1e-6F, "output %d is %g, not %g", i, (double)y[i],
                  (double)want[i]);
}

Test(grade, int8_and_uint8_ports_are_converted_by_their_scales)
{
    static const float scale[2] = {0.5F, 0.25F}, x[4] = {-1, 0.74F, 1000, (float)NAN};
    static const int64_t zero[2][2] = {{-10, 2}, {10, 20}};
    /* round(x / 0.5) + zero in the type, then 0.25 * (q - zero) */
    static const float want[2][4] = {{-3.5F, -2.75F, 31.25F, -32.5F}, {-3, -2.25F, 58.75F, -5}};
    static const tfl_type type[2] = {TFL_INT8, TFL_UINT8};
    for (int i = 0; i < 2; i++) {
        stage_model m;
        err e = {0};
        interpreter *it = open_echo(type[i], 1, scale, zero[i]);
        cr_assert_eq(stage_model_open(it, &four_classes, NULL, &a, &m, &e), OK, "%s", e.msg);
        expect_answer(&m, x, want[i]);
    }
}

Test(grade, outputs_stand_for_the_words_they_are_said_to)
{
    static const float x[4] = {10, 11, 12, 13}, want[4] = {13, 10, 12, 11};
    static const int order[4] = {1, 3, 2, 0};
    stage_model m;
    err e = {0};
    interpreter *it = open_echo(TFL_FLOAT32, 1, x, NULL);
    const stage_dialect d = {.order = order};
    cr_assert_eq(stage_model_open(it, &four_classes, &d, &a, &m, &e), OK, "%s", e.msg);
    expect_answer(&m, x, want);
}

Test(grade, inputs_are_normalised_as_the_file_expects)
{
    const examples weather = {.in = {2, {2, 2}},
                              .out = {2, {2, 2}},
                              .n_outputs = 2,
                              .label_mean = {10, 70},
                              .label_std = {5, 20}};
    /* 15 °C and 50 %, then 10 °C and 110 % */
    static const float x[4] = {1, -1, 0, 2}, want[4] = {1.5F, 5, 1, 11};
    const stage_dialect d = {.n_channels = 2, .mean = {0, 0}, .std = {10, 10}};
    stage_model m;
    err e = {0};
    interpreter *it = open_echo(TFL_FLOAT32, 1, x, NULL);
    cr_assert_eq(stage_model_open(it, &weather, &d, &a, &m, &e), OK, "%s", e.msg);
    const float *y = stage_model_run(&m, x);
    for (int i = 0; i < 4; i++)
        cr_expect(fabsf(y[i] - want[i]) < 1e-5F, "input %d became %g", i, (double)y[i]);
    const stage_dialect three = {.n_channels = 3};
    cr_expect_eq(stage_model_open(it, &weather, &three, &a, &m, NULL), ERR_INPUT);
}

Test(grade, a_batch_fixed_in_the_file_holds_one_example)
{
    static const float x[4] = {1, 2, 3, 4};
    stage_model m;
    err e = {0};
    interpreter *it = open_echo(TFL_FLOAT32, 32, x, NULL);
    cr_assert_eq(stage_model_open(it, &four_classes, NULL, &a, &m, &e), OK, "%s", e.msg);
    expect_answer(&m, x, x);
    const examples five = {.in = {1, {5}}, .out = {1, {5}}, .n_classes = 5};
    cr_expect_eq(stage_model_open(it, &five, NULL, &a, &m, &e), ERR_INPUT);
    cr_expect(strstr(e.msg, "the data has 5"), "%s", e.msg);
}

/* --- the command --- */

static const char weather_yaml[] =
    "space: 1\ntask: forecast\n"
    "data: {source: synthetic-climate, rows: 20000, steps_in: 6, steps_out: 3}\n"
    "model: {architecture: mlp, alpha: 0.1}\n"
    "versions: {a: {T_mae: '< 100 °C', size: '< 10 MB'}}\n"
    "objectives: {T_mae: minimize}\n";

/* Forecasts of three steps with all weights zero; `slow` has six hundred million multiply-adds, four
 * trillion for all windows. */
static char *write_net(const char *name, bool slow)
{
    static const char fast_net[] = "{\"input\":[6,2],\"layers\":[{\"kind\":\"flatten\"},"
                                   "{\"kind\":\"dense\",\"units\":6,\"activation\":\"none\","
                                   "\"bias\":true}]}";
    static const char slow_net[] =
        "{\"input\":[6,2],\"layers\":[{\"kind\":\"flatten\"},"
        "{\"kind\":\"dense\",\"units\":16384,\"activation\":\"none\",\"bias\":true},"
        "{\"kind\":\"reshape\",\"to\":[32,32,16]},"
        "{\"kind\":\"conv2d\",\"filters\":256,\"kernel\":[3,3],\"stride\":[1,1],\"padding\":"
        "\"same\","
        "\"activation\":\"none\",\"bias\":true},"
        "{\"kind\":\"conv2d\",\"filters\":256,\"kernel\":[3,3],\"stride\":[1,1],\"padding\":"
        "\"same\","
        "\"activation\":\"none\",\"bias\":true},"
        "{\"kind\":\"global-average-pool2d\"},"
        "{\"kind\":\"dense\",\"units\":6,\"activation\":\"none\",\"bias\":true}]}";
    const char *json = slow ? slow_net : fast_net;
    err e = {0};
    node *tree;
    net_spec *net = ARENA_NEW(&a, net_spec, 1);
    buf file = {0};
    cr_assert_eq(node_read_json(&a, json, strlen(json), &tree, &e), OK, "%s", e.msg);
    cr_assert_eq(net_spec_parse(tree, net, &e), OK, "%s", e.msg);
    cr_assert_eq(tflite_write(net, NULL, &(tflite_options){0}, &a, &file, &e), OK, "%s", e.msg);
    char *path = data_file(&a, name, file.data, file.len);
    buf_free(&file);
    return path;
}

Test(grade, a_file_that_takes_forever_does_not_stop_the_others, .timeout = 120)
{
    const char *bin = getenv("PARETUNE_BIN");
    char line[4096], *fast_row = NULL, *slow_row = NULL;
    if (!bin || access(bin, X_OK) != 0) cr_skip_test("PARETUNE_BIN is not set");
    char *space = data_file(&a, "space", weather_yaml, sizeof weather_yaml - 1);
    char *fast = write_net("fast", false), *slow = write_net("slow", true);
    FILE *f =
        popen(arena_printf(&a,
                           "%s grade %s %s %s --space %s --architectures spaces/architectures "
                           "--artifacts %s.artifacts --workers 1 --time-limit 1 --csv -q; "
                           "echo exit $?; rm -r %s.artifacts",
                           bin, fast, slow, fast, space, space, space),
              "r");
    cr_assert(f);
    int n_fast = 0, code = -1;
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "exit ", 5) == 0) code = atoi(line + 5);
        if (strncmp(line, fast, strlen(fast)) == 0) n_fast++, fast_row = arena_string(&a, line);
        if (strncmp(line, slow, strlen(slow)) == 0) slow_row = arena_string(&a, line);
    }
    pclose(f);
    unlink(space), unlink(fast), unlink(slow);
    cr_expect_eq(code, 3, "exit %d", code);
    cr_assert(slow_row && n_fast == 2);
    cr_expect(strstr(slow_row, "took longer than 1 s (--time-limit)"), "%s", slow_row);
    cr_expect(strstr(fast_row, ",met,"), "%s", fast_row);
}

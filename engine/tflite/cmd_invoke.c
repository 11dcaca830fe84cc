#include "engine/tflite/cmd_invoke.h"

#include "engine/base/arena.h"
#include "engine/base/file.h"
#include "engine/base/tflite_args.h"
#include "engine/tflite/foreign.h"
#include "engine/tflite/tfl_graph.h"
#include "engine/tflite/interpreter.h"
#include "engine/tflite/pack.h"

#include <stdio.h>
#include <string.h>

static const size_t MOST_FILE = (size_t)64 << 20, MOST_TENSOR = (size_t)256 << 20;

static const char *input_path, *output_path;
static tflite_args tflite;

static const opt options[] = {
    {.name = "input",
     .type = OPT_STRING,
     .arg = "X.raw",
     .value = &input_path,
     .help = "the input tensor: little-endian values in its type, row-major; - is standard input"},
    {.name = "output",
     .type = OPT_STRING,
     .arg = "Y.raw",
     .value = &output_path,
     .help =
         "where the output tensor goes, in the same form; - is standard output; without it only a "
         "summary is printed"},
    TFLITE_OPTIONS(tflite),
    {0},
};

static const opt_spec spec = {
    .name = "invoke",
    .args = "FILE.tflite",
    .summary = "run a .tflite file on a raw tensor",
    .details = "The file may be flat, a zlib stream or a zip with one entry. Arithmetic is that of "
               "TensorFlow\n"
               "Lite 2.9 with its built-in kernels. Without --input the shapes are printed and "
               "nothing runs.",
    .examples = "paretune invoke model.tflite --input x.raw --output y.raw\n"
                "paretune invoke model.tflite.zlib",
    .args_min = 1,
    .args_max = 1,
    .options = options,
};

static void print_port(const char *what, const tfl_port *p)
{
    printf("%s: %s [", what, tfl_type_name(p->type));
    for (int i = 0; i < p->rank; i++) printf("%s%d", i ? "," : "", p->dim[i]);
    printf("], %zu bytes", p->bytes);
    if (p->scale > 0) printf(", scale %.9g, zero point %d", (double)p->scale, p->zero_point);
    printf("\n");
}

static void print_summary(interpreter *it)
{
    for (int i = 0; i < interpreter_n_inputs(it); i++)
        print_port("input", interpreter_input(it, i));
    for (int i = 0; i < interpreter_n_outputs(it); i++)
        print_port("output", interpreter_output(it, i));
    printf("%.0f multiply-adds, activations of %zu bytes\n", interpreter_macs(it),
           interpreter_arena_bytes(it));
}

static status read_input(arena *a, size_t expected, char **bytes, err *e)
{
    size_t n;
    TRY(file_read(a, input_path, MOST_TENSOR, bytes, &n, e));
    if (n == expected) return OK;
    return FAIL(e, ERR_INPUT, "%s: %zu bytes, but the input tensor has %zu", input_path, n,
                expected);
}

static status write_output(const void *bytes, size_t n, err *e)
{
    if (!output_path) return OK;
    if (strcmp(output_path, "-") != 0) return file_write(output_path, bytes, n, e);
    return fwrite(bytes, 1, n, stdout) == n ? OK : FAIL(e, ERR_IO, "cannot write the output");
}

static status run_own(arena *a, const char *path, const void *model, size_t n, err *e)
{
    interpreter *it;
    char *x;
    if (interpreter_open(a, model, n, &it, e) != OK) return err_wrap(e, "%s", path);
    if (!output_path) print_summary(it);
    if (!input_path) return OK;
    if (interpreter_n_inputs(it) != 1 || interpreter_n_outputs(it) != 1)
        return FAIL(e, ERR_INPUT, "%d inputs and %d outputs; one of each is supported",
                    interpreter_n_inputs(it), interpreter_n_outputs(it));
    tfl_port *in = interpreter_input(it, 0);
    TRY(read_input(a, in->bytes, &x, e));
    memcpy(in->data, x, in->bytes);
    interpreter_invoke(it);
    const tfl_port *out = interpreter_output(it, 0);
    return write_output(out->data, out->bytes, e);
}

static status run_foreign(arena *a, foreign *f, err *e)
{
    char *x;
    const size_t n = foreign_output_bytes(f);
    char *y = ARENA_NEW(a, char, n);
    if (!y) return FAIL(e, ERR_MEM, "out of memory for the output");
    TRY(read_input(a, foreign_input_bytes(f), &x, e));
    TRY(foreign_invoke(f, x, y, e));
    return write_output(y, n, e);
}

static status run_model(arena *a, const char *path, const void *model, size_t n, err *e)
{
    if (!tflite.library) return run_own(a, path, model, n, e);
    if (!input_path) return FAIL(e, ERR_INPUT, "--tflite-lib needs --input");
    foreign *f;
    TRY(foreign_open(a, tflite.library, model, n, tflite.xnnpack, &f, e));
    status s = run_foreign(a, f, e);
    foreign_close(f);
    return s;
}

static status run(int n_args, char **args, int *code, err *e)
{
    (void)n_args;
    (void)code;
    arena a;
    char *packed;
    void *model;
    size_t n;
    TRY(tflite_args_check(&tflite, e));
    if (output_path && !input_path) return FAIL(e, ERR_INPUT, "--output needs --input");
    arena_init(&a, 0);
    status s = file_read(&a, args[0], MOST_FILE, &packed, &n, e);
    if (s == OK) {
        s = pack_open(&a, packed, n, MOST_FILE, &model, &n, e);
        s = s == OK ? run_model(&a, args[0], model, n, e) : err_wrap(e, "%s", args[0]);
    }
    arena_free(&a);
    return s;
}

const command cmd_invoke = {.spec = &spec, .run = run};

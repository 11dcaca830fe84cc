/* Files by other people with outputs recorded from TensorFlow Lite 2.9.0 (PARETUNE_DATA/oracles).
 */
#include "engine/base/file.h"
#include "engine/tflite/emit.h"
#include "engine/tflite/foreign.h"
#include "engine/tflite/interpreter.h"
#include "engine/tflite/tfl_reader.h"
#include "tests/support/random_net.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_INPUTS = 3 };
static const size_t MOST = (size_t)16 << 20;

typedef struct {
    arena a;
    char id[16];
    const char *line; /* of index.csv */
    char *file;
    size_t n;
} oracle;

static char *read_part(arena *a, const char *id, const char *ending, size_t *n)
{
    char *bytes = NULL;
    err e = {0};
    const char *path = arena_printf(a, "%s/oracles/%s%s", getenv("PARETUNE_DATA"), id, ending);
    cr_assert_eq(file_read(a, path, MOST, &bytes, n, &e), OK, "%s", e.msg);
    return bytes;
}

/* Calls `check` for each row of the index. */
static void for_each_oracle(void (*check)(oracle *o))
{
    arena a;
    char *index = NULL;
    size_t n;
    if (!getenv("PARETUNE_DATA")) {
        fprintf(stderr, "note: PARETUNE_DATA is not set; the recorded models are skipped\n");
        cr_skip("PARETUNE_DATA is not set");
    }
    arena_init(&a, 0);
    const char *path = arena_printf(&a, "%s/oracles/index.csv", getenv("PARETUNE_DATA"));
    cr_assert_eq(file_read(&a, path, MOST, &index, &n, NULL), OK, "%s is missing", path);
    int rows = 0;
    for (char *line = strchr(index, '\n'); line && line[1]; rows++) {
        oracle o = {.line = ++line};
        line = strchr(line, '\n');
        if (line) *line = '\0';
        arena_init(&o.a, 0);
        snprintf(o.id, sizeof o.id, "%.12s", o.line);
        o.file = read_part(&o.a, o.id, ".tflite", &o.n);
        check(&o);
        arena_free(&o.a);
    }
    cr_expect_gt(rows, 0);
    arena_free(&a);
}

/* int8 networks must agree exactly, also where a float output shows their steps. */
static double tolerance(const char *line)
{
    if (strstr(line, "QUANTIZEv1") || strstr(line, ",i8,")) return 0;
    static const char *const hybrid[] = {"CONV_2Dv2", "CONV_2Dv5", "FULLY_CONNECTEDv3",
                                         "FULLY_CONNECTEDv9"};
    for (size_t i = 0; i < sizeof hybrid / sizeof *hybrid; i++)
        if (strstr(line, hybrid[i])) return 1e-4;
    return 1e-5;
}

/* As a fraction of the largest value; of int8, 1 for any difference. */
static double distance(const void *got, const void *want, size_t n, tfl_type type)
{
    if (type != TFL_FLOAT32) return memcmp(got, want, n) != 0;
    const float *p = got, *q = want;
    double worst = 0, most = 1e-30;
    for (size_t i = 0; i < n / sizeof *p; i++) {
        worst = fmax(worst, fabs((double)p[i] - (double)q[i]));
        most = fmax(most, fabs((double)q[i]));
        if (isnan(p[i])) return INFINITY;
    }
    return worst / most;
}

static double distance_for(interpreter *it, const char *x, const char *y, float factor)
{
    const tfl_port *in = interpreter_input(it, 0), *out = interpreter_output(it, 0);
    float *own = in->data;
    memcpy(own, x, in->bytes);
    for (size_t i = 0; in->type == TFL_FLOAT32 && i < in->bytes / sizeof *own; i++)
        own[i] *= factor;
    interpreter_invoke(it);
    return distance(out->data, y, out->bytes, out->type);
}

/* Where activations become int8 on the way, one that lies on the edge of two steps falls to either
 * side with the order of a float sum. Then inputs a few units in their last place away give what
 * was recorded. */
static bool is_rounding_tie(interpreter *it, const oracle *o, const char *x, const char *y)
{
    for (int ulps = -4; tolerance(o->line) == 1e-4 && ulps <= 4; ulps++)
        if (distance_for(it, x, y, 1 + (float)ulps * 0x1p-23F) <= 1e-4) return true;
    return false;
}

static int n_ties;

static void check_recorded(oracle *o)
{
    err e = {0};
    interpreter *it = NULL;
    cr_expect_eq(interpreter_open(&o->a, o->file, o->n, &it, &e), OK, "%s: %s", o->id, e.msg);
    for (int k = 0; it && k < N_INPUTS; k++) {
        size_t n_x, n_y;
        const char *x = read_part(&o->a, o->id, arena_printf(&o->a, ".%d.in", k), &n_x);
        const char *y = read_part(&o->a, o->id, arena_printf(&o->a, ".%d.out", k), &n_y);
        const tfl_port *out = interpreter_output(it, 0);
        cr_assert_eq(n_x, interpreter_input(it, 0)->bytes);
        cr_assert_eq(n_y, out->bytes);
        const double far = distance_for(it, x, y, 1);
        if (far <= tolerance(o->line)) continue;
        const bool tie = is_rounding_tie(it, o, x, y);
        cr_expect(tie, "%s input %d: off by %g", o->id, k, far);
        fprintf(stderr, "note: %s input %d: off by %g, a rounding tie\n", o->id, k, far);
        n_ties += tie;
    }
}

Test(oracles, recorded_outputs_are_met, .timeout = 120)
{
    n_ties = 0;
    for_each_oracle(check_recorded);
    cr_expect_leq(n_ties, 2, "%d outputs differ by a rounding tie", n_ties);
}

/* Reading and writing again loses names and nothing else, and never makes a file larger. */
static void check_rewritten(oracle *o)
{
    err e = {0};
    tfl_graph g;
    buf again = {0};
    interpreter *first = NULL, *second = NULL;
    cr_assert_eq(tfl_read(&o->a, o->file, o->n, &g, &e), OK, "%s: %s", o->id, e.msg);
    cr_assert_eq(tfl_emit(&g, &o->a, &again, &e), OK, "%s: %s", o->id, e.msg);
    cr_expect_lt(again.len, o->n, "%s: %zu bytes became %zu", o->id, o->n, again.len);
    cr_assert_eq(interpreter_open(&o->a, o->file, o->n, &first, &e), OK, "%s: %s", o->id, e.msg);
    cr_assert_eq(interpreter_open(&o->a, again.data, again.len, &second, &e), OK, "%s: %s", o->id,
                 e.msg);
    size_t n;
    const char *x = read_part(&o->a, o->id, ".0.in", &n);
    memcpy(interpreter_input(first, 0)->data, x, n);
    memcpy(interpreter_input(second, 0)->data, x, n);
    interpreter_invoke(first);
    interpreter_invoke(second);
    const tfl_port *p = interpreter_output(first, 0), *q = interpreter_output(second, 0);
    cr_expect(p->bytes == q->bytes && memcmp(p->data, q->data, p->bytes) == 0, "%s: outputs differ",
              o->id);
    buf_free(&again);
}

Test(oracles, rewritten_files_are_smaller_and_compute_the_same, .timeout = 120)
{
    for_each_oracle(check_rewritten);
}

static void check_rewritten_elsewhere(oracle *o)
{
    err e = {0};
    tfl_graph g;
    buf again = {0};
    foreign *f = NULL;
    size_t n_x, n_y;
    cr_assert_eq(tfl_read(&o->a, o->file, o->n, &g, &e), OK, "%s: %s", o->id, e.msg);
    cr_assert_eq(tfl_emit(&g, &o->a, &again, &e), OK, "%s: %s", o->id, e.msg);
    const char *x = read_part(&o->a, o->id, ".0.in", &n_x),
               *y = read_part(&o->a, o->id, ".0.out", &n_y);
    cr_assert_eq(foreign_open(&o->a, real_library(), again.data, again.len, false, &f, &e), OK,
                 "%s: %s", o->id, e.msg);
    cr_assert_eq(foreign_output_bytes(f), n_y);
    char *got = ARENA_NEW(&o->a, char, n_y);
    cr_assert_eq(foreign_invoke(f, x, got, &e), OK, "%s: %s", o->id, e.msg);
    const double far = distance(got, y, n_y, strstr(o->line, ",i8,") ? TFL_INT8 : TFL_FLOAT32);
    cr_expect_leq(far, tolerance(o->line), "%s: off by %g", o->id, far);
    foreign_close(f);
    buf_free(&again);
}

Test(oracles, rewritten_files_run_in_tensorflow_lite, .timeout = 120)
{
    if (!real_library()) cr_skip("TensorFlow Lite is not installed");
    for_each_oracle(check_rewritten_elsewhere);
}

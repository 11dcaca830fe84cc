/* MAX_POOL_2D and AVERAGE_POOL_2D. Windows are cut at the image's border and the average divides by
 * what is left (reference/pooling.h); int8 keeps its input's scale and rounds half away from zero.
 */
#include "engine/tflite/op.h"
#include "engine/tflite/rows.h"
#include "engine/tflite/window.h"

#include <math.h>
#include <string.h>

typedef struct {
    window win;
    float least, most;
    int q_least, q_most;
    tensor *sums;
} pool;

typedef struct {
    int y0, y1, x0, x1;
} box;

static box box_at(const window *w, int oy, int ox)
{
    const int y = oy * w->stride_h - w->top, x = ox * w->stride_w - w->left;
    return (box){y < 0 ? 0 : y, y + w->Kh > w->H ? w->H : y + w->Kh, x < 0 ? 0 : x,
                 x + w->Kw > w->W ? w->W : x + w->Kw};
}

/* All channels of one output pixel, from the image x. */
static void pixel_float(const pool *s, const float *restrict x, box k, bool is_max,
                        float *restrict y)
{
    const int C = s->win.Ci;
    const float count = (float)((k.y1 - k.y0) * (k.x1 - k.x0));
    for (int c = 0; c < C; c++) y[c] = is_max ? -INFINITY : 0;
    for (int iy = k.y0; iy < k.y1; iy++)
        for (int ix = k.x0; ix < k.x1; ix++) {
            const float *restrict u = x + (iy * s->win.W + ix) * C;
            if (is_max)
                for (int c = 0; c < C; c++) y[c] = u[c] > y[c] ? u[c] : y[c];
            else
                for (int c = 0; c < C; c++) y[c] += u[c];
        }
    for (int c = 0; c < C; c++) y[c] = clamp_float(is_max ? y[c] : y[c] / count, s->least, s->most);
}

enum { BYTES = 16 };
typedef int8_t bytes __attribute__((vector_size(BYTES)));

static inline bytes greater(bytes a, bytes b)
{
    const bytes mask = a > b;
    return (mask & a) | (~mask & b);
}

/* BYTES channels, the first of which are at x. */
static bytes max_bytes(const window *w, const int8_t *x, box k)
{
    bytes most = (bytes){0} + INT8_MIN, v;
    for (int iy = k.y0; iy < k.y1; iy++)
        for (int ix = k.x0; ix < k.x1; ix++) {
            memcpy(&v, x + (iy * w->W + ix) * w->Ci, sizeof v);
            most = greater(v, most);
        }
    return most;
}

static void pixel_max_int8(const pool *s, const int8_t *restrict x, box k, int8_t *restrict y)
{
    const window *w = &s->win;
    int c = 0;
    for (; c + BYTES <= w->Ci; c += BYTES) {
        const bytes v = max_bytes(w, x + c, k);
        memcpy(y + c, &v, sizeof v);
    }
    for (; c < w->Ci; c++) {
        y[c] = INT8_MIN;
        for (int iy = k.y0; iy < k.y1; iy++)
            for (int ix = k.x0; ix < k.x1; ix++) {
                const int8_t u = x[(iy * w->W + ix) * w->Ci + c];
                y[c] = u > y[c] ? u : y[c];
            }
    }
    for (c = 0; (s->q_least > INT8_MIN || s->q_most < INT8_MAX) && c < w->Ci; c++)
        y[c] = (int8_t)clamp_int(y[c], s->q_least, s->q_most);
}

static void pixel_average_int8(const pool *s, const int8_t *restrict x, box k, int8_t *restrict y)
{
    const int C = s->win.Ci, count = (k.y1 - k.y0) * (k.x1 - k.x0);
    int32_t *restrict sum = s->sums->data;
    memset(sum, 0, sizeof *sum * (size_t)C);
    for (int iy = k.y0; iy < k.y1; iy++)
        for (int ix = k.x0; ix < k.x1; ix++) {
            const int8_t *restrict u = x + (iy * s->win.W + ix) * C;
            for (int c = 0; c < C; c++) sum[c] += u[c];
        }
    for (int c = 0; c < C; c++) {
        const int v = (sum[c] > 0 ? sum[c] + count / 2 : sum[c] - count / 2) / count;
        y[c] = (int8_t)clamp_int(v, s->q_least, s->q_most);
    }
}

static void run_float(const op_node *op, bool is_max)
{
    const pool *s = op->state;
    const window *w = &s->win;
    const float *x = op->in[0]->data;
    float *y = op->out[0]->data;
    for (int b = 0; b < w->B; b++, x += w->H * w->W * w->Ci)
        for (int oy = 0; oy < w->Ho; oy++)
            for (int ox = 0; ox < w->Wo; ox++, y += w->Ci)
                pixel_float(s, x, box_at(w, oy, ox), is_max, y);
}

static void run_int8(const op_node *op, bool is_max)
{
    const pool *s = op->state;
    const window *w = &s->win;
    const int8_t *x = op->in[0]->data;
    int8_t *y = op->out[0]->data;
    for (int b = 0; b < w->B; b++, x += w->H * w->W * w->Ci)
        for (int oy = 0; oy < w->Ho; oy++)
            for (int ox = 0; ox < w->Wo; ox++, y += w->Ci)
                (is_max ? pixel_max_int8 : pixel_average_int8)(s, x, box_at(w, oy, ox), y);
}

static void run(const op_node *op, bool is_max)
{
    if (op->in[0]->type == TFL_FLOAT32)
        run_float(op, is_max);
    else
        run_int8(op, is_max);
}

static void run_max(const op_node *op)
{
    run(op, true);
}

static void run_average(const op_node *op)
{
    run(op, false);
}

static status prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 1, 1, 1, e));
    pool *s = op->state = ARENA_NEW(a, pool, 1);
    if (!s) return FAIL(e, ERR_MEM, "out of memory for an operator");
    tfl_options o = *op->options;
    o.dilation_h = o.dilation_w = 1;
    TRY(window_plan(&s->win, op->in[0], &o, o.filter_h, o.filter_w, e));
    TRY(op_expect_type(op->out[0], "the output", op->in[0]->type, e));
    TRY(op_float_bounds(o.activation, &s->least, &s->most, e));
    if (op->in[0]->type != TFL_FLOAT32) {
        TRY(op_expect_type(op->in[0], "the input", TFL_INT8, e));
        TRY(op_expect_scale(op->in[0], "the input", e));
        TRY(op_expect_scale(op->out[0], "the output", e));
        TRY(op_int8_bounds(o.activation, op->out[0], &s->q_least, &s->q_most, e));
        s->sums = op_scratch(op, sizeof(int32_t) * (size_t)s->win.Ci);
    }
    /* Not multiplications, but the same time: they count towards the limit of work. */
    const window *w = &s->win;
    const int Kh = w->Kh < w->H ? w->Kh : w->H, Kw = w->Kw < w->W ? w->Kw : w->W;
    if ((double)w->B * w->Ho * w->Wo * w->Ci * Kh * Kw > 1e10)
        return FAIL(e, ERR_INPUT, "a pool of %d x %d is too much work", w->Kh, w->Kw);
    if (w->Kh * (double)w->Kw > 1 << 23)
        return FAIL(e, ERR_INPUT, "the pool's window is too large");
    const int dim[4] = {w->B, w->Ho, w->Wo, w->Ci};
    return op_set_shape(op->out[0], 4, dim, e);
}

status op_max_pool_prepare(op_node *op, arena *a, err *e)
{
    op->run = run_max;
    return prepare(op, a, e);
}

status op_average_pool_prepare(op_node *op, arena *a, err *e)
{
    op->run = run_average;
    return prepare(op, a, e);
}

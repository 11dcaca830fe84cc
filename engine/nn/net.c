/* Memory of a pass: the input, then each layer's output (a view shares its input's), each layer's
 * saved block, two gradient buffers that the backward pass uses in turn (layer i reads the one that
 * layer i + 1 wrote), and one scratch block for all. */
#include "engine/nn/net.h"

#include <math.h>
#include <string.h>

typedef struct {
    layer_plan layer[NET_MAX_LAYERS];
    long long gradient; /* floats of one gradient buffer */
    long long scratch;
    long long total;
} net_plan;

static long long line_up(long long floats)
{
    return (floats + 15) / 16 * 16; /* blocks start on cache lines */
}

static long long room_for(room r, int B)
{
    return line_up(r.fixed + r.per_example * B);
}

static status plan_all(const net_spec *s, const net_layout *l, int B, net_plan *out, err *e)
{
    memset(out, 0, sizeof *out);
    out->total = line_up((long long)shape_size(s->in) * B);
    for (int i = 0; i < s->n; i++) {
        layer_plan *p = &out->layer[i];
        TRY(layer_find(s->layer[i].kind)->plan(&s->layer[i], l->shape_in[i], p, e));
        long long outputs = line_up((long long)shape_size(p->out) * B);
        if (!p->view) out->total += outputs;
        if (outputs > out->gradient) out->gradient = outputs;
        out->total += room_for(p->saved, B);
        long long scratch = room_for(p->scratch, B);
        if (scratch > out->scratch) out->scratch = scratch;
        if (outputs > INT32_MAX || scratch > INT32_MAX || room_for(p->saved, B) > INT32_MAX)
            return FAIL(e, ERR_INPUT,
                        "layer %d (%s) is too large for batches of %d; make one of them smaller", i,
                        layer_table()[s->layer[i].kind].name, B);
    }
    out->total += 2 * out->gradient + out->scratch;
    return OK;
}

/* Gives layer i its tensors; those of a layer lie one behind the other in the layout. */
static void bind_tensors(net *n, int i)
{
    int k = 0;
    for (int t = 0; t < n->layout.n_tensors; t++) {
        if (n->layout.tensor[t].layer != i) continue;
        n->pass[i].w[k] = n->params + n->layout.tensor[t].offset;
        n->pass[i].dw[k++] = n->gradients + n->layout.tensor[t].offset;
    }
}

static void bind_memory(net *n, const net_plan *plan, int B, float *block)
{
    float *gradient[2] = {block, block + plan->gradient};
    float *scratch = block + 2 * plan->gradient, *next = scratch + plan->scratch;
    n->input = next;
    next += line_up((long long)shape_size(n->spec.in) * B);
    float *x = n->input;
    for (int i = 0; i < n->spec.n; i++) {
        const layer_plan *p = &plan->layer[i];
        layer_pass *pass = &n->pass[i];
        *pass = (layer_pass){.k = n->k,
                             .spec = &n->spec.layer[i],
                             .in = n->layout.shape_in[i],
                             .out = n->layout.shape_out[i],
                             .x = x,
                             .y = p->view ? x : next,
                             .scratch = scratch};
        if (!p->view) next += line_up((long long)shape_size(p->out) * B);
        pass->saved = next;
        next += room_for(p->saved, B);
        bind_tensors(n, i);
        x = pass->y;
    }
    n->output = x;
    int turn = 0;
    n->output_gradient = gradient[turn];
    for (int i = n->spec.n - 1; i >= 0; i--) {
        n->pass[i].dy = gradient[turn];
        if (!plan->layer[i].view) turn = 1 - turn;
        n->pass[i].dx = gradient[turn];
    }
}

/* Nobody wants the gradient of what no trained tensor precedes. */
static void drop_unused_gradients(net *n)
{
    for (int i = 0; i < n->spec.n; i++) {
        n->pass[i].dx = NULL;
        if (n->pass[i].w[0]) return;
    }
}

status net_build(net *n, const net_spec *spec, int max_batch, float *params, arena *a, err *e)
{
    memset(n, 0, sizeof *n);
    if (max_batch < 1 || max_batch > NET_MAX_BATCH)
        return FAIL(e, ERR_INPUT, "a batch of %d examples; must be from 1 to %d", max_batch,
                    NET_MAX_BATCH);
    n->spec = *spec;
    n->max_batch = max_batch;
    TRY(kernel_choose(&n->k, e));
    TRY(net_layout_make(spec, &n->layout, e));
    net_plan plan;
    TRY(plan_all(spec, &n->layout, max_batch, &plan, e));
    n->params = params ? params : ARENA_NEW(a, float, n->layout.n_params);
    n->gradients = ARENA_NEW(a, float, n->layout.n_params);
    float *block = ARENA_NEW(a, float, plan.total);
    if (!n->params || !n->gradients || !block)
        return FAIL(e, ERR_MEM, "no memory for a network of %d parameters at batch %d",
                    n->layout.n_params, max_batch);
    bind_memory(n, &plan, max_batch, block);
    drop_unused_gradients(n);
    return OK;
}

void net_forward(net *n, int B)
{
    for (int i = 0; i < n->spec.n; i++) {
        const layer_ops *ops = layer_find(n->spec.layer[i].kind);
        n->pass[i].B = B;
        if (ops->forward) ops->forward(&n->pass[i]);
    }
}

void net_backward(net *n, int B)
{
    for (int i = n->spec.n - 1; i >= 0; i--) {
        const layer_ops *ops = layer_find(n->spec.layer[i].kind);
        n->pass[i].B = B;
        if (ops->backward) ops->backward(&n->pass[i]);
    }
}

static void fill_glorot(float *w, const net_tensor *t, rng *r)
{
    float limit = (float)sqrt(6.0 / (t->fan_in + t->fan_out));
    for (int i = 0; i < t->size; i++) w[i] = (2.0f * rng_float(r) - 1.0f) * limit;
}

/* Takes from column j of q[rows,cols] its parts along the columns before it, and gives it length 1.
 */
static void orthogonalise(double *q, int rows, int cols, int j)
{
    for (int k = 0; k < j; k++) {
        double dot = 0;
        for (int i = 0; i < rows; i++) dot += q[i * cols + j] * q[i * cols + k];
        for (int i = 0; i < rows; i++) q[i * cols + j] -= dot * q[i * cols + k];
    }
    double square = 0;
    for (int i = 0; i < rows; i++) square += q[i * cols + j] * q[i * cols + j];
    for (int i = 0; i < rows; i++) q[i * cols + j] /= sqrt(square);
}

/* w[rows,cols], rows >= cols, with orthonormal columns: normal numbers through Gram-Schmidt, each
 * column twice (Giraud et al. 2005: twice is enough). This is Q of Keras's QR with R's diagonal
 * positive. */
static void fill_orthogonal(float *w, int rows, int cols, rng *r, double *q)
{
    for (int i = 0; i < rows * cols; i++) q[i] = (double)rng_normal(r);
    for (int j = 0; j < cols; j++) {
        orthogonalise(q, rows, cols, j);
        orthogonalise(q, rows, cols, j);
    }
    for (int i = 0; i < rows * cols; i++) w[i] = (float)q[i];
}

static status init_tensor(const net *n, int index, const tensor_plan *plan, uint64_t seed, arena *a,
                          err *e)
{
    const net_tensor *t = &n->layout.tensor[index];
    float *w = n->params + t->offset;
    rng r = rng_stream(seed, RNG_INIT, (uint64_t)index);
    if (t->role == ROLE_KERNEL) {
        fill_glorot(w, t, &r);
    } else if (t->role == ROLE_RECURRENT) {
        arena_mark_t m = arena_mark(a);
        double *q = ARENA_NEW(a, double, t->size);
        if (!q) return FAIL(e, ERR_MEM, "no memory for initial weights");
        fill_orthogonal(w, t->dims.dim[0], t->dims.dim[1], &r, q);
        arena_release(a, m);
    } else {
        for (int i = 0; i < t->size; i++)
            w[i] = i >= plan->fill_from && i < plan->fill_to ? plan->fill : 0.0f;
    }
    return OK;
}

status net_init_weights(net *n, uint64_t seed, arena *a, err *e)
{
    int index = 0;
    for (int i = 0; i < n->spec.n; i++) {
        layer_plan plan = {0};
        TRY(layer_find(n->spec.layer[i].kind)
                ->plan(&n->spec.layer[i], n->layout.shape_in[i], &plan, e));
        for (int t = 0; t < plan.n_tensors; t++)
            TRY(init_tensor(n, index++, &plan.tensor[t], seed, a, e));
    }
    return OK;
}

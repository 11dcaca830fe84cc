/* Memory of a pass: the input, then each layer's output (a view shares its input's) and saved
 * block, the gradient buffers, one scratch block for all, and a gradient for each output that an
 * add layer takes from further up. */
#include "engine/nn/net.h"

#include <math.h>
#include <string.h>

/* Layers that can (layer_ops.by_parts) are called with few examples at a time: each part goes
 * through a whole stretch of layers while it is in the cache. In training, a stretch ends where a
 * layer must know the whole batch: forward in front of it, backward behind it. Gradients inside a
 * stretch take turns in two buffers of one part, those between stretches in two of a whole batch.
 * The outputs of cheap layers, and the gradients that cost as little, are kept for one part only, and
 * made again. While the products of one part keep the processor busy, what the next part reads and
 * writes is fetched (fetch_list): the batch's numbers lie in the third-level cache or in memory, and
 * waiting for them was a tenth of a step or more. */
typedef struct {
    layer_plan layer[NET_MAX_LAYERS];
    long long gradient; /* floats of one whole gradient buffer */
    long long part;     /* of one for a part */
    long long scratch;
    long long total;
    bool branch[NET_MAX_LAYERS + 1]; /* [i + 1]: some layer adds the output of layer i */
    long long outputs[NET_MAX_LAYERS];
} net_plan;

/* Floats of a part's input and output together: with the gradients and weights that come and go
 * beside them, about half of a second-level cache. */
enum { PART_FLOATS = 98304 };

static long long line_up(long long floats)
{
    return (floats + 15) / 16 * 16; /* blocks start on cache lines */
}

static const layer_ops *ops_of(const net *n, int i)
{
    return layer_find(n->spec.layer[i].kind);
}

static int examples_per_part(const net_spec *s, const net_layout *l, int B)
{
    int most = 1;
    for (int i = 0; i < s->n; i++) {
        int floats = shape_size(l->shape_in[i]) + shape_size(l->shape_out[i]);
        if (layer_find(s->layer[i].kind)->by_parts && floats > most) most = floats;
    }
    int n = PART_FLOATS / most;
    return n < 1 ? 1 : n < B ? n : B;
}

/* The last layer of the stretch that begins with `first`, going forward. */
static int stretch_end(const net *n, int first, bool training)
{
    int last = first;
    if (!ops_of(n, first)->by_parts) return first;
    while (last + 1 < n->spec.n && ops_of(n, last + 1)->by_parts &&
           !(training && ops_of(n, last + 1)->observe))
        last++;
    return last;
}

/* The first layer of the stretch that ends with `last`, going backward. */
static int stretch_start(const net *n, int last)
{
    int first = last;
    if (!ops_of(n, last)->by_parts) return last;
    while (first > 0 && ops_of(n, first - 1)->by_parts && !ops_of(n, first - 1)->observe_back)
        first--;
    return first;
}

static bool changes_dy(const net *n, int i)
{
    return ops_of(n, i)->changes_dy && ops_of(n, i)->changes_dy(&n->spec.layer[i]);
}

/* Nobody reads layer i's output but the layer behind it, part by part. */
static bool is_fleeting(const net *n, int i)
{
    if (i + 1 == n->spec.n || !ops_of(n, i)->cheap || !ops_of(n, i + 1)->by_parts ||
        ops_of(n, i + 1)->observe || changes_dy(n, i))
        return false;
    for (int j = i + 1; j < n->spec.n; j++)
        if (n->spec.layer[j].kind == LAYER_ADD && n->spec.layer[j].from == i) return false;
    return true;
}

static status plan_layer(net *n, int i, layer_plan *p, net_plan *all, err *e)
{
    const layer_spec *s = &n->spec.layer[i];
    TRY(layer_find(s->kind)->plan(s, n->layout.shape_in[i], p, e));
    int B = n->max_batch, b = ops_of(n, i)->by_parts ? n->part : B;
    long long outputs = line_up((long long)shape_size(p->out) * B);
    long long saved = line_up(p->saved.per_example * B);
    long long scratch = line_up(p->scratch.fixed + p->scratch.per_example * b);
    n->fleeting[i] = is_fleeting(n, i);
    all->outputs[i] = line_up((long long)shape_size(p->out) * (n->fleeting[i] ? n->part : B));
    if (!p->view) all->total += all->outputs[i];
    all->total += saved + line_up(p->saved.fixed);
    if (outputs > all->gradient) all->gradient = outputs;
    if (scratch > all->scratch) all->scratch = scratch;
    if (s->kind == LAYER_ADD && !all->branch[s->from + 1]) {
        all->branch[s->from + 1] = true;
        all->total += outputs;
    }
    if (outputs <= INT32_MAX && scratch <= INT32_MAX && saved <= INT32_MAX) return OK;
    return FAIL(e, ERR_INPUT,
                "layer %d (%s) is too large for batches of %d; make one of them smaller", i,
                layer_table()[s->kind].name, B);
}

static status plan_all(net *n, net_plan *out, err *e)
{
    memset(out, 0, sizeof *out);
    out->total = line_up((long long)shape_size(n->spec.in) * n->max_batch);
    for (int i = 0; i < n->spec.n; i++) {
        TRY(plan_layer(n, i, &out->layer[i], out, e));
        long long part = line_up((long long)shape_size(out->layer[i].out) * n->part);
        if (part > out->part) out->part = part;
    }
    out->total += 2 * out->gradient + 2 * out->part + out->scratch;
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

/* Layer i's dx is not kept for the stretch in front of it, but made again, part by part. */
static bool has_fleeting_dx(const net *n, int i)
{
    return i > 0 && i < n->spec.n && ops_of(n, i)->cheap_back && ops_of(n, i)->by_parts &&
           ops_of(n, i - 1)->by_parts && ops_of(n, i - 1)->observe_back && !changes_dy(n, i - 1);
}

/* The buffers of gradients, from the last layer to the first. What the next stretch reads lies in a
 * whole one: the dx of this stretch, or what that is made from. */
static void bind_gradients(net *n, const net_plan *plan, float *whole, float *part)
{
    int turn = 0, part_turn = 0;
    float *dy = whole;
    bool whole_dy = true;
    n->output_gradient = whole;
    for (int last = n->spec.n - 1, first; last >= 0; last = first - 1) {
        first = stretch_start(n, last);
        for (int i = last; i >= first; i--) {
            layer_pass *p = &n->pass[i];
            bool keep = has_fleeting_dx(n, first) ? i == first + 1 : i == first;
            p->dy = dy;
            n->whole_dy[i] = whole_dy;
            if (plan->layer[i].view) {
                p->dx = dy;
            } else if (keep) {
                turn = 1 - turn;
                p->dx = whole + turn * plan->gradient;
            } else {
                part_turn = 1 - part_turn;
                p->dx = part + part_turn * plan->part;
            }
            dy = p->dx;
            if (!plan->layer[i].view) whole_dy = keep;
        }
    }
}

static void bind_branches(net *n, const net_plan *plan, float *next)
{
    for (int i = 0; i < n->spec.n; i++) {
        if (!plan->branch[i]) continue;
        n->branch[i] = next;
        next += line_up((long long)shape_size(i ? n->layout.shape_out[i - 1] : n->spec.in) *
                        n->max_batch);
    }
    bool written[NET_MAX_LAYERS + 1] = {0};
    for (int i = n->spec.n - 1; i >= 0; i--) {
        int from = n->spec.layer[i].from;
        if (n->spec.layer[i].kind != LAYER_ADD) continue;
        n->pass[i].other = from < 0 ? n->input : n->pass[from].y;
        n->pass[i].d_other = n->branch[from + 1];
        n->pass[i].add_other = written[from + 1];
        written[from + 1] = true;
    }
}

static void bind_memory(net *n, const net_plan *plan, float *block)
{
    float *whole = block, *part = whole + 2 * plan->gradient;
    float *scratch = part + 2 * plan->part, *next = scratch + plan->scratch;
    int B = n->max_batch;
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
        if (!p->view) next += plan->outputs[i];
        pass->saved = next;
        next += line_up(p->saved.per_example * B);
        n->saved_per_example[i] = (int)p->saved.per_example;
        pass->fixed = next;
        next += line_up(p->saved.fixed);
        bind_tensors(n, i);
        x = pass->y;
    }
    n->output = x;
    bind_gradients(n, plan, whole, part);
    bind_branches(n, plan, next);
}

/* Nobody wants the gradient of what no trained tensor precedes. */
static void drop_unused_gradients(net *n)
{
    for (int i = 0; i < n->spec.n; i++) {
        n->pass[i].dx = NULL;
        n->branch[i] = NULL;
        if (n->pass[i].w[0]) return;
    }
}

static void find_logits(net *n)
{
    const layer_pass *last = &n->pass[n->spec.n - 1];
    bool softmax = n->spec.layer[n->spec.n - 1].kind == LAYER_SOFTMAX;
    n->logits = softmax ? last->x : n->output;
    n->logits_gradient = softmax ? last->dx : n->output_gradient;
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
    n->part = examples_per_part(spec, &n->layout, max_batch);
    net_plan plan;
    TRY(plan_all(n, &plan, e));
    n->params = params ? params : ARENA_NEW(a, float, n->layout.n_params);
    n->gradients = ARENA_NEW(a, float, n->layout.n_params);
    float *block = ARENA_NEW(a, float, plan.total);
    if (!n->params || !n->gradients || !block)
        return FAIL(e, ERR_MEM, "no memory for a network of %d parameters at batch %d",
                    n->layout.n_params, max_batch);
    bind_memory(n, &plan, block);
    find_logits(n);
    drop_unused_gradients(n);
    return OK;
}

/* Some examples of the batch on their way through a stretch. */
typedef struct {
    int first, count;
    fetch_list *fetch; /* what the examples behind them will need */
} batch_part;

static bool has_whole_x(const net *n, int i)
{
    return i == 0 || !n->fleeting[i - 1];
}

static bool has_whole_dx(const net *n, int i)
{
    return n->pass[i].dx && (i == 0 || n->whole_dy[i - 1]);
}

/* Layer i's pass over a part: the batch's own, or a copy in *own. */
static const layer_pass *part_of(const net *n, int i, const batch_part *b, layer_pass *own)
{
    if (b->count == n->pass[i].B) return &n->pass[i];
    *own = n->pass[i];
    const ptrdiff_t in = shape_size(own->in), out = shape_size(own->out), first = b->first;
    own->B = b->count;
    own->first = b->first;
    own->fetch = b->fetch;
    if (has_whole_x(n, i)) own->x += first * in;
    if (!n->fleeting[i]) own->y += first * out;
    own->saved += first * n->saved_per_example[i];
    if (n->whole_dy[i]) own->dy += first * out;
    if (has_whole_dx(n, i)) own->dx += first * in;
    if (own->other) own->other += first * in;
    if (own->d_other) own->d_other += first * in;
    return own;
}

/* What part b needs, and will write, on its way from first_layer to last_layer. */
static fetch_list wanted_forward(const net *n, int first_layer, int last_layer, const batch_part *b)
{
    fetch_list f = {0};
    layer_pass own;
    for (int i = last_layer; i >= first_layer; i--) {
        const layer_pass *p = part_of(n, i, b, &own);
        if (!n->fleeting[i] && p->y != p->x) fetch_add(&f, p->y, p->B * shape_size(p->out));
        if (i == first_layer) fetch_add(&f, p->x, p->B * shape_size(p->in));
    }
    return f;
}

static void forward_part(const net *n, int first_layer, int last_layer, const batch_part *b,
                         bool training)
{
    layer_pass own;
    for (int i = first_layer; i <= last_layer; i++) {
        const layer_ops *ops = ops_of(n, i);
        if (ops->forward) ops->forward(part_of(n, i, b, &own));
    }
    int next = last_layer + 1;
    if (training && next < n->spec.n && ops_of(n, next)->observe)
        ops_of(n, next)->observe(part_of(n, next, b, &own));
}

/* The part of at most `step` examples that begins with example `first`; empty outside the batch. */
static batch_part part_at(int first, int step, int B)
{
    if (first < 0 || first >= B) return (batch_part){0};
    return (batch_part){.first = first, .count = B - first < step ? B - first : step};
}

static void forward_stretch(const net *n, int first, int last, int B, bool training)
{
    const int step = ops_of(n, first)->by_parts ? n->part : B;
    for (int at = 0; at < B; at += step) {
        batch_part b = part_at(at, step, B), next = part_at(at + step, step, B);
        fetch_list f = {0};
        if (next.count > 0) f = wanted_forward(n, first, last, &next);
        b.fetch = &f;
        forward_part(n, first, last, &b, training);
    }
}

static void begin_forward(net *n, int B, const train_pass *training)
{
    for (int i = 0; i < n->spec.n; i++) {
        layer_pass *p = &n->pass[i];
        p->B = B;
        p->training = training != NULL;
        if (!ops_of(n, i)->begin) continue;
        if (training)
            p->random = rng_stream(training->seed, RNG_DROPOUT,
                                   (uint64_t)training->step * NET_MAX_LAYERS + (uint64_t)i);
        ops_of(n, i)->begin(p);
    }
}

void net_forward_training(net *n, int B, const train_pass *training)
{
    begin_forward(n, B, training);
    if (training && ops_of(n, 0)->observe) {
        ops_of(n, 0)->observe(&n->pass[0]);
        ops_of(n, 0)->settle(&n->pass[0]);
    }
    for (int first = 0, last; first < n->spec.n; first = last + 1) {
        last = stretch_end(n, first, training != NULL);
        forward_stretch(n, first, last, B, training != NULL);
        if (training && last + 1 < n->spec.n && ops_of(n, last + 1)->settle)
            ops_of(n, last + 1)->settle(&n->pass[last + 1]);
    }
}

void net_forward(net *n, int B)
{
    net_forward_training(n, B, NULL);
}

/* The gradient that came through add layers joins the one that came straight. */
static void join_branch(const net *n, const layer_pass *p, int i, const batch_part *b)
{
    if (!n->branch[i] || !p->dx) return;
    const ptrdiff_t size = shape_size(p->in);
    const float *other = n->branch[i] + b->first * size;
    for (ptrdiff_t j = 0; j < b->count * size; j++) p->dx[j] += other[j];
}

/* The layer in front of a stretch that is run again for what first_layer wants to read. */
static bool is_remade(const net *n, int next, int first_layer)
{
    return next >= 0 && n->fleeting[next] && !ops_of(n, first_layer)->ignores_x;
}

static bool observes_back(const net *n, int next)
{
    return next >= 0 && ops_of(n, next)->observe_back;
}

/* What part b needs, and will write, on its way from last_layer to first_layer. */
static fetch_list wanted_backward(const net *n, int last_layer, int first_layer,
                                  const batch_part *b)
{
    fetch_list f = {0};
    layer_pass own;
    int next = first_layer - 1;
    for (int i = last_layer; i >= next && i >= 0; i--) {
        const layer_pass *p = part_of(n, i, b, &own);
        bool reads_x = i == next ? is_remade(n, next, first_layer) || observes_back(n, next)
                                 : !ops_of(n, i)->ignores_x;
        if (reads_x && has_whole_x(n, i)) fetch_add(&f, p->x, p->B * shape_size(p->in));
        if (i == last_layer && n->whole_dy[i]) fetch_add(&f, p->dy, p->B * shape_size(p->out));
        if (i == first_layer && has_whole_dx(n, i)) fetch_add(&f, p->dx, p->B * shape_size(p->in));
    }
    return f;
}

static void backward_layer(const net *n, int i, const batch_part *b)
{
    layer_pass own;
    const layer_pass *p = part_of(n, i, b, &own);
    if (ops_of(n, i)->backward) ops_of(n, i)->backward(p);
    join_branch(n, p, i, b);
}

static void backward_part(const net *n, int last_layer, int first_layer, const batch_part *b)
{
    layer_pass own;
    int next = first_layer - 1;
    if (is_remade(n, next, first_layer)) ops_of(n, next)->forward(part_of(n, next, b, &own));
    if (has_fleeting_dx(n, last_layer + 1)) backward_layer(n, last_layer + 1, b);
    for (int i = last_layer; i >= first_layer; i--) backward_layer(n, i, b);
    if (observes_back(n, next)) ops_of(n, next)->observe_back(part_of(n, next, b, &own));
}

/* Each stretch begins with the part that the one before ended with: it is the likeliest to be still
 * in a cache. */
static void backward_stretch(const net *n, int last, int first, int B, bool upward)
{
    const int step = ops_of(n, last)->by_parts ? n->part : B, parts = (B + step - 1) / step;
    const int move = upward ? step : -step;
    for (int i = 0, at = upward ? 0 : (parts - 1) * step; i < parts; i++, at += move) {
        batch_part b = part_at(at, step, B), next = part_at(at + move, step, B);
        fetch_list f = {0};
        if (next.count > 0) f = wanted_backward(n, last, first, &next);
        b.fetch = &f;
        backward_part(n, last, first, &b);
    }
}

static void backward_from(net *n, int B, int top)
{
    for (int i = 0; i <= top; i++) {
        n->pass[i].B = B;
        if (ops_of(n, i)->begin_back) ops_of(n, i)->begin_back(&n->pass[i]);
    }
    if (ops_of(n, top)->observe_back) {
        ops_of(n, top)->observe_back(&n->pass[top]);
        ops_of(n, top)->settle_back(&n->pass[top]);
    }
    bool upward = false;
    for (int last = top, first; last >= 0; last = first - 1) {
        first = stretch_start(n, last);
        backward_stretch(n, last, first, B, upward);
        upward = !upward;
        if (first > 0 && ops_of(n, first - 1)->settle_back)
            ops_of(n, first - 1)->settle_back(&n->pass[first - 1]);
    }
    for (int i = 0; i <= top; i++)
        if (ops_of(n, i)->end_back) ops_of(n, i)->end_back(&n->pass[i]);
}

void net_backward(net *n, int B)
{
    backward_from(n, B, n->spec.n - 1);
}

void net_backward_logits(net *n, int B)
{
    backward_from(n, B, n->logits == n->output ? n->spec.n - 1 : n->spec.n - 2);
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

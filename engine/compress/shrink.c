/* Channels are the last dimension of every shape, so element i of an example belongs to channel i % C,
 * also behind flatten and most reshapes. Points of the network (its input, each layer's output) whose
 * channels must be the same ones form a group. */
#include "engine/compress/shrink.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT, N_POINTS = NET_MAX_LAYERS + 1 }; /* point i + 1 is the output of layer i */

typedef struct {
    net_layout layout;
    int group[N_POINTS]; /* a point's own number, or that of one joined with it: see group_of */
    int channels[N_POINTS];
    bool whole[N_POINTS];        /* nothing of the group may go */
    int kept[N_POINTS];          /* channels that stay, by group */
    const char *stays[N_POINTS]; /* which, by group; NULL: all */
} channel_plan;

status shrink_config_parse(const node *json, shrink_config *out, err *e)
{
    static const char *const norms[N_CHANNEL_NORMS] = {"l1", "l2"};
    int norm;
    TRY(node_bounded(json, "remove", 0, 0.999, &out->remove, e));
    TRY(node_choice(json, "norm", norms, N_CHANNEL_NORMS, &norm, e));
    out->norm = (channel_norm)norm;
    return OK;
}

static int last_of(shape s)
{
    return s.dim[s.rank - 1];
}

/* --- which channels belong together --- */

static int group_of(const channel_plan *p, int point)
{
    while (p->group[point] != point) point = p->group[point];
    return point;
}

static void start_group(channel_plan *p, int point, int channels)
{
    p->group[point] = point;
    p->channels[point] = channels;
}

static void join(channel_plan *p, int one, int other)
{
    int a = group_of(p, one), b = group_of(p, other);
    if (p->channels[a] != p->channels[b]) { /* one of them counts pixels as channels */
        p->whole[a] = p->whole[b] = true;
        return;
    }
    p->group[b] = a;
    p->whole[a] |= p->whole[b];
}

static bool makes_channels(layer_kind kind)
{
    return kind == LAYER_DENSE || kind == LAYER_CONV1D || kind == LAYER_CONV2D ||
           kind == LAYER_LSTM;
}

static void group_layer(channel_plan *p, const layer_spec *s, int i)
{
    const shape out = p->layout.shape_out[i];
    const int before = group_of(p, i);
    if (makes_channels(s->kind)) {
        start_group(p, i + 1, last_of(out));
        p->whole[i + 1] = s->kind == LAYER_LSTM;
        return;
    }
    p->group[i + 1] = before;
    if (s->kind == LAYER_ADD) join(p, i, s->from + 1);
    if (s->kind == LAYER_SOFTMAX || last_of(out) % p->channels[before] != 0)
        p->whole[before] = true;
}

static status plan_channels(const net_spec *net, double remove, channel_plan *p, err *e)
{
    memset(p, 0, sizeof *p);
    TRY(net_layout_make(net, &p->layout, e));
    start_group(p, INPUT, last_of(net->in));
    p->whole[INPUT] = true;
    for (int i = 0; i < net->n; i++) group_layer(p, &net->layer[i], i);
    p->whole[group_of(p, net->n)] = true;
    for (int g = 0; g <= net->n; g++) {
        const int C = p->channels[g], kept = (int)floor(C * (1 - remove) + 0.5);
        if (p->group[g] == g) p->kept[g] = p->whole[g] ? C : kept > 1 ? kept : 1;
    }
    return OK;
}

/* --- the smaller network --- */

/* How long a dimension that carries a group's channels becomes. */
static int shorten(const channel_plan *p, int group, int n)
{
    return n / p->channels[group] * p->kept[group];
}

static void shorten_layer(const channel_plan *p, int i, layer_spec *s)
{
    const int group = group_of(p, i + 1);
    if (s->kind == LAYER_RESHAPE && !p->whole[group])
        s->to.dim[s->to.rank - 1] = shorten(p, group, last_of(s->to));
    else if (makes_channels(s->kind))
        s->units = p->kept[group];
}

static void shorten_net(const channel_plan *p, const net_spec *net, net_spec *out)
{
    *out = *net;
    for (int i = 0; i < net->n; i++) shorten_layer(p, i, &out->layer[i]);
}

status shrink_net(const net_spec *net, double remove, net_spec *out, err *e)
{
    channel_plan p;
    net_layout layout;
    TRY(plan_channels(net, remove, &p, e));
    shorten_net(&p, net, out);
    return net_layout_make(out, &layout, e);
}

/* --- which channels go --- */

typedef struct {
    double norm;
    int channel;
} rank;

static int by_norm(const void *a, const void *b)
{
    const rank *x = a, *y = b;
    if (x->norm != y->norm) return x->norm < y->norm ? 1 : -1;
    return x->channel - y->channel;
}

static double filter_norm(const float *w, int n, channel_norm norm)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += norm == CHANNEL_L1 ? fabs((double)w[i]) : (double)w[i] * (double)w[i];
    return norm == CHANNEL_L1 ? sum : sqrt(sum);
}

/* Adds the norms of the filters that make this group's channels. */
static void add_norms(const channel_plan *p, const net_spec *net, const float *params, int group,
                      channel_norm norm, rank *ranks)
{
    for (int i = 0; i < p->layout.n_tensors; i++) {
        const net_tensor *t = &p->layout.tensor[i];
        if (t->role != ROLE_KERNEL || !makes_channels(net->layer[t->layer].kind) ||
            group_of(p, t->layer + 1) != group)
            continue;
        const int n = t->size / p->channels[group];
        for (int c = 0; c < p->channels[group]; c++)
            ranks[c].norm += filter_norm(params + t->offset + c * n, n, norm);
    }
}

static status choose(channel_plan *p, const net_spec *net, const float *params, channel_norm norm,
                     arena *a, err *e)
{
    for (int g = 0; g <= net->n; g++) {
        if (p->group[g] != g || p->whole[g]) continue;
        const int C = p->channels[g];
        char *stays = ARENA_NEW(a, char, C);
        rank *ranks = ARENA_NEW(a, rank, C);
        if (!stays || !ranks) return FAIL(e, ERR_MEM, "no memory for %d channels", C);
        for (int c = 0; c < C; c++) ranks[c].channel = c;
        add_norms(p, net, params, g, norm, ranks);
        qsort(ranks, (size_t)C, sizeof *ranks, by_norm);
        for (int k = 0; k < p->kept[g]; k++) stays[ranks[k].channel] = 1;
        p->stays[g] = stays;
    }
    return OK;
}

/* --- the weights that stay --- */

/* Whether place `i` of a dimension that carries a point's channels stays. */
static bool stays(const channel_plan *p, int point, int i)
{
    const int g = group_of(p, point);
    return !p->stays[g] || p->stays[g][i % p->channels[g]];
}

/* The rows of a tensor go by the layer's output, the columns of a kernel by its input: of a depthwise
 * one, which has no rows of channels, too. */
static float *copy_tensor(const channel_plan *p, const net_spec *net, const net_tensor *t,
                          const float *from, float *to)
{
    const bool kernel = t->role == ROLE_KERNEL, lstm = net->layer[t->layer].kind == LAYER_LSTM;
    const int cols = kernel ? last_of(t->dims) : 1, rows = t->dims.dim[0];
    const int per_row = t->size / rows;
    const bool by_row = net->layer[t->layer].kind != LAYER_DEPTHWISE_CONV2D || !kernel;
    for (int i = 0; i < t->size; i++) {
        if (by_row && !lstm && !stays(p, t->layer + 1, i / per_row)) continue;
        if (kernel && !stays(p, t->layer, i % cols)) continue;
        *to++ = from[i];
    }
    return to;
}

status shrink_weights(const net_spec *net, const float *params, const shrink_config *c, arena *a,
                      net_spec *out, float **shrunk, err *e)
{
    channel_plan p;
    net_layout layout;
    TRY(plan_channels(net, c->remove, &p, e));
    shorten_net(&p, net, out);
    TRY(net_layout_make(out, &layout, e));
    *shrunk = ARENA_NEW(a, float, layout.n_params);
    if (!*shrunk) return FAIL(e, ERR_MEM, "no memory for %d parameters", layout.n_params);
    arena_mark_t m = arena_mark(a);
    status s = choose(&p, net, params, c->norm, a, e);
    float *to = *shrunk;
    for (int i = 0; s == OK && i < p.layout.n_tensors; i++)
        to = copy_tensor(&p, net, &p.layout.tensor[i], params + p.layout.tensor[i].offset, to);
    arena_release(a, m);
    return s;
}

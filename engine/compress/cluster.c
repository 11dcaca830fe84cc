#include "engine/compress/cluster.h"

#include <math.h>
#include <string.h>

status cluster_config_parse(const node *json, cluster_config *out, err *e)
{
    static const char *const inits[N_CENTROID_INITS] = {"kmeans++", "linear", "random", "density"};
    static const char *const gradients[] = {"sum", "average"};
    int init, gradient;
    *out = (cluster_config){0};
    const node *preserve = node_get(json, "preserve_sparsity");
    if (!preserve || preserve->kind != NODE_BOOL)
        return FAIL(e, ERR_ARG, "parameter 'preserve_sparsity' must be true or false");
    out->preserve_sparsity = preserve->number != 0;
    TRY(node_int(json, "clusters", out->preserve_sparsity ? 3 : 2, CHECKPOINT_MAX_CLUSTERS,
                 &out->clusters, e));
    TRY(node_choice(json, "init", inits, N_CENTROID_INITS, &init, e));
    TRY(node_choice(json, "gradient", gradients, 2, &gradient, e));
    out->init = (centroid_init)init;
    out->average = gradient == 1;
    return OK;
}

/* --- first centroids: each fills out[k] for w[n], 0 < k <= n --- */

static float least_of(const float *w, int n)
{
    float least = w[0];
    for (int i = 1; i < n; i++) least = fminf(least, w[i]);
    return least;
}

static float most_of(const float *w, int n)
{
    float most = w[0];
    for (int i = 1; i < n; i++) most = fmaxf(most, w[i]);
    return most;
}

/* TensorFlow's linspace: n values, the first and the last exactly at the ends. */
static float linspace(float first, float last, int n, int i)
{
    if (i == 0 || n == 1) return first;
    return i == n - 1 ? last : first + (last - first) / (float)(n - 1) * (float)i;
}

static void spread_evenly(const float *w, int n, int k, float *out)
{
    const float least = least_of(w, n), most = most_of(w, n);
    for (int i = 0; i < k; i++) out[i] = linspace(least, most, k, i);
}

static void draw_evenly(const float *w, int n, int k, rng *r, float *out)
{
    const float least = least_of(w, n), most = most_of(w, n);
    for (int i = 0; i < k; i++) out[i] = least + (most - least) * rng_float(r);
}

static float share_up_to(const float *w, int n, float x)
{
    int count = 0;
    for (int i = 0; i < n; i++) count += w[i] <= x;
    return (float)count / (float)n;
}

/* `gap` widens the grid, so that the distribution function goes from 0 to 1 on it. */
static void follow_density(const float *w, int n, int k, float gap, float *out)
{
    enum { GRID = 30 };
    float x[GRID], share[GRID];
    const float least = least_of(w, n) - gap, most = most_of(w, n) + gap;
    for (int i = 0; i < GRID; i++) {
        x[i] = linspace(least, most, GRID, i);
        share[i] = share_up_to(w, n, x[i]);
    }
    for (int i = 0; i < k; i++) {
        const float p = linspace(0.01f, 1, k, i);
        int at = 0;
        while (at < GRID - 1 && share[at] <= p) at++;
        out[i] = x[at];
    }
}

/* Squared distances to the nearest centroid so far, and their running sums. */
typedef struct {
    const float *w;
    int n;
    double *distance, *sum;
} seeding;

/* When every weight is a centroid already, any one. */
static int draw_weight(const seeding *s, bool first, rng *r)
{
    const double total = first ? 0 : s->sum[s->n - 1];
    if (!(total > 0)) return (int)rng_below(r, (uint64_t)s->n);
    const double v = rng_double(r) * total;
    int low = 0, high = s->n - 1; /* the first whose running sum exceeds v */
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (s->sum[middle] > v)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static double squared_to(const seeding *s, int i, int c)
{
    const double d = (double)s->w[i] - (double)s->w[c];
    return d * d < s->distance[i] ? d * d : s->distance[i];
}

static int best_draw(const seeding *s, bool first, int draws, rng *r)
{
    int best = -1;
    double least = HUGE_VAL;
    for (int k = 0; k < draws; k++) {
        const int c = draw_weight(s, first, r);
        double left = 0;
        for (int i = 0; i < s->n; i++) left += squared_to(s, i, c);
        if (best >= 0 && left >= least) continue;
        best = c;
        least = left;
    }
    return best;
}

static status draw_apart(const float *w, int n, int k, rng *r, arena *a, float *out, err *e)
{
    seeding s = {w, n, ARENA_NEW(a, double, n), ARENA_NEW(a, double, n)};
    if (!s.distance || !s.sum) return FAIL(e, ERR_MEM, "no memory for clusters");
    const int draws = 3 + (int)log((double)k);
    for (int i = 0; i < n; i++) s.distance[i] = HUGE_VAL;
    for (int i = 0; i < k; i++) {
        const int c = best_draw(&s, i == 0, draws, r);
        double sum = 0;
        out[i] = w[c];
        for (int j = 0; j < n; j++) s.sum[j] = sum += s.distance[j] = squared_to(&s, j, c);
    }
    return OK;
}

static status fill_interval(const cluster_config *c, const float *w, int n, int k, rng *r, arena *a,
                            float *out, err *e)
{
    if (k == 0) return OK;
    if (c->init == CENTROIDS_KMEANS) return draw_apart(w, n, k, r, a, out, e);
    if (c->init == CENTROIDS_LINEAR) spread_evenly(w, n, k, out);
    if (c->init == CENTROIDS_RANDOM) draw_evenly(w, n, k, r, out);
    if (c->init == CENTROIDS_DENSITY) {
        const float ends = fminf(fabsf(least_of(w, n)), fabsf(most_of(w, n)));
        follow_density(w, n, k, c->preserve_sparsity ? fminf(0.01f, ends / 2) : 0.01f, out);
    }
    return OK;
}

/* Those of w[n] below zero (sign -1) or above (1), in out; returns how many. */
static int pick_side(const float *w, int n, int sign, float *out)
{
    int count = 0;
    for (int i = 0; i < n; i++)
        if (sign < 0 ? w[i] < 0 : w[i] > 0) out[count++] = w[i];
    return count;
}

/* Centroids of the negative weights, zero, those of the positive ones. Returns how many in *used. */
static status fill_sides(const cluster_config *c, const float *w, int n, rng *r, arena *a,
                         float *out, int *zero, int *used, err *e)
{
    float *side = ARENA_NEW(a, float, n);
    if (!side) return FAIL(e, ERR_MEM, "no memory for clusters");
    const int above = pick_side(w, n, 1, side), below = pick_side(w, n, -1, side);
    const int others = c->clusters - 1;
    int k = above + below ? (int)rint((double)others * below / (above + below)) : 0;
    int m = above + below ? others - k : 0;
    k = k < below ? k : below;
    m = m < above ? m : above;
    TRY(fill_interval(c, side, below, k, r, a, out, e));
    *zero = k;
    out[k] = 0;
    pick_side(w, n, 1, side);
    *used = k + 1 + m;
    return fill_interval(c, side, above, m, r, a, out + k + 1, e);
}

status cluster_centroids(const cluster_config *c, const float *w, int n, rng *r, arena *a,
                         float *out, int *zero, err *e)
{
    arena_mark_t mark = arena_mark(a);
    int used = n < c->clusters ? n : c->clusters;
    *zero = -1;
    status s = c->preserve_sparsity ? fill_sides(c, w, n, r, a, out, zero, &used, e)
                                    : fill_interval(c, w, n, used, r, a, out, e);
    arena_release(a, mark);
    for (int i = used; s == OK && i < c->clusters; i++) out[i] = out[used - 1]; /* never nearest */
    return s;
}

void cluster_assign(const float *w, int n, const float *centroid, int clusters, int *index)
{
    enum { BLOCK = 256 };
    float nearest[BLOCK];
    for (int first = 0; first < n; first += BLOCK) {
        const int m = n - first < BLOCK ? n - first : BLOCK;
        int *at = index + first;
        for (int i = 0; i < m; i++) nearest[i] = HUGE_VALF;
        for (int k = 0; k < clusters; k++)
            for (int i = 0; i < m; i++) {
                const float d = fabsf(w[first + i] - centroid[k]);
                at[i] = d < nearest[i] ? k : at[i];
                nearest[i] = d < nearest[i] ? d : nearest[i];
            }
    }
}

/* --- training --- */

typedef struct {
    cluster_config config;
    net_layout layout;
    int *index;       /* n_params; of clustered tensors: which of the tensor's centroids */
    float *gradients; /* of all centroids; zero between steps */
} clustering;

/* The zero centroid moved with the last step; what has the same value goes with it. */
static void hold_zero(float *centroid, int clusters, int zero)
{
    if (zero < 0) return;
    const float drifted = centroid[zero];
    for (int k = 0; k < clusters; k++)
        if (centroid[k] == drifted) centroid[k] = 0;
}

static void arrange(void *user, checkpoint *state)
{
    clustering *c = user;
    cluster_state *s = &state->clusters;
    const int K = c->config.clusters;
    for (int i = 0, n = 0; i < c->layout.n_tensors; i++) {
        const net_tensor *t = &c->layout.tensor[i];
        if (!t->prunable) continue;
        float *w = state->params + t->offset, *centroid = s->centroid + n * K;
        int *index = c->index + t->offset;
        hold_zero(centroid, K, s->zero[n++]);
        for (int j = 0; j < t->size;
             j++) /* what is masked is nearest to zero, whatever is behind it */
            w[j] = state->keep[t->offset + j] ? s->original[t->offset + j] : 0;
        cluster_assign(w, t->size, centroid, K, index);
        for (int j = 0; j < t->size; j++) w[j] = centroid[index[j]];
    }
}

/* The members' gradients, in the order of the weights. */
static void gather(const clustering *c, const net_tensor *t, const float *gradients, float *out)
{
    double sum[CHECKPOINT_MAX_CLUSTERS] = {0};
    int members[CHECKPOINT_MAX_CLUSTERS] = {0};
    for (int j = 0; j < t->size; j++) {
        sum[c->index[t->offset + j]] += (double)gradients[t->offset + j];
        members[c->index[t->offset + j]]++;
    }
    for (int k = 0; k < c->config.clusters; k++)
        out[k] = (float)(c->config.average && members[k] ? sum[k] / members[k] : sum[k]);
}

/* Moves clustered weights between the parameters and what is behind them. */
static void exchange(const clustering *c, float *to, const float *from)
{
    for (int i = 0; i < c->layout.n_tensors; i++) {
        const net_tensor *t = &c->layout.tensor[i];
        if (t->prunable) memcpy(to + t->offset, from + t->offset, (size_t)t->size * sizeof *to);
    }
}

static void learn(void *user, checkpoint *state, const optim_spec *optimizer, const kernels *k,
                  double rate, float *gradients)
{
    clustering *c = user;
    cluster_state *s = &state->clusters;
    for (int i = 0, n = 0; i < c->layout.n_tensors; i++) {
        const net_tensor *t = &c->layout.tensor[i];
        if (t->prunable) gather(c, t, gradients, c->gradients + n++ * c->config.clusters);
    }
    exchange(c, state->params, s->original);
    optim_step(optimizer, k, rate, state->step, state->params, gradients, state->moments,
               state->n_params);
    exchange(c, s->original, state->params);
    optim_step(optimizer, k, rate, state->step, s->centroid, c->gradients, s->moments, s->n);
}

status cluster_hooks(const cluster_config *c, const checkpoint *state, arena *a, train_hooks *out,
                     err *e)
{
    if (state->clusters.n == 0 || state->clusters.n != c->clusters * state->clusters.n_tensors)
        return FAIL(e, ERR_ARG, "the earlier epochs had another number of clusters");
    clustering *own = ARENA_NEW(a, clustering, 1);
    if (!own) return FAIL(e, ERR_MEM, "no memory for clusters");
    own->config = *c;
    own->index = ARENA_NEW(a, int, state->n_params);
    own->gradients = ARENA_NEW(a, float, state->clusters.n);
    if (!own->index || !own->gradients) return FAIL(e, ERR_MEM, "no memory for clusters");
    TRY(net_layout_make(&state->net, &own->layout, e));
    *out = (train_hooks){.user = own, .arrange = arrange, .learn = learn};
    return OK;
}

/* --- the beginning --- */

static status begin_tensor(const cluster_config *c, const net_tensor *t, int n, rng *r,
                           checkpoint *state, arena *a, err *e)
{
    float *w = state->params + t->offset, *centroid = state->clusters.centroid + n * c->clusters;
    int *zero = &state->clusters.zero[n];
    TRY(cluster_centroids(c, w, t->size, r, a, centroid, zero, e));
    arena_mark_t mark = arena_mark(a);
    int *index = ARENA_NEW(a, int, t->size);
    if (!index) return FAIL(e, ERR_MEM, "no memory for clusters");
    cluster_assign(w, t->size, centroid, c->clusters, index);
    for (int j = 0; j < t->size && c->preserve_sparsity; j++)
        state->keep[t->offset + j] = centroid[index[j]] != 0 ? UINT32_MAX : 0;
    arena_release(a, mark);
    return OK;
}

status cluster_begin(const cluster_config *c, uint64_t seed, checkpoint *state, arena *a, err *e)
{
    net_layout layout;
    int n = 0;
    TRY(net_layout_make(&state->net, &layout, e));
    for (int i = 0; i < layout.n_tensors; i++) n += layout.tensor[i].prunable;
    if (n == 0) return FAIL(e, ERR_INPUT, "the network has no weights to cluster");
    TRY(checkpoint_make_clusters(state, n * c->clusters, n, a, e));
    memset(state->keep, 0xff, (size_t)state->n_params * sizeof *state->keep);
    state->masked = c->preserve_sparsity;
    n = 0;
    for (int i = 0; i < layout.n_tensors; i++) {
        rng r = rng_stream(seed, RNG_CLUSTER, (uint64_t)i);
        if (layout.tensor[i].prunable)
            TRY(begin_tensor(c, &layout.tensor[i], n++, &r, state, a, e));
    }
    memcpy(state->clusters.original, state->params,
           (size_t)state->n_params * sizeof *state->params);
    return OK;
}

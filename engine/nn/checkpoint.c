#include "engine/nn/checkpoint.h"

#include "engine/base/hash.h"
#include "engine/base/node.h"
#include "engine/nn/layer.h"
#include "engine/nn/optim.h"

#include <math.h>
#include <string.h>

static const char magic[8] = {'P', 'T', 'C', 'H', 'K', 'P', 'T', '1'};
enum {
    FLAG_MASKED = 1,
    FLAG_KEEP_BEST = 2,
    FLAG_HAS_BEST = 4,
    FLAG_STOPPED = 8,
    FLAG_STANDARDIZED = 16,
    FLAG_CLASSES = 32,
    FLAG_BEGAN_TRAINED = 64,
    FLAG_CLUSTERED = 128,
    FLAG_RANGES = 256,
    ALL_FLAGS = 511,
    HASH_BYTES = HASH_TEXT - 1,
    MAX_JSON = 1 << 20
};

status checkpoint_make(checkpoint *c, const net_spec *net, int n_blocks, arena *a, err *e)
{
    net_layout layout;
    TRY(net_layout_make(net, &layout, e));
    *c = (checkpoint){.net = *net, .n_params = layout.n_params, .n_blocks = n_blocks};
    size_t n = (size_t)c->n_params;
    c->params = ARENA_NEW(a, float, n);
    c->moments = ARENA_NEW(a, float, (size_t)optim_stride(c->n_params) * (size_t)n_blocks);
    c->best = ARENA_NEW(a, float, n);
    c->keep = ARENA_NEW(a, uint32_t, n);
    if (!c->params || !c->moments || !c->best || !c->keep)
        return FAIL(e, ERR_MEM, "no memory for the state of %d parameters", c->n_params);
    memset(c->keep, 0xff, n * sizeof *c->keep);
    return OK;
}

status checkpoint_make_clusters(checkpoint *c, int n, int n_tensors, arena *a, err *e)
{
    c->clusters = (cluster_state){
        .n = n,
        .n_tensors = n_tensors,
        .centroid = ARENA_NEW(a, float, n),
        .moments = ARENA_NEW(a, float, (size_t)optim_stride(n) * (size_t)c->n_blocks),
        .zero = ARENA_NEW(a, int, n_tensors),
        .original = ARENA_NEW(a, float, c->n_params),
    };
    const cluster_state *k = &c->clusters;
    if (k->centroid && k->moments && k->zero && k->original) return OK;
    return FAIL(e, ERR_MEM, "no memory for %d centroids", n);
}

/* --- writing --- */

static void put_f32(buf *b, const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &v[i], sizeof bits);
        buf_u32(b, bits);
    }
}

static void put_f64(buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    buf_u64(b, bits);
}

static void put_keep(buf *b, const uint32_t *keep, int n)
{
    for (int i = 0; i < n; i += 8) {
        unsigned byte = 0;
        for (int j = 0; j < 8 && i + j < n; j++)
            if (keep[i + j]) byte |= 1u << j;
        buf_char(b, (char)byte);
    }
}

static void put_ranges(buf *b, const value_range *r, int n)
{
    for (int i = 0; i < n; i++) {
        put_f32(b, &r[i].least, 1);
        put_f32(b, &r[i].most, 1);
    }
}

static void put_counters(buf *b, const checkpoint *c)
{
    buf_u32(b, (uint32_t)c->n_params);
    buf_u32(b, (uint32_t)c->n_blocks);
    buf_u32(b, (c->masked ? FLAG_MASKED : 0u) | (c->keep_best ? FLAG_KEEP_BEST : 0u) |
                   (c->has_best ? FLAG_HAS_BEST : 0u) | (c->stopped ? FLAG_STOPPED : 0u) |
                   (c->standardized ? FLAG_STANDARDIZED : 0u) | (c->classes ? FLAG_CLASSES : 0u) |
                   (c->earlier_epochs ? FLAG_BEGAN_TRAINED : 0u) |
                   (c->clusters.n ? FLAG_CLUSTERED : 0u) | (c->n_ranges ? FLAG_RANGES : 0u));
    buf_u32(b, (uint32_t)c->epoch);
    buf_u64(b, (uint64_t)c->step);
    buf_u32(b, (uint32_t)c->wait);
    buf_u32(b, (uint32_t)c->best_epoch);
    put_f64(b, c->best_loss);
    if (c->earlier_epochs) buf_u32(b, (uint32_t)c->earlier_epochs);
    if (c->clusters.n) {
        buf_u32(b, (uint32_t)c->clusters.n);
        buf_u32(b, (uint32_t)c->clusters.n_tensors);
    }
    if (c->n_ranges) buf_u32(b, (uint32_t)c->n_ranges);
}

static void put_blocks(buf *b, const float *moments, int n_blocks, int n)
{
    for (int i = 0; i < n_blocks; i++)
        put_f32(b, moments + (size_t)i * (size_t)optim_stride(n), (size_t)n);
}

static void put_clusters(buf *b, const checkpoint *c)
{
    const cluster_state *k = &c->clusters;
    put_f32(b, k->centroid, (size_t)k->n);
    put_blocks(b, k->moments, c->n_blocks, k->n);
    for (int i = 0; i < k->n_tensors; i++) buf_u32(b, (uint32_t)k->zero[i]);
    put_f32(b, k->original, (size_t)c->n_params);
}

status checkpoint_write(const checkpoint *c, buf *out, err *e)
{
    size_t start = out->len, n = (size_t)c->n_params;
    buf json = {0};
    net_spec_put_json(&json, &c->net);
    buf_put(out, magic, sizeof magic);
    buf_u32(out, (uint32_t)json.len);
    buf_put(out, json.data, json.len);
    status s = buf_check(&json, e);
    buf_free(&json);
    TRY(s);
    put_counters(out, c);
    buf_u32(out, (uint32_t)c->n_outputs);
    for (int i = 0; i < c->n_outputs; i++) {
        put_f32(out, &c->label_mean[i], 1);
        put_f32(out, &c->label_std[i], 1);
    }
    for (int i = 0; i < c->epoch; i++) {
        put_f64(out, c->curve[i].train_loss);
        put_f64(out, c->curve[i].val_loss);
        put_f64(out, c->curve[i].rate);
        if (c->classes) put_f64(out, c->curve[i].val_accuracy);
    }
    put_f32(out, c->params, n);
    put_blocks(out, c->moments, c->n_blocks, c->n_params);
    if (c->has_best) put_f32(out, c->best, n);
    put_ranges(out, c->range, c->n_ranges);
    if (c->has_best) put_ranges(out, c->best_range, c->n_ranges);
    if (c->masked) put_keep(out, c->keep, c->n_params);
    if (c->clusters.n) put_clusters(out, c);
    TRY(buf_check(out, e));
    hash h = hash_bytes(out->data + start, out->len - start);
    buf_put(out, h.text, HASH_BYTES);
    return buf_check(out, e);
}

/* --- reading: `left` is checked before each take; the first lack empties the cursor --- */

typedef struct {
    const unsigned char *at;
    size_t left;
    bool lacking;
} cursor;

static const unsigned char *take(cursor *c, size_t n)
{
    if (n > c->left) {
        c->lacking = true;
        c->left = 0;
        return NULL;
    }
    const unsigned char *p = c->at;
    c->at += n;
    c->left -= n;
    return p;
}

static uint64_t take_uint(cursor *c, int bytes)
{
    const unsigned char *p = take(c, (size_t)bytes);
    uint64_t v = 0;
    for (int i = 0; p && i < bytes; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static double take_f64(cursor *c)
{
    uint64_t bits = take_uint(c, 8);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void take_f32(cursor *c, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)take_uint(c, 4);
        memcpy(&out[i], &bits, sizeof bits);
    }
}

#define DAMAGED(e, what) \
    FAIL((e), ERR_INPUT, "checkpoint: %s; remove the file to have it rebuilt", what)

static status check_envelope(const void *bytes, size_t n, cursor *c, err *e)
{
    if (n < sizeof magic + HASH_BYTES || memcmp(bytes, magic, sizeof magic) != 0)
        return DAMAGED(e, "not a checkpoint of this version");
    hash h = hash_bytes(bytes, n - HASH_BYTES);
    if (memcmp(h.text, (const char *)bytes + n - HASH_BYTES, HASH_BYTES) != 0)
        return DAMAGED(e, "damaged or incomplete");
    *c =
        (cursor){(const unsigned char *)bytes + sizeof magic, n - sizeof magic - HASH_BYTES, false};
    return OK;
}

static status read_net(cursor *c, arena *a, net_spec *net, err *e)
{
    uint64_t n = take_uint(c, 4);
    const unsigned char *text = n <= MAX_JSON ? take(c, (size_t)n) : NULL;
    if (!text) return DAMAGED(e, "the network's description is cut off");
    arena_mark_t m = arena_mark(a);
    node *json;
    err own = {0};
    status s = node_read_json(a, (const char *)text, (size_t)n, &json, &own);
    if (s == OK) s = net_spec_parse(json, net, &own);
    arena_release(a, m);
    if (s == OK) return OK;
    return FAIL(e, s == ERR_MEM ? ERR_MEM : ERR_INPUT, "checkpoint: its network: %s", own.msg);
}

typedef struct {
    uint64_t n_params, n_blocks, flags, epoch, step, wait, best_epoch;
    uint64_t earlier_epochs, n_centroids, n_clustered, n_ranges;
    double best_loss;
} counters;

static counters take_counters(cursor *c)
{
    counters k = {0};
    k.n_params = take_uint(c, 4);
    k.n_blocks = take_uint(c, 4);
    k.flags = take_uint(c, 4);
    k.epoch = take_uint(c, 4);
    k.step = take_uint(c, 8);
    k.wait = take_uint(c, 4);
    k.best_epoch = take_uint(c, 4);
    k.best_loss = take_f64(c);
    if (k.flags & FLAG_BEGAN_TRAINED) k.earlier_epochs = take_uint(c, 4);
    if (k.flags & FLAG_CLUSTERED) {
        k.n_centroids = take_uint(c, 4);
        k.n_clustered = take_uint(c, 4);
    }
    if (k.flags & FLAG_RANGES) k.n_ranges = take_uint(c, 4);
    return k;
}

static bool clusters_make_sense(const counters *k)
{
    if (!(k->flags & FLAG_CLUSTERED)) return true;
    return k->n_clustered >= 1 && k->n_clustered <= NET_MAX_TENSORS &&
           k->n_centroids <= k->n_clustered * CHECKPOINT_MAX_CLUSTERS &&
           k->n_centroids >= k->n_clustered && k->n_centroids % k->n_clustered == 0;
}

static bool counters_make_sense(const counters *k)
{
    return k->n_params <= LAYER_MAX_ELEMENTS && k->n_blocks <= 2 && k->flags <= ALL_FLAGS &&
           k->epoch <= CHECKPOINT_MAX_EPOCHS && k->step <= INT64_MAX && k->wait <= k->epoch &&
           k->best_epoch <= k->epoch && k->earlier_epochs <= CHECKPOINT_MAX_EPOCHS &&
           (k->earlier_epochs > 0) == !!(k->flags & FLAG_BEGAN_TRAINED) && clusters_make_sense(k) &&
           k->n_ranges <= CHECKPOINT_MAX_RANGES &&
           (k->n_ranges > 0) == !!(k->flags & FLAG_RANGES);
}

/* Bytes that must follow the labels, so that nothing is taken from the arena for a lie. */
static uint64_t body_bytes(const counters *k)
{
    uint64_t blocks = 1 + k->n_blocks + (k->flags & FLAG_HAS_BEST ? 1 : 0);
    uint64_t mask = k->flags & FLAG_MASKED ? (k->n_params + 7) / 8 : 0;
    uint64_t point = k->flags & FLAG_CLASSES ? 32 : 24;
    uint64_t clusters = 0;
    if (k->flags & FLAG_CLUSTERED)
        clusters = 4 * (1 + k->n_blocks) * k->n_centroids + 4 * k->n_clustered + 4 * k->n_params;
    uint64_t ranges = 8 * k->n_ranges * (k->flags & FLAG_HAS_BEST ? 2 : 1);
    return clusters + ranges + point * k->epoch + 4 * blocks * k->n_params + mask;
}

static void apply_counters(checkpoint *out, const counters *k)
{
    out->masked = k->flags & FLAG_MASKED;
    out->keep_best = k->flags & FLAG_KEEP_BEST;
    out->has_best = k->flags & FLAG_HAS_BEST;
    out->stopped = k->flags & FLAG_STOPPED;
    out->standardized = k->flags & FLAG_STANDARDIZED;
    out->classes = k->flags & FLAG_CLASSES;
    out->epoch = (int)k->epoch;
    out->step = (int64_t)k->step;
    out->wait = (int)k->wait;
    out->best_epoch = (int)k->best_epoch;
    out->earlier_epochs = (int)k->earlier_epochs;
    out->n_ranges = (int)k->n_ranges;
    out->best_loss = k->best_loss;
}

static void read_keep(cursor *c, uint32_t *keep, int n)
{
    for (int i = 0; i < n; i += 8) {
        unsigned byte = (unsigned)take_uint(c, 1);
        for (int j = 0; j < 8 && i + j < n; j++) keep[i + j] = byte >> j & 1 ? UINT32_MAX : 0;
    }
}

static status check_params(const net_spec *net, uint64_t n_params, err *e)
{
    net_layout layout;
    TRY(net_layout_make(net, &layout, e));
    if (n_params != (uint64_t)layout.n_params)
        return DAMAGED(e, "its network has another number of parameters");
    return OK;
}

static void take_ranges(cursor *c, value_range *r, int n)
{
    for (int i = 0; i < n; i++) {
        take_f32(c, &r[i].least, 1);
        take_f32(c, &r[i].most, 1);
    }
}

static void take_blocks(cursor *c, float *moments, int n_blocks, int n)
{
    for (int i = 0; i < n_blocks; i++)
        take_f32(c, moments + (size_t)i * (size_t)optim_stride(n), (size_t)n);
}

/* Trainers index by these numbers: they must lie among what there is. */
static status read_clusters(cursor *c, checkpoint *out, err *e)
{
    cluster_state *k = &out->clusters;
    net_layout layout;
    int clusterable = 0;
    TRY(net_layout_make(&out->net, &layout, e));
    for (int i = 0; i < layout.n_tensors; i++) clusterable += layout.tensor[i].prunable;
    if (k->n_tensors != clusterable)
        return DAMAGED(e, "its network has another number of tensors to cluster");
    take_f32(c, k->centroid, (size_t)k->n);
    take_blocks(c, k->moments, out->n_blocks, k->n);
    for (int i = 0; i < k->n_tensors; i++) {
        uint64_t zero = take_uint(c, 4);
        if (zero != UINT32_MAX && zero >= (uint64_t)(k->n / k->n_tensors))
            return DAMAGED(e, "a centroid is out of its range");
        k->zero[i] = zero == UINT32_MAX ? -1 : (int)zero;
    }
    take_f32(c, k->original, (size_t)out->n_params);
    return OK;
}

static status read_body(cursor *c, arena *a, checkpoint *out, err *e)
{
    size_t n = (size_t)out->n_params;
    out->curve = ARENA_NEW(a, curve_point, out->epoch);
    if (!out->curve) return FAIL(e, ERR_MEM, "no memory for a learning curve");
    for (int i = 0; i < out->epoch; i++) {
        out->curve[i].train_loss = take_f64(c);
        out->curve[i].val_loss = take_f64(c);
        out->curve[i].rate = take_f64(c);
        out->curve[i].val_accuracy = out->classes ? take_f64(c) : (double)NAN;
    }
    take_f32(c, out->params, n);
    take_blocks(c, out->moments, out->n_blocks, out->n_params);
    if (out->has_best) take_f32(c, out->best, n);
    take_ranges(c, out->range, out->n_ranges);
    if (out->has_best) take_ranges(c, out->best_range, out->n_ranges);
    if (out->masked) read_keep(c, out->keep, out->n_params);
    return OK;
}

status checkpoint_read(arena *a, const void *bytes, size_t n, checkpoint *out, err *e)
{
    cursor c = {0};
    net_spec net;
    TRY(check_envelope(bytes, n, &c, e));
    TRY(read_net(&c, a, &net, e));
    counters k = take_counters(&c);
    uint64_t n_outputs = take_uint(&c, 4);
    if (c.lacking || !counters_make_sense(&k) || n_outputs > CHECKPOINT_MAX_OUTPUTS)
        return DAMAGED(e, "a count is out of its range");
    if (c.left != 8 * n_outputs + body_bytes(&k)) return DAMAGED(e, "its length is wrong");
    TRY(check_params(&net, k.n_params, e));
    TRY(checkpoint_make(out, &net, (int)k.n_blocks, a, e));
    apply_counters(out, &k);
    out->n_outputs = (int)n_outputs;
    for (int i = 0; i < out->n_outputs; i++) {
        take_f32(&c, &out->label_mean[i], 1);
        take_f32(&c, &out->label_std[i], 1);
    }
    if (out->standardized &&
        (out->n_outputs < 1 || checkpoint_scaled_layer(&net, out->n_outputs) < 0))
        return DAMAGED(e, "its network has no layer for the labels' scaling");
    TRY(read_body(&c, a, out, e));
    if (!(k.flags & FLAG_CLUSTERED)) return OK;
    TRY(checkpoint_make_clusters(out, (int)k.n_centroids, (int)k.n_clustered, a, e));
    return read_clusters(&c, out, e);
}

/* --- weights to export --- */

static bool only_reshapes(layer_kind kind)
{
    return kind == LAYER_FLATTEN || kind == LAYER_RESHAPE;
}

int checkpoint_scaled_layer(const net_spec *net, int n_outputs)
{
    int i = net->n - 1;
    while (i >= 0 && only_reshapes(net->layer[i].kind)) i--;
    if (i < 0) return -1;
    const layer_spec *s = &net->layer[i];
    bool fit = s->kind == LAYER_DENSE && s->act == ACT_NONE && s->bias && s->units % n_outputs == 0;
    return fit ? i : -1;
}

/* y * std + mean, as new rows of the kernel and of the bias. */
static void scale_rows(const checkpoint *c, const net_tensor *t, float *w)
{
    int rows = t->dims.dim[0], cols = t->size / rows;
    for (int r = 0; r < rows; r++) {
        int o = r % c->n_outputs;
        for (int i = 0; i < cols; i++) w[r * cols + i] *= c->label_std[o];
        if (t->role == ROLE_BIAS) w[r] += c->label_mean[o];
    }
}

const float *checkpoint_kept_weights(const checkpoint *c)
{
    return c->keep_best && c->has_best ? c->best : c->params;
}

const value_range *checkpoint_kept_ranges(const checkpoint *c)
{
    return c->keep_best && c->has_best ? c->best_range : c->range;
}

void checkpoint_keep_best(checkpoint *c)
{
    memcpy(c->best, c->params, (size_t)c->n_params * sizeof *c->best);
    memcpy(c->best_range, c->range, sizeof c->best_range);
}

void checkpoint_final_weights(const checkpoint *c, float *out)
{
    checkpoint_scale_weights(c, checkpoint_kept_weights(c), out);
}

void checkpoint_scale_weights(const checkpoint *c, const float *weights, float *out)
{
    memcpy(out, weights, (size_t)c->n_params * sizeof *out);
    if (!c->standardized) return;
    int layer = checkpoint_scaled_layer(&c->net, c->n_outputs);
    net_layout l;
    if (net_layout_make(&c->net, &l, NULL) != OK) return; /* it was made before: cannot fail */
    for (int i = 0; i < l.n_tensors; i++)
        if (l.tensor[i].layer == layer) scale_rows(c, &l.tensor[i], out + l.tensor[i].offset);
}

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
    FLAG_RANGES = 256,
    ALL_FLAGS = 127 | FLAG_RANGES,
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

static void put_ranges(buf *b, const checkpoint *c)
{
    buf_u32(b, (uint32_t)c->n_ranges);
    for (int set = 0; set < (c->has_best ? 2 : 1); set++)
        for (int i = 0; i < c->n_ranges; i++) {
            const value_range *r = set ? &c->best_range[i] : &c->range[i];
            put_f32(b, &r->least, 1);
            put_f32(b, &r->most, 1);
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
                   (c->n_ranges ? FLAG_RANGES : 0u));
    buf_u32(b, (uint32_t)c->epoch);
    buf_u64(b, (uint64_t)c->step);
    buf_u32(b, (uint32_t)c->wait);
    buf_u32(b, (uint32_t)c->best_epoch);
    put_f64(b, c->best_loss);
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
    if (c->earlier_epochs) buf_u32(out, (uint32_t)c->earlier_epochs);
    for (int i = 0; i < c->epoch; i++) {
        put_f64(out, c->curve[i].train_loss);
        put_f64(out, c->curve[i].val_loss);
        put_f64(out, c->curve[i].rate);
        if (c->classes) put_f64(out, c->curve[i].val_accuracy);
    }
    put_f32(out, c->params, n);
    for (int i = 0; i < c->n_blocks; i++)
        put_f32(out, c->moments + (size_t)i * (size_t)optim_stride(c->n_params), n);
    if (c->has_best) put_f32(out, c->best, n);
    if (c->n_ranges) put_ranges(out, c);
    if (c->masked) put_keep(out, c->keep, c->n_params);
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
    double best_loss;
} counters;

static counters take_counters(cursor *c)
{
    counters k;
    k.n_params = take_uint(c, 4);
    k.n_blocks = take_uint(c, 4);
    k.flags = take_uint(c, 4);
    k.epoch = take_uint(c, 4);
    k.step = take_uint(c, 8);
    k.wait = take_uint(c, 4);
    k.best_epoch = take_uint(c, 4);
    k.best_loss = take_f64(c);
    return k;
}

static bool counters_make_sense(const counters *k)
{
    return k->n_params <= LAYER_MAX_ELEMENTS && k->n_blocks <= 2 &&
           (k->flags & ~(uint64_t)ALL_FLAGS) == 0 && k->epoch <= CHECKPOINT_MAX_EPOCHS &&
           k->step <= INT64_MAX && k->wait <= k->epoch && k->best_epoch <= k->epoch;
}

/* Bytes that must follow the labels, so that nothing is taken from the arena for a lie. */
static uint64_t body_bytes(const counters *k)
{
    uint64_t blocks = 1 + k->n_blocks + (k->flags & FLAG_HAS_BEST ? 1 : 0);
    uint64_t mask = k->flags & FLAG_MASKED ? (k->n_params + 7) / 8 : 0;
    uint64_t point = k->flags & FLAG_CLASSES ? 32 : 24;
    uint64_t earlier = k->flags & FLAG_BEGAN_TRAINED ? 4 : 0;
    return earlier + point * k->epoch + 4 * blocks * k->n_params + mask;
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

static status read_ranges(cursor *c, checkpoint *out, err *e)
{
    const uint64_t n = take_uint(c, 4), sets = out->has_best ? 2 : 1;
    if (n < 1 || n > CHECKPOINT_MAX_RANGES || c->left < 8 * n * sets)
        return DAMAGED(e, "a count is out of its range");
    out->n_ranges = (int)n;
    for (int set = 0; set < (out->has_best ? 2 : 1); set++)
        for (int i = 0; i < out->n_ranges; i++) {
            value_range *r = set ? &out->best_range[i] : &out->range[i];
            take_f32(c, &r->least, 1);
            take_f32(c, &r->most, 1);
        }
    return OK;
}

static status read_body(cursor *c, arena *a, bool has_ranges, checkpoint *out, err *e)
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
    for (int i = 0; i < out->n_blocks; i++)
        take_f32(c, out->moments + (size_t)i * (size_t)optim_stride(out->n_params), n);
    if (out->has_best) take_f32(c, out->best, n);
    if (has_ranges) TRY(read_ranges(c, out, e));
    if (c->left != (out->masked ? (n + 7) / 8 : 0)) return DAMAGED(e, "its length is wrong");
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
    const uint64_t expected = 8 * n_outputs + body_bytes(&k);
    const bool has_ranges = k.flags & FLAG_RANGES; /* of a length that stands in their place */
    if (c.left < expected || (c.left > expected && !has_ranges))
        return DAMAGED(e, "its length is wrong");
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
    if (k.flags & FLAG_BEGAN_TRAINED) {
        uint64_t earlier = take_uint(&c, 4);
        if (earlier < 1 || earlier > CHECKPOINT_MAX_EPOCHS)
            return DAMAGED(e, "a count is out of its range");
        out->earlier_epochs = (int)earlier;
    }
    return read_body(&c, a, has_ranges, out, e);
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
    memcpy(out, checkpoint_kept_weights(c), (size_t)c->n_params * sizeof *out);
    if (!c->standardized) return;
    int layer = checkpoint_scaled_layer(&c->net, c->n_outputs);
    net_layout l;
    if (net_layout_make(&c->net, &l, NULL) != OK) return; /* it was made before: cannot fail */
    for (int i = 0; i < l.n_tensors; i++)
        if (l.tensor[i].layer == layer) scale_rows(c, &l.tensor[i], out + l.tensor[i].offset);
}

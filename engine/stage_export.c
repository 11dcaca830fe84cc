/* export: a checkpoint's final weights, stored as asked, as a .tflite file; its sizes by every
 * definition; in the detail, zeros and where its bytes go. "features" among the parameters, the front end that
 * made the examples, travels in the file as metadata {"features":{...}}; "device" adds modelled
 * latencies.
 *
 * Full-integer files need the ranges of activations: "calibration" among the parameters asks for those
 * of examples of the training part, and the data stage is then a second parent; without it the
 * checkpoint of a quantization-aware training has them. */
#include <math.h>
#include <string.h>

#include "engine/compress/fake_quant.h"
#include "engine/compress/prune.h"
#include "engine/compress/quantize.h"
#include "engine/measure/cost.h"
#include "engine/nn/checkpoint.h"
#include "engine/nn/fold.h"
#include "engine/signal/feature.h"
#include "engine/stage_kinds.h"
#include "engine/tflite/anatomy.h"
#include "engine/tflite/pack.h"
#include "engine/tflite/tfl_reader.h"
#include "engine/tflite/writer.h"

static const char *const storages[N_STORAGES] = {[STORE_FLOAT32] = "float32",
                                                 [STORE_FLOAT16] = "float16",
                                                 [STORE_DYNAMIC] = "dynamic",
                                                 [STORE_INT8] = "int8",
                                                 [STORE_INT8_WEIGHTS] = "int8-weights"};

static const char *const writers[] = {"minimal", "converter-like"};

typedef struct {
    tflite_options file;
    packing counted; /* what a homework takes for the file's size */
    int level;       /* of "zlib" and "zip" */
    bool has_front_end;
    feature_settings front_end;
    const char *device;      /* NULL: none is modelled */
    calibration calibration; /* of int8; no examples: the checkpoint has the ranges */
} export_options;

static status read_front_end(const node *params, arena *a, export_options *out, err *e)
{
    const node *features = node_get(params, "features");
    if (!features) return OK;
    buf b = {0};
    TRY(feature_parse(features, &out->front_end, e));
    buf_text(&b, "{\"features\":");
    feature_put_json(&b, &out->front_end);
    buf_char(&b, '}');
    status s = buf_check(&b, e);
    if (s == OK) out->file.metadata = arena_copy(a, b.data, b.len);
    buf_free(&b);
    TRY(s);
    out->has_front_end = true;
    return out->file.metadata ? OK : FAIL(e, ERR_MEM, "out of memory");
}

/* "io" and "heads" are there when they are not the default. */
static status read_integer_options(const node *params, export_options *out, err *e)
{
    static const char *const ends[] = {"float32", "int8"}, *const heads[] = {"joint", "per-output"};
    const node *how = node_get(params, "calibration");
    int io = 0, head = 0;
    if (node_get(params, "io")) TRY(node_choice(params, "io", ends, 2, &io, e));
    if (node_get(params, "heads")) TRY(node_choice(params, "heads", heads, 2, &head, e));
    out->file.int8_io = io == 1;
    out->file.heads = head == 1;
    const bool integer = out->file.storage == STORE_INT8;
    if (!integer && (io || head || how))
        return FAIL(e, ERR_ARG, "io, heads and calibration are for storage int8");
    if (io && head)
        return FAIL(e, ERR_ARG,
                    "an int8 output has one scale: io int8 and heads per-output exclude "
                    "each other");
    return how ? calibration_parse(how, &out->calibration, e) : OK;
}

/* "pack" may be missing from what a plan asks about. */
static status read_packing(const node *params, export_options *out, err *e)
{
    int counted = PACK_ZLIB;
    out->level = PACK_LEVEL;
    if (node_get(params, "pack"))
        TRY(node_choice(params, "pack", pack_names, N_PACKINGS, &counted, e));
    if (node_get(params, "zlib_level")) TRY(node_int(params, "zlib_level", 1, 9, &out->level, e));
    out->counted = (packing)counted;
    return OK;
}

static bool is_optimal(const export_options *o)
{
    return o->counted == PACK_ZOPFLI || o->counted == PACK_ZOPFLI_ZIP;
}

/* The texts are in `a`. */
static status read_options(const node *params, arena *a, export_options *out, err *e)
{
    int storage, writer = 0;
    *out = (export_options){0};
    TRY(read_packing(params, out, e));
    TRY(node_choice(params, "storage", storages, N_STORAGES, &storage, e));
    out->file.storage = (weight_storage)storage;
    TRY(node_int(params, "dynamic_min_elements", 0, 1 << 30, &out->file.dynamic_min_elements, e));
    const node *per_channel = node_get(params, "per_channel");
    if (!per_channel || per_channel->kind != NODE_BOOL)
        return FAIL(e, ERR_ARG, "parameter 'per_channel' must be true or false");
    out->file.per_channel = per_channel->number != 0;
    TRY(read_integer_options(params, out, e));
    if (node_get(params, "writer")) TRY(node_choice(params, "writer", writers, 2, &writer, e));
    out->file.converter_like = writer == 1;
    if (node_get(params, "device")) TRY(node_string(params, "device", &out->device, e));
    return read_front_end(params, a, out, e);
}

/* Latencies on the device asked for; NaN when none is. */
static status model_latency(const export_options *o, const net_cost *cost, double *inference_ms,
                            double *total_ms, err *e)
{
    device_model m;
    *inference_ms = *total_ms = (double)NAN;
    if (!o->device) return OK;
    TRY(device_fit(o->device, &m, e));
    *inference_ms = *total_ms = device_inference_ms(&m, &cost->work);
    if (o->has_front_end) *total_ms += device_front_end_ms(&m, &o->front_end);
    return OK;
}

static status put_modelled(const export_options *o, const net_cost *cost, stage_result *out, err *e)
{
    double inference_ms, total_ms;
    TRY(model_latency(o, cost, &inference_ms, &total_ms, e));
    if (!o->device) return OK;
    stage_put_metric(out, "modelled_inference_ms", inference_ms);
    stage_put_metric(out, "modelled_total_ms", total_ms);
    return OK;
}

/* The weights that pruning may reach, tensor by tensor, and how many of them are zero. */
static void put_sparsity(const net_layout *layout, const prune_report *zeros, buf *b)
{
    static const char *const roles[] = {[ROLE_KERNEL] = "kernel", [ROLE_RECURRENT] = "recurrent"};
    buf_text(b, "{\"sparsity\":[");
    for (int i = 0, n = 0; i < layout->n_tensors; i++) {
        const net_tensor *t = &layout->tensor[i];
        if (!t->prunable) continue;
        buf_printf(b, "%s{\"layer\":%d,\"weights\":\"%s\",\"n\":%d,\"zeros\":%d}", n++ ? "," : "",
                   t->layer, roles[t->role], t->size, zeros->zeros[i]);
    }
    buf_char(b, ']');
}

/* Bytes as a number with eighths: packed sizes are counted in bits. */
static void put_bits(buf *b, uint64_t bits)
{
    buf_text(b, ",\"packed\":");
    buf_number(b, (double)bits / 8);
}

/* Bytes of each constant, what it costs in the packed file, and what zlib makes of it alone. */
static status put_constants(const tfl_graph *g, const anatomy *parts, buf *b, err *e)
{
    buf alone = {0};
    status s = OK;
    buf_text(b, "\"tensors\":[");
    for (int i = 0, n = 0; s == OK && i < g->n_tensors; i++) {
        const tfl_tensor *t = &g->tensor[i];
        if (!t->data) continue;
        buf_clear(&alone);
        s = pack_zlib(t->data, t->bytes, PACK_LEVEL, &alone, e);
        buf_printf(b, "%s{\"tensor\":%d,\"type\":\"%s\",\"shape\":[", n++ ? "," : "", i,
                   tfl_type_name(t->type));
        for (int d = 0; d < t->rank; d++) buf_printf(b, d ? ",%d" : "%d", t->dim[d]);
        buf_printf(b, "],\"bytes\":%zu", t->bytes);
        put_bits(b, parts->tensor_bits[i]);
        buf_printf(b, ",\"zlib_alone\":%zu}", alone.len);
    }
    buf_char(b, ']');
    buf_free(&alone);
    return s;
}

/* Where the bytes of the file go, flat and as it is counted (a flat file: as zlib at level 6). What is
 * not values is the file's container. Goes on with the object that put_sparsity began. */
static status put_parts(const stage_job *job, const export_options *o, const buf *file, buf *b,
                        err *e)
{
    tfl_graph g;
    anatomy parts;
    buf packed = {0};
    TRY(tfl_read(job->a, file->data, file->len, &g, e));
    status s = pack_as(o->counted == PACK_FLAT ? PACK_ZLIB : o->counted, o->level, file->data,
                       file->len, &packed, e);
    if (s == OK)
        s = anatomy_of(job->a, &g, file->data, file->len, packed.data, packed.len, &parts, e);
    buf_free(&packed);
    TRY(s);
    buf_char(b, ',');
    TRY(put_constants(&g, &parts, b, e));
    buf_printf(b, ",\"container_bytes\":%zu,\"parts\":[",
               file->len - parts.piece_bytes[PIECE_DATA]);
    for (int i = 0, n = 0; i < N_PIECES; i++) {
        if (!parts.piece_bytes[i] && !parts.piece_bits[i]) continue;
        buf_printf(b, "%s{\"part\":\"%s\",\"bytes\":%zu", n++ ? "," : "",
                   anatomy_piece_name((piece)i), parts.piece_bytes[i]);
        put_bits(b, parts.piece_bits[i]);
        buf_char(b, '}');
    }
    buf_text(b, "]}");
    return buf_check(b, e);
}

static const char *const size_metrics[N_PACKINGS] = {"size_flat", "size_zlib", "size_zip",
                                                     "size_zopfli", "size_zopfli_zip"};

/* zopfli takes a hundred times as long as zlib: only when it is asked for. Behind each zlib stream comes
 * the zip that holds the same. */
static status put_sizes(const export_options *o, const buf *file, stage_result *out, err *e)
{
    buf packed = {0};
    const int n = is_optimal(o) ? N_PACKINGS : PACK_ZOPFLI;
    double size[N_PACKINGS] = {[PACK_FLAT] = (double)file->len};
    status s = OK;
    for (int how = PACK_ZLIB; s == OK && how < n; how += 2) {
        buf_clear(&packed);
        s = pack_as((packing)how, o->level, file->data, file->len, &packed, e);
        size[how] = (double)packed.len;
        size[how + 1] = (double)pack_zip_bytes(packed.len);
    }
    buf_free(&packed);
    TRY(s);
    stage_put_metric(out, "size", size[o->counted]);
    for (int how = 0; how < n; how++) stage_put_metric(out, size_metrics[how], size[how]);
    return OK;
}

status stage_put_sizes(const stage_job *job, const buf *file, stage_result *out, err *e)
{
    export_options o = {0};
    TRY(read_packing(job->params, &o, e));
    return put_sizes(&o, file, out, e);
}

/* What the file is written from. */
typedef struct {
    net_spec net;   /* folded; for int8 spread, too */
    float *weights; /* its parameters */
    affine points[NET_MAX_POINTS];
    float head_scale[CHECKPOINT_MAX_OUTPUTS], head_shift[CHECKPOINT_MAX_OUTPUTS];
} exported;

static status observe(const stage_job *job, const exported *x, const calibration *how, int columns,
                      value_range *ranges, value_range *of_column, err *e)
{
    stage_examples data;
    status s = stage_open_examples(job, 1, &data, e);
    if (s == OK)
        s = calibrate(&x->net, x->weights, &data.ex, how, columns, job->a, ranges, of_column, e);
    stage_close_examples(&data);
    return s;
}

/* The parameters of the network's points, into the options that write the file. */
static status quantize(const stage_job *job, const checkpoint *state, exported *x,
                       export_options *o, err *e)
{
    value_range ranges[NET_MAX_POINTS], of_column[CHECKPOINT_MAX_OUTPUTS];
    int columns = 0;
    TRY(calibrate_spread(&x->net, &x->net, e));
    if (o->file.heads) TRY(calibrate_columns(&x->net, &columns, e));
    if (o->calibration.examples > 0)
        TRY(observe(job, x, &o->calibration, columns, ranges, of_column, e));
    else
        TRY(fake_quant_ranges(state, &x->net, columns, ranges, of_column, e));
    if (o->file.heads)
        TRY(calibrate_heads(&x->net, columns, of_column, x->weights, ranges, x->head_scale,
                            x->head_shift, e));
    calibrate_affine(&x->net, ranges, x->points);
    o->file.points = x->points;
    o->file.head_scale = x->head_scale;
    o->file.head_shift = x->head_shift;
    return OK;
}

/* The same network as TensorFlow's converter would write it, so that sizes compare with published
 * ones. */
static status put_converter_sizes(const export_options *o, const net_spec *net, const float *params,
                                  arena *a, stage_result *out, err *e)
{
    tflite_options like = o->file;
    buf file = {0}, packed = {0};
    like.converter_like = true;
    status s = tflite_write(net, params, &like, a, &file, e);
    if (s == OK) s = pack_zlib(file.data, file.len, PACK_LEVEL, &packed, e);
    if (s == OK) {
        stage_put_metric(out, "size_converter", (double)file.len);
        stage_put_metric(out, "size_converter_zlib", (double)packed.len);
    }
    buf_free(&file);
    buf_free(&packed);
    return s;
}

static status export(const stage_job *job, const checkpoint *state, buf *artifact,
                     stage_result *out, err *e)
{
    export_options options;
    net_cost cost;
    prune_report zeros;
    net_layout *layout = ARENA_NEW(job->a, net_layout, 1);
    exported *x = ARENA_NEW(job->a, exported, 1);
    float *weights = ARENA_NEW(job->a, float, state->n_params);
    if (!layout || !weights || !x) return FAIL(e, ERR_MEM, "out of memory");
    TRY(read_options(job->params, job->a, &options, e));
    TRY(net_layout_make(&state->net, layout, e));
    checkpoint_final_weights(state, weights);
    prune_count(layout, weights, &zeros);
    TRY(net_fold(&state->net, weights, job->a, &x->net, &x->weights, e));
    if (options.file.storage == STORE_INT8) TRY(quantize(job, state, x, &options, e));
    TRY(tflite_write(&x->net, x->weights, &options.file, job->a, artifact, e));
    TRY(buf_check(artifact, e));
    TRY(put_sizes(&options, artifact, out, e));
    TRY(put_converter_sizes(&options, &x->net, x->weights, job->a, out, e));
    TRY(cost_of_net(&state->net, &options.file, 0, job->a, &cost, e));
    stage_put_metric(out, "n_params", cost.n_params);
    stage_put_metric(out, "macs", cost.macs);
    stage_put_metric(out, "arena", cost.arena_bytes);
    TRY(put_modelled(&options, &cost, out, e));
    stage_put_metric(out, "sparsity",
                     zeros.n_weights ? 100.0 * zeros.n_zeros / zeros.n_weights : 0);
    put_sparsity(layout, &zeros, &out->detail);
    return put_parts(job, &options, artifact, &out->detail, e);
}

status stage_build_export(const stage_job *job, buf *artifact, stage_result *out, err *e)
{
    file_map map = {0};
    checkpoint *state = ARENA_NEW(job->a, checkpoint, 1);
    if (!state) return FAIL(e, ERR_MEM, "out of memory");
    status s = stage_open_parent(job, 0, STAGE_TRAIN, &map, e);
    if (s == OK) s = stage_distrust(checkpoint_read(job->a, map.bytes, map.n, state, e), e);
    if (s == OK) s = export(job, state, artifact, out, e);
    file_unmap(&map);
    return s;
}

static status write_packed(const char *path, packing how, int level, const void *bytes, size_t n,
                           err *e)
{
    static const char *const endings[N_PACKINGS] = {"", ".zlib", ".zip", ".zlib", ".zip"};
    buf name = {0}, packed = {0};
    buf_printf(&name, "%s%s", path, endings[how]);
    status s = buf_check(&name, e);
    if (s == OK) s = pack_as(how, level, bytes, n, &packed, e);
    if (s == OK) s = file_write(name.data, packed.data, packed.len, e);
    buf_free(&name);
    buf_free(&packed);
    return s;
}

status stage_write_model(const char *path, const void *bytes, size_t n, const node *export_params,
                         err *e)
{
    export_options o = {0};
    TRY(read_packing(export_params, &o, e));
    TRY(write_packed(path, PACK_FLAT, 0, bytes, n, e));
    TRY(write_packed(path, is_optimal(&o) ? PACK_ZOPFLI : PACK_ZLIB, o.level, bytes, n, e));
    return write_packed(path, is_optimal(&o) ? PACK_ZOPFLI_ZIP : PACK_ZIP, o.level, bytes, n, e);
}

bool stage_keeps_state(const void *bytes, size_t n, arena *a)
{
    tfl_graph g;
    if (tfl_read(a, bytes, n, &g, NULL) != OK) return false;
    for (int i = 0; i < g.n_tensors; i++)
        if (g.tensor[i].is_variable) return true;
    return false;
}

/* Other calibrations write other files. */
static uint64_t file_identity(const node *export_params, uint64_t id)
{
    const node *how = node_get(export_params, "calibration");
    buf b = {0};
    if (how) node_put_json(&b, how);
    if (how && b.len) id = hash_u64(b.data, b.len, id);
    buf_free(&b);
    return id;
}

/* The floor is that of a stream at level 6. Higher levels and zopfli shorten what has structure, which
 * is the container: by at most 4 % and 16 % on the files that were measured; weights, the rest, are
 * counted at so few bits that no packing reaches them. */
static int floor_of(const export_options *o, const net_cost *cost)
{
    const double share = is_optimal(o) ? 0.8 : o->level > PACK_LEVEL ? 0.92 : 1;
    return (int)(share * cost->packed_floor);
}

status stage_foresee(const node *net, const node *export_params, int batch, double final_sparsity,
                     arena *a, stage_forecast *out, err *e)
{
    *out = (stage_forecast){0};
    arena_mark_t mark = arena_mark(a);
    export_options options;
    net_cost cost;
    net_layout *layout = ARENA_NEW(a, net_layout, 1);
    net_spec *spec = ARENA_NEW(a, net_spec, 1);
    status s = layout && spec ? OK : FAIL(e, ERR_MEM, "out of memory");
    if (s == OK) s = net_spec_parse(net, spec, e);
    if (s == OK) s = net_layout_make(spec, layout, e);
    if (s == OK) s = read_options(export_params, a, &options, e);
    if (s == OK) s = cost_of_net(spec, &options.file, final_sparsity, a, &cost, e);
    if (s == OK)
        *out = (stage_forecast){.n_params = cost.n_params,
                                .macs = cost.macs,
                                .arena_bytes = cost.arena_bytes,
                                .flat_bytes = cost.flat_bytes,
                                .file_id = file_identity(export_params, cost.file_id),
                                .n_prunable = cost.n_prunable,
                                .converter_bytes = cost.converter_bytes,
                                .packed_floor = floor_of(&options, &cost),
                                .step_seconds = cost_of_step(spec, layout, batch)};
    if (s == OK)
        s = model_latency(&options, &cost, &out->modelled_inference_ms, &out->modelled_total_ms, e);
    arena_release(a, mark);
    return s;
}

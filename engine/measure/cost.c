#include "engine/measure/cost.h"

#include <limits.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/hash.h"
#include "engine/compress/calibrate.h"
#include "engine/nn/fold.h"
#include "engine/nn/kernel.h"
#include "engine/tflite/interpreter.h"
#include "engine/tflite/pack.h"

static const double floor_bits[N_STORAGES] = {[STORE_FLOAT32] = 22,
                                              [STORE_FLOAT16] = 10,
                                              [STORE_DYNAMIC] = 2,
                                              [STORE_INT8] = 2,
                                              [STORE_INT8_WEIGHTS] = 2};

/* Bits of the kernel weights that are not pruned away. Biases may be zero or shared: not counted.
 * `layout` is that of the folded network. */
static double kept_bits(const net_layout *layout, const tflite_options *o, double final_sparsity)
{
    double bits = 0;
    for (int i = 0; i < layout->n_tensors; i++) {
        const net_tensor *t = &layout->tensor[i];
        if (t->role == ROLE_BIAS) continue;
        weight_storage storage = o->storage;
        const bool small = t->size < o->dynamic_min_elements;
        if ((storage == STORE_DYNAMIC || storage == STORE_INT8_WEIGHTS) && small)
            storage = STORE_FLOAT32;
        bits += floor_bits[storage] * t->size * (t->prunable ? 1 - final_sparsity : 1);
    }
    return bits;
}

static void count_parameters(const net_layout *layout, net_cost *out)
{
    out->n_params = layout->n_params;
    out->macs = layout->macs;
    for (int i = 0; i < layout->n_tensors; i++)
        if (layout->tensor[i].prunable) out->n_prunable += layout->tensor[i].size;
}

static status cost_converter_file(const net_spec *folded, const tflite_options *options, arena *a,
                                  net_cost *out, err *e)
{
    tflite_options like = *options;
    buf file = {0};
    like.converter_like = true;
    status s = tflite_write(folded, NULL, &like, a, &file, e);
    out->converter_bytes = (int)file.len;
    buf_free(&file);
    return s;
}

static status cost_file(const net_spec *folded, const net_layout *layout,
                        const tflite_options *options, double final_sparsity, arena *a, buf *file,
                        buf *packed, net_cost *out, err *e)
{
    TRY(tflite_write(folded, NULL, options, a, file, e)); /* all zeros */
    TRY(cost_converter_file(folded, options, a, out, e));
    TRY(pack_zlib(file->data, file->len, PACK_LEVEL, packed, e));
    interpreter *it;
    TRY(interpreter_open(a, file->data, file->len, &it, e));
    out->flat_bytes = (int)file->len;
    out->file_id = hash_u64(file->data, file->len, 0);
    out->arena_bytes = (int)interpreter_arena_bytes(it);
    out->work = device_work_of(it);
    out->packed_floor = (int)packed->len + (int)(kept_bits(layout, options, final_sparsity) / 8);
    return OK;
}

status cost_of_net(const net_spec *net, const tflite_options *options, double final_sparsity,
                   arena *a, net_cost *out, err *e)
{
    *out = (net_cost){0};
    arena_mark_t mark = arena_mark(a);
    buf file = {0}, packed = {0};
    net_layout *layout = ARENA_NEW(a, net_layout, 1);
    net_spec *folded = ARENA_NEW(a, net_spec, 1);
    float *none;
    status s = layout && folded ? OK : FAIL(e, ERR_MEM, "out of memory");
    if (s == OK) s = net_layout_make(net, layout, e);
    if (s == OK) count_parameters(layout, out);
    if (s == OK) s = net_fold(net, NULL, a, folded, &none, e);
    if (s == OK && options->storage == STORE_INT8) s = calibrate_spread(folded, folded, e);
    if (s == OK) s = net_layout_make(folded, layout, e);
    if (s == OK) s = cost_file(folded, layout, options, final_sparsity, a, &file, &packed, out, e);
    buf_free(&file);
    buf_free(&packed);
    arena_release(a, mark);
    return s;
}

double cost_of_step(const net_spec *net, const net_layout *layout, int batch)
{
    static const struct {
        const char *isa;
        double flops;
    } rates[] = {{"avx512", 120e9}, {"avx2", 60e9}, {"neon", 15e9}, {"generic", 8e9}};
    double rate = rates[3].flops;
    const kernels *k;
    if (kernel_choose(&k, NULL) != OK) return 0;
    for (int i = 0; i < 4; i++)
        if (strcmp(rates[i].isa, k->name) == 0) rate = rates[i].flops;
    return 6 * layout->macs * batch / rate + layout->n_params * 0.5e-9 + net->n * 0.5e-6;
}

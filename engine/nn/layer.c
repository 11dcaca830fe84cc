#include "engine/nn/layer.h"

#include <assert.h>

const layer_ops *layer_find(layer_kind kind)
{
#define LAYER_OPS(kind, name, word, help) [kind] = &layer_##name,
    static const layer_ops *const ops[N_LAYER_KINDS] = {LAYER_KINDS(LAYER_OPS)};
#undef LAYER_OPS
    if (kind == LAYER_FAKE_QUANT) return &layer_fake_quant;
    assert(kind < N_LAYER_KINDS);
    return ops[kind];
}

const layer_row *layer_table(void)
{
#define LAYER_ROW(kind, name, word, help) [kind] = {word, help, layer_##name##_params},
    static const layer_row rows[N_LAYER_KINDS + 1] = {LAYER_KINDS(LAYER_ROW)};
#undef LAYER_ROW
    return rows;
}

/* Turns a graph into the bytes of a .tflite file, no more of them than the format asks for: no
 * names, vtables and equal objects shared, constants on 4-byte boundaries. */
#ifndef PARETUNE_ENGINE_TFLITE_EMIT_H
#define PARETUNE_ENGINE_TFLITE_EMIT_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/tflite/tfl_graph.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends the file to `out`; `a` is scratch. Names are not written, unless the graph asks for what
 * TensorFlow's converter would write. The size depends on shapes,
 * operators and the values of structural constants, on no other value. */
status tfl_emit(const tfl_graph *g, arena *a, buf *out, err *e);

/* What our writer does to make a file small, each of which may be left out; for measuring
 * (tests/bench/bench_pack.c) and for files like the converter's. */
typedef struct {
    bool shares;         /* equal objects are one */
    bool shares_vtables; /* and so are equal forms of tables */
    bool groups;         /* objects of one kind stand together */
    bool numbers;        /* operators are numbered so that their tables have one form */
    bool names;          /* tensors' names are written */
    bool extras;         /* a buffer and a quantization table for every tensor, new codes twice,
                             signature, description: what else the converter writes */
    size_t align;        /* of constants, 4 at the least */
} emit_style;
emit_style emit_style_minimal(void);
emit_style emit_style_converter(const tfl_graph *g);
status tfl_emit_styled(const tfl_graph *g, const emit_style *style, arena *a, buf *out, err *e);

#endif

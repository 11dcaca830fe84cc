/* What the C source of a network is made with, private to c_source.c (the whole) and c_ops.c (the
 * operators). */
#ifndef PARETUNE_ENGINE_TFLITE_C_WRITER_H
#define PARETUNE_ENGINE_TFLITE_C_WRITER_H

#include "engine/base/buf.h"
#include "engine/tflite/c_text.h"
#include "engine/tflite/op.h"

/* Activations of each type have an array of their own, so that the source needs no casts. */
typedef enum { MEMORY_FLOATS, MEMORY_BYTES, MEMORY_WORDS, N_MEMORIES } c_memory;

typedef struct {
    size_t n[N_MEMORIES]; /* elements */
} c_scratch;

typedef struct {
    op_list list;
    arena *a;
    buf tables, body;
    c_text_set texts;
    bool *is_written;   /* of each tensor: its values stand among the tables */
    size_t *offset;     /* of each tensor in its memory, in elements */
    c_scratch *scratch; /* of each operator: where it lies */
    size_t peak[N_MEMORIES], constant_bytes;
    const tensor *in,
        *out; /* what the caller's arrays hold; `out` is NULL when it is copied at the end */
    err *e;
} c_writer;

/* Elements of scratch memory that an operator needs; ERR_INPUT for one that has no C text. */
status c_op_needs(const op_node *op, c_scratch *needs, err *e);
/* Appends the call of operator k, and the tables it reads. */
status c_op_put(c_writer *w, int k);

/* "floats + 64", "t3" or "in": where a tensor's values are, in the writer's arena; "NULL" for none.
 * Constants are written to the tables the first time. */
const char *c_place(c_writer *w, const tensor *t);
/* A float as C: "1.5F", "INFINITY". */
void c_put_float(buf *b, float v);

#endif

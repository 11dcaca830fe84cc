/* An operator on its way into a C source, private to c_ops.c (the table, layers and reductions) and
 * c_values.c (operators that treat values alone or move them). */
#ifndef PARETUNE_ENGINE_TFLITE_C_CALL_H
#define PARETUNE_ENGINE_TFLITE_C_CALL_H

#include "engine/tflite/c_writer.h"

typedef struct {
    c_writer *w;
    const op_node *op;
    int k; /* its number, which makes the names of its tables unique */
} c_call;

static inline const tensor *operand(const op_node *op, int i)
{
    return i < op->n_in ? op->in[i] : NULL;
}

static inline const char *in(const c_call *g, int i)
{
    return c_place(g->w, operand(g->op, i));
}

static inline const char *out(const c_call *g)
{
    return c_place(g->w, g->op->out[0]);
}

static inline buf *body(const c_call *g)
{
    return &g->w->body;
}

static inline void use(const c_call *g, c_text t)
{
    c_text_add(&g->w->texts, t);
}

static inline bool is_float(const tensor *t)
{
    return t->type == TFL_FLOAT32;
}

static inline int zero_of(const tensor *t)
{
    return (int)t->quant.zero_point[0];
}

/* Where its scratch memory of a type begins. */
static inline size_t scratch(const c_call *g, c_memory m)
{
    return g->w->scratch[g->k].n[m];
}

/* ", least, most);" and the end of the line: the bounds of the fused activation. */
status c_put_float_bounds(const c_call *g, err *e);
status c_put_int8_bounds(const c_call *g, err *e);
/* A table "static const int NAME_k[] = {...};". */
void c_put_ints(const c_call *g, const char *name, const int *v, int n);
void c_put_floats(const c_call *g, const char *name, const float *v, int n);

/* Each writes one kind of operator; see c_text/ for what it becomes. */
status c_put_binary(const c_call *g, err *e);
status c_put_unary(const c_call *g, err *e);
status c_put_quantize(const c_call *g, err *e);
status c_put_dequantize(const c_call *g, err *e);
status c_put_moves(const c_call *g, err *e);

#endif

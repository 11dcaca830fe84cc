#include "engine/tflite/c_call.h"

status c_put_float_bounds(const c_call *g, err *e)
{
    float least = 0, most = 0;
    TRY(op_float_bounds(g->op->options->activation, &least, &most, e));
    buf_text(body(g), ", ");
    c_put_float(body(g), least);
    buf_text(body(g), ", ");
    c_put_float(body(g), most);
    buf_text(body(g), ");\n");
    return OK;
}

status c_put_int8_bounds(const c_call *g, err *e)
{
    int least = 0, most = 0;
    TRY(op_int8_bounds(g->op->options->activation, g->op->out[0], &least, &most, e));
    buf_printf(body(g), ", %d, %d);\n", least, most);
    return OK;
}

void c_put_ints(const c_call *g, const char *name, const int *v, int n)
{
    buf *b = &g->w->tables;
    buf_printf(b, "static const int %s_%d[] = {", name, g->k);
    for (int i = 0; i < n; i++) buf_printf(b, "%s%d", i ? ", " : "", v[i]);
    buf_text(b, n ? "};\n" : "0};\n");
}

void c_put_floats(const c_call *g, const char *name, const float *v, int n)
{
    buf *b = &g->w->tables;
    buf_printf(b, "static const float %s_%d[] = {", name, g->k);
    for (int i = 0; i < n; i++) {
        if (i) buf_text(b, i % 8 ? ", " : ",\n    ");
        c_put_float(b, v[i]);
    }
    buf_text(b, "};\n");
    g->w->constant_bytes += sizeof *v * (size_t)n;
}

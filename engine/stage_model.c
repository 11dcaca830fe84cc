/* Examples through a model's ports. */
#include "engine/stage_score.h"
#include "engine/tflite/tfl_graph.h"

/* The file must take and give what the examples hold, or a whole number of times that. */
static status check_port(const tfl_port *p, const char *what, size_t n, size_t batch, err *e)
{
    const size_t size = tfl_type_bytes(p->type);
    if (p->type != TFL_FLOAT32 && p->type != TFL_INT8 && p->type != TFL_UINT8)
        return FAIL(e, ERR_INPUT, "the model's %s is %s, not float32, int8 or uint8", what,
                    tfl_type_name(p->type));
    if (p->type != TFL_FLOAT32 && !(p->scale > 0))
        return FAIL(e, ERR_INPUT, "the model's %s is %s without a scale", what,
                    tfl_type_name(p->type));
    if (p->bytes != n * batch * size)
        return FAIL(e, ERR_INPUT, "the model's %s has %zu numbers; the data has %zu", what,
                    p->bytes / size, n);
    return OK;
}

/* How many examples the file takes at once. */
static size_t batch_of(const tfl_port *in)
{
    return in->rank > 1 && in->dim[0] > 1 ? (size_t)in->dim[0] : 1;
}

/* Normalised by the data's mean and deviation on the way in, by the file's own on the way out. */
static status plan_inputs(stage_model *m, const examples *ex, const stage_dialect *d, err *e)
{
    if (d->n_channels == 0) return OK;
    if (ex->n_classes > 0 || d->n_channels != ex->n_outputs || m->n_in % d->n_channels != 0)
        return FAIL(e, ERR_INPUT, "a mean and a deviation for %d inputs do not fit the data",
                    d->n_channels);
    m->n_channels = d->n_channels;
    for (int c = 0; c < d->n_channels; c++) {
        const double divisor = d->std[c] + 1e-6; /* the course's */
        m->gain[c] = (float)(((double)ex->label_std[c] + 1e-6) / divisor);
        m->shift[c] = (float)(((double)ex->label_mean[c] - d->mean[c]) / divisor);
    }
    return OK;
}

status stage_model_open(interpreter *it, const examples *ex, const stage_dialect *d, arena *a,
                        stage_model *out, err *e)
{
    if (interpreter_n_inputs(it) != 1 || interpreter_n_outputs(it) != 1)
        return FAIL(e, ERR_INPUT, "%d inputs and %d outputs; one of each can be scored",
                    interpreter_n_inputs(it), interpreter_n_outputs(it));
    *out = (stage_model){.it = it, .n_in = shape_size(ex->in), .n_out = shape_size(ex->out)};
    const tfl_port *in = interpreter_input(it, 0);
    const size_t n_in = (size_t)out->n_in;
    const bool is_single = in->bytes == n_in * tfl_type_bytes(in->type);
    const size_t batch = is_single ? 1 : batch_of(in);
    TRY(check_port(in, "input", n_in, batch, e));
    TRY(check_port(interpreter_output(it, 0), "output", (size_t)out->n_out, batch, e));
    if (d) TRY(plan_inputs(out, ex, d, e));
    out->order = d ? d->order : NULL;
    out->x = ARENA_NEW(a, float, out->n_in);
    out->y = ARENA_NEW(a, float, out->n_out);
    out->given = ARENA_NEW(a, float, out->n_out);
    return out->x && out->y && out->given ? OK : FAIL(e, ERR_MEM, "out of memory for a model");
}

const float *stage_model_run(const stage_model *m, const float *x)
{
    for (int i = 0; m->n_channels && i < m->n_in; i++)
        m->x[i] = x[i] * m->gain[i % m->n_channels] + m->shift[i % m->n_channels];
    tfl_port_put(interpreter_input(m->it, 0), m->n_channels ? m->x : x, m->n_in);
    interpreter_invoke(m->it);
    float *y = m->order ? m->given : m->y;
    tfl_port_get(interpreter_output(m->it, 0), y, m->n_out);
    for (int i = 0; m->order && i < m->n_out; i++) m->y[m->order[i]] = y[i];
    return m->y;
}

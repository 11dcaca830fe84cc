#include "engine/measure/runner.h"

const char *const runtime_names[N_RUNTIMES] = {
    [RUNTIME_OWN] = "paretune", [RUNTIME_TFLITE] = "tflite", [RUNTIME_XNNPACK] = "tflite-xnnpack"};

static void invoke_foreign(void *self)
{
    timed_model *m = self;
    if (m->failed.code == OK) foreign_invoke(m->library, m->runner.port.data, m->y, &m->failed);
}

status timed_model_open(arena *a, runtime r, const char *library, const void *file, size_t n,
                        timed_model *out, err *e)
{
    interpreter *it;
    *out = (timed_model){0};
    TRY(interpreter_open(a, file, n, &it, e));
    if (interpreter_n_inputs(it) != 1)
        return FAIL(e, ERR_INPUT, "%d inputs; one is supported", interpreter_n_inputs(it));
    out->runner = latency_own_runner(it);
    if (r == RUNTIME_OWN) return OK;
    TRY(foreign_open(a, library, file, n, r == RUNTIME_XNNPACK, &out->library, e));
    out->y = ARENA_NEW(a, char, foreign_output_bytes(out->library));
    if (!out->y) return FAIL(e, ERR_MEM, "out of memory for the output");
    if (foreign_input_bytes(out->library) != out->runner.port.bytes)
        return FAIL(e, ERR_INPUT, "TensorFlow Lite takes another input than this interpreter");
    out->runner.self = out;
    out->runner.invoke = invoke_foreign;
    return OK;
}

status timed_model_check(const timed_model *m, err *e)
{
    return m->failed.code == OK ? OK : FAIL(e, m->failed.code, "%s", m->failed.msg);
}

void timed_model_close(timed_model *m)
{
    foreign_close(m->library);
    m->library = NULL;
}

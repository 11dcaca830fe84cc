/* Only stable entry points of tensorflow/lite/c/c_api.h are used; their types are opaque pointers,
 * int statuses (0 = ok) and int32 counts. */
#include "engine/tflite/foreign.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef void (*any_function)(void);
typedef void (*error_reporter)(void *user, const char *format, va_list args);

typedef struct {
    const char *(*version)(void);
    void *(*model_create)(const void *bytes, size_t n);
    void (*model_delete)(void *model);
    void *(*options_create)(void);
    void (*options_delete)(void *options);
    void (*options_set_threads)(void *options, int32_t n);
    void (*options_set_reporter)(void *options, error_reporter report, void *user);
    void (*options_add_delegate)(void *options, void *delegate);
    void *(*create)(const void *model, const void *options);
    void (*destroy)(void *interpreter);
    int (*allocate)(void *interpreter);
    int (*reset)(void *interpreter);
    int (*invoke)(void *interpreter);
    void *(*input)(const void *interpreter, int32_t i);
    const void *(*output)(const void *interpreter, int32_t i);
    size_t (*bytes)(const void *tensor);
    void *(*data)(const void *tensor);
    void *(*xnnpack_create)(const void *options);
    void (*xnnpack_delete)(void *delegate);
} entry_points;

struct foreign {
    void *library, *model, *options, *delegate, *interpreter;
    entry_points api;
    char said[300]; /* the library's last message */
};

/* In the order of entry_points. */
static const char *const names[] = {
    "TfLiteVersion",
    "TfLiteModelCreate",
    "TfLiteModelDelete",
    "TfLiteInterpreterOptionsCreate",
    "TfLiteInterpreterOptionsDelete",
    "TfLiteInterpreterOptionsSetNumThreads",
    "TfLiteInterpreterOptionsSetErrorReporter",
    "TfLiteInterpreterOptionsAddDelegate",
    "TfLiteInterpreterCreate",
    "TfLiteInterpreterDelete",
    "TfLiteInterpreterAllocateTensors",
    "TfLiteInterpreterResetVariableTensors",
    "TfLiteInterpreterInvoke",
    "TfLiteInterpreterGetInputTensor",
    "TfLiteInterpreterGetOutputTensor",
    "TfLiteTensorByteSize",
    "TfLiteTensorData",
    "TfLiteXNNPackDelegateCreate",
    "TfLiteXNNPackDelegateDelete",
};
enum { N_NAMES = sizeof names / sizeof *names };
_Static_assert(sizeof(entry_points) == N_NAMES * sizeof(any_function), "one name per entry point");

/* A later message is a consequence of an earlier one. */
__attribute__((format(printf, 2, 0))) static void remember_message(void *user, const char *format,
                                                                   va_list args)
{
    foreign *f = user;
    if (f->said[0] == '\0') vsnprintf(f->said, sizeof f->said, format, args);
}

#ifdef PARETUNE_STATIC
static status load(foreign *f, const char *library, err *e)
{
    (void)f;
    (void)names;
    return FAIL(e, ERR_INPUT, "%s: this program is linked statically and cannot load a library",
                library);
}
#else
static status load(foreign *f, const char *library, err *e)
{
    f->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!f->library) return FAIL(e, ERR_IO, "cannot load TensorFlow Lite: %s", dlerror());
    for (size_t i = 0; i < N_NAMES; i++) {
        void *symbol = dlsym(f->library, names[i]);
        if (!symbol) return FAIL(e, ERR_IO, "%s has no function %s", library, names[i]);
        memcpy((char *)&f->api + i * sizeof symbol, &symbol, sizeof symbol);
    }
    return OK;
}
#endif

static status add_xnnpack(foreign *f, err *e)
{
    /* TfLiteXNNPackDelegateOptions: int32 threads, uint32 flags (3: signed and unsigned int8), more
     * fields that are zero by default. */
    char options[128] = {0};
    const int32_t threads = 1;
    const uint32_t flags = 3;
    memcpy(options, &threads, sizeof threads);
    memcpy(options + 4, &flags, sizeof flags);
    f->delegate = f->api.xnnpack_create(options);
    if (!f->delegate) return FAIL(e, ERR_IO, "TensorFlow Lite: XNNPACK cannot be started");
    f->api.options_add_delegate(f->options, f->delegate);
    return OK;
}

static status start(foreign *f, const void *model, size_t n, bool xnnpack, err *e)
{
    f->model = f->api.model_create(model, n);
    f->options = f->api.options_create();
    if (!f->model || !f->options)
        return FAIL(e, ERR_INPUT, "TensorFlow Lite does not know the file");
    f->api.options_set_threads(f->options, 1);
    f->api.options_set_reporter(f->options, remember_message, f);
    if (xnnpack) TRY(add_xnnpack(f, e));
    f->interpreter = f->api.create(f->model, f->options);
    if (!f->interpreter || f->api.allocate(f->interpreter) != 0)
        return FAIL(e, ERR_INPUT, "TensorFlow Lite refuses the model: %s", f->said);
    return OK;
}

status foreign_open(arena *a, const char *library, const void *model, size_t n, bool xnnpack,
                    foreign **out, err *e)
{
    foreign *f = ARENA_NEW(a, foreign, 1);
    if (!f) return FAIL(e, ERR_MEM, "out of memory for TensorFlow Lite");
    status s = load(f, library, e);
    if (s == OK) s = start(f, model, n, xnnpack, e);
    if (s != OK) {
        foreign_close(f);
        f = NULL;
    }
    *out = f;
    return s;
}

void foreign_close(foreign *f)
{
    if (!f) return;
    if (f->interpreter) f->api.destroy(f->interpreter);
    if (f->delegate) f->api.xnnpack_delete(f->delegate);
    if (f->options) f->api.options_delete(f->options);
    if (f->model) f->api.model_delete(f->model);
    /* The library stays loaded: it keeps threads and registries that do not survive an unload. */
    *f = (foreign){0};
}

const char *foreign_version(const foreign *f)
{
    return f->api.version();
}

size_t foreign_input_bytes(const foreign *f)
{
    return f->api.bytes(f->api.input(f->interpreter, 0));
}

size_t foreign_output_bytes(const foreign *f)
{
    return f->api.bytes(f->api.output(f->interpreter, 0));
}

status foreign_invoke(foreign *f, const void *in, void *out, err *e)
{
    f->api.reset(f->interpreter);
    memcpy(f->api.data(f->api.input(f->interpreter, 0)), in, foreign_input_bytes(f));
    if (f->api.invoke(f->interpreter) != 0)
        return FAIL(e, ERR_INPUT, "TensorFlow Lite fails: %s", f->said);
    const void *y = f->api.output(f->interpreter, 0);
    memcpy(out, f->api.data(y), f->api.bytes(y));
    return OK;
}

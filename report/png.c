/* Only entry points are used that both libraries have kept for many years: rsvg_handle_new_from_data, ..._set_dpi,
 * ..._get_intrinsic_size_in_pixels and ..._render_document (2.52, 2021; Debian 12 has 2.54), and cairo's image
 * surfaces. Their types are opaque pointers, ints and doubles; a GError begins with a uint32, an int and its message. */
#include "report/png.h"

#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint32_t domain;
    int code;
    char *message;
} g_error;

typedef struct {
    double x, y, width, height;
} rsvg_rectangle;

typedef int write_bytes(void *to, const unsigned char *bytes, unsigned n);

typedef struct {
    void *(*handle_new)(const unsigned char *bytes, size_t n, g_error **error);
    void (*set_dpi)(void *handle, double dpi);
    int (*get_size)(void *handle, double *width, double *height);
    int (*render)(void *handle, void *cairo, const rsvg_rectangle *viewport, g_error **error);
    void (*unref)(void *object);
    void (*error_free)(g_error *error);
    void *(*surface_create)(int format, int width, int height);
    int (*surface_status)(void *surface);
    int (*surface_write)(void *surface, write_bytes *put, void *to);
    void (*surface_destroy)(void *surface);
    void *(*create)(void *surface);
    void (*destroy)(void *cairo);
} entry_points;

/* In the order of entry_points. GLib's come with librsvg, which links it. */
static const char *const names[] = {
    "rsvg_handle_new_from_data",
    "rsvg_handle_set_dpi",
    "rsvg_handle_get_intrinsic_size_in_pixels",
    "rsvg_handle_render_document",
    "g_object_unref",
    "g_error_free",
    "cairo_image_surface_create",
    "cairo_surface_status",
    "cairo_surface_write_to_png_stream",
    "cairo_surface_destroy",
    "cairo_create",
    "cairo_destroy",
};
enum { N_NAMES = sizeof names / sizeof *names };
_Static_assert(sizeof(entry_points) == N_NAMES * sizeof(void *), "one name per entry point");

/* Never closed: GLib registers types that must outlive everything. Symbols of cairo and GLib are found through the
 * library that links them. */
static status load(entry_points *api, err *e)
{
    void *library = dlopen("librsvg-2.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return FAIL(e, ERR_INPUT,
                    "PNG needs librsvg, which is not installed: on Debian 'apt-get install "
                    "librsvg2-2' (%s)",
                    dlerror());
    for (size_t i = 0; i < N_NAMES; i++) {
        void *symbol = dlsym(library, names[i]);
        if (!symbol)
            return FAIL(e, ERR_INPUT, "the installed librsvg is too old for PNG: it lacks %s",
                        names[i]);
        memcpy((char *)api + i * sizeof symbol, &symbol, sizeof symbol);
    }
    return OK;
}

static int put_bytes(void *to, const unsigned char *bytes, unsigned n)
{
    buf_put(to, bytes, n);
    return 0;
}

static status draw(const entry_points *api, void *handle, int width, int height, buf *out, err *e)
{
    const rsvg_rectangle viewport = {0, 0, width, height};
    g_error *error = NULL;
    void *surface = api->surface_create(0 /* ARGB32 */, width, height);
    void *cairo = api->create(surface);
    status s = OK;
    if (api->surface_status(surface) != 0)
        s = FAIL(e, ERR_MEM, "no memory for a picture of %d x %d", width, height);
    else if (!api->render(handle, cairo, &viewport, &error))
        s = FAIL(e, ERR_INPUT, "librsvg: %s", error ? error->message : "cannot draw");
    else if (api->surface_write(surface, put_bytes, out) != 0)
        s = FAIL(e, ERR_MEM, "no memory for a picture");
    if (error) api->error_free(error);
    api->destroy(cairo);
    api->surface_destroy(surface);
    return s;
}

status png_render(const char *svg, size_t n, buf *out, err *e)
{
    entry_points api;
    g_error *error = NULL;
    double width = 0, height = 0;
    TRY(load(&api, e));
    void *handle = api.handle_new((const unsigned char *)svg, n, &error);
    if (!handle) {
        status s = FAIL(e, ERR_INPUT, "librsvg: %s", error ? error->message : "cannot read");
        if (error) api.error_free(error);
        return s;
    }
    api.set_dpi(handle, PNG_DPI);
    status s = OK;
    if (!api.get_size(handle, &width, &height) || !(width >= 1 && width < 20000) ||
        !(height >= 1 && height < 20000))
        s = FAIL(e, ERR_INPUT, "the figure has no size that could be drawn");
    if (s == OK) s = draw(&api, handle, (int)lround(width), (int)lround(height), out, e);
    api.unref(handle);
    return s == OK ? buf_check(out, e) : s;
}

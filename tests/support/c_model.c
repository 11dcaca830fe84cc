#include "tests/support/c_model.h"

#include "engine/base/file.h"
#include "engine/stage.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void compile(arena *a, const char *folder)
{
    const char *flags = "-std=c11 -O1 -Wall -Wextra -Werror -pedantic -shared -fPIC";
    const char *command =
        arena_printf(a, "cc %s -o %s/model.so %s/model.c -lm", flags, folder, folder);
    cr_assert_eq(system(command), 0, "the compiler refused %s/model.c", folder);
}

/* POSIX has symbols and functions of one size; ISO C wants to hear so. */
static void find(const c_model *m, const char *name, void *function)
{
    void *symbol = dlsym(m->library, name);
    memcpy(function, &symbol, sizeof symbol);
}

c_model c_model_make(arena *a, const void *file, size_t n, const char *features)
{
    err e = {0};
    node *settings = NULL;
    const char *temporary = getenv("TMPDIR");
    c_model m = {.folder = arena_printf(a, "%s/paretune-c-XXXXXX", temporary ? temporary : "/tmp")};
    cr_assert(mkdtemp(m.folder));
    if (features)
        cr_assert_eq(node_read_json(a, features, strlen(features), &settings, &e), OK, "%s", e.msg);
    cr_assert_eq(stage_write_c(m.folder, file, n, settings, a, &e), OK, "%s", e.msg);
    compile(a, m.folder);
    m.library = dlopen(arena_printf(a, "%s/model.so", m.folder), RTLD_NOW | RTLD_LOCAL);
    cr_assert(m.library, "%s", dlerror());
    find(&m, "model_run", &m.run);
    find(&m, "model_run_int8", &m.run_int8);
    find(&m, "features_compute", &m.features);
    cr_assert(m.run);
    return m;
}

void c_model_end(c_model *m)
{
    static const char *const files[] = {"model.h", "model.c", "model.so"};
    char path[4096];
    dlclose(m->library);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", m->folder, files[i]);
        unlink(path);
    }
    rmdir(m->folder);
}

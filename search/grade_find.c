/* Which files are to be graded. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/file.h"
#include "search/grade.h"

enum { MOST_FILES = 10000, MOST_DEPTH = 8 };

static status no_memory(err *e)
{
    return FAIL(e, ERR_MEM, "out of memory for a list of files");
}

static status add_file(grade *g, const char *path, const char *name, err *e)
{
    if (g->n == MOST_FILES) return FAIL(e, ERR_INPUT, "more than %d files", MOST_FILES);
    if (g->n == g->cap) {
        const int longer = g->cap ? g->cap * 2 : 64;
        graded_file *copy = ARENA_NEW(g->a, graded_file, longer);
        if (!copy) return no_memory(e);
        if (g->n) memcpy(copy, g->file, sizeof *copy * (size_t)g->n);
        g->file = copy;
        g->cap = longer;
    }
    g->file[g->n++] = (graded_file){.path = path, .name = name};
    return OK;
}

static bool ends_with(const char *name, const char *ending)
{
    const size_t n = strlen(name), k = strlen(ending);
    return n > k && strcmp(name + n - k, ending) == 0;
}

static bool is_model(const char *name)
{
    return ends_with(name, ".tflite") || ends_with(name, ".tflite.zlib") ||
           ends_with(name, ".tflite.zip");
}

static int by_name(const void *p, const void *q)
{
    return strcmp(*(const char *const *)p, *(const char *const *)q);
}

/* The names in a folder, sorted, hidden ones left out. */
static status list_folder(grade *g, const char *path, const char ***names, int *n, err *e)
{
    DIR *d = opendir(path);
    int cap = 64;
    if (!d) return file_failed(path, "read", errno, e);
    const char **list = ARENA_NEW(g->a, const char *, cap);
    *n = 0;
    bool full = !list;
    for (struct dirent *entry; !full && (entry = readdir(d));) {
        if (entry->d_name[0] == '.') continue;
        if (*n == cap) {
            const char **longer = ARENA_NEW(g->a, const char *, cap * 2);
            if (longer) memcpy(longer, list, sizeof *list * (size_t)cap);
            list = longer;
            cap *= 2;
        }
        full = !list || !(list[*n] = arena_string(g->a, entry->d_name));
        *n += !full;
    }
    closedir(d);
    if (full) return no_memory(e);
    qsort(list, (size_t)*n, sizeof *list, by_name);
    *names = list;
    return OK;
}

/* `shown` is the path below the folder that was given. */
static status add_folder(grade *g, const char *path, const char *shown, int depth, err *e)
{
    const char **name = NULL;
    int n = 0;
    TRY(list_folder(g, path, &name, &n, e));
    for (int i = 0; i < n; i++) {
        struct stat info;
        const char *whole = file_join(g->a, path, name[i]);
        const char *below = *shown ? file_join(g->a, shown, name[i]) : name[i];
        if (!whole || !below) return no_memory(e);
        if (stat(whole, &info) != 0) continue;
        if (S_ISDIR(info.st_mode) && depth < MOST_DEPTH)
            TRY(add_folder(g, whole, below, depth + 1, e));
        else if (S_ISREG(info.st_mode) && is_model(name[i]))
            TRY(add_file(g, whole, below, e));
    }
    return OK;
}

status grade_find(grade *g, char *const *path, int n, err *e)
{
    for (int i = 0; i < n; i++) {
        struct stat info;
        if (stat(path[i], &info) != 0) return file_failed(path[i], "read", errno, e);
        if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode))
            return FAIL(e, ERR_INPUT, "%s: neither a file nor a folder", path[i]);
        if (S_ISDIR(info.st_mode))
            TRY(add_folder(g, path[i], "", 0, e));
        else
            TRY(add_file(g, path[i], path[i], e));
    }
    if (g->n == 0)
        return FAIL(e, ERR_INPUT, "%s: no .tflite, .tflite.zlib or .tflite.zip file there",
                    path[0]);
    return OK;
}

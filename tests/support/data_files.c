#include "tests/support/data_files.h"

#include "engine/base/file.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void give_up(const char *what)
{
    perror(what);
    abort();
}

char *data_file(arena *a, const char *stem, const void *bytes, size_t n)
{
    const char *folder = getenv("TMPDIR");
    char *path = arena_printf(a, "%s/paretune-%s-XXXXXX", folder ? folder : "/tmp", stem);
    int fd = path ? mkstemp(path) : -1;
    if (fd < 0) give_up("a file for the test");
    if (write(fd, bytes, n) != (ssize_t)n || close(fd) != 0) give_up(path);
    return path;
}

char *real_climate(arena *a)
{
    const char *folder = getenv("PARETUNE_DATA");
    if (!folder) return NULL;
    glob_t found;
    char *pattern = file_join(a, folder, "jena/jena_*.csv"), *path = NULL;
    if (glob(pattern, 0, NULL, &found) == 0) path = arena_string(a, found.gl_pathv[0]);
    globfree(&found);
    if (!path) give_up(pattern);
    return path;
}

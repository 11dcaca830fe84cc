/* Runs a fuzz target on every file of a folder, without libFuzzer: what was once found stays
 * found. */
#include "engine/base/arena.h"
#include "engine/base/file.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* A copy of exactly the file's size, so that a sanitizer sees a byte too far. */
static int replay(arena *a, const char *path)
{
    char *bytes;
    size_t n;
    err e = {0};
    if (file_read(a, path, 64 << 20, &bytes, &n, &e) != OK) {
        fprintf(stderr, "%s\n", e.msg);
        return 1;
    }
    uint8_t *exact = malloc(n ? n : 1);
    if (!exact) return 1;
    memcpy(exact, bytes, n);
    fprintf(stderr, "%s\n", path); /* the last line names the culprit of a crash */
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    DIR *folder = opendir(argv[1]);
    int n = 0, failed = 0;
    for (struct dirent *x; folder && (x = readdir(folder));) {
        arena a;
        if (x->d_name[0] == '.') continue;
        arena_init(&a, 0);
        failed += replay(&a, file_join(&a, argv[1], x->d_name));
        arena_free(&a);
        n++;
    }
    if (folder) closedir(folder);
    if (n == 0) fprintf(stderr, "%s: no inputs; put some there\n", argv[1]);
    return failed > 0 || n == 0;
}

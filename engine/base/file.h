/* Files: read whole, written whole or not at all. */
#ifndef PARETUNE_ENGINE_BASE_FILE_H
#define PARETUNE_ENGINE_BASE_FILE_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* The file's bytes and a NUL behind them (not counted), in `a`. Files over `most` bytes are refused
 * with ERR_INPUT; "-" reads standard input. */
status file_read(arena *a, const char *path, size_t most, char **bytes, size_t *n, err *e);

/* Writes through a temporary name in the same folder, fsync, rename, fsync of the folder: at any
 * moment the path holds the old bytes or the new ones. A path to a device or a pipe, such as
 * /dev/stdout, is written to as it is: a new name would take its place. */
status file_write(const char *path, const void *bytes, size_t n, err *e);
/* The same without waiting for the disk: whole or not at all whatever is killed, but a power failure
 * may leave the path empty or old. For what is hashed and can be built again. */
status file_write_cached(const char *path, const void *bytes, size_t n, err *e);

/* A file mapped read-only; `bytes` stays valid until file_unmap. An empty file maps to n = 0. */
typedef struct {
    const void *bytes;
    size_t n;
} file_map;
status file_map_open(file_map *m, const char *path, err *e);
void file_unmap(file_map *m);

/* "PATH: cannot VERB: what errno `number` says". A path to nothing, or to a folder in place of a file
 * or a file in place of a folder, is the user's mistake; all else is the machine's. */
status file_failed(const char *path, const char *verb, int number, err *e);

bool file_exists(const char *path);
/* Makes the folder and those above it. */
status file_make_folder(const char *path, err *e);
/* An empty folder of a new name below $TMPDIR, or else /tmp, in `a`. */
status file_make_scratch(arena *a, char **out, err *e);
/* Removes the folder and all that it holds, as far as possible; no link is followed. */
void file_remove_folder(const char *path);
/* `folder` and `name` joined by one slash, in `a`; an absolute `name` stands alone. */
char *file_join(arena *a, const char *folder, const char *name);
/* The part of `path` before its last slash ("." without one), in `a`. */
char *file_folder(arena *a, const char *path);
/* The part behind the last slash: a pointer into `path`. */
const char *file_name(const char *path);

#endif

/* The packings that homeworks count: zlib.compress of a file, and a ZIP with one entry. */
#ifndef PARETUNE_ENGINE_TFLITE_PACK_H
#define PARETUNE_ENGINE_TFLITE_PACK_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

#include <stddef.h>

/* zlib stream at `level` 1..9 (Python's zlib.compress default is 6). */
status pack_zlib(const void *bytes, size_t n, int level, buf *out, err *e);
/* A ZIP archive with one deflated entry, no time stamp (1980-01-01), as Python's zipfile writes it:
 * raw deflate + 98 + 2 * strlen(name) bytes. */
status pack_zip(const void *bytes, size_t n, const char *name, int level, buf *out, err *e);
/* The flat file inside a zlib stream or a one-entry zip; other bytes are copied as they are. Output
 * over `most` bytes is ERR_INPUT. */
status pack_open(arena *a, const void *bytes, size_t n, size_t most, void **out, size_t *n_out,
                 err *e);

#endif

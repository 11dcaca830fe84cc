/* The packings that homeworks count: zlib.compress of a file, and a ZIP with one entry; each also as
 * zopfli makes it, whose deflate streams are shorter and open with the same programs. */
#ifndef PARETUNE_ENGINE_TFLITE_PACK_H
#define PARETUNE_ENGINE_TFLITE_PACK_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { PACK_LEVEL = 6, PACK_OPTIMAL = 10 };
typedef enum { PACK_FLAT, PACK_ZLIB, PACK_ZIP, PACK_ZOPFLI, PACK_ZOPFLI_ZIP, N_PACKINGS } packing;
/* "flat", "zlib", "zip", "zopfli", "zopfli-zip", in the order of `packing`. */
extern const char *const pack_names[N_PACKINGS];

/* In all of these `level` is zlib's, 1..9 (Python's zlib.compress has PACK_LEVEL), or PACK_OPTIMAL:
 * zopfli with its own 15 iterations, an almost optimal parse that takes a hundred times as long. */

/* A zlib stream. */
status pack_zlib(const void *bytes, size_t n, int level, buf *out, err *e);
/* A ZIP archive with one deflated entry, no time stamp (1980-01-01), as Python's zipfile writes it:
 * raw deflate + 98 + 2 * strlen(name) bytes. */
status pack_zip(const void *bytes, size_t n, const char *name, int level, buf *out, err *e);
/* As `how` says, with the name "model.tflite" inside a ZIP; `level` does not matter to zopfli's. */
status pack_as(packing how, int level, const void *bytes, size_t n, buf *out, err *e);
/* How long pack_as's ZIP is where the zlib stream of the same bytes has `zlib_bytes`: both hold one
 * deflate stream, which zopfli takes long to find. */
size_t pack_zip_bytes(size_t zlib_bytes);
/* What form a file has, PACK_FLAT, PACK_ZLIB or PACK_ZIP (zopfli's look the same), and where its
 * deflate stream or, when the ZIP only stores it, the flat file begins. */
typedef struct {
    packing how;
    bool stored;
    size_t start;
} pack_form;
pack_form pack_form_of(const void *bytes, size_t n);

/* The most that commands and stages read of a .tflite file, packed or not. */
enum { PACK_MOST_BYTES = 64 << 20 };
/* The flat file inside a zlib stream or a one-entry zip; other bytes are copied as they are. Output
 * over `most` bytes is ERR_INPUT. */
status pack_open(arena *a, const void *bytes, size_t n, size_t most, void **out, size_t *n_out,
                 err *e);

#endif

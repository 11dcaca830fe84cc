/* Where the bits of a packed file go: how many of them each byte that comes out has cost.
 *
 * A deflate stream is a row of codes, each of which stands for one byte or for a copy of earlier
 * ones. The bits of a copy are shared out evenly among its bytes, as whole bits, so that sums over
 * any split of the file add up to the packed size exactly. */
#ifndef PARETUNE_ENGINE_TFLITE_DEFLATE_BITS_H
#define PARETUNE_ENGINE_TFLITE_DEFLATE_BITS_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    size_t n;      /* bytes that come out */
    uint8_t *bits; /* spent on each of them; in the arena */
    uint64_t
        table_bits; /* of the stream, but of no byte: heads of blocks, their code tables, marks of
                            their ends, bits that fill up bytes */
} deflate_bits;

/* Follows the raw deflate stream (RFC 1951) at the start of `stream`, at most `n` bytes long, that
 * gives `n_out` bytes. *used is the stream's own length; the sum of all bits is 8 * *used.
 * ERR_INPUT for a stream that is broken or gives another number of bytes. */
status deflate_bits_trace(arena *a, const void *stream, size_t n, size_t n_out, deflate_bits *out,
                          size_t *used, err *e);

#endif

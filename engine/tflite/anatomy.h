/* Why a .tflite file is as large as it is: every byte belongs to one part, and so does every bit of
 * the packed file. */
#ifndef PARETUNE_ENGINE_TFLITE_ANATOMY_H
#define PARETUNE_ENGINE_TFLITE_ANATOMY_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/tflite/tfl_reader.h"

#include <stddef.h>
#include <stdint.h>

typedef enum {
    PIECE_PADDING,      /* zeros that no object holds */
    PIECE_UNREACHED,    /* other bytes that no object holds */
    PIECE_HEAD,         /* where the root is, "TFL3", the root table and its lists */
    PIECE_CODES,        /* operator codes and versions */
    PIECE_SUBGRAPH,     /* subgraph tables, their inputs and outputs */
    PIECE_TENSORS,      /* tensor tables and shapes */
    PIECE_NAMES,        /* of tensors and subgraphs, and the description */
    PIECE_QUANTIZATION, /* scales and zero points */
    PIECE_OPERATORS,    /* operator tables, their operands and options */
    PIECE_BUFFERS,      /* buffer tables and the counts in front of the data */
    PIECE_DATA,         /* constants' values */
    PIECE_METADATA,     /* entries and their data */
    PIECE_SIGNATURES,
    PIECE_VTABLES, /* the forms of tables */
    PIECE_TABLES,  /* packed only: deflate's code tables and block heads */
    PIECE_FRAME,   /* packed only: zlib's or ZIP's own bytes */
    N_PIECES
} piece;
/* "padding", "values", ... */
const char *anatomy_piece_name(piece p);

typedef struct {
    size_t flat, packed; /* bytes of both forms */
    size_t piece_bytes[N_PIECES];
    uint64_t piece_bits[N_PIECES]; /* of the packed form; they sum to 8 * packed */
    int n_tensors;
    size_t *tensor_bytes; /* of each tensor's values; of values that several share at the first */
    uint64_t *tensor_bits;
} anatomy;

/* `flat` is a file that tfl_read takes as `g`; `packed` its zlib stream or ZIP with one entry, or the
 * flat file itself, whose every byte costs eight bits. Objects that are shared count where they are
 * met first: as operators stand before buffers, and so on in the order of `part`. */
status anatomy_of(arena *a, const tfl_graph *g, const void *flat, size_t n, const void *packed,
                  size_t n_packed, anatomy *out, err *e);

#endif

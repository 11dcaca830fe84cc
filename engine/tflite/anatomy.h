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
    PART_PADDING,      /* zeros that no object holds */
    PART_UNREACHED,    /* other bytes that no object holds */
    PART_HEAD,         /* where the root is, "TFL3", the root table and its lists */
    PART_CODES,        /* operator codes and versions */
    PART_SUBGRAPH,     /* subgraph tables, their inputs and outputs */
    PART_TENSORS,      /* tensor tables and shapes */
    PART_NAMES,        /* of tensors and subgraphs, and the description */
    PART_QUANTIZATION, /* scales and zero points */
    PART_OPERATORS,    /* operator tables, their operands and options */
    PART_BUFFERS,      /* buffer tables and the counts in front of the data */
    PART_DATA,         /* constants' values */
    PART_METADATA,     /* entries and their data */
    PART_SIGNATURES,
    PART_VTABLES, /* the forms of tables */
    PART_TABLES,  /* packed only: deflate's code tables and block heads */
    PART_FRAME,   /* packed only: zlib's or ZIP's own bytes */
    N_PARTS
} part;
/* "padding", "values", ... */
const char *anatomy_part_name(part p);

typedef struct {
    size_t flat, packed; /* bytes of both forms */
    size_t part_bytes[N_PARTS];
    uint64_t part_bits[N_PARTS]; /* of the packed form; they sum to 8 * packed */
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

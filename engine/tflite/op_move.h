/* What an operator that moves values does, for those who write it in another language: it copies blocks
 * of elements, one from or to each of its tensors. PAD and PADV2 fill their output first. */
#ifndef PARETUNE_ENGINE_TFLITE_OP_MOVE_H
#define PARETUNE_ENGINE_TFLITE_OP_MOVE_H

#include "engine/tflite/op.h"

#include <stdint.h>

/* In elements: where the block begins, and how far apart the neighbours of each axis are. */
typedef struct {
    int64_t start, step[TFL_MAX_RANK];
} block_side;

typedef struct {
    const tensor *from, *to;
    int rank, count[TFL_MAX_RANK];
    block_side x, y; /* in `from`, in `to` */
} moved_block;

/* Of a prepared STRIDED_SLICE, SLICE, TRANSPOSE, PAD, PADV2, PACK, CONCATENATION or SPLIT. */
int op_n_blocks(const op_node *op);
/* k < op_n_blocks(op) */
moved_block op_get_block(const op_node *op, int k);

#endif

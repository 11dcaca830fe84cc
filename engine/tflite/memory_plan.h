/* Places tensors in one block of memory so that those alive at the same time do not overlap. */
#ifndef PARETUNE_ENGINE_TFLITE_MEMORY_PLAN_H
#define PARETUNE_ENGINE_TFLITE_MEMORY_PLAN_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

#include <stddef.h>

enum { MEMORY_ALIGN = 16 }; /* as TensorFlow Lite for Microcontrollers aligns its arena */

typedef struct {
    size_t bytes;
    int first, last; /* steps, both included, between which the memory is held */
    size_t offset;   /* out */
} memory_block;

/* Fills the offsets and returns the height of the pile in *peak, the lower of two plans.
 *   by size: the largest block goes first, each to the lowest gap among the blocks that live at the
 *     same time (Pisarchyk & Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020,
 *     section 5.2);
 *   from both ends: in the order of their first steps, by turns at the bottom and at the top of what
 *     lives at once at most. A chain of operators then needs no more than its widest pair.
 * `a` is scratch. */
status memory_plan(memory_block *blocks, int n, arena *a, size_t *peak, err *e);

#endif

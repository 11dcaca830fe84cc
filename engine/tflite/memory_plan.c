#include "engine/tflite/memory_plan.h"

#include <stdbool.h>
#include <stdlib.h>

/* Larger first; equal ones in the order they were given, so that plans are reproducible. */
static int by_size(const void *p, const void *q)
{
    const memory_block *a = *(memory_block *const *)p, *b = *(memory_block *const *)q;
    if (a->bytes != b->bytes) return a->bytes < b->bytes ? 1 : -1;
    return a < b ? -1 : a > b;
}

/* Puts `b` into the first gap that holds it. `placed` is sorted by offset. */
static void place(memory_block *b, memory_block *const *placed, int n)
{
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        const memory_block *p = placed[i];
        if (p->first > b->last || p->last < b->first) continue;
        if (p->offset >= at && p->offset - at >= b->bytes) break;
        const size_t end = p->offset + (p->bytes + MEMORY_ALIGN - 1) / MEMORY_ALIGN * MEMORY_ALIGN;
        if (end > at) at = end;
    }
    b->offset = at;
}

static void insert(memory_block **placed, int n, memory_block *b)
{
    for (; n > 0 && placed[n - 1]->offset > b->offset; n--) placed[n] = placed[n - 1];
    placed[n] = b;
}

status memory_plan(memory_block *blocks, int n, arena *a, size_t *peak, err *e)
{
    arena_mark_t mark = arena_mark(a);
    memory_block **order = ARENA_NEW(a, memory_block *, n),
                 **placed = ARENA_NEW(a, memory_block *, n);
    if (!order || !placed) return FAIL(e, ERR_MEM, "out of memory for the memory plan");
    for (int i = 0; i < n; i++) order[i] = &blocks[i];
    qsort(order, (size_t)n, sizeof(memory_block *), by_size);
    *peak = 0;
    for (int i = 0; i < n; i++) {
        place(order[i], placed, i);
        insert(placed, i, order[i]);
        const size_t end = order[i]->offset + order[i]->bytes;
        if (end > *peak) *peak = end;
    }
    arena_release(a, mark);
    return OK;
}

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

static int by_start(const void *p, const void *q)
{
    const memory_block *a = *(memory_block *const *)p, *b = *(memory_block *const *)q;
    if (a->first != b->first) return a->first < b->first ? -1 : 1;
    return by_size(p, q);
}

static size_t aligned(size_t bytes)
{
    return (bytes + MEMORY_ALIGN - 1) / MEMORY_ALIGN * MEMORY_ALIGN;
}

static bool meet(const memory_block *a, const memory_block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The first gap that holds `b`. `placed` is sorted by offset. */
static size_t lowest_gap(const memory_block *b, memory_block *const *placed, int n)
{
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        const memory_block *p = placed[i];
        if (!meet(p, b)) continue;
        if (p->offset >= at && p->offset - at >= b->bytes) break;
        const size_t end = p->offset + aligned(p->bytes);
        if (end > at) at = end;
    }
    return at;
}

/* The last gap below `height` that holds `b`; the lowest one when there is none. One pass: what was
 * passed because it ends below the gap begins above the block for which the gap moves down. */
static size_t highest_gap(const memory_block *b, memory_block *const *placed, int n, size_t height)
{
    const size_t bytes = aligned(b->bytes);
    size_t top = height;
    for (int i = n; i-- > 0 && top >= bytes;) {
        const memory_block *p = placed[i];
        if (meet(p, b) && p->offset < top && p->offset + aligned(p->bytes) > top - bytes)
            top = p->offset;
    }
    return top >= bytes ? top - bytes : lowest_gap(b, placed, n);
}

static void insert(memory_block **placed, int n, memory_block *b)
{
    for (; n > 0 && placed[n - 1]->offset > b->offset; n--) placed[n] = placed[n - 1];
    placed[n] = b;
}

/* What lives at once at most: no plan is lower. Largest at a step where some block begins. */
static size_t most_at_once(const memory_block *blocks, int n)
{
    size_t most = 0;
    for (int i = 0; i < n; i++) {
        size_t sum = 0;
        for (int k = 0; k < n; k++)
            if (blocks[k].first <= blocks[i].first && blocks[i].first <= blocks[k].last)
                sum += aligned(blocks[k].bytes);
        most = sum > most ? sum : most;
    }
    return most;
}

/* Places all in the order given, `by_turns` at both ends of `height`; returns the peak. */
static size_t place_all(memory_block **order, memory_block **placed, int n, bool by_turns,
                        size_t height)
{
    size_t peak = 0;
    for (int i = 0; i < n; i++) {
        memory_block *b = order[i];
        const bool is_high = by_turns && b->first % 2;
        b->offset = is_high ? highest_gap(b, placed, i, height) : lowest_gap(b, placed, i);
        insert(placed, i, b);
        const size_t end = b->offset + b->bytes;
        if (end > peak) peak = end;
    }
    return peak;
}

status memory_plan(memory_block *blocks, int n, arena *a, size_t *peak, err *e)
{
    arena_mark_t mark = arena_mark(a);
    memory_block **order = ARENA_NEW(a, memory_block *, n),
                 **placed = ARENA_NEW(a, memory_block *, n);
    if (!order || !placed) return FAIL(e, ERR_MEM, "out of memory for the memory plan");
    for (int i = 0; i < n; i++) order[i] = &blocks[i];
    qsort(order, (size_t)n, sizeof(memory_block *), by_start);
    const size_t by_turns = place_all(order, placed, n, true, most_at_once(blocks, n));
    qsort(order, (size_t)n, sizeof(memory_block *), by_size);
    *peak = place_all(order, placed, n, false, 0);
    if (by_turns < *peak) {
        qsort(order, (size_t)n, sizeof(memory_block *), by_start);
        *peak = place_all(order, placed, n, true, most_at_once(blocks, n));
    }
    arena_release(a, mark);
    return OK;
}

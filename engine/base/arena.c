/* Blocks double from 64 KiB to 16 MiB; a larger piece gets a block of its own. The header sits in
 * the block's first cache line. Releasing frees the blocks that came after the mark, except that
 * the arena keeps nothing: the next take asks malloc again. malloc lives here and nowhere above. */
#include "engine/base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

enum { LINE = 64, HUGE_PAGE = 2 << 20, FIRST = 64 << 10, LARGEST = 16 << 20 };

struct arena_block {
    arena_block *older;
    size_t size, fill; /* of the bytes behind the header */
    char pad[LINE - sizeof(void *) - 2 * sizeof(size_t)];
};

static char *block_bytes(arena_block *b)
{
    return (char *)b + sizeof *b;
}

void arena_init(arena *a, size_t cap)
{
    *a = (arena){.cap = cap};
}

static void drop_last(arena *a)
{
    arena_block *b = a->last;
    a->last = b->older;
    a->held -= b->size;
    UNPOISON(block_bytes(b), b->size);
    free(b);
}

void arena_free(arena *a)
{
    while (a->last) drop_last(a);
    a->used = 0;
}

/* Large blocks lie on huge pages where the system gives them: a training walks through megabytes
 * in each step, and most of the address translations are spared. */
static arena_block *take_block(size_t bytes)
{
    if (bytes < 2 * HUGE_PAGE) return aligned_alloc(LINE, bytes);
    bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE; /* aligned_alloc wants whole ones */
    arena_block *b = aligned_alloc(HUGE_PAGE, bytes);
#if defined(MADV_HUGEPAGE)
    if (b) madvise(b, bytes, MADV_HUGEPAGE);
#endif
    return b;
}

static arena_block *grow(arena *a, size_t need)
{
    size_t size = a->last ? a->last->size * 2 : FIRST;
    if (size > LARGEST) size = LARGEST;
    if (size < need) size = need;
    if (a->cap && (size > a->cap || a->held > a->cap - size)) {
        size = need; /* near the cap: take just what is needed */
        if (size > a->cap || a->held > a->cap - size) return NULL;
    }
    if (size > SIZE_MAX - sizeof(arena_block) - HUGE_PAGE) return NULL;
    arena_block *b = take_block(sizeof *b + size);
    if (!b) return NULL;
    *b = (arena_block){.older = a->last, .size = size};
    POISON(block_bytes(b), size);
    a->last = b;
    a->held += size;
    return b;
}

void *arena_take(arena *a, size_t count, size_t size)
{
    if (size && count > (SIZE_MAX / 2) / size) return NULL;
    size_t n = count * size;
    size_t room = (n + LINE - 1) / LINE * LINE;
#ifdef HAVE_ASAN
    room += LINE; /* a poisoned line between pieces catches an overrun by one */
#endif
    if (room == 0) room = LINE;
    arena_block *b = a->last;
    if (!b || b->size - b->fill < room) b = grow(a, room);
    if (!b) return NULL;
    char *p = block_bytes(b) + b->fill;
    b->fill += room;
    a->used += room;
    if (a->used > a->peak) a->peak = a->used;
    UNPOISON(p, n);
    memset(p, 0, n);
    return p;
}

char *arena_copy(arena *a, const char *text, size_t n)
{
    char *p = n < SIZE_MAX ? arena_take(a, n + 1, 1) : NULL;
    if (p && n) memcpy(p, text, n);
    return p;
}

char *arena_string(arena *a, const char *text)
{
    return arena_copy(a, text, strlen(text));
}

char *arena_printf(arena *a, const char *format, ...)
{
    va_list ap, again;
    va_start(ap, format);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    char *p = n >= 0 ? arena_take(a, (size_t)n + 1, 1) : NULL;
    if (p) vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return p;
}

arena_mark_t arena_mark(const arena *a)
{
    return (arena_mark_t){a->last, a->last ? a->last->fill : 0, a->used};
}

void arena_release(arena *a, arena_mark_t mark)
{
    while (a->last != mark.block) {
        assert(a->last && "arena_release: the mark is not of this arena or is already released");
        drop_last(a);
    }
    if (a->last) {
        a->last->fill = mark.fill;
        POISON(block_bytes(a->last) + mark.fill, a->last->size - mark.fill);
    }
    a->used = mark.used;
}

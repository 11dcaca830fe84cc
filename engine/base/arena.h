/* Region memory: take pieces, give all of them back at once.
 *
 * An arena grows by blocks up to a cap. Pieces are zeroed and 64-byte aligned, so every kernel may
 * assume a cache line. A mark remembers the fill; release gives back everything taken since, and
 * under AddressSanitizer what was given back (and the padding between pieces) is poisoned. */
#ifndef PARETUNE_ENGINE_BASE_ARENA_H
#define PARETUNE_ENGINE_BASE_ARENA_H

#include <stddef.h>

typedef struct arena_block arena_block;
typedef struct {
    arena_block *last; /* newest block; older ones hang from it */
    size_t cap;        /* most bytes the arena may hold; 0 = no cap */
    size_t held;       /* bytes of blocks held now */
    size_t used;       /* bytes taken now */
    size_t peak;       /* most bytes ever taken */
} arena;

typedef struct {
    arena_block *block;
    size_t fill, used;
} arena_mark_t;

/* `cap` bytes at the most, 0 for no cap. Takes nothing yet. */
void arena_init(arena *a, size_t cap);
void arena_free(arena *a); /* accepts a zeroed struct */

/* `count * size` zeroed bytes, 64-byte aligned; NULL when the cap or the machine's memory is
 * reached or the product overflows. */
void *arena_take(arena *a, size_t count, size_t size);
char *arena_copy(arena *a, const char *text, size_t n); /* n bytes and a NUL */
char *arena_string(arena *a, const char *text);
char *arena_printf(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

arena_mark_t arena_mark(const arena *a);
void arena_release(arena *a, arena_mark_t mark);

#define ARENA_NEW(a, type, n) ((type *)arena_take((a), (size_t)(n), sizeof(type)))

#endif

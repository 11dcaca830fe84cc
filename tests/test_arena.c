#include "engine/base/arena.h"
#include "engine/base/rng.h"
#include "tests/support/expect.h"

#include <criterion/new/assert.h>

#include <stdint.h>

static arena a;

static void setup(void)
{
    arena_init(&a, 0);
}

static void teardown(void)
{
    arena_free(&a);
}

TestSuite(arena, .init = setup, .fini = teardown);

Test(arena, pieces_are_zeroed_aligned_and_apart)
{
    enum { N = 300 };
    unsigned char *piece[N];
    size_t size[N];
    for (uint64_t seed = 0; seed < 20; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 0);
        arena_mark_t mark = arena_mark(&a);
        for (int i = 0; i < N; i++) {
            size[i] = rng_below(&r, i % 50 == 0 ? 200000 : 300);
            piece[i] = arena_take(&a, size[i], 1);
            cr_assert(piece[i] != NULL);
            cr_expect(eq(u64, (uintptr_t)piece[i] % 64, 0));
            for (size_t k = 0; k < size[i]; k++) cr_assert(piece[i][k] == 0, "seed %d", (int)seed);
            memset(piece[i], i & 255, size[i]);
        }
        for (int i = 0; i < N; i++)
            for (size_t k = 0; k < size[i]; k++)
                cr_assert(piece[i][k] == (i & 255), "seed %d: piece %d overlaps", (int)seed, i);
        arena_release(&a, mark); /* the next round meets dirty memory */
    }
}

Test(arena, release_gives_back_everything_since_the_mark)
{
    char *before = arena_string(&a, "kept");
    size_t used = a.used, held = a.held;
    arena_mark_t mark = arena_mark(&a);
    for (int i = 0; i < 100; i++) cr_assert(arena_take(&a, 10000, 1) != NULL);
    cr_expect(a.used > 1000000 && a.held > 1000000);
    arena_release(&a, mark);
    cr_expect(eq(sz, a.used, used));
    cr_expect(eq(sz, a.held, held));
    cr_expect(a.peak > 1000000);
    EXPECT_TEXT(before, "kept");
}

Test(arena, release_to_the_mark_of_an_empty_arena_holds_nothing)
{
    arena_mark_t mark = arena_mark(&a);
    cr_assert(arena_take(&a, 1000, 1) != NULL);
    arena_release(&a, mark);
    cr_expect(eq(sz, a.held, 0));
    cr_expect(eq(sz, a.used, 0));
}

Test(arena, the_cap_is_never_passed)
{
    arena small;
    arena_init(&small, 10000);
    cr_expect(arena_take(&small, 10001, 1) == NULL);
    int n = 0;
    while (arena_take(&small, 1000, 1)) n++;
    cr_expect(n >= 8 && n <= 10, "%d pieces of 1000 in 10000 bytes", n);
    cr_expect(small.held <= 10000);
    arena_free(&small);
    cr_expect(eq(sz, small.held, 0));
}

Test(arena, products_that_overflow_are_refused)
{
    cr_expect(arena_take(&a, SIZE_MAX, 2) == NULL);
    cr_expect(arena_take(&a, SIZE_MAX / 2 + 1, 1) == NULL);
    cr_expect(arena_take(&a, SIZE_MAX / 8, 8) == NULL);
    cr_expect(arena_copy(&a, "x", SIZE_MAX) == NULL);
    cr_expect(arena_take(&a, 0, 8) != NULL);
    cr_expect(arena_take(&a, 8, 0) != NULL);
}

Test(arena, texts_are_copied_and_formatted)
{
    EXPECT_TEXT(arena_copy(&a, "abcdef", 3), "abc");
    EXPECT_TEXT(arena_printf(&a, "%s %d", "row", 7), "row 7");
    char *with_nul = arena_copy(&a, "a\0b", 3);
    cr_expect(memcmp(with_nul, "a\0b", 4) == 0);
}

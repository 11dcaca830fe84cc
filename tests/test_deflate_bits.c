#include "engine/base/rng.h"
#include "engine/tflite/deflate_bits.h"
#include "engine/tflite/pack.h"

#include <criterion/criterion.h>
#include <string.h>

/* From noise (stored blocks) to runs (long copies). */
static char *some_bytes(arena *a, uint64_t seed, size_t n)
{
    rng r = rng_stream(seed, RNG_TEST, 0);
    char *p = arena_take(a, n + 1, 1);
    const uint64_t noise = 1 + rng_below(&r, 20);
    for (size_t i = 0; i < n; i++) p[i] = (char)(rng_below(&r, noise) ? i % 7 : rng_below(&r, 256));
    return p;
}

static uint64_t sum(const deflate_bits *b)
{
    uint64_t all = b->table_bits;
    for (size_t i = 0; i < b->n; i++) all += b->bits[i];
    return all;
}

Test(deflate_bits, they_sum_to_the_stream_at_every_level)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        arena a;
        buf z = {0};
        deflate_bits bits;
        size_t used = 0;
        err e = {0};
        arena_init(&a, 0);
        const size_t n = seed < 5 ? seed : seed * seed * 6;
        const int level = 1 + (int)(seed % PACK_OPTIMAL);
        cr_assert_eq(pack_zlib(some_bytes(&a, seed, n), n, level, &z, NULL), OK);
        cr_assert_eq(deflate_bits_trace(&a, z.data + 2, z.len - 2, n, &bits, &used, &e), OK, "%s",
                     e.msg);
        cr_expect_eq(used, z.len - 6, "seed %d: %zu of %zu bytes", (int)seed, used, z.len);
        cr_expect_eq(sum(&bits), 8 * used, "seed %d", (int)seed);
        buf_free(&z);
        arena_free(&a);
    }
}

/* By hand: a fixed block (3 bits), 'a' at 8 bits, a copy of 9 at distance 1 (7 + 5 bits), its end (7
 * bits): 30 bits, 2 of which fill the fourth byte. */
Test(deflate_bits, a_stream_worked_out_by_hand)
{
    arena a;
    deflate_bits bits;
    size_t used;
    arena_init(&a, 0);
    static const unsigned char stream[] = {0x4b, 0x84, 0x03, 0x00};
    cr_assert_eq(deflate_bits_trace(&a, stream, sizeof stream, 10, &bits, &used, NULL), OK);
    cr_expect_eq(used, 4);
    cr_expect_eq(bits.bits[0], 8);
    for (int i = 1; i < 10; i++) cr_expect(bits.bits[i] == 1 || bits.bits[i] == 2);
    cr_expect_eq(bits.table_bits, 3 + 7 + 2);
    cr_expect_eq(sum(&bits), 32);
    arena_free(&a);
}

Test(deflate_bits, damage_is_an_error_or_sums_up_and_never_crashes)
{
    arena a;
    buf z = {0};
    int noticed = 0;
    arena_init(&a, 0);
    cr_assert_eq(pack_zlib(some_bytes(&a, 3, 900), 900, 6, &z, NULL), OK);
    for (uint64_t seed = 0; seed < 3000; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 1);
        arena_mark_t mark = arena_mark(&a);
        deflate_bits bits;
        size_t used;
        char *p = arena_copy(&a, z.data + 2, z.len - 2);
        p[rng_below(&r, z.len - 2)] = (char)rng_below(&r, 256);
        const size_t n = rng_below(&r, 3) ? z.len - 2 : rng_below(&r, z.len - 2);
        if (deflate_bits_trace(&a, p, n, 900, &bits, &used, NULL) == OK)
            cr_expect_eq(sum(&bits), 8 * used, "seed %d", (int)seed);
        else
            noticed++;
        arena_release(&a, mark);
    }
    cr_expect_gt(noticed, 500, "%d", noticed);
    buf_free(&z);
    arena_free(&a);
}

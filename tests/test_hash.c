#include "engine/base/hash.h"
#include "engine/base/rng.h"
#include "tests/support/data_files.h"
#include "tests/support/expect.h"

#include <criterion/new/assert.h>

#include <stdio.h>

Test(hash, published_values)
{
    /* xxHash's own specification: XXH3-128 of nothing, seed 0. */
    EXPECT_TEXT(hash_bytes("", 0).text, "99aa06d3014798d86001c324468d497f");
    cr_expect(hash_u64("", 0, 0) == 0x2d06800538d394c2u);
}

Test(hash, a_file_hashes_as_its_bytes)
{
    static const size_t sizes[] = {0, 1, 240, 241, 1 << 14, (1 << 14) + 1, 100000};
    static char bytes[100000];
    arena a;
    rng r = rng_stream(1, RNG_TEST, 0);
    arena_init(&a, 0);
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)rng_below(&r, 256);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        hash h;
        err e = {0};
        char *path = data_file(&a, "hash", bytes, sizes[i]);
        cr_assert(hash_file(path, &h, &e) == OK, "%s", e.msg);
        EXPECT_TEXT(h.text, hash_bytes(bytes, sizes[i]).text);
        remove(path);
    }
    arena_free(&a);
}

Test(hash, pieces_hash_as_the_whole)
{
    static char bytes[3000];
    rng r = rng_stream(2, RNG_TEST, 0);
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)rng_below(&r, 256);
    for (int round = 0; round < 50; round++) {
        hash_stream h;
        size_t at = 0;
        hash_init(&h);
        while (at < sizeof bytes) {
            size_t left = sizeof bytes - at, n = rng_below(&r, 700);
            if (n > left) n = left;
            hash_add(&h, bytes + at, n);
            at += n;
        }
        EXPECT_TEXT(hash_end(&h).text, hash_bytes(bytes, sizeof bytes).text);
    }
    hash_stream none;
    hash_init(&none);
    hash_add_text(&none, "");
    EXPECT_TEXT(hash_end(&none).text, hash_bytes("", 0).text);
}

Test(hash, every_bit_and_the_seed_matter)
{
    unsigned char bytes[32] = {0};
    hash before = hash_bytes(bytes, sizeof bytes);
    for (int bit = 0; bit < 256; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        cr_expect(strcmp(hash_bytes(bytes, sizeof bytes).text, before.text) != 0, "bit %d", bit);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    cr_expect(hash_u64("a", 1, 0) != hash_u64("a", 1, 1));
}

Test(hash, a_file_that_cannot_be_read_is_an_error)
{
    hash h;
    err e = {0};
    cr_expect(hash_file("no/such/file", &h, &e) == ERR_INPUT);
    EXPECT_TEXT(e.msg, "no/such/file: cannot read: No such file or directory");
    e = (err){0};
    cr_expect(hash_file("/", &h, &e) == ERR_INPUT);
    EXPECT_TEXT(e.msg, "/: cannot read: Is a directory");
}

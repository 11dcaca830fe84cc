#include "engine/base/sha1.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_digest(const char *text, size_t n, const char *want)
{
    uint8_t d[20];
    char hex[41];
    sha1(text, n, d);
    for (int i = 0; i < 20; i++) snprintf(hex + 2 * i, 3, "%02x", d[i]);
    cr_expect_str_eq(hex, want);
}

Test(sha1, rfc_3174_vectors)
{
    expect_digest("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
    expect_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                  "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    char *a = malloc(1000000), *digits = malloc(640);
    memset(a, 'a', 1000000);
    for (int i = 0; i < 640; i++) digits[i] = (char)('0' + i % 8); /* "01234567..." ten times 64 */
    expect_digest(a, 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    expect_digest(digits, 640, "dea356a2cddd90c7a7ecedc5ebb563934f460452");
    free(a);
    free(digits);
}

Test(sha1, lengths_around_a_block)
{
    expect_digest("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    char a[120];
    memset(a, 'a', sizeof a);
    expect_digest(a, 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a");
    expect_digest(a, 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699");
    expect_digest(a, 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d");
    expect_digest(a, 120, "f34c1488385346a55709ba056ddd08280dd4c6d6");
}

#include "engine/base/arena.h"
#include "engine/base/rng.h"
#include "engine/tflite/pack.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes with some structure, so that deflate has work to do. */
static char *some_bytes(arena *a, uint64_t seed, size_t n)
{
    rng r = rng_stream(seed, RNG_TEST, 0);
    char *p = arena_take(a, n + 1, 1);
    for (size_t i = 0; i < n; i++) p[i] = (char)(rng_below(&r, 3) ? i % 7 : rng_below(&r, 256));
    return p;
}

typedef enum { FLAT, ZLIB, ZIP } form;

static void packed_as(form f, const char *p, size_t n, buf *out)
{
    if (f == FLAT) buf_put(out, p, n);
    if (f == ZLIB) cr_assert_eq(pack_zlib(p, n, 6, out, NULL), OK);
    if (f == ZIP) cr_assert_eq(pack_zip(p, n, "model.tflite", 6, out, NULL), OK);
}

Test(pack, opening_gives_back_what_was_packed)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        arena a;
        buf b = {0};
        void *back;
        size_t n_back, n = (size_t)seed * seed * 17;
        arena_init(&a, 0);
        const char *p = some_bytes(&a, seed, n);
        packed_as((form)(seed % 3), p, n, &b);
        cr_assert_eq(pack_open(&a, b.data, b.len, 1 << 20, &back, &n_back, NULL), OK);
        cr_assert_eq(n_back, n, "seed %d: %zu bytes became %zu", (int)seed, n, n_back);
        cr_expect(n == 0 || memcmp(back, p, n) == 0);
        buf_free(&b);
        arena_free(&a);
    }
}

Test(pack, sizes_are_those_of_python)
{
    arena a;
    buf z = {0}, zip = {0};
    arena_init(&a, 0);
    const char *p = some_bytes(&a, 1, 5000);
    packed_as(ZLIB, p, 5000, &z);
    packed_as(ZIP, p, 5000, &zip);
    /* zlib: raw deflate + 2 + 4 bytes; zipfile: raw deflate + 98 + twice the name. */
    cr_expect_eq(zip.len, z.len - 6 + 98 + 2 * strlen("model.tflite"));
    cr_expect_eq(memcmp(z.data, "\x78\x9c", 2), 0);
    buf_free(&z);
    buf_free(&zip);
    arena_free(&a);
}

/* Python's own zlib and zipfile as judges, where there is one. */
Test(pack, python_makes_and_reads_the_same_bytes)
{
    static const char script[] =
        "import io,sys,zlib,zipfile\n"
        "d=sys.stdin.buffer.read(); n=5000; flat,rest=d[:n],d[n:]; z=zlib.compress(flat)\n"
        "i=zipfile.ZipInfo('model.tflite'); f=io.BytesIO()\n"
        "with zipfile.ZipFile(f,'w') as w: w.writestr(i,flat,zipfile.ZIP_DEFLATED)\n"
        "sys.exit(0 if rest==z+f.getvalue() and "
        "zipfile.ZipFile(io.BytesIO(rest[len(z):])).read('model.tflite')==flat else 3)\n";
    if (system("python3 -c 'import zlib' 2>/dev/null") != 0) cr_skip("no Python here");
    arena a;
    buf all = {0};
    arena_init(&a, 0);
    const char *p = some_bytes(&a, 1, 5000);
    buf_put(&all, p, 5000);
    packed_as(ZLIB, p, 5000, &all);
    packed_as(ZIP, p, 5000, &all);
    FILE *python = popen(arena_printf(&a, "python3 -c \"%s\"", script), "w");
    cr_assert_eq(fwrite(all.data, 1, all.len, python), all.len);
    cr_expect_eq(pclose(python), 0);
    buf_free(&all);
    arena_free(&a);
}

Test(pack, a_bomb_is_refused)
{
    arena a;
    buf b = {0};
    void *back;
    size_t n;
    err e = {0};
    arena_init(&a, 0);
    const size_t large = 8 << 20;
    for (int f = ZLIB; f <= ZIP; f++) {
        buf_clear(&b);
        packed_as((form)f, arena_take(&a, large, 1), large, &b);
        e = (err){0};
        cr_expect_eq(pack_open(&a, b.data, b.len, 1 << 20, &back, &n, &e), ERR_INPUT);
        cr_expect(strstr(e.msg, "over 1048576 bytes"), "%s", e.msg);
    }
    buf_free(&b);
    arena_free(&a);
}

Test(pack, damage_is_noticed_and_never_crashes)
{
    for (int f = ZLIB; f <= ZIP; f++) {
        arena a;
        buf b = {0};
        void *back;
        size_t n;
        int opened = 0;
        arena_init(&a, 0);
        const char *p = some_bytes(&a, 9, 600);
        packed_as((form)f, p, 600, &b);
        for (size_t i = 2; i < b.len; i++) {
            b.data[i] ^= 0x41;
            /* Names and dates of a zip may change; what is inside may not. A zip whose first bytes
             * are gone is any other file. */
            if (pack_open(&a, b.data, b.len, 1 << 20, &back, &n, NULL) == OK &&
                (f == ZLIB || i >= 4))
                opened += f == ZLIB || n != 600 || memcmp(back, p, 600) != 0;
            b.data[i] ^= 0x41;
            char *cut = malloc(i);
            memcpy(cut, b.data, i);
            if (pack_open(&a, cut, i, 1 << 20, &back, &n, NULL) == OK && i >= 4) opened++;
            free(cut);
        }
        cr_expect_eq(opened, 0, "%d damaged files were opened", opened);
        buf_free(&b);
        arena_free(&a);
    }
}

Test(pack, a_zip_of_several_files_is_refused_with_their_number)
{
    arena a;
    buf b = {0};
    void *back;
    size_t n;
    err e = {0};
    arena_init(&a, 0);
    packed_as(ZIP, "abc", 3, &b);
    b.data[b.len - 12] = 2; /* entries in all, 10 bytes into the end record */
    cr_expect_eq(pack_open(&a, b.data, b.len, 1 << 20, &back, &n, &e), ERR_INPUT);
    cr_expect(strstr(e.msg, "the zip has 2 entries"), "%s", e.msg);
    buf_free(&b);
    arena_free(&a);
}

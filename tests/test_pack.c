#include "engine/base/arena.h"
#include "engine/base/file.h"
#include "engine/base/rng.h"
#include "engine/tflite/pack.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* Bytes with some structure, so that deflate has work to do. */
static char *some_bytes(arena *a, uint64_t seed, size_t n)
{
    rng r = rng_stream(seed, RNG_TEST, 0);
    char *p = arena_take(a, n + 1, 1);
    for (size_t i = 0; i < n; i++) p[i] = (char)(rng_below(&r, 3) ? i % 7 : rng_below(&r, 256));
    return p;
}

static void packed_as(packing how, const char *p, size_t n, buf *out)
{
    cr_assert_eq(pack_as(how, PACK_LEVEL, p, n, out, NULL), OK);
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
        packed_as((packing)(seed % N_PACKINGS), p, n, &b);
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
    packed_as(PACK_ZLIB, p, 5000, &z);
    packed_as(PACK_ZIP, p, 5000, &zip);
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
    packed_as(PACK_ZLIB, p, 5000, &all);
    packed_as(PACK_ZIP, p, 5000, &all);
    FILE *python = popen(arena_printf(&a, "python3 -c \"%s\"", script), "w");
    cr_assert_eq(fwrite(all.data, 1, all.len, python), all.len);
    cr_expect_eq(pclose(python), 0);
    buf_free(&all);
    arena_free(&a);
}

static char *write_temporary(arena *a, const char *name, const buf *b)
{
    char *path = arena_printf(a, "/tmp/paretune-%d-%s", (int)getpid(), name);
    cr_assert_eq(file_write(path, b->data, b->len, NULL), OK);
    return path;
}

/* Runs `command` with the file's path behind it; its output must be the flat bytes. */
static void expect_opened(arena *a, const char *command, const char *name, const buf *b,
                          const char *flat, size_t n)
{
    char *path = write_temporary(a, name, b), *got = arena_take(a, n + 1, 1);
    FILE *f = popen(arena_printf(a, "%s %s", command, path), "r");
    cr_expect_eq(fread(got, 1, n + 1, f), n, "%s: another number of bytes", command);
    cr_expect_eq(pclose(f), 0, "%s failed", command);
    cr_expect_eq(memcmp(got, flat, n), 0, "%s: other bytes", command);
    unlink(path);
}

static bool has_program(const char *probe)
{
    return system(probe) == 0;
}

Test(pack, unzip_and_pigz_open_what_we_pack)
{
    const bool has_unzip = has_program("unzip -v >/dev/null 2>&1");
    const bool has_pigz = has_program("pigz --version >/dev/null 2>&1");
    if (!has_unzip && !has_pigz) cr_skip("neither unzip nor pigz is installed");
    for (int f = PACK_ZLIB; f < N_PACKINGS; f++) {
        arena a;
        buf b = {0};
        arena_init(&a, 0);
        const char *p = some_bytes(&a, 4, 20000);
        packed_as((packing)f, p, 20000, &b);
        const bool is_zip = f == PACK_ZIP || f == PACK_ZOPFLI_ZIP;
        if (is_zip && has_unzip) expect_opened(&a, "unzip -p", "x.zip", &b, p, 20000);
        if (!is_zip && has_pigz) expect_opened(&a, "pigz -dczq <", "x.zz", &b, p, 20000);
        buf_free(&b);
        arena_free(&a);
    }
}

/* The same without Python: zlib.compress of CPython 3.11 with zlib 1.2.13, length and CRC-32 of
 * bytes(((i * i >> 5) + i * 7) % 61 if i % 9 else i % 5 for i in range(6000)). */
Test(pack, level_six_is_the_stream_that_python_gave)
{
    buf b = {0};
    char p[6000];
    for (int i = 0; i < 6000; i++) p[i] = (char)(i % 9 ? ((i * i >> 5) + i * 7) % 61 : i % 5);
    packed_as(PACK_ZLIB, p, sizeof p, &b);
    cr_expect_eq(b.len, 2674, "%zu bytes", b.len);
    cr_expect_eq(crc32(0, (const Bytef *)b.data, (uInt)b.len), 3537992u);
    buf_free(&b);
}

Test(pack, a_zip_holds_the_stream_of_zlib)
{
    static const packing pairs[2][2] = {{PACK_ZLIB, PACK_ZIP}, {PACK_ZOPFLI, PACK_ZOPFLI_ZIP}};
    for (uint64_t seed = 1; seed < 5; seed++)
        for (int k = 0; k < 2; k++) {
            arena a;
            buf stream = {0}, zip = {0};
            const size_t n = 1000 * (size_t)seed;
            arena_init(&a, 0);
            const char *p = some_bytes(&a, seed, n);
            packed_as(pairs[k][0], p, n, &stream);
            packed_as(pairs[k][1], p, n, &zip);
            cr_expect_eq(zip.len, pack_zip_bytes(stream.len), "seed %d, pair %d", (int)seed, k);
            buf_free(&stream);
            buf_free(&zip);
            arena_free(&a);
        }
}

Test(pack, zopfli_is_shorter_than_every_level_of_zlib)
{
    for (uint64_t seed = 1; seed < 6; seed++) {
        arena a;
        buf best = {0}, b = {0};
        const size_t n = 3000 * (size_t)seed;
        arena_init(&a, 0);
        const char *p = some_bytes(&a, seed, n);
        packed_as(PACK_ZOPFLI, p, n, &best);
        for (int level = 1; level <= 9; level++) {
            buf_clear(&b);
            cr_assert_eq(pack_zlib(p, n, level, &b, NULL), OK);
            cr_expect_lt(best.len, b.len, "seed %d: %zu, at level %d %zu", (int)seed, best.len,
                         level, b.len);
        }
        buf_free(&best);
        buf_free(&b);
        arena_free(&a);
    }
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
    for (int f = PACK_ZLIB; f <= PACK_ZIP; f++) {
        buf_clear(&b);
        packed_as((packing)f, arena_take(&a, large, 1), large, &b);
        e = (err){0};
        cr_expect_eq(pack_open(&a, b.data, b.len, 1 << 20, &back, &n, &e), ERR_INPUT);
        cr_expect(strstr(e.msg, "over 1048576 bytes"), "%s", e.msg);
    }
    buf_free(&b);
    arena_free(&a);
}

Test(pack, damage_is_noticed_and_never_crashes)
{
    for (int f = PACK_ZLIB; f <= PACK_ZIP; f++) {
        arena a;
        buf b = {0};
        void *back;
        size_t n;
        int opened = 0;
        arena_init(&a, 0);
        const char *p = some_bytes(&a, 9, 600);
        packed_as((packing)f, p, 600, &b);
        for (size_t i = 2; i < b.len; i++) {
            b.data[i] ^= 0x41;
            /* Names and dates of a zip may change; what is inside may not. A zip whose first bytes
             * are gone is any other file. */
            if (pack_open(&a, b.data, b.len, 1 << 20, &back, &n, NULL) == OK &&
                (f == PACK_ZLIB || i >= 4))
                opened += f == PACK_ZLIB || n != 600 || memcmp(back, p, 600) != 0;
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
    packed_as(PACK_ZIP, "abc", 3, &b);
    b.data[b.len - 12] = 2; /* entries in all, 10 bytes into the end record */
    cr_expect_eq(pack_open(&a, b.data, b.len, 1 << 20, &back, &n, &e), ERR_INPUT);
    cr_expect(strstr(e.msg, "the zip has 2 entries"), "%s", e.msg);
    buf_free(&b);
    arena_free(&a);
}

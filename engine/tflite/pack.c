/* A ZIP of one entry, every number little-endian (APPNOTE.TXT 4.3):
 *   local header 30 bytes, name, deflated data, central header 46 bytes, name, end record 22 bytes.
 */
#include "engine/tflite/pack.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zopfli/zopfli.h>
#define ZLIB_CONST /* zlib does not write to its input */
#include <zlib.h>

enum { LOCAL_BYTES = 30, CENTRAL_BYTES = 46, END_BYTES = 22, RAW_DEFLATE = -15, ZLIB_STREAM = 15 };
static const uint32_t LOCAL_MARK = 0x04034b50, CENTRAL_MARK = 0x02014b50, END_MARK = 0x06054b50;

const char *const pack_names[N_PACKINGS] = {"flat", "zlib", "zip", "zopfli", "zopfli-zip"};

/* The memory is zopfli's own, from malloc; it has no way to say that there is none. */
static status deflate_optimally(const void *bytes, size_t n, int window, buf *out, err *e)
{
    ZopfliOptions options;
    unsigned char *packed = NULL;
    size_t n_packed = 0;
    ZopfliInitOptions(&options);
    ZopfliCompress(&options, window == RAW_DEFLATE ? ZOPFLI_FORMAT_DEFLATE : ZOPFLI_FORMAT_ZLIB,
                   bytes, n, &packed, &n_packed);
    buf_put(out, packed, n_packed);
    free(packed);
    return buf_check(out, e);
}

/* Deflates everything in one call, so that the bytes are those of Python's one-shot functions. */
static status deflate_all(const void *bytes, size_t n, int level, int window, buf *out, err *e)
{
    z_stream z = {0};
    if (n > UINT32_MAX / 2) return FAIL(e, ERR_INPUT, "%zu bytes are too many to pack", n);
    if (level == PACK_OPTIMAL) return deflate_optimally(bytes, n, window, out, e);
    if (deflateInit2(&z, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return FAIL(e, ERR_ARG, "zlib refuses level %d", level);
    const size_t most = deflateBound(&z, (uLong)n), at = out->len;
    buf_zeros(out, most);
    status s = buf_check(out, e);
    if (s == OK) {
        z.next_in = bytes;
        z.avail_in = (uInt)n;
        z.next_out = (Bytef *)out->data + at;
        z.avail_out = (uInt)most;
        if (deflate(&z, Z_FINISH) != Z_STREAM_END)
            s = FAIL(e, ERR_MEM, "zlib cannot pack %zu bytes", n);
        out->len = at + (s == OK ? z.total_out : 0);
        out->data[out->len] = '\0';
    }
    deflateEnd(&z);
    return s;
}

status pack_zlib(const void *bytes, size_t n, int level, buf *out, err *e)
{
    return deflate_all(bytes, n, level, ZLIB_STREAM, out, e);
}

static void put_u16(buf *b, unsigned v)
{
    const unsigned char p[2] = {(unsigned char)v, (unsigned char)(v >> 8)};
    buf_put(b, p, sizeof p);
}

typedef struct {
    uint32_t crc, packed, flat;
    const char *name;
} zip_entry;

/* The 26 bytes that the local and the central header share. */
static void put_entry(buf *b, const zip_entry *z)
{
    put_u16(b, 20); /* version needed: 2.0, deflate */
    put_u16(b, 0);
    put_u16(b, Z_DEFLATED);
    put_u16(b, 0);    /* 00:00:00 */
    put_u16(b, 0x21); /* 1980-01-01 */
    buf_u32(b, z->crc);
    buf_u32(b, z->packed);
    buf_u32(b, z->flat);
    put_u16(b, (unsigned)strlen(z->name));
    put_u16(b, 0);
}

static void put_end(buf *b, size_t central_at, size_t start)
{
    const size_t central_bytes = b->len - central_at;
    buf_u32(b, END_MARK);
    put_u16(b, 0);
    put_u16(b, 0);
    put_u16(b, 1);
    put_u16(b, 1);
    buf_u32(b, (uint32_t)central_bytes);
    buf_u32(b, (uint32_t)(central_at - start));
    put_u16(b, 0);
}

status pack_zip(const void *bytes, size_t n, const char *name, int level, buf *out, err *e)
{
    buf packed = {0};
    status s = deflate_all(bytes, n, level, RAW_DEFLATE, &packed, e);
    if (s == OK && strlen(name) > UINT16_MAX) s = FAIL(e, ERR_ARG, "an entry's name is too long");
    if (s == OK) {
        const size_t start = out->len;
        const zip_entry z = {(uint32_t)crc32(0, bytes, (uInt)n), (uint32_t)packed.len, (uint32_t)n,
                             name};
        buf_u32(out, LOCAL_MARK);
        put_entry(out, &z);
        buf_text(out, name);
        buf_put(out, packed.data, packed.len);
        const size_t central_at = out->len;
        buf_u32(out, CENTRAL_MARK);
        put_u16(out, 3 << 8 | 20); /* made on Unix */
        put_entry(out, &z);
        put_u16(out, 0); /* comment */
        put_u16(out, 0); /* disk */
        put_u16(out, 0);
        buf_u32(out, 0600U << 16); /* permissions, as Python's writestr gives them */
        buf_u32(out, 0);           /* the local header is at the start */
        buf_text(out, name);
        put_end(out, central_at, start);
        s = buf_check(out, e);
    }
    buf_free(&packed);
    return s;
}

static const char entry_name[] = "model.tflite";

status pack_as(packing how, int level, const void *bytes, size_t n, buf *out, err *e)
{
    switch (how) {
    case PACK_ZLIB:
        return pack_zlib(bytes, n, level, out, e);
    case PACK_ZIP:
        return pack_zip(bytes, n, entry_name, level, out, e);
    case PACK_ZOPFLI:
        return pack_zlib(bytes, n, PACK_OPTIMAL, out, e);
    case PACK_ZOPFLI_ZIP:
        return pack_zip(bytes, n, entry_name, PACK_OPTIMAL, out, e);
    default:
        buf_put(out, bytes, n);
        return buf_check(out, e);
    }
}

size_t pack_zip_bytes(size_t zlib_bytes)
{
    const size_t zlib_frame = 6, zip_frame = 98 + 2 * (sizeof entry_name - 1);
    return zlib_bytes - zlib_frame + zip_frame;
}

/* Inflates one stream of at most `most` bytes into `out`. */
static status inflate_all(const void *bytes, size_t n, int window, size_t most, buf *out, err *e)
{
    z_stream z = {0};
    if (n > UINT32_MAX || inflateInit2(&z, window) != Z_OK)
        return FAIL(e, ERR_MEM, "zlib cannot unpack %zu bytes", n);
    z.next_in = bytes;
    z.avail_in = (uInt)n;
    char piece[1 << 14];
    int r = Z_OK;
    while (r == Z_OK && out->len <= most && !out->failed) {
        z.next_out = (Bytef *)piece;
        z.avail_out = sizeof piece;
        r = inflate(&z, Z_NO_FLUSH);
        buf_put(out, piece, sizeof piece - z.avail_out);
    }
    inflateEnd(&z);
    if (out->len > most) return FAIL(e, ERR_INPUT, "unpacks to over %zu bytes", most);
    TRY(buf_check(out, e));
    return r == Z_STREAM_END ? OK
                             : FAIL(e, ERR_INPUT, "damaged file: its deflate stream is broken");
}

static uint32_t load(const unsigned char *p, int n)
{
    uint32_t v = 0;
    for (int i = n; i-- > 0;) v = v << 8 | p[i];
    return v;
}

/* The end record: the last place that looks like one, since a comment may follow. */
static const unsigned char *find_end(const unsigned char *p, size_t n)
{
    for (size_t back = END_BYTES; back <= n && back <= END_BYTES + UINT16_MAX; back++)
        if (load(p + n - back, 4) == END_MARK) return p + n - back;
    return NULL;
}

typedef struct {
    unsigned method;
    uint32_t crc;
    size_t start, packed;
} unzip_entry;

static status find_entry(const unsigned char *p, size_t n, unzip_entry *out, err *e)
{
    const unsigned char *end = find_end(p, n);
    if (!end) return FAIL(e, ERR_INPUT, "damaged zip: it has no end record");
    const unsigned entries = load(end + 10, 2);
    if (entries != 1)
        return FAIL(e, ERR_INPUT, "the zip has %u entries; one .tflite file is expected", entries);
    const size_t central = load(end + 16, 4);
    if (central > n || n - central < CENTRAL_BYTES || load(p + central, 4) != CENTRAL_MARK)
        return FAIL(e, ERR_INPUT, "damaged zip: its directory is not where it should be");
    out->method = load(p + central + 10, 2);
    out->crc = load(p + central + 16, 4);
    out->packed = load(p + central + 20, 4);
    const size_t local = load(p + central + 42, 4);
    if (local > n || n - local < LOCAL_BYTES || load(p + local, 4) != LOCAL_MARK)
        return FAIL(e, ERR_INPUT, "damaged zip: its entry is not where it should be");
    out->start = local + LOCAL_BYTES + load(p + local + 26, 2) + load(p + local + 28, 2);
    if (out->start > n || out->packed > n - out->start)
        return FAIL(e, ERR_INPUT, "damaged zip: its entry is cut off");
    return OK;
}

static status unzip(const unsigned char *p, size_t n, size_t most, buf *out, err *e)
{
    unzip_entry z;
    TRY(find_entry(p, n, &z, e));
    if (z.method == 0 && z.packed <= most)
        buf_put(out, p + z.start, z.packed);
    else if (z.method == Z_DEFLATED)
        TRY(inflate_all(p + z.start, z.packed, RAW_DEFLATE, most, out, e));
    else
        return FAIL(e, ERR_INPUT, "the zip's entry is packed by method %u or too large", z.method);
    TRY(buf_check(out, e));
    if (crc32(0, (const Bytef *)out->data, (uInt)out->len) != z.crc)
        return FAIL(e, ERR_INPUT, "damaged zip: the checksum does not fit");
    return OK;
}

static bool is_zip(const unsigned char *p, size_t n)
{
    return n >= 4 && load(p, 4) == LOCAL_MARK;
}

/* RFC 1950: method 8, window up to 32 KiB, and a checksum over both bytes. A flat file may begin like
 * that, too. */
static bool is_zlib(const unsigned char *p, size_t n)
{
    return n > 2 && (p[0] & 15) == Z_DEFLATED && p[0] >> 4 <= 7 && (p[0] << 8 | p[1]) % 31 == 0 &&
           !(n >= 8 && memcmp(p + 4, "TFL3", 4) == 0);
}

pack_form pack_form_of(const void *bytes, size_t n)
{
    unzip_entry z;
    if (is_zip(bytes, n) && find_entry(bytes, n, &z, NULL) == OK)
        return (pack_form){PACK_ZIP, z.method == 0, z.start};
    if (is_zlib(bytes, n)) return (pack_form){PACK_ZLIB, false, 2};
    return (pack_form){PACK_FLAT, true, 0};
}

status pack_open(arena *a, const void *bytes, size_t n, size_t most, void **out, size_t *n_out,
                 err *e)
{
    buf b = {0};
    status s = OK;
    if (is_zip(bytes, n))
        s = unzip(bytes, n, most, &b, e);
    else if (is_zlib(bytes, n))
        s = inflate_all(bytes, n, ZLIB_STREAM, most, &b, e);
    else if (n <= most)
        buf_put(&b, bytes, n);
    else
        s = FAIL(e, ERR_INPUT, "%zu bytes; at most %zu are read", n, most);
    if (s == OK) s = buf_check(&b, e);
    if (s == OK) {
        *out = arena_copy(a, b.data, b.len);
        *n_out = b.len;
        if (!*out) s = FAIL(e, ERR_MEM, "out of memory for %zu bytes", b.len);
    }
    buf_free(&b);
    return s;
}

#include "engine/base/hash.h"

#include "engine/base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static hash hash_text(XXH128_hash_t h)
{
    hash out;
    snprintf(out.text, sizeof out.text, "%016llx%016llx", (unsigned long long)h.high64,
             (unsigned long long)h.low64);
    return out;
}

hash hash_bytes(const void *bytes, size_t n)
{
    return hash_text(XXH3_128bits(bytes, n));
}

_Static_assert(sizeof(XXH3_state_t) <= sizeof(hash_stream), "libxxhash's state has grown");
_Static_assert(_Alignof(XXH3_state_t) <= _Alignof(hash_stream), "libxxhash aligns its state more");

void hash_init(hash_stream *h)
{
    XXH3_128bits_reset((XXH3_state_t *)h);
}

void hash_add(hash_stream *h, const void *bytes, size_t n)
{
    XXH3_128bits_update((XXH3_state_t *)h, bytes, n);
}

void hash_add_text(hash_stream *h, const char *text)
{
    hash_add(h, text, strlen(text));
}

hash hash_end(const hash_stream *h)
{
    return hash_text(XXH3_128bits_digest((const XXH3_state_t *)h));
}

uint64_t hash_u64(const void *bytes, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, n, seed);
}

status hash_file(const char *path, hash *out, err *e)
{
    FILE *f = fopen(path, "rb");
    if (!f) return file_failed(path, "read", errno, e);
    hash_stream h;
    char piece[1 << 14];
    size_t n;
    hash_init(&h);
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) hash_add(&h, piece, n);
    status s = ferror(f) ? file_failed(path, "read", errno, e) : OK;
    *out = hash_end(&h);
    fclose(f);
    return s;
}

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

uint64_t hash_u64(const void *bytes, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, n, seed);
}

status hash_file(const char *path, hash *out, err *e)
{
    FILE *f = fopen(path, "rb");
    if (!f) return FAIL(e, ERR_INPUT, "%s: cannot read: %s", path, strerror(errno));
    XXH3_state_t *state = XXH3_createState();
    status s = OK;
    if (!state) s = FAIL(e, ERR_MEM, "out of memory hashing %s", path);
    if (s == OK) {
        char piece[1 << 14];
        size_t n;
        XXH3_128bits_reset(state);
        while ((n = fread(piece, 1, sizeof piece, f)) > 0) XXH3_128bits_update(state, piece, n);
        if (ferror(f)) s = file_read_failed(path, e);
        *out = hash_text(XXH3_128bits_digest(state));
    }
    XXH3_freeState(state);
    fclose(f);
    return s;
}

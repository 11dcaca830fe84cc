/* Content hashes that name stages, artifacts and data: XXH3-128 (libxxhash), not cryptographic. */
#ifndef PARETUNE_ENGINE_BASE_HASH_H
#define PARETUNE_ENGINE_BASE_HASH_H

#include "engine/base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { HASH_TEXT = 33 }; /* 32 lower-case hexadecimal digits and a NUL */

typedef struct {
    char text[HASH_TEXT];
} hash;

hash hash_bytes(const void *bytes, size_t n);
/* The same in pieces: what hash_bytes gives for all that was added. Allocates nothing, cannot fail. */
typedef struct {
    _Alignas(64) unsigned char state[576];
} hash_stream;
void hash_init(hash_stream *h);
void hash_add(hash_stream *h, const void *bytes, size_t n);
void hash_add_text(hash_stream *h, const char *text);
hash hash_end(const hash_stream *h);
/* The hash of a file's bytes, read in pieces. */
status hash_file(const char *path, hash *out, err *e);
/* A 64-bit hash for tables in memory; `seed` chains several. */
uint64_t hash_u64(const void *bytes, size_t n, uint64_t seed);

#endif

/* SHA-1 (RFC 3174). Here only because Speech Commands assigns speakers to parts by it; for names of
 * content see hash.h, and for security use something else. */
#ifndef PARETUNE_ENGINE_BASE_SHA1_H
#define PARETUNE_ENGINE_BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

void sha1(const void *bytes, size_t n, uint8_t digest[20]);

#endif

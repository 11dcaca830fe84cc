/* UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef PARETUNE_ENGINE_BASE_UTF8_H
#define PARETUNE_ENGINE_BASE_UTF8_H

#define UTF8_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD, shown for what is no character */

/* Bytes of the sequence that the NUL-terminated `s` begins with, and its code point. 0 when it begins
 * with none: then the code point is U+FFFD, and one byte is to be skipped. */
int utf8_read(const char *s, unsigned *code_point);

#endif

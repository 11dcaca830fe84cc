#include "engine/base/utf8.h"

int utf8_read(const char *text, unsigned *code_point)
{
    const unsigned char *s = (const unsigned char *)text;
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000}; /* that needs so many bytes */
    int n = s[0] < 0x80   ? 1
            : s[0] < 0xC2 ? 0
            : s[0] < 0xE0 ? 2
            : s[0] < 0xF0 ? 3
            : s[0] < 0xF5 ? 4
                          : 0;
    unsigned v = n < 2 ? s[0] : s[0] & (0x7Fu >> n);
    *code_point = 0xFFFD;
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        v = v << 6 | (s[i] & 0x3Fu);
    }
    if (n == 0 || v < least[n] || v > 0x10FFFF || (v >= 0xD800 && v < 0xE000)) return 0;
    *code_point = v;
    return n;
}

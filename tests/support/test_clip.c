#include "tests/support/test_clip.h"

#include <math.h>
#include <stdint.h>

float *test_clip(arena *a)
{
    float *x = ARENA_NEW(a, float, 16000);
    uint32_t s = 1;
    for (int n = 0; n < 16000; n++) {
        s = 1664525u * s + 1013904223u;
        double tone =
            8000 * sin(2 * 3.14159265358979323846 * (200 + 1500.0 * n / 16000) * n / 16000);
        int q = (int)floor(tone + 0.5) + (int)((s >> 16) & 0x7ff) - 1024;
        x[n] = (float)q / 32768.0f;
    }
    return x;
}

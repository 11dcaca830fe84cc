/* Any bytes at all are either a clip with finite samples or an ERR_INPUT with a message. */
#include "engine/signal/audio.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    arena a;
    arena_init(&a, (size_t)512 << 20);
    audio_options o = {.full_scale = n % 2 ? 32767 : 32768, .mix_down = n % 3 == 0};
    audio_clip c;
    audio_fault fault;
    err e = {0};
    status s = audio_decode(bytes, n, "fuzz", &o, &a, &c, &fault, &e);
    if (s != OK && s != ERR_INPUT && s != ERR_MEM) abort();
    if (s == OK && (fault != AUDIO_FINE || c.n < 1 || c.rate < 1)) abort();
    if (s == ERR_INPUT && (fault == AUDIO_FINE || e.msg[0] == '\0')) abort();
    for (int i = 0; s == OK && i < c.n; i++)
        if (!isfinite(c.x[i])) abort();
    arena_free(&a);
    return 0;
}

/* Any bytes at all are either a set of clips whose every clip can be fetched, or an ERR_INPUT; what
 * is joined from one whole set is that set. */
#include "engine/data/clip_set.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void fetch_all(const clip_set *s, arena *a)
{
    float *x = ARENA_NEW(a, float, shape_size(s->in));
    for (int p = 0; x && p < N_PARTS; p++) {
        for (int i = 0; i < s->part_from[p + 1] - s->part_from[p]; i++) {
            int32_t label;
            clip_set_fetch(s, (part)p, i, 1, x, &label);
            if (!clip_set_word(s, label)) abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    arena a;
    arena_init(&a, (size_t)2 << 30);
    clip_set s;
    err e = {0};
    void *copy = arena_copy(&a, (const char *)bytes, n); /* aligned as a mapping is */
    status st = clip_set_read(&s, copy, n, "fuzz", &e);
    if (st != OK && (st != ERR_INPUT || e.msg[0] == '\0')) abort();
    if (st == OK) {
        buf joined = {0};
        fetch_all(&s, &a);
        if (clip_set_join(&s, 1, &joined, NULL) == OK && joined.len != n) abort();
        buf_free(&joined);
    }
    arena_free(&a);
    return 0;
}

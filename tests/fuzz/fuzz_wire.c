/* Any bytes are read as a stream of frames; what decodes must encode to the same bytes again. */
#include "search/wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds) abort();
}

/* The payloads are equal, except that a key that was not set decodes like one of zeros. */
static void same_bytes(const wire_frame *f, buf *again)
{
    require(!again->failed && again->len == f->n + WIRE_HEADER);
    require(memcmp(again->data + WIRE_HEADER, f->bytes, f->n) == 0);
    buf_free(again);
}

static void decode_and_encode(const wire_frame *f, arena *a)
{
    wire_hello hello;
    wire_job job;
    wire_progress progress;
    wire_result result;
    wire_failure failure;
    buf b = {0};
    if (wire_get_hello(f, &hello, NULL) == OK) wire_put_hello(&b, &hello), same_bytes(f, &b);
    if (wire_get_job(f, a, &job, NULL) == OK) wire_put_job(&b, &job), same_bytes(f, &b);
    if (wire_get_progress(f, &progress, NULL) == OK)
        wire_put_progress(&b, &progress), same_bytes(f, &b);
    if (wire_get_result(f, &result, NULL) == OK) {
        wire_put_result(&b, &result);
        same_bytes(f, &b);
        buf_free(&result.result.detail);
    }
    if (wire_get_failure(f, &failure, NULL) == OK) {
        wire_put_failure(&b, &failure);
        buf_free(&b); /* an unknown word becomes "state" */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wire_reader r = {0};
    arena a;
    bool have = true;
    wire_frame f;
    arena_init(&a, 64 << 20);
    buf_put(&r.pending, data, size);
    while (size && wire_next(&r, &f, &have, NULL) == OK && have) decode_and_encode(&f, &a);
    arena_free(&a);
    wire_reader_free(&r);
    return 0;
}

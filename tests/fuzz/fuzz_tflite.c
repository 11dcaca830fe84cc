/* Any bytes as a packed or flat .tflite file: opened, explained, and run when that is little work. What opens
 * must also survive being written again, with equal outputs, and can be asked for its C source. */
#include "engine/tflite/c_source.h"
#include "engine/tflite/emit.h"
#include "engine/tflite/facts.h"
#include "engine/tflite/interpreter.h"
#include "engine/tflite/pack.h"
#include "engine/tflite/tfl_reader.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const size_t MOST = (size_t)1 << 20;

/* The first output of a file on zeros; NULL when it does not open or is too much work. */
static const tfl_port *run(arena *a, const void *file, size_t n)
{
    interpreter *it;
    if (interpreter_open(a, file, n, &it, NULL) != OK || interpreter_macs(it) > 1e6 ||
        interpreter_arena_bytes(it) + interpreter_scratch_bytes(it) > MOST)
        return NULL;
    interpreter_invoke(it);
    return interpreter_n_outputs(it) > 0 ? interpreter_output(it, 0) : NULL;
}

static void check(arena *a, const void *file, size_t n)
{
    tfl_graph g;
    buf again = {0};
    const tfl_port *y = run(a, file, n);
    buf header = {0}, source = {0};
    if (y) (void)c_source_put(file, n, a, &header, &source, NULL);
    buf_free(&header);
    buf_free(&source);
    if (y && tfl_read(a, file, n, &g, NULL) == OK) {
        if (tfl_emit(&g, a, &again, NULL) != OK) abort();
        const tfl_port *z = run(a, again.data, again.len);
        if (!z || z->bytes != y->bytes || memcmp(z->data, y->data, y->bytes) != 0) abort();
    }
    buf_free(&again);
}

/* Whatever opens can be explained to the last bit. */
static void explain(arena *a, const uint8_t *data, size_t size)
{
    model_facts f;
    uint64_t bits = 0;
    if (facts_of(a, data, size, &f, NULL) != OK) return;
    for (int i = 0; i < N_PIECES; i++) bits += f.parts.piece_bits[i];
    if (bits != 8 * (uint64_t)f.parts.packed) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena a;
    void *file;
    size_t n;
    arena_init(&a, (size_t)1 << 30);
    if (pack_open(&a, data, size, MOST, &file, &n, NULL) == OK) check(&a, file, n);
    explain(&a, data, size);
    arena_free(&a);
    return 0;
}

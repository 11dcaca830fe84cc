/* Any bytes as YAML. Beyond not crashing: either something is reported or a tree comes out, and
 * what is written of a tree as JSON reads back to a tree that is written the same. */
#include "engine/base/node.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    arena a;
    diag d;
    buf first = {0}, again = {0};
    arena_init(&a, 256 << 20);
    diag_init(&d, &a);
    node *tree = node_read_yaml(&a, "fuzz", (const char *)bytes, n, &d), *back;
    if ((tree == NULL) != (d.total > 0)) abort();
    if (tree) {
        node_put_json(&first, tree);
        /* What is written out in full may pass the limits of a text. */
        if (first.len <= NODE_MAX_BYTES) {
            if (node_read_json(&a, first.data, first.len, &back, NULL) != OK) abort();
            node_put_json(&again, back);
            if (strcmp(first.data, again.data) != 0) abort();
        }
    }
    buf_free(&first);
    buf_free(&again);
    arena_free(&a);
    return 0;
}

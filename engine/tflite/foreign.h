/* The real TensorFlow Lite behind its C API, loaded at run time: nothing of it is needed to build.
 * For conformance tests, benchmarks and `paretune invoke --tflite-lib`. One input, one output. */
#ifndef PARETUNE_ENGINE_TFLITE_FOREIGN_H
#define PARETUNE_ENGINE_TFLITE_FOREIGN_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct foreign foreign; /* opaque */

/* `library` is the path of libtensorflowlite_c.so, `model` a flat file that stays borrowed until
 * foreign_close. `xnnpack` applies that delegate, otherwise the built-in kernels run; one thread.
 * ERR_IO when the library cannot be loaded, ERR_INPUT when it refuses the model (its own words). */
status foreign_open(arena *a, const char *library, const void *model, size_t n, bool xnnpack,
                    foreign **out, err *e);
void foreign_close(foreign *f); /* accepts NULL */
const char *foreign_version(const foreign *f);
size_t foreign_input_bytes(const foreign *f);
size_t foreign_output_bytes(const foreign *f);
/* One inference from zeroed state; `in` and `out` have the sizes above. */
status foreign_invoke(foreign *f, const void *in, void *out, err *e);

#endif

/* paretune-bench: what runs on a device. It needs no other library than C's when linked statically. */
#include "program.h"

#include "engine/measure/cmd_bench.h"
#include "engine/tflite/cmd_invoke.h"

#include <stddef.h>

static const command *const commands[] = {
    &cmd_bench,
    &cmd_invoke,
    NULL,
};

const program this_program = {
    .name = "paretune-bench",
    .purpose = "measure how long models take on the machine at hand",
    .start = "paretune-bench bench model.tflite",
    .command = commands,
};

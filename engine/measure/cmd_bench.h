/* `paretune bench`: how long a .tflite file takes. */
#ifndef PARETUNE_ENGINE_MEASURE_CMD_BENCH_H
#define PARETUNE_ENGINE_MEASURE_CMD_BENCH_H

#include "engine/base/command.h"

extern const command cmd_bench;

#endif

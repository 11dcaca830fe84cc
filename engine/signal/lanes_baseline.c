/* Vectors of four: SSE2 on x86-64, NEON on arm64. */
#define LANES_WIDTH 4
#define LANES_SET lanes_baseline
#define LANES_NAME "baseline"
#include "engine/signal/lanes_body.h"

/* Vectors of eight. The Makefile compiles this file with -mavx2 on x86-64; elsewhere it is empty.
 */
typedef int lanes_avx2_not_empty;
#ifdef __AVX2__
#define LANES_WIDTH 8
#define LANES_SET lanes_avx2
#define LANES_NAME "avx2"
#include "engine/signal/lanes_body.h"
#endif

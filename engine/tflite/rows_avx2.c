/* Compiled with -mavx2 (Makefile); run only where the processor has it. */
#include "engine/tflite/rows_avx2.h"

#ifdef __x86_64__
#define ROWS(name) avx2_##name
#include "engine/tflite/rows_body.h"

const rows_table rows_avx2 = {avx2_float, avx2_taps, avx2_matrix, avx2_symmetric, avx2_asymmetric};
#else
typedef int rows_avx2_has_no_code;
#endif

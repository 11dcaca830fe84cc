/* Compiled with AVX-512 (Makefile); run only where the processor has them. */
#include "engine/tflite/rows_avx2.h"

#ifdef __x86_64__
#define ROWS(name) avx512_##name
#include "engine/tflite/rows_body.h"

const rows_table rows_avx512 = {avx512_float, avx512_taps, avx512_matrix, avx512_symmetric,
                                avx512_asymmetric};
#else
typedef int rows_avx512_has_no_code;
#endif

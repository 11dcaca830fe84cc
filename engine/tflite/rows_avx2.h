/* The loops of rows.h for one instruction set, as a table. */
#ifndef PARETUNE_ENGINE_TFLITE_ROWS_AVX2_H
#define PARETUNE_ENGINE_TFLITE_ROWS_AVX2_H

#include "engine/tflite/rows.h"

typedef struct {
    void (*products)(float *restrict y, const float *restrict x, const float *restrict w,
                     int n_rows, int n);
    void (*taps)(float *restrict y, const float *restrict x, ptrdiff_t step, const row_taps *t,
                 int M);
    void (*matrix)(float *restrict y, const float *restrict x, const float *restrict packed,
                   const float *restrict bias, int N, int n, float least, float most);
    row_quant (*symmetric)(int8_t *restrict q, const float *restrict x, int n);
    row_quant (*asymmetric)(int8_t *restrict q, const float *restrict x, int n);
} rows_table;

extern const rows_table rows_avx2; /* only on x86-64 */
extern const rows_table rows_avx512;

#endif

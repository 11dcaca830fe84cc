/* Two int8 operands and what their sum or product is multiplied with. */
typedef struct {
    int zero_x, zero_w, zero_y;
    factor x, w, y;
} operands;

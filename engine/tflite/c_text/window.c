/* How a filter slides over an image: x[B,H,W,Ci] to y[B,Ho,Wo,Co]; `top` and `left` are padding. */
typedef struct {
    int B, H, W, Ci, Ho, Wo, Co, Kh, Kw;
    int stride_h, stride_w, dilation_h, dilation_w, top, left;
} window;

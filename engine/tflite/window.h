/* How a filter slides over an image: sizes, strides, padding. For convolutions and pools. */
#ifndef PARETUNE_ENGINE_TFLITE_WINDOW_H
#define PARETUNE_ENGINE_TFLITE_WINDOW_H

#include "engine/tflite/op.h"

typedef struct {
    int B, H, W, Ci; /* input */
    int Ho, Wo;      /* output */
    int Kh, Kw;      /* filter */
    int stride_h, stride_w, dilation_h, dilation_w;
    int top, left; /* padding in front */
} window;

/* Fills Ho, Wo and the padding from the rest. Valid: floor((n - k) / s) + 1; same: ceil(n / s), the
 * smaller half of the padding in front. ERR_INPUT when a number makes no sense. */
status window_plan(window *w, const tensor *x, const tfl_options *o, int Kh, int Kw, err *e);

/* The same windows over an image that has its padding around it: `inner` without padding.
 * ERR_INPUT when that image is too large. */
status window_add_border(const window *w, window *inner, err *e);
/* Copies an image x[H,W] of `pixel` bytes each to where `inner` expects it; bytes outside of it
 * become `blank`. */
void window_put_border(const window *w, const window *inner, size_t pixel, void *restrict out,
                       const void *restrict x, int blank);

/* Loads of up to this many bytes behind an activation or scratch are allowed; interpreter_open
 * leaves the room. */
enum { WINDOW_SLACK = 16 };

#endif

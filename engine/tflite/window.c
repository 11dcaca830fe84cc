#include "engine/tflite/window.h"

#include <string.h>

static status plan_axis(int n, int k, int stride, int dilation, int padding, int *out, int *before,
                        err *e)
{
    if (k < 1 || stride < 1 || dilation < 1)
        return FAIL(e, ERR_INPUT, "a filter of %d with stride %d and dilation %d makes no sense", k,
                    stride, dilation);
    const int64_t reach = (int64_t)(k - 1) * dilation + 1;
    const int64_t size = padding == PADDING_SAME ? ((int64_t)n + stride - 1) / stride
                                                 : ((int64_t)n + stride - reach) / stride;
    const int64_t pad = (size - 1) * stride + reach - n;
    if (size < 1 || reach > 1 << 30)
        return FAIL(e, ERR_INPUT, "a filter that reaches over %lld does not fit an input of %d",
                    (long long)reach, n);
    *out = (int)size;
    *before = pad > 0 ? (int)(pad / 2) : 0;
    return OK;
}

status window_plan(window *w, const tensor *x, const tfl_options *o, int Kh, int Kw, err *e)
{
    if (x->rank != 4)
        return FAIL(e, ERR_INPUT, "the input must have four dimensions, not %d", x->rank);
    if (o->padding != PADDING_SAME && o->padding != PADDING_VALID)
        return FAIL(e, ERR_INPUT, "padding %d is not known", o->padding);
    *w = (window){.B = x->dim[0], .H = x->dim[1], .W = x->dim[2], .Ci = x->dim[3]};
    w->Kh = Kh;
    w->Kw = Kw;
    w->stride_h = o->stride_h;
    w->stride_w = o->stride_w;
    w->dilation_h = o->dilation_h;
    w->dilation_w = o->dilation_w;
    TRY(plan_axis(w->H, Kh, w->stride_h, w->dilation_h, o->padding, &w->Ho, &w->top, e));
    return plan_axis(w->W, Kw, w->stride_w, w->dilation_w, o->padding, &w->Wo, &w->left, e);
}

status window_add_border(const window *w, window *inner, err *e)
{
    const int64_t height =
        (int64_t)(w->Ho - 1) * w->stride_h + (int64_t)(w->Kh - 1) * w->dilation_h + 1;
    const int64_t width =
        (int64_t)(w->Wo - 1) * w->stride_w + (int64_t)(w->Kw - 1) * w->dilation_w + 1;
    if (height > 1 << 24 || width > 1 << 24 || height * width > 1 << 28)
        return FAIL(e, ERR_INPUT, "an image of %lld x %lld with its padding is too large",
                    (long long)height, (long long)width);
    *inner = *w;
    inner->H = (int)height;
    inner->W = (int)width;
    inner->top = inner->left = 0;
    return OK;
}

void window_put_border(const window *w, const window *inner, size_t pixel, void *restrict out,
                       const void *restrict x, int blank)
{
    const int right = inner->W - w->left; /* columns of x that are seen */
    const size_t wide = pixel * (size_t)inner->W, left = pixel * (size_t)w->left,
                 seen = pixel * (size_t)(right < w->W ? right : w->W);
    char *to = out;
    for (int y = -w->top; y < inner->H - w->top; y++, to += wide) {
        if (y < 0 || y >= w->H) {
            memset(to, blank, wide);
            continue;
        }
        memset(to, blank, left);
        memcpy(to + left, (const char *)x + (size_t)y * pixel * (size_t)w->W, seen);
        memset(to + left + seen, blank, wide - left - seen);
    }
}

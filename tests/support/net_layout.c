/* A stand-in for the network room's function. */
#include "engine/nn/spec.h"
#include <string.h>
__attribute__((weak)) status net_layout_make(const net_spec *s, net_layout *out, err *e)
{
    (void)e;
    *out = (net_layout){0};
    shape x = s->in;
    for (int i = 0; i < s->n; i++) {
        const layer_spec *l = &s->layer[i];
        out->shape_in[i] = x;
        int last = x.dim[x.rank - 1];
        net_tensor t[3];
        int n = 0;
        if (l->kind == LAYER_DENSE) {
            t[n++] = (net_tensor){.role = ROLE_KERNEL, .dims = {2, {l->units, last}}};
            if (l->bias) t[n++] = (net_tensor){.role = ROLE_BIAS, .dims = {1, {l->units}}};
            x.dim[x.rank - 1] = l->units;
        } else if (l->kind == LAYER_CONV1D) {
            t[n++] = (net_tensor){.role = ROLE_KERNEL, .dims = {3, {l->units, l->kernel, last}}};
            if (l->bias) t[n++] = (net_tensor){.role = ROLE_BIAS, .dims = {1, {l->units}}};
            x.dim[0] = l->pad == PAD_SAME ? (x.dim[0] + l->stride - 1) / l->stride
                                          : (x.dim[0] - l->kernel) / l->stride + 1;
            x.dim[1] = l->units;
        } else if (l->kind == LAYER_LSTM) {
            t[n++] = (net_tensor){.role = ROLE_KERNEL, .dims = {2, {4 * l->units, last}}};
            t[n++] = (net_tensor){.role = ROLE_RECURRENT, .dims = {2, {4 * l->units, l->units}}};
            t[n++] = (net_tensor){.role = ROLE_BIAS, .dims = {1, {4 * l->units}}};
            x = (shape){1, {l->units}};
        } else if (l->kind == LAYER_FLATTEN) {
            x = (shape){1, {shape_size(x)}};
        } else if (l->kind == LAYER_RESHAPE) {
            x = l->to;
        }
        out->shape_out[i] = x;
        for (int k = 0; k < n; k++) {
            t[k].layer = i;
            t[k].offset = out->n_params;
            t[k].size = shape_size(t[k].dims);
            out->n_params += t[k].size;
            out->tensor[out->n_tensors++] = t[k];
        }
    }
    return OK;
}

#include "engine/nn/optim.h"

#include <math.h>
#include <string.h>

status optim_parse(const node *json, optim_spec *out, err *e)
{
    *out = (optim_spec){0};
    const char *kind;
    TRY(node_string(json, "kind", &kind, e));
    if (strcmp(kind, "adam") == 0) {
        out->kind = OPTIM_ADAM;
        TRY(node_bounded(json, "beta1", 0, 0.9999999, &out->beta1, e));
        TRY(node_bounded(json, "beta2", 0, 0.9999999, &out->beta2, e));
        return node_bounded(json, "epsilon", 1e-30, 1, &out->epsilon, e);
    }
    if (strcmp(kind, "sgd") != 0)
        return FAIL(e, ERR_ARG, "optimizer '%s' is unknown; use adam or sgd", kind);
    out->kind = OPTIM_SGD;
    const node *nesterov = node_get(json, "nesterov");
    if (nesterov && nesterov->kind != NODE_BOOL)
        return FAIL(e, ERR_ARG, "parameter 'nesterov' must be true or false");
    out->nesterov = nesterov && nesterov->number != 0;
    return node_bounded(json, "momentum", 0, 0.9999999, &out->momentum, e);
}

status rate_parse(const node *json, rate_spec *out, err *e)
{
    *out = (rate_spec){0};
    const char *kind;
    TRY(node_string(json, "schedule", &kind, e));
    TRY(node_bounded(json, "initial", 0, 1e6, &out->initial, e));
    if (strcmp(kind, "constant") == 0) return OK;
    if (strcmp(kind, "exponential") == 0) {
        out->kind = RATE_EXPONENTIAL;
        TRY(node_bounded(json, "after_epoch", 0, 1e9, &out->after_epoch, e));
        return node_bounded(json, "rate", 0, 1e6, &out->rate, e);
    }
    bool polynomial = strcmp(kind, "polynomial") == 0;
    if (!polynomial && strcmp(kind, "cosine") != 0)
        return FAIL(e, ERR_ARG,
                    "schedule '%s' is unknown; use constant, exponential, polynomial or cosine",
                    kind);
    out->kind = polynomial ? RATE_POLYNOMIAL : RATE_COSINE;
    TRY(node_bounded(json, "final", 0, 1e6, &out->final, e));
    if (polynomial) TRY(node_bounded(json, "power", 1e-3, 1e3, &out->power, e));
    return node_bounded(json, "epochs", 1e-6, 1e9, &out->epochs, e);
}

int optim_blocks(const optim_spec *s)
{
    return s->kind == OPTIM_ADAM ? 2 : s->momentum > 0 ? 1 : 0;
}

int optim_stride(int n_params)
{
    return (n_params + 15) / 16 * 16;
}

void optim_step(const optim_spec *s, const kernels *k, double rate, int64_t t, float *params,
                float *gradients, float *moments, int n_params)
{
    if (s->kind == OPTIM_SGD) {
        k->sgd(params, gradients, s->momentum > 0 ? moments : NULL, n_params,
               &(sgd_step){(float)rate, (float)s->momentum, s->nesterov});
        return;
    }
    double n = (double)t;
    adam_step step = {
        .alpha = (float)(rate * sqrt(1 - pow(s->beta2, n)) / (1 - pow(s->beta1, n))),
        .one_minus_beta1 = (float)(1 - s->beta1),
        .one_minus_beta2 = (float)(1 - s->beta2),
        .epsilon = (float)s->epsilon,
    };
    k->adam(params, gradients, moments, moments + optim_stride(n_params), n_params, &step);
}

double rate_at(const rate_spec *s, int epoch, int64_t step, int steps_per_epoch)
{
    if (s->kind == RATE_CONSTANT) return s->initial;
    if (s->kind == RATE_EXPONENTIAL)
        return s->initial * exp(-s->rate * fmax(0, epoch + 1 - s->after_epoch));
    double part = fmin(1, (double)step / (s->epochs * steps_per_epoch));
    double left = s->kind == RATE_COSINE ? (1 + cos(3.14159265358979323846 * part)) / 2
                                         : pow(1 - part, s->power);
    return (s->initial - s->final) * left + s->final;
}

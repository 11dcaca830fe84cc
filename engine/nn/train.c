#include "engine/nn/train.h"

#include "engine/base/rng.h"
#include "engine/nn/net.h"

#include <math.h>
#include <string.h>

/* --- configuration --- */

static status parse_choices(const node *json, train_config *out, err *e)
{
    static const char *const losses[] = {"mse", "mae", "huber", "cross-entropy"};
    static const char *const labels[] = {"physical", "standardized"};
    static const char *const keeps[] = {"last", "best"};
    int loss = 0, label = 0, keep = 0;
    TRY(node_choice(json, "loss", losses, N_LOSSES, &loss, e));
    TRY(node_choice(json, "labels", labels, 2, &label, e));
    TRY(node_choice(json, "keep", keeps, 2, &keep, e));
    out->loss = (loss_kind)loss;
    out->standardized = label == 1;
    out->keep_best = keep == 1;
    if (out->loss != LOSS_CROSS_ENTROPY) return OK;
    TRY(node_double(json, "label_smoothing", &out->label_smoothing, e));
    if (out->label_smoothing >= 0 && out->label_smoothing < 1) return OK;
    return FAIL(e, ERR_ARG, "parameter 'label_smoothing' is %g; it must be from 0 to below 1",
                out->label_smoothing);
}

static status parse_start(const node *json, train_config *out, err *e)
{
    static const char *const starts[] = {"weights"};
    int start;
    if (!node_get(json, "start")) return OK;
    TRY(node_choice(json, "start", starts, 1, &start, e));
    out->from_weights = true;
    if (out->from_epoch == 0) return OK;
    return FAIL(e, ERR_ARG, "a training of trained weights begins at epoch 0, not %d",
                out->from_epoch);
}

status train_config_parse(const node *json, train_config *out, err *e)
{
    memset(out, 0, sizeof *out);
    node *map;
    TRY(node_map(json, "net", &map, e));
    TRY(net_spec_parse(map, &out->net, e));
    TRY(parse_choices(json, out, e));
    TRY(node_map(json, "optimizer", &map, e));
    TRY(optim_parse(map, &out->optimizer, e));
    TRY(node_map(json, "learning_rate", &map, e));
    TRY(rate_parse(map, &out->rate, e));
    TRY(node_int(json, "batch", 1, NET_MAX_BATCH, &out->batch, e));
    TRY(node_int(json, "shuffle_buffer", 0, 1 << 20, &out->shuffle_buffer, e));
    TRY(node_int(json, "early_stop", 0, CHECKPOINT_MAX_EPOCHS, &out->early_stop, e));
    TRY(node_int(json, "from_epoch", 0, CHECKPOINT_MAX_EPOCHS, &out->from_epoch, e));
    TRY(node_int(json, "to_epoch", out->from_epoch, CHECKPOINT_MAX_EPOCHS, &out->to_epoch, e));
    TRY(parse_start(json, out, e));
    return node_seed(json, "seed", &out->seed, e);
}

/* --- one training --- */

typedef struct {
    const train_config *config;
    examples ex;              /* its epoch is the one that is trained */
    const train_hooks *hooks; /* NULL for none */
    checkpoint *state;
    const train_surrogate
        *surrogate;    /* NULL: `net` is the trained network, and works on its block */
    net_layout layout; /* of the trained network */
    float *gradients;  /* of its parameters */
    net net;
    float *wanted; /* [batch, labels] */
    int *order, *slots;
    int steps_per_epoch;
    int labels; /* per example: outputs, or the class */
} run;

int train_steps_per_epoch(const train_config *c, const examples *ex)
{
    return (ex->n[PART_TRAIN] - 1) / c->batch + 1;
}

void train_shuffle(uint64_t seed, int epoch, int n, int buffer, int *order, int *slots)
{
    rng r = rng_stream(seed, RNG_SHUFFLE, (uint64_t)epoch);
    if (buffer < 1) buffer = 1; /* of one, it gives what it was given */
    int held = n < buffer ? n : buffer, next = held;
    for (int i = 0; i < held; i++) slots[i] = i;
    for (int i = 0; i < n; i++) {
        int pick = (int)rng_below(&r, (uint64_t)held);
        order[i] = slots[pick];
        if (next < n)
            slots[pick] = next++;
        else
            slots[pick] = slots[--held];
    }
}

static bool same_shape(shape a, shape b)
{
    if (a.rank != b.rank) return false;
    for (int i = 0; i < a.rank; i++)
        if (a.dim[i] != b.dim[i]) return false;
    return true;
}

static status check_labels(const train_config *c, const examples *ex, err *e)
{
    bool classes = ex->n_classes > 0;
    if (classes != (c->loss == LOSS_CROSS_ENTROPY))
        return FAIL(e, ERR_INPUT,
                    classes ? "these labels are classes: use loss: cross-entropy"
                            : "cross-entropy needs labels that are classes");
    if (classes && c->standardized)
        return FAIL(e, ERR_INPUT, "labels: standardized is for numbers, not for classes");
    if (classes ? ex->n_classes == shape_size(ex->out)
                : ex->n_outputs >= 1 && ex->n_outputs <= CHECKPOINT_MAX_OUTPUTS &&
                      shape_size(ex->out) % ex->n_outputs == 0)
        return OK;
    return FAIL(e, ERR_ARG, "examples with %d outputs of %d labels",
                classes ? ex->n_classes : ex->n_outputs, shape_size(ex->out));
}

static status check_fit(const train_config *c, const examples *ex, err *e)
{
    net_layout l;
    TRY(net_layout_make(&c->net, &l, e));
    if (!same_shape(c->net.in, ex->in))
        return FAIL(e, ERR_INPUT, "the network's input shape is not that of the examples");
    if (shape_size(l.shape_out[c->net.n - 1]) != shape_size(ex->out))
        return FAIL(e, ERR_INPUT, "the network has %d outputs, the examples %d labels",
                    shape_size(l.shape_out[c->net.n - 1]), shape_size(ex->out));
    TRY(check_labels(c, ex, e));
    if (l.n_params == 0) return FAIL(e, ERR_INPUT, "the network has nothing to train");
    if (ex->n[PART_TRAIN] < 1) return FAIL(e, ERR_INPUT, "there are no examples to train on");
    if (c->standardized && checkpoint_scaled_layer(&c->net, ex->n_outputs) < 0)
        return FAIL(e, ERR_INPUT,
                    "labels: standardized needs a dense layer with a bias and without activation "
                    "at the end, whose units are a multiple of %d",
                    ex->n_outputs);
    return OK;
}

/* An output that never varies is only shifted. */
static float usable_std(float std)
{
    return std > 0 ? std : 1;
}

status train_begin(const train_config *c, const examples *ex, arena *a, checkpoint *state, err *e)
{
    TRY(check_fit(c, ex, e));
    TRY(checkpoint_make(state, &c->net, optim_blocks(&c->optimizer), a, e));
    state->standardized = c->standardized;
    state->classes = ex->n_classes > 0;
    state->n_outputs = ex->n_outputs;
    for (int i = 0; i < ex->n_outputs; i++) {
        state->label_mean[i] = ex->label_mean[i];
        state->label_std[i] = usable_std(ex->label_std[i]);
    }
    arena_mark_t m = arena_mark(a);
    net n;
    status s = net_build(&n, &c->net, 1, state->params, a, e);
    if (s == OK) s = net_init_weights(&n, c->seed, a, e);
    arena_release(a, m);
    return s;
}

status train_begin_trained(const train_config *c, const checkpoint *earlier, arena *a,
                           checkpoint *state, err *e)
{
    TRY(checkpoint_make(state, &c->net, optim_blocks(&c->optimizer), a, e));
    if (state->n_params != earlier->n_params || c->standardized != earlier->standardized ||
        (c->loss == LOSS_CROSS_ENTROPY) != earlier->classes)
        return FAIL(e, ERR_ARG, "the earlier training was of another network or of other labels");
    size_t n = (size_t)state->n_params;
    memcpy(state->params, checkpoint_kept_weights(earlier), n * sizeof *state->params);
    memcpy(state->keep, earlier->keep, n * sizeof *state->keep);
    state->masked = earlier->masked;
    state->standardized = earlier->standardized;
    state->classes = earlier->classes;
    state->n_outputs = earlier->n_outputs;
    memcpy(state->label_mean, earlier->label_mean, sizeof state->label_mean);
    memcpy(state->label_std, earlier->label_std, sizeof state->label_std);
    state->earlier_epochs = earlier->earlier_epochs + earlier->epoch;
    return OK;
}

static void standardize(const run *r, float *y, int count)
{
    const checkpoint *s = r->state;
    int rows = count * r->labels / s->n_outputs;
    for (int i = 0; i < rows; i++)
        for (int o = 0; o < s->n_outputs; o++, y++) *y = (*y - s->label_mean[o]) / s->label_std[o];
}

/* Batch `index` of a part into the network's input and `wanted`; returns its examples. */
static int fetch(run *r, part p, int index)
{
    int first = index * r->config->batch, left = r->ex.n[p] - first;
    int count = left < r->config->batch ? left : r->config->batch;
    r->ex.fetch(&r->ex, p, first, count, r->net.input, r->wanted);
    if (r->state->standardized) standardize(r, r->wanted, count);
    return count;
}

static void arrange_weights(run *r)
{
    if (r->hooks && r->hooks->arrange) r->hooks->arrange(r->hooks->user, r->state);
    if (r->state->masked) r->net.k->mask(r->state->params, r->state->keep, r->state->n_params);
}

/* The sum of a batch's losses over all labels; the gradient too when `gradient`. */
static double batch_loss(run *r, int count, bool gradient, int *right)
{
    net *n = &r->net;
    const train_config *c = r->config;
    if (c->loss == LOSS_CROSS_ENTROPY)
        return loss_classes(n->logits, r->wanted, count, r->ex.n_classes, c->label_smoothing,
                            gradient ? n->logits_gradient : NULL, right);
    *right = 0;
    return loss_sum(c->loss, n->output, r->wanted, count * r->labels,
                    gradient ? n->output_gradient : NULL);
}

static void derive(run *r)
{
    const train_surrogate *g = r->surrogate;
    if (g) g->derive(g->user, r->state->params, r->net.params);
}

/* Behind the backward pass. */
static void carry_back(run *r)
{
    const train_surrogate *g = r->surrogate;
    if (g) g->carry_back(g->user, r->state->params, r->net.gradients, r->gradients);
}

/* Returns the sum of the batch's losses. */
static double train_step(run *r, int epoch, int batch)
{
    checkpoint *s = r->state;
    const train_config *c = r->config;
    double rate = rate_at(&c->rate, epoch, s->step, r->steps_per_epoch);
    int count = fetch(r, PART_TRAIN, batch);
    s->step++;
    if (r->hooks && r->hooks->before_step &&
        r->hooks->before_step(r->hooks->user, s->step, &r->layout, s->params, s->keep))
        s->masked = true;
    arrange_weights(r);
    derive(r);
    const int64_t drawn = (int64_t)s->earlier_epochs * r->steps_per_epoch;
    net_forward_training(&r->net, count, &(train_pass){c->seed, drawn + s->step});
    int right;
    double sum = batch_loss(r, count, true, &right);
    if (s->classes)
        net_backward_logits(&r->net, count);
    else
        net_backward(&r->net, count);
    carry_back(r);
    if (r->hooks && r->hooks->learn)
        r->hooks->learn(r->hooks->user, s, &c->optimizer, r->net.k, rate, r->gradients);
    else
        optim_step(&c->optimizer, r->net.k, rate, s->step, s->params, r->gradients, s->moments,
                   s->n_params);
    return sum;
}

static void validate(run *r, curve_point *p)
{
    int n = r->ex.n[PART_VAL], all_right = 0;
    double sum = 0;
    derive(r);
    for (int i = 0; i * r->config->batch < n; i++) {
        int count = fetch(r, PART_VAL, i);
        net_forward(&r->net, count);
        int right;
        sum += batch_loss(r, count, false, &right);
        all_right += right;
    }
    p->val_loss = n ? sum / ((double)n * r->labels) : (double)NAN;
    p->val_accuracy = n && r->state->classes ? (double)all_right / n : (double)NAN;
}

static status check_finite(const run *r, const curve_point *p, int epoch, err *e)
{
    bool val_bad = r->ex.n[PART_VAL] > 0 && !isfinite(p->val_loss);
    if (isfinite(p->train_loss) && !val_bad) return OK;
    return FAIL(e, ERR_NUM,
                "epoch %d: the %s loss is not finite: the training diverged; try a lower learning "
                "rate or standardized labels",
                epoch + 1, val_bad && isfinite(p->train_loss) ? "validation" : "training");
}

/* Keeps the best weights and counts the epochs without better ones. */
static void judge(run *r, const curve_point *p)
{
    checkpoint *s = r->state;
    const train_config *c = r->config;
    if (!c->keep_best && !c->early_stop) return;
    double loss = s->classes ? 1 - p->val_accuracy : p->val_loss;
    if (isnan(loss) || (r->hooks && s->step < r->hooks->settled)) return;
    if (s->best_epoch == 0 || loss < s->best_loss) {
        s->best_loss = loss;
        s->best_epoch = s->epoch;
        s->wait = 0;
        s->has_best = c->keep_best;
        if (c->keep_best) checkpoint_keep_best(s);
    } else if (++s->wait >= c->early_stop && c->early_stop) {
        s->stopped = true;
    }
}

static status train_epoch(run *r, int epoch, err *e)
{
    checkpoint *s = r->state;
    curve_point *p = &s->curve[epoch];
    r->ex.epoch = s->earlier_epochs + epoch;
    p->rate = rate_at(&r->config->rate, epoch, s->step, r->steps_per_epoch);
    train_shuffle(r->config->seed, s->earlier_epochs + epoch, r->steps_per_epoch,
                  r->config->shuffle_buffer, r->order, r->slots);
    double sum = 0;
    for (int i = 0; i < r->steps_per_epoch; i++) sum += train_step(r, epoch, r->order[i]);
    arrange_weights(r);
    if (r->surrogate) TRY(r->surrogate->settle(r->surrogate->user, e));
    p->train_loss = sum / ((double)r->ex.n[PART_TRAIN] * r->labels);
    validate(r, p);
    s->epoch = epoch + 1;
    TRY(check_finite(r, p, epoch, e));
    judge(r, p);
    return OK;
}

static status grow_curve(checkpoint *s, int to, arena *a, err *e)
{
    curve_point *curve = ARENA_NEW(a, curve_point, to);
    if (!curve) return FAIL(e, ERR_MEM, "no memory for a learning curve of %d epochs", to);
    if (s->epoch) memcpy(curve, s->curve, (size_t)s->epoch * sizeof *curve);
    s->curve = curve;
    return OK;
}

static status prepare(run *r, arena *a, err *e)
{
    const train_config *c = r->config;
    const train_surrogate *g = r->hooks ? r->hooks->surrogate : NULL;
    TRY(net_layout_make(&c->net, &r->layout, e));
    TRY(net_build(&r->net, g ? g->net : &c->net, c->batch, g ? NULL : r->state->params, a, e));
    r->surrogate = g;
    r->gradients = g ? ARENA_NEW(a, float, r->layout.n_params) : r->net.gradients;
    r->labels = r->ex.n_classes ? 1 : shape_size(r->ex.out);
    r->steps_per_epoch = train_steps_per_epoch(c, &r->ex);
    size_t labels = (size_t)c->batch * (size_t)r->labels;
    r->wanted = ARENA_NEW(a, float, labels);
    r->order = ARENA_NEW(a, int, r->steps_per_epoch);
    r->slots = ARENA_NEW(a, int, c->shuffle_buffer + 1); /* one at least */
    if (!r->wanted || !r->order || !r->slots || !r->gradients)
        return FAIL(e, ERR_MEM, "no memory for batches of %d examples", c->batch);
    return OK;
}

static status run_epochs(run *r, int from, int to, train_progress progress, void *user, err *e)
{
    for (int epoch = from; epoch < to && !r->state->stopped; epoch++) {
        TRY(train_epoch(r, epoch, e));
        double val = r->state->curve[epoch].val_loss;
        if (progress && !progress(user, epoch + 1 - from, to - from, val))
            return FAIL(e, ERR_STATE, "stopped");
    }
    return OK;
}

static status check_state(const train_config *c, const checkpoint *s, int from, int to, err *e)
{
    if (s->epoch != from || to < from || to > CHECKPOINT_MAX_EPOCHS)
        return FAIL(e, ERR_ARG, "epochs %d to %d do not follow the %d that are done", from, to,
                    s->epoch);
    net_layout l;
    TRY(net_layout_make(&c->net, &l, e));
    if (l.n_params != s->n_params || optim_blocks(&c->optimizer) != s->n_blocks ||
        c->standardized != s->standardized || (c->loss == LOSS_CROSS_ENTROPY) != s->classes)
        return FAIL(e, ERR_ARG, "the earlier epochs were of another network or optimizer");
    return OK;
}

status train_run(const train_config *c, const examples *ex, checkpoint *state, int from, int to,
                 const train_hooks *hooks, train_progress progress, void *user, arena *a, err *e)
{
    if (state->stopped) return OK;
    TRY(check_fit(c, ex, e));
    TRY(check_state(c, state, from, to, e));
    TRY(grow_curve(state, to, a, e));
    state->keep_best = c->keep_best;
    arena_mark_t m = arena_mark(a);
    run r = {.config = c, .ex = *ex, .hooks = hooks, .state = state};
    unsigned mode = kernel_flush_denormals();
    status s = prepare(&r, a, e);
    if (s == OK) s = run_epochs(&r, from, to, progress, user, e);
    kernel_restore_denormals(mode);
    arena_release(a, m);
    return s;
}

train_summary train_summarise(const checkpoint *s)
{
    bool best = s->keep_best && s->has_best;
    int epoch = best ? s->best_epoch : s->epoch;
    train_summary out = {(double)NAN, (double)NAN, (double)NAN, s->earlier_epochs + s->epoch,
                         s->earlier_epochs + epoch};
    if (epoch > 0) {
        out.train_loss = s->curve[epoch - 1].train_loss;
        out.val_loss = s->curve[epoch - 1].val_loss;
        out.val_accuracy = s->curve[epoch - 1].val_accuracy;
    }
    return out;
}

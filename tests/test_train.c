#include "engine/base/buf.h"
#include "engine/base/rng.h"
#include "engine/compress/prune.h"
#include "engine/nn/net.h"
#include "engine/nn/train.h"
#include "tests/support/nets.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- pieces --- */

static node *json_in(arena *a, const char *text)
{
    node *n;
    err e = {0};
    cr_assert(node_read_json(a, text, strlen(text), &n, &e) == OK, "%s", e.msg);
    return n;
}

Test(train, adam_gives_the_golden_weights)
{
    static const float grads[] = {0.1f, -0.2f, 0.3f};
    static const double want[] = {0.999000032, 0.999366130, 0.999022892};
    optim_spec s = {.kind = OPTIM_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7};
    const kernels *k;
    cr_assert(kernel_choose(&k, NULL) == OK);
    float w = 1, m[2] = {0};
    for (int t = 0; t < 3; t++) {
        float g = grads[t];
        optim_step(&s, k, 1e-3, t + 1, &w, &g, m, 1);
        cr_expect(fabs((double)w - want[t]) < 1.2e-7, "step %d: %.9f", t + 1, (double)w);
    }
}

Test(train, sgd_moves_as_keras_does)
{
    optim_spec s = {.kind = OPTIM_SGD, .momentum = 0.9};
    const kernels *k;
    cr_assert(kernel_choose(&k, NULL) == OK);
    float w[3] = {1, 1, 1}, m[2] = {0};
    for (int t = 1; t <= 2; t++) {
        float g = 0.5f;
        s = (optim_spec){.kind = OPTIM_SGD, .momentum = 0.9};
        optim_step(&s, k, 0.1, t, &w[0], &g, &m[0], 1), g = 0.5f;
        s.nesterov = true;
        optim_step(&s, k, 0.1, t, &w[1], &g, &m[1], 1), g = 0.5f;
        s = (optim_spec){.kind = OPTIM_SGD};
        optim_step(&s, k, 0.1, t, &w[2], &g, NULL, 1);
    }
    cr_expect(fabs((double)w[0] - (1 - 0.05 - 0.095)) < 1e-6, "momentum: %g", (double)w[0]);
    cr_expect(fabs((double)w[1] - (1 - 0.095 - 0.1355)) < 1e-6, "nesterov: %g", (double)w[1]);
    cr_expect(fabs((double)w[2] - (1 - 0.1)) < 1e-6, "plain: %g", (double)w[2]);
}

Test(train, learning_rates_follow_their_schedules)
{
    rate_spec s = {.kind = RATE_EXPONENTIAL, .initial = 0.01, .after_epoch = 12, .rate = 0.1};
    cr_expect(rate_at(&s, 11, 0, 200) == 0.01);
    cr_expect(fabs(rate_at(&s, 12, 0, 200) - 0.01 * exp(-0.1)) < 1e-15);
    cr_expect(fabs(rate_at(&s, 14, 0, 200) - 0.01 * exp(-0.3)) < 1e-15);
    s = (rate_spec){.kind = RATE_POLYNOMIAL, .initial = 0.9, .final = 0.1, .power = 1, .epochs = 2};
    cr_expect(fabs(rate_at(&s, 0, 0, 10) - 0.9) < 1e-15);
    cr_expect(fabs(rate_at(&s, 0, 5, 10) - 0.7) < 1e-15);
    cr_expect(fabs(rate_at(&s, 5, 50, 10) - 0.1) < 1e-15);
    s.power = 2;
    cr_expect(fabs(rate_at(&s, 1, 10, 10) - 0.3) < 1e-15);
    s = (rate_spec){.kind = RATE_COSINE, .initial = 1, .final = 0.2, .epochs = 4};
    cr_expect(fabs(rate_at(&s, 2, 20, 10) - 0.6) < 1e-15);
    cr_expect(fabs(rate_at(&s, 4, 40, 10) - 0.2) < 1e-15);
}

Test(train, losses_are_means_and_gradients_their_slopes)
{
    static const float p[] = {0, 2, -3, 0.5f, 1, 1, 1, 1, 1, 1},
                       y[10] = {0, 0, 0, 0, 1, 1, 1, 1, 1, 1};
    static const double sums[] = {4 + 9 + 0.25, 2 + 3 + 0.5, 1.5 + 2.5 + 0.125};
    static const float slopes[][4] = {{0, 4, -6, 1}, {0, 1, -1, 1}, {0, 1, -1, 0.5f}};
    for (int kind = 0; kind <= LOSS_HUBER; kind++) {
        float g[10];
        cr_expect(fabs(loss_sum((loss_kind)kind, p, y, 10, g) - sums[kind]) < 1e-12);
        for (int i = 0; i < 4; i++) cr_expect(fabsf(g[i] - slopes[kind][i] / 10) < 1e-7f);
        float nan = NAN, zero = 0, slope;
        cr_expect(isnan(loss_sum((loss_kind)kind, &nan, &zero, 1, &slope)) && isnan(slope));
    }
}

Test(train, the_courses_mae_weighs_batches_equally)
{
    mae_meter m;
    mae_start(&m, 2);
    cr_expect(isnan(mae_get(&m, 0)));
    static const float zero[6] = {0}, one[] = {1, 10, 3, 20, 5, 30}, two[] = {7, -50};
    mae_add(&m, one, zero, 1); /* a batch may come in pieces */
    cr_expect(isnan(mae_get(&m, 0)));
    mae_add(&m, one + 2, zero + 2, 2);
    mae_end_batch(&m);
    mae_add(&m, two, zero, 1);
    mae_end_batch(&m);
    cr_expect(mae_get(&m, 0) == 5 && mae_get(&m, 1) == 35);
}

Test(train, shuffling_is_a_permutation_bounded_by_its_buffer)
{
    enum { N = 1000 };
    static int order[N], slots[N];
    for (int buffer = 0; buffer <= N; buffer = buffer ? buffer * 7 + 3 : 1) {
        char seen[N] = {0};
        int moved = 0;
        train_shuffle(3, 2, N, buffer, order, slots);
        for (int i = 0; i < N; i++) {
            cr_assert(order[i] >= 0 && order[i] < N && !seen[order[i]]++, "buffer %d", buffer);
            cr_assert(order[i] < i + (buffer ? buffer : 1), "batch %d came out at %d of buffer %d",
                      order[i], i, buffer);
            moved += order[i] != i;
        }
        cr_expect(buffer < 2 ? moved == 0 : moved > N / 3, "buffer %d moved %d", buffer, moved);
    }
    train_shuffle(3, 2, N, 100, order, slots);
    int first = order[0], second;
    train_shuffle(3, 3, N, 100, order, slots);
    second = order[0];
    train_shuffle(3, 2, N, 100, order, slots);
    cr_expect(order[0] == first && first != second, "an order belongs to its epoch");
}

/* --- whole trainings --- */

typedef struct {
    arena a;
    examples ex;
    train_config c;
    checkpoint state;
    train_hooks hooks;
    bool prune;
    err e;
} lesson;

static void start(lesson *l, const char *arch, double alpha)
{
    memset(l, 0, sizeof *l);
    arena_init(&l->a, 0);
    toy_examples(&l->ex, 1000, 200, 3);
    l->c = toy_config(lab_net(&l->a, arch, alpha, 3));
}

static void set_pruning(lesson *l, int64_t begin, int64_t end)
{
    prune_config p = {0.3, 0.8, 3, begin, end, 10, 0, 0};
    net_layout layout;
    cr_assert(net_layout_make(&l->c.net, &layout, &l->e) == OK);
    cr_assert(prune_hooks(&p, &layout, &l->a, &l->hooks, &l->e) == OK);
    l->prune = true;
}

static status go(lesson *l, int from, int to)
{
    if (from == 0) {
        status s = train_begin(&l->c, &l->ex, &l->a, &l->state, &l->e);
        if (s != OK) return s;
    }
    return train_run(&l->c, &l->ex, &l->state, from, to, l->prune ? &l->hooks : NULL, NULL, NULL,
                     &l->a, &l->e);
}

static buf bytes_of(lesson *l)
{
    buf b = {0};
    cr_assert(checkpoint_write(&l->state, &b, &l->e) == OK, "%s", l->e.msg);
    return b;
}

static void stop(lesson *l)
{
    arena_free(&l->a);
}

Test(train, learns_a_toy_problem)
{
    static const char *const arch[] = {"mlp", "cnn-1d", "lstm"};
    for (int i = 0; i < 3; i++) {
        lesson l;
        start(&l, arch[i], 0.25);
        l.c.standardized = true;
        l.c.rate.initial = 0.01;
        cr_assert(go(&l, 0, 30) == OK, "%s", l.e.msg);
        const curve_point *p = l.state.curve;
        /* the labels' variance is about 1: 95 % of it must be explained */
        cr_expect(p[29].val_loss < 0.05, "%s: validation loss from %g to %g", arch[i],
                  p[0].val_loss, p[29].val_loss);
        stop(&l);
    }
}

Test(train, the_same_training_gives_the_same_bytes)
{
    lesson one, two;
    start(&one, "mlp", 0.1), start(&two, "mlp", 0.1);
    cr_assert(go(&one, 0, 3) == OK && go(&two, 0, 3) == OK);
    buf a = bytes_of(&one), b = bytes_of(&two);
    cr_expect(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
    buf_free(&b);
    stop(&two);
    start(&two, "mlp", 0.1);
    two.c.seed = 2;
    cr_assert(go(&two, 0, 3) == OK);
    b = bytes_of(&two);
    cr_expect(memcmp(a.data, b.data, a.len) != 0, "the seed changes nothing");
    buf_free(&a), buf_free(&b);
    stop(&one), stop(&two);
}

/* The promise of kernel.h, through whole trainings. */
Test(train, sets_with_fused_multiply_add_train_to_the_same_bytes)
{
    static const char *const arch[] = {"mlp", "cnn-1d", "lstm"};
    if (!kernel_find("avx512") || !kernel_find("avx2")) cr_skip_test("needs avx2 and avx512");
    for (int i = 0; i < 3; i++) {
        lesson one, two;
        start(&one, arch[i], 0.3), start(&two, arch[i], 0.3);
        setenv("PARETUNE_KERNELS", "avx512", 1);
        cr_assert(go(&one, 0, 2) == OK);
        setenv("PARETUNE_KERNELS", "avx2", 1);
        cr_assert(go(&two, 0, 2) == OK);
        unsetenv("PARETUNE_KERNELS");
        buf a = bytes_of(&one), b = bytes_of(&two);
        cr_expect(a.len == b.len && memcmp(a.data, b.data, a.len) == 0, "%s", arch[i]);
        buf_free(&a), buf_free(&b);
        stop(&one), stop(&two);
    }
}

static void configure(lesson *l, int variant)
{
    static const char *const arch[] = {"mlp", "cnn-1d", "lstm"};
    start(l, arch[variant % 3], 0.1);
    l->c.standardized = variant % 2;
    l->c.rate = (rate_spec){.kind = (rate_kind)(variant % 4),
                            .initial = 0.01,
                            .final = 1e-4,
                            .power = 2,
                            .epochs = 9,
                            .after_epoch = 3,
                            .rate = 0.2};
    if (variant % 5 == 1) l->c.optimizer = (optim_spec){.kind = OPTIM_SGD, .momentum = 0.5};
    if (variant % 5 == 1) l->c.rate.initial = 1e-4;
    if (variant % 5 == 2) l->c.optimizer = (optim_spec){.kind = OPTIM_SGD};
    if (variant % 5 == 2) l->c.rate.initial = 1e-4;
    l->c.keep_best = variant % 7 != 0;
    l->c.early_stop = variant % 4 == 3 ? 2 : 0;
    if (variant % 3 != 2) set_pruning(l, 40, 150);
}

/* Trains in pieces that end at the given epochs, each from the bytes of the one before. */
static buf train_in_pieces(int variant, const int *end, int n)
{
    lesson l;
    configure(&l, variant);
    int from = 0;
    for (int i = 0; i < n; i++) {
        cr_assert(go(&l, from, end[i]) == OK, "variant %d: %s", variant, l.e.msg);
        buf b = bytes_of(&l);
        if (i == n - 1) {
            stop(&l);
            return b;
        }
        stop(&l);
        configure(&l, variant);
        cr_assert(checkpoint_read(&l.a, b.data, b.len, &l.state, &l.e) == OK, "%s", l.e.msg);
        buf_free(&b);
        from = end[i];
    }
    return (buf){0};
}

Test(train, going_on_from_a_checkpoint_changes_no_bit)
{
    static const int whole[] = {9}, pieces[] = {1, 4, 5, 9};
    for (int variant = 0; variant < 20; variant++) {
        buf a = train_in_pieces(variant, whole, 1), b = train_in_pieces(variant, pieces, 4);
        cr_expect(a.len == b.len && memcmp(a.data, b.data, a.len) == 0, "variant %d", variant);
        buf_free(&a), buf_free(&b);
    }
}

Test(train, epochs_before_pruning_are_those_without_it)
{
    lesson with, without;
    start(&with, "mlp", 0.1), start(&without, "mlp", 0.1);
    int steps = train_steps_per_epoch(&with.c, &with.ex);
    set_pruning(&with, 2 * steps + 1, 4 * steps + 1);
    cr_assert(go(&with, 0, 6) == OK && go(&without, 0, 2) == OK);
    without.hooks = with.hooks, without.prune = true;
    cr_assert(go(&without, 2, 6) == OK);
    buf a = bytes_of(&with), b = bytes_of(&without);
    cr_expect(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
    buf_free(&a), buf_free(&b);
    stop(&with), stop(&without);
}

/* A second training of what `l` has trained, by the same configuration. */
static void tune(lesson *l, checkpoint *second, int epochs)
{
    cr_assert(train_begin_trained(&l->c, &l->state, &l->a, second, &l->e) == OK, "%s", l->e.msg);
    cr_assert(train_run(&l->c, &l->ex, second, 0, epochs, l->prune ? &l->hooks : NULL, NULL, NULL,
                        &l->a, &l->e) == OK,
              "%s", l->e.msg);
}

Test(train, fine_tuning_begins_with_the_kept_weights_and_nothing_else)
{
    lesson l;
    checkpoint second;
    start(&l, "mlp", 0.1);
    l.c.keep_best = l.c.standardized = true;
    l.c.rate.initial = 0.05;
    cr_assert(go(&l, 0, 8) == OK);
    cr_assert(l.state.best_epoch < 8, "the best epoch must not be the last");
    cr_assert(train_begin_trained(&l.c, &l.state, &l.a, &second, &l.e) == OK, "%s", l.e.msg);
    size_t n = (size_t)second.n_params * sizeof(float);
    cr_expect(memcmp(second.params, l.state.best, n) == 0);
    for (int i = 0; i < second.n_params; i++)
        cr_assert(second.moments[i] == 0 && second.moments[optim_stride(second.n_params) + i] == 0);
    cr_expect(second.epoch == 0 && second.step == 0 && !second.has_best && !second.stopped);
    cr_expect(second.earlier_epochs == 8 && second.standardized && second.n_outputs == 2);
    l.c.rate.initial = 1e-9; /* one epoch of hardly any change: the loss stays that of the best */
    tune(&l, &second, 1);
    cr_expect_float_eq(second.curve[0].val_loss, l.state.curve[l.state.best_epoch - 1].val_loss,
                       1e-4);
    cr_expect(train_summarise(&second).epochs == 9);
    stop(&l);
}

/* Batches come in new orders: the streams go on where the first training ended. */
Test(train, fine_tuning_is_not_the_first_training_again)
{
    lesson l;
    checkpoint second;
    start(&l, "mlp", 0.1);
    l.c.rate.initial = 0; /* weights stay; losses of an epoch are summed in the order of batches */
    cr_assert(go(&l, 0, 4) == OK);
    tune(&l, &second, 4);
    int same = 0;
    for (int i = 0; i < 4; i++) same += l.state.curve[i].train_loss == second.curve[i].train_loss;
    cr_expect(same < 4, "the same sums in the same orders");
    stop(&l);
}

Test(train, weights_pruned_before_stay_zero_while_fine_tuning)
{
    lesson l;
    checkpoint second;
    start(&l, "mlp", 0.1);
    set_pruning(&l, 1, 60);
    cr_assert(go(&l, 0, 3) == OK);
    l.prune = false;
    tune(&l, &second, 2);
    int zeros = 0;
    for (int i = 0; i < second.n_params; i++) {
        cr_assert(l.state.keep[i] || second.params[i] == 0, "weight %d came back", i);
        zeros += !l.state.keep[i];
    }
    cr_expect(zeros > 0);
    stop(&l);
}

Test(train, only_a_training_of_the_same_network_is_fine_tuned)
{
    lesson l, other;
    checkpoint second;
    start(&l, "mlp", 0.1), start(&other, "mlp", 0.2);
    cr_assert(go(&l, 0, 1) == OK);
    cr_expect(train_begin_trained(&other.c, &l.state, &l.a, &second, &l.e) == ERR_ARG);
    other.c = l.c;
    other.c.standardized = true;
    cr_expect(train_begin_trained(&other.c, &l.state, &l.a, &second, &l.e) == ERR_ARG);
    stop(&l), stop(&other);
}

Test(train, early_stopping_counts_epochs_without_a_lower_loss)
{
    lesson l;
    start(&l, "mlp", 0.1);
    l.c.rate.initial = 0; /* nothing improves after the first epoch */
    l.c.early_stop = 3;
    cr_assert(go(&l, 0, 50) == OK, "%s", l.e.msg);
    cr_expect(l.state.stopped && l.state.epoch == 4 && l.state.best_epoch == 1, "epoch %d, best %d",
              l.state.epoch, l.state.best_epoch);
    cr_expect(train_summarise(&l.state).epochs == 4);
    buf a = bytes_of(&l);
    cr_assert(go(&l, 50, 60) == OK, "a stopped training stays stopped");
    buf b = bytes_of(&l);
    cr_expect(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
    buf_free(&a), buf_free(&b);
    stop(&l);
}

Test(train, early_stopping_goes_on_counting_from_a_checkpoint)
{
    lesson l, m;
    start(&l, "mlp", 0.1), start(&m, "mlp", 0.1);
    l.c.rate.initial = m.c.rate.initial = 0;
    l.c.early_stop = m.c.early_stop = 3;
    cr_assert(go(&l, 0, 3) == OK, "%s", l.e.msg);
    buf b = bytes_of(&l);
    cr_assert(checkpoint_read(&m.a, b.data, b.len, &m.state, &m.e) == OK, "%s", m.e.msg);
    cr_assert(go(&m, 3, 50) == OK, "%s", m.e.msg);
    cr_expect(m.state.stopped && m.state.epoch == 4, "stopped after %d", m.state.epoch);
    buf_free(&b);
    stop(&l), stop(&m);
}

/* With a rate of 0 the loss changes by pruning alone, and here it grows. */
Test(train, epochs_before_the_end_of_pruning_do_not_count)
{
    lesson l;
    start(&l, "mlp", 0.1);
    l.c.rate.initial = 0;
    l.c.keep_best = true;
    set_pruning(&l, 32 + 1, 4 * 32 + 1);
    cr_assert(go(&l, 0, 8) == OK, "%s", l.e.msg);
    cr_assert(l.state.curve[0].val_loss < l.state.curve[4].val_loss, "%g %g",
              l.state.curve[0].val_loss, l.state.curve[4].val_loss);
    cr_expect(l.state.best_epoch == 5, "epoch %d", l.state.best_epoch);
    stop(&l);
}

Test(train, the_best_epoch_is_kept_and_only_after_pruning)
{
    lesson l;
    start(&l, "mlp", 0.1);
    l.c.keep_best = true;
    l.c.rate.initial = 0.05; /* restless: the last epoch is rarely the best */
    set_pruning(&l, 32, 5 * 32);
    cr_assert(go(&l, 0, 12) == OK, "%s", l.e.msg);
    int best = 0;
    for (int i = 4; i < 12; i++)
        if (!best || l.state.curve[i].val_loss < l.state.curve[best - 1].val_loss) best = i + 1;
    train_summary s = train_summarise(&l.state);
    cr_expect(s.best_epoch == best && best > 0, "kept %d, best %d", s.best_epoch, best);
    cr_expect(s.val_loss == l.state.curve[best - 1].val_loss);
    lesson until;
    start(&until, "mlp", 0.1);
    until.c.rate.initial = 0.05;
    set_pruning(&until, 32, 5 * 32);
    cr_assert(go(&until, 0, best) == OK);
    float *a = ARENA_NEW(&l.a, float, l.state.n_params),
          *b = ARENA_NEW(&l.a, float, l.state.n_params);
    checkpoint_final_weights(&l.state, a), checkpoint_final_weights(&until.state, b);
    cr_expect(memcmp(a, b, (size_t)l.state.n_params * sizeof *a) == 0);
    stop(&l), stop(&until);
}

Test(train, divergence_is_an_error_that_names_the_epoch)
{
    lesson l;
    start(&l, "mlp", 0.1);
    l.c.optimizer = (optim_spec){.kind = OPTIM_SGD};
    l.c.rate.initial = 10;
    cr_expect(go(&l, 0, 5) == ERR_NUM);
    cr_expect(strncmp(l.e.msg, "epoch 1: the training loss is not finite", 40) == 0, "%s", l.e.msg);
    stop(&l);
}

static bool stop_at_two(void *user, double done, double total, double val_loss)
{
    *(int *)user += 1;
    cr_expect(total == 9 && isfinite(val_loss));
    return done < 2;
}

Test(train, progress_may_stop_a_training)
{
    lesson l;
    int calls = 0;
    start(&l, "mlp", 0.1);
    cr_assert(train_begin(&l.c, &l.ex, &l.a, &l.state, &l.e) == OK);
    cr_expect(train_run(&l.c, &l.ex, &l.state, 0, 9, NULL, stop_at_two, &calls, &l.a, &l.e) ==
              ERR_STATE);
    cr_expect(calls == 2 && strcmp(l.e.msg, "stopped") == 0, "%d calls: %s", calls, l.e.msg);
    stop(&l);
}

/* Predictions of the final weights on the first validation examples. */
static void predict(lesson *l, float *out, int count, float *wanted)
{
    net n;
    cr_assert(net_build(&n, &l->c.net, count, NULL, &l->a, &l->e) == OK, "%s", l->e.msg);
    checkpoint_final_weights(&l->state, n.params);
    l->ex.fetch(&l->ex, PART_VAL, 0, count, n.input, wanted);
    net_forward(&n, count);
    memcpy(out, n.output, (size_t)(count * shape_size(l->ex.out)) * sizeof *out);
}

Test(train, standardized_labels_end_in_physical_outputs)
{
    enum { COUNT = 200, OUT = 6 };
    static float got[COUNT * OUT], want[COUNT * OUT];
    lesson l;
    start(&l, "mlp", 0.25);
    l.c.standardized = true;
    l.c.rate.initial = 0.01;
    cr_assert(go(&l, 0, 20) == OK, "%s", l.e.msg);
    predict(&l, got, COUNT, want);
    double sum = 0;
    for (int i = 0; i < COUNT * OUT; i++) {
        double d = (double)(got[i] - want[i]) / (double)l.ex.label_std[i % 2];
        sum += d * d;
    }
    double trained = l.state.curve[19].val_loss;
    cr_expect(fabs(sum / (COUNT * OUT) - trained) < 1e-4 * (1 + trained),
              "physical outputs err by %g, training by %g", sum / (COUNT * OUT), trained);
    stop(&l);
}

Test(train, standardized_labels_need_a_linear_last_layer)
{
    lesson l;
    start(&l, "mlp", 0.1);
    l.c.standardized = true;
    l.c.net.layer[3].act = ACT_RELU;
    cr_expect(go(&l, 0, 1) == ERR_INPUT);
    cr_expect(strncmp(l.e.msg, "labels: standardized needs a dense layer", 40) == 0, "%s", l.e.msg);
    stop(&l);
}

Test(train, networks_that_do_not_fit_the_examples_are_refused)
{
    lesson l;
    start(&l, "mlp", 0.1);
    l.c = toy_config(lab_net(&l.a, "mlp", 0.1, 6));
    cr_expect(go(&l, 0, 1) == ERR_INPUT);
    cr_expect(strcmp(l.e.msg, "the network has 12 outputs, the examples 6 labels") == 0, "%s",
              l.e.msg);
    stop(&l);
    start(&l, "mlp", 0.1);
    l.c.net.in.dim[0] = 5;
    cr_expect(go(&l, 0, 1) == ERR_INPUT);
    cr_expect(strcmp(l.e.msg, "the network's input shape is not that of the examples") == 0, "%s",
              l.e.msg);
    stop(&l);
}

Test(train, examples_that_make_no_sense_are_refused)
{
    lesson l;
    start(&l, "mlp", 0.1);
    l.ex.n_outputs = 4; /* of 6 labels */
    cr_expect(go(&l, 0, 1) == ERR_ARG, "%s", l.e.msg);
    l.ex.n_outputs = 2, l.ex.n[PART_TRAIN] = 0, l.e = (err){0};
    cr_expect(go(&l, 0, 1) == ERR_INPUT);
    cr_expect(strcmp(l.e.msg, "there are no examples to train on") == 0, "%s", l.e.msg);
    stop(&l);
}

Test(train, a_training_without_validation_part_runs)
{
    lesson l;
    start(&l, "mlp", 0.1);
    l.ex.n[PART_VAL] = 0;
    l.c.keep_best = true;
    cr_assert(go(&l, 0, 2) == OK, "%s", l.e.msg);
    cr_expect(isnan(l.state.curve[1].val_loss) && !l.state.has_best && l.state.best_epoch == 0);
    stop(&l);
}

Test(train, only_the_same_training_goes_on)
{
    lesson l;
    start(&l, "mlp", 0.1);
    cr_assert(go(&l, 0, 1) == OK);
    cr_expect(go(&l, 2, 3) == ERR_ARG, "a gap between epochs");
    l.c.standardized = true;
    cr_expect(go(&l, 1, 2) == ERR_ARG, "other labels");
    l.c.standardized = false;
    l.c.optimizer = (optim_spec){.kind = OPTIM_SGD};
    cr_expect(go(&l, 1, 2) == ERR_ARG, "another optimizer");
    stop(&l);
}

static const char config_text[] =
    "{\"net\":{\"input\":[6,2],\"layers\":[{\"kind\":\"flatten\"},{\"kind\":\"dense\",\"units\":12}"
    "]},"
    "\"loss\":\"huber\",\"labels\":\"standardized\",\"batch\":16,\"optimizer\":{\"kind\":\"sgd\","
    "\"momentum\":0.9,\"nesterov\":true},\"learning_rate\":{\"schedule\":\"polynomial\","
    "\"initial\":0.1,"
    "\"final\":0.01,\"power\":2,\"epochs\":20},\"shuffle_buffer\":7,\"keep\":\"best\",\"early_"
    "stop\":4,"
    "\"prune\":null,\"seed\":3,\"from_epoch\":5,\"to_epoch\":20}";

Test(train, a_configuration_is_read_whole)
{
    arena a;
    err e = {0};
    train_config c;
    arena_init(&a, 0);
    cr_assert(train_config_parse(json_in(&a, config_text), &c, &e) == OK, "%s", e.msg);
    cr_expect(c.loss == LOSS_HUBER && c.standardized && c.batch == 16 && c.keep_best);
    cr_expect(c.optimizer.kind == OPTIM_SGD && c.optimizer.momentum == 0.9 && c.optimizer.nesterov);
    cr_expect(c.rate.kind == RATE_POLYNOMIAL && c.rate.initial == 0.1 && c.rate.final == 0.01 &&
              c.rate.power == 2 && c.rate.epochs == 20);
    cr_expect(c.shuffle_buffer == 7 && c.early_stop == 4 && c.seed == 3 && c.from_epoch == 5 &&
              c.to_epoch == 20 && c.net.n == 2);
    arena_free(&a);
}

Test(train, each_mistake_in_a_configuration_is_refused)
{
    static const struct {
        const char *from, *to;
    } row[] = {{"huber", "hinge"},
               {"standardized", "raw"},
               {":16", ":0"},
               {"sgd", "rmsprop"},
               {"polynomial", "warm"},
               {"0.9", "1.5"},
               {"\"power\":2", "\"x\":2"},
               {"best", "worst"},
               {":3,", ":-1,"},
               {"to_epoch\":20", "to_epoch\":4"},
               {"true", "\"yes\""},
               {"dense", "dance"}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        arena a;
        err e = {0};
        train_config c;
        arena_init(&a, 0);
        const char *at = strstr(config_text, row[i].from);
        cr_assert(at, "%s", row[i].from);
        char *text = arena_printf(&a, "%.*s%s%s", (int)(at - config_text), config_text, row[i].to,
                                  at + strlen(row[i].from));
        cr_expect(train_config_parse(json_in(&a, text), &c, &e) != OK && e.msg[0], "%s", text);
        arena_free(&a);
    }
}

/* --- classes --- */

Test(train, cross_entropy_is_stable_and_its_gradient_its_slope)
{
    static const float logits[] = {1, 3, 2, 2, 0, -1, 5, 5, 5}, label[] = {1, 2, 0};
    double want = 0;
    for (int i = 0; i < 3; i++) {
        double sum = 0;
        for (int c = 0; c < 3; c++) sum += exp((double)logits[3 * i + c]);
        for (int c = 0; c < 3; c++)
            want -= (c == (int)label[i] ? 0.9 + 0.1 / 3 : 0.1 / 3) *
                    ((double)logits[3 * i + c] - log(sum));
    }
    float g[9];
    int right;
    cr_expect(fabs(loss_classes(logits, label, 3, 3, 0.1, g, &right) - want) < 1e-12);
    cr_expect(right == 2, "the first of equal logits counts: %d", right);
    for (int i = 0; i < 9; i++) {
        float up[9];
        memcpy(up, logits, sizeof up);
        up[i] += 0x1p-10f;
        double slope = (loss_classes(up, label, 3, 3, 0.1, NULL, NULL) - want) * 1024 / 3;
        cr_expect(fabs(slope - (double)g[i]) < 1e-3, "%d: %g, %g", i, slope, (double)g[i]);
    }
    static const float far[] = {1000, -1000, 0}, wrong[] = {1};
    cr_expect(loss_classes(far, wrong, 1, 3, 0, g, &right) == 2000 && right == 0);
    cr_expect(g[0] == 1 && g[1] == -1 && g[2] == 0);
    static const float none[] = {3};
    cr_expect(isinf(loss_classes(far, none, 1, 3, 0, g, &right)) && right == 0 && g[0] == 0);
}

/* Images [7,6,1] whose class says where a bright spot lies; a tenth of the labels is wrong. */
static void spot_fetch(const examples *ex, part p, int first, int count, float *x, float *y)
{
    (void)ex;
    for (int i = 0; i < count; i++) {
        rng r = rng_stream((uint64_t)p, RNG_TEST, (uint64_t)(first + i));
        int class = (int)rng_below(&r, 3);
        for (int j = 0; j < 42; j++) x[i * 42 + j] = 0.3f * rng_normal(&r);
        x[i * 42 + class * 14 + (int)rng_below(&r, 12)] += 2;
        if (y) y[i] = (float)(rng_below(&r, 10) ? class : (class + 1) % 3);
    }
}

static train_config spot_config(examples *ex)
{
    *ex = (examples){.in = {3, {7, 6, 1}}, .out = {1, {3}}, .n = {500, 150, 0}, .n_classes = 3};
    ex->fetch = spot_fetch;
    train_config c = toy_config(
        "{\"input\":[7,6,1],\"layers\":[{\"kind\":\"conv2d\",\"filters\":8,\"kernel\":[3,3],"
        "\"padding\":\"same\",\"bias\":false},{\"kind\":\"batch-norm\",\"momentum\":0.9,"
        "\"activation\":"
        "\"relu\"},{\"kind\":\"max-pool2d\"},{\"kind\":\"flatten\"},{\"kind\":\"dropout\",\"rate\":"
        "0.1},"
        "{\"kind\":\"dense\",\"units\":3},{\"kind\":\"softmax\"}]}");
    c.loss = LOSS_CROSS_ENTROPY;
    c.keep_best = true;
    c.rate.initial = 0.01;
    return c;
}

Test(train, classes_are_learnt_and_the_best_epoch_is_the_most_accurate)
{
    arena a;
    err e = {0};
    examples ex;
    checkpoint state;
    arena_init(&a, 0);
    train_config c = spot_config(&ex);
    cr_assert(train_begin(&c, &ex, &a, &state, &e) == OK, "%s", e.msg);
    cr_assert(train_run(&c, &ex, &state, 0, 12, NULL, NULL, NULL, &a, &e) == OK, "%s", e.msg);
    train_summary t = train_summarise(&state);
    cr_expect(t.val_accuracy > 0.75, "accuracy %g", t.val_accuracy);
    int best = 0;
    for (int i = 1; i < 12; i++)
        if (state.curve[i].val_accuracy > state.curve[best].val_accuracy) best = i;
    cr_expect(t.best_epoch == best + 1, "%d, not %d", t.best_epoch, best + 1);
    cr_expect(t.val_accuracy == state.curve[best].val_accuracy);
    arena_free(&a);
}

Test(train, a_training_on_classes_goes_on_from_its_checkpoint_as_if_it_had_never_stopped)
{
    arena a;
    err e = {0};
    examples ex;
    checkpoint state, again;
    buf once = {0}, half = {0}, twice = {0};
    arena_init(&a, 0);
    train_config c = spot_config(&ex);
    cr_assert(train_begin(&c, &ex, &a, &state, &e) == OK);
    cr_assert(train_run(&c, &ex, &state, 0, 4, NULL, NULL, NULL, &a, &e) == OK, "%s", e.msg);
    cr_assert(checkpoint_write(&state, &once, &e) == OK);
    cr_assert(train_begin(&c, &ex, &a, &state, &e) == OK);
    cr_assert(train_run(&c, &ex, &state, 0, 2, NULL, NULL, NULL, &a, &e) == OK);
    cr_assert(checkpoint_write(&state, &half, &e) == OK);
    cr_assert(checkpoint_read(&a, half.data, half.len, &again, &e) == OK, "%s", e.msg);
    cr_assert(again.classes && again.curve[1].val_accuracy == state.curve[1].val_accuracy);
    cr_assert(train_run(&c, &ex, &again, 2, 4, NULL, NULL, NULL, &a, &e) == OK);
    cr_assert(checkpoint_write(&again, &twice, &e) == OK);
    cr_expect(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    buf_free(&once), buf_free(&half), buf_free(&twice);
    arena_free(&a);
}

Test(train, losses_must_fit_the_labels)
{
    arena a;
    err e = {0};
    examples ex;
    checkpoint state;
    arena_init(&a, 0);
    train_config c = spot_config(&ex);
    c.loss = LOSS_MSE;
    cr_expect(train_begin(&c, &ex, &a, &state, &e) == ERR_INPUT);
    cr_expect(strcmp(e.msg, "these labels are classes: use loss: cross-entropy") == 0, "%s", e.msg);
    e = (err){0};
    c = spot_config(&ex), c.standardized = true;
    cr_expect(train_begin(&c, &ex, &a, &state, &e) == ERR_INPUT);
    cr_expect(strcmp(e.msg, "labels: standardized is for numbers, not for classes") == 0, "%s",
              e.msg);
    e = (err){0};
    toy_examples(&ex, 10, 0, 3);
    c = toy_config(lab_net(&a, "mlp", 1, 3)), c.loss = LOSS_CROSS_ENTROPY;
    cr_expect(train_begin(&c, &ex, &a, &state, &e) == ERR_INPUT);
    cr_expect(strcmp(e.msg, "cross-entropy needs labels that are classes") == 0, "%s", e.msg);
    arena_free(&a);
}

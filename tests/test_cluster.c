#include "engine/base/rng.h"
#include "engine/compress/cluster.h"
#include "engine/compress/prune.h"
#include "tests/support/nets.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static arena a;

static void open_arena(void)
{
    arena_init(&a, 0);
}

static void close_arena(void)
{
    arena_free(&a);
}

TestSuite(cluster, .init = open_arena, .fini = close_arena);

/* Centroids for w; returns the one held at zero. */
static int centroids(centroid_init init, bool preserve, const float *w, int n, int k, float *out)
{
    const cluster_config c = {.clusters = k, .init = init, .preserve_sparsity = preserve};
    rng r = rng_stream(1, RNG_CLUSTER, 0);
    int zero;
    err e = {0};
    cr_assert_eq(cluster_centroids(&c, w, n, &r, &a, out, &zero, &e), OK, "%s", e.msg);
    return zero;
}

static void expect_all(const float *got, const float *want, int n, const char *what)
{
    for (int i = 0; i < n; i++)
        cr_expect_float_eq(got[i], want[i], 1e-6, "%s %d: %g, not %g", what, i, (double)got[i],
                           (double)want[i]);
}

Test(cluster, linear_centroids_divide_the_range)
{
    static const float w[] = {0.3f, -0.5f, 0.1f, 1, 0.2f}, want[] = {-0.5f, 0, 0.5f, 1};
    float c[4];
    cr_expect_eq(centroids(CENTROIDS_LINEAR, false, w, 5, 4, c), -1);
    expect_all(c, want, 4, "centroid");
}

Test(cluster, random_centroids_lie_in_the_range)
{
    static const float w[] = {0.3f, -0.5f, 0.1f, 1, 0.2f, 0, 0, 0};
    float c[8], low = 0, high = 0;
    centroids(CENTROIDS_RANDOM, false, w, 8, 8, c);
    for (int i = 0; i < 8; i++) {
        cr_expect(c[i] >= -0.5f && c[i] <= 1);
        low = fminf(low, c[i]), high = fmaxf(high, c[i]);
    }
    cr_expect(high - low > 0.5f, "from %g to %g", (double)low, (double)high);
}

/* The grid's points are x = -0.01 + i * 0.04 / 29; of the weights 0, 0.0002 ... 0.02 there are
 * floor(5000 x) + 1 up to x, and p = 0.01 + k * 0.99 / 3 is passed at the first x with more than 101 p:
 * i = 8, 13, 17; and the last, since nothing passes 1. */
Test(cluster, density_centroids_are_grid_points_where_the_distribution_passes)
{
    static const int grid[] = {8, 13, 17, 29};
    float w[101], c[4], want[4];
    for (int i = 0; i < 101; i++) w[i] = (float)i / 5000;
    for (int i = 0; i < 4; i++) want[i] = (float)(-0.01 + grid[i] * 0.04 / 29);
    centroids(CENTROIDS_DENSITY, false, w, 101, 4, c);
    expect_all(c, want, 4, "centroid");
}

Test(cluster, kmeans_centroids_are_weights_drawn_apart)
{
    float w[300], c[3];
    rng r = rng_stream(2, RNG_TEST, 0);
    for (int i = 0; i < 300; i++) w[i] = (float)(i % 3) * 10 + 0.01f * rng_normal(&r);
    centroids(CENTROIDS_KMEANS, false, w, 300, 3, c);
    bool met[3] = {false};
    for (int i = 0; i < 3; i++) {
        bool is_weight = false;
        for (int j = 0; j < 300; j++) is_weight |= w[j] == c[i];
        cr_expect(is_weight);
        met[(int)roundf(c[i] / 10)] = true;
    }
    cr_expect(met[0] && met[1] && met[2], "three heaps, %g %g %g", (double)c[0], (double)c[1],
              (double)c[2]);
}

/* Of several draws the one that leaves the least: over many seeds nearer to the best there is, eight
 * equal intervals, than single draws come, which leave 1.76 times as much. */
Test(cluster, kmeans_centroids_are_the_best_of_several_draws)
{
    enum { N = 400, K = 8 };
    float w[N], c[K];
    double left = 0;
    for (int i = 0; i < N; i++) w[i] = (float)i / N;
    for (uint64_t seed = 0; seed < 100; seed++) {
        const cluster_config config = {.clusters = K, .init = CENTROIDS_KMEANS};
        rng r = rng_stream(seed, RNG_TEST, 0);
        int zero;
        cr_assert_eq(cluster_centroids(&config, w, N, &r, &a, c, &zero, NULL), OK);
        for (int i = 0; i < N; i++) {
            double nearest = 1;
            for (int k = 0; k < K; k++) nearest = fmin(nearest, fabs((double)w[i] - (double)c[k]));
            left += nearest * nearest / 100;
        }
    }
    const double best = N / (12.0 * K * K);
    cr_expect_lt(left, 1.5 * best, "%g times the best", left / best);
}

Test(cluster, equal_weights_and_few_weights_get_what_there_is)
{
    static const float same[] = {2, 2, 2, 2, 2}, two[] = {-1, 3};
    float c[8];
    for (int i = 0; i < N_CENTROID_INITS; i++) {
        centroids((centroid_init)i, false, same, 5, 4, c);
        for (int k = 0; k < 4; k++)
            cr_expect_float_eq(c[k], 2, i == CENTROIDS_DENSITY ? 0.0101 : 1e-6);
    }
    centroids(CENTROIDS_KMEANS, false, two, 2, 8, c);
    cr_expect((c[0] == -1 && c[1] == 3) || (c[0] == 3 && c[1] == -1));
    for (int k = 2; k < 8; k++) cr_expect_eq(c[k], c[1]);
}

/* Of 8 - 1 centroids round(7 * 5 / 9) = 4 are for the five negative weights, 3 for the four others. */
Test(cluster, preserving_sparsity_shares_centroids_by_sign)
{
    static const float w[] = {0, -4, 0, -2, -3, 1, 2, 0, 3, -1, 4, -5, 0};
    static const float want[] = {-5, -5 + 4 / 3.0f, -5 + 8 / 3.0f, -1, 0, 1, 2.5f, 4};
    static const float nothing[5] = {0};
    float c[8];
    cr_expect_eq(centroids(CENTROIDS_LINEAR, true, w, 13, 8, c), 4);
    expect_all(c, want, 8, "centroid");
    cr_expect_eq(centroids(CENTROIDS_KMEANS, true, nothing, 5, 8, c), 0);
    for (int i = 0; i < 8; i++) cr_expect_eq(c[i], 0);
}

Test(cluster, weights_go_to_the_nearest_centroid_and_of_equals_the_first)
{
    enum { N = 700, K = 9 };
    float w[N], c[K];
    int index[N];
    rng r = rng_stream(3, RNG_TEST, 0);
    for (int i = 0; i < N; i++) w[i] = i % 2 ? (float)rng_below(&r, 9) / 2 : rng_normal(&r);
    for (int i = 0; i < K; i++) c[i] = (float)rng_below(&r, 5); /* some are equal */
    cluster_assign(w, N, c, K, index);
    for (int i = 0; i < N; i++) {
        int nearest = 0;
        for (int k = 1; k < K; k++)
            if (fabsf(w[i] - c[k]) < fabsf(w[i] - c[nearest])) nearest = k;
        cr_assert_eq(index[i], nearest, "weight %d", i);
    }
}

/* --- training --- */

typedef struct {
    examples ex;
    train_config c;
    net_layout layout;
    cluster_config clusters;
    checkpoint first, state; /* trained; and clustered */
    train_hooks hooks;
} lesson;

static void begin(lesson *l, const char *arch, bool pruned, cluster_config clusters)
{
    err e = {0};
    memset(l, 0, sizeof *l);
    toy_examples(&l->ex, 640, 64, 3);
    l->c = toy_config(lab_net(&a, arch, 0.25, 3));
    l->c.rate.initial = 0.005;
    l->clusters = clusters;
    const prune_config p = {.final = 0.6, .power = 3, .begin = 1, .end = 40, .frequency = 13};
    train_hooks hooks;
    cr_assert_eq(net_layout_make(&l->c.net, &l->layout, &e), OK);
    cr_assert_eq(prune_hooks(&p, &l->layout, &a, &hooks, &e), OK);
    cr_assert_eq(train_begin(&l->c, &l->ex, &a, &l->first, &e), OK);
    cr_assert_eq(
        train_run(&l->c, &l->ex, &l->first, 0, 4, pruned ? &hooks : NULL, NULL, NULL, &a, &e), OK,
        "%s", e.msg);
    cr_assert_eq(train_begin_trained(&l->c, &l->first, &a, &l->state, &e), OK);
    cr_assert_eq(cluster_begin(&l->clusters, 1, &l->state, &a, &e), OK, "%s", e.msg);
    cr_assert_eq(cluster_hooks(&l->clusters, &l->state, &a, &l->hooks, &e), OK, "%s", e.msg);
}

static void go_on(lesson *l, int from, int to)
{
    err e = {0};
    cr_assert_eq(train_run(&l->c, &l->ex, &l->state, from, to, &l->hooks, NULL, NULL, &a, &e), OK,
                 "%s", e.msg);
}

static int distinct(const float *w, int n)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        bool seen = false;
        for (int j = 0; j < i && !seen; j++) seen = w[j] == w[i];
        count += !seen;
    }
    return count;
}

Test(cluster, each_kernel_ends_with_at_most_k_values)
{
    static const char *const arch[] = {"mlp", "cnn-1d", "lstm"};
    for (int k = 0; k < 12; k++) {
        lesson l;
        begin(&l, arch[k % 3], false,
              (cluster_config){.clusters = 5, .init = (centroid_init)(k / 3), .average = k % 2});
        l.c.keep_best = true;
        go_on(&l, 0, 3);
        const float *w = checkpoint_kept_weights(&l.state);
        for (int i = 0; i < l.layout.n_tensors; i++) {
            const net_tensor *t = &l.layout.tensor[i];
            const int n = distinct(w + t->offset, t->size);
            cr_expect(t->prunable ? n <= 5 && n > 1 : n > 5 || t->size < 12, "%s: %d values",
                      arch[k % 3], n);
        }
    }
}

Test(cluster, fine_tuning_lowers_the_loss_that_clustering_raised)
{
    lesson l;
    begin(&l, "mlp", false, (cluster_config){.clusters = 4, .init = CENTROIDS_LINEAR});
    go_on(&l, 0, 12);
    const curve_point *p = l.state.curve;
    cr_expect(p[0].val_loss > l.first.curve[3].val_loss, "four values cost nothing?");
    cr_expect(p[11].val_loss < 0.8 * p[0].val_loss, "from %g to %g", p[0].val_loss, p[11].val_loss);
}

Test(cluster, zeros_of_pruning_stay_and_are_one_of_the_values)
{
    lesson l;
    begin(&l, "mlp", true,
          (cluster_config){.clusters = 6, .init = CENTROIDS_KMEANS, .preserve_sparsity = true});
    go_on(&l, 0, 3);
    prune_report before, after;
    prune_count(&l.layout, l.first.params, &before);
    prune_count(&l.layout, l.state.params, &after);
    cr_assert_gt(before.n_zeros, before.n_weights / 2);
    cr_expect_geq(after.n_zeros, before.n_zeros);
    for (int i = 0; i < l.layout.n_tensors; i++) {
        const net_tensor *t = &l.layout.tensor[i];
        for (int j = t->offset; t->prunable && j < t->offset + t->size; j++)
            cr_assert(l.first.params[j] != 0 || l.state.params[j] == 0, "weight %d came back", j);
        if (t->prunable) cr_expect_leq(distinct(l.state.params + t->offset, t->size), 6);
    }
}

Test(cluster, without_preserving_sparsity_zeros_may_go)
{
    lesson l;
    begin(&l, "mlp", true, (cluster_config){.clusters = 6, .init = CENTROIDS_RANDOM});
    go_on(&l, 0, 2);
    prune_report after;
    prune_count(&l.layout, l.state.params, &after);
    cr_expect_eq(after.n_zeros, 0);
}

/* One linear unit, three weights in two clusters, SGD: the centroids' gradients are the sums (means) of
 * their members', the weights behind move by their own. */
static void one_step(bool average, const float *want)
{
    err e = {0};
    net_spec net;
    checkpoint s;
    train_hooks h;
    const cluster_config c = {.clusters = 2, .init = CENTROIDS_LINEAR, .average = average};
    const optim_spec sgd = {.kind = OPTIM_SGD};
    const kernels *k;
    cr_assert_eq(kernel_choose(&k, &e), OK);
    cr_assert_eq(
        net_from_text("{\"input\":[3],\"layers\":[{\"kind\":\"dense\",\"units\":1}]}", &net, &e),
        OK);
    cr_assert_eq(checkpoint_make(&s, &net, 0, &a, &e), OK);
    static const float w[] = {1, 2, 4, 0};
    memcpy(s.params, w, sizeof w);
    cr_assert_eq(cluster_begin(&c, 1, &s, &a, &e), OK);
    cr_assert_eq(cluster_hooks(&c, &s, &a, &h, &e), OK);
    h.arrange(h.user, &s);
    static const float arranged[] = {1, 1, 4, 0};
    expect_all(s.params, arranged, 4, "weight");
    float *g = ARENA_NEW(&a, float, 16);
    g[0] = 1, g[1] = 3, g[2] = -2, g[3] = 5;
    s.step = 1;
    h.learn(h.user, &s, &sgd, k, 0.5, g);
    for (int i = 0; i < 4; i++) cr_expect_eq(g[i], 0);
    expect_all(s.clusters.centroid, want, 2, "centroid");
    static const float behind[] = {0.5f, 0.5f, 5};
    expect_all(s.clusters.original, behind, 3, "weight behind");
    h.arrange(h.user, &s);
    cr_expect_float_eq(s.params[3], -2.5f, 1e-6, "the bias learns as ever");
    cr_expect_eq(s.params[0], want[0]);
    cr_expect_eq(s.params[2], want[1]);
}

Test(cluster, gradients_go_to_the_centroids_and_straight_through)
{
    static const float sum[] = {-1, 5}, mean[] = {0, 5};
    one_step(false, sum);
    one_step(true, mean);
}

Test(cluster, going_on_from_a_checkpoint_changes_no_bit)
{
    for (int k = 0; k < 8; k++) {
        const cluster_config c = {.clusters = 7,
                                  .init = (centroid_init)(k % N_CENTROID_INITS),
                                  .average = k % 3 == 1,
                                  .preserve_sparsity = k % 2};
        lesson whole, rest;
        err e = {0};
        buf b = {0}, pieces = {0};
        begin(&whole, k % 3 ? "mlp" : "lstm", k % 2, c);
        begin(&rest, k % 3 ? "mlp" : "lstm", k % 2, c);
        whole.c.keep_best = rest.c.keep_best = true;
        go_on(&whole, 0, 5);
        cr_assert_eq(checkpoint_write(&whole.state, &b, &e), OK);
        for (int epoch = 0; epoch < 5; epoch++) {
            go_on(&rest, epoch, epoch + 1);
            buf_clear(&pieces);
            cr_assert_eq(checkpoint_write(&rest.state, &pieces, &e), OK);
            cr_assert_eq(checkpoint_read(&a, pieces.data, pieces.len, &rest.state, &e), OK, "%s",
                         e.msg);
            cr_assert_eq(cluster_hooks(&c, &rest.state, &a, &rest.hooks, &e), OK);
        }
        cr_expect(b.len == pieces.len && memcmp(b.data, pieces.data, b.len) == 0, "variant %d", k);
        buf_free(&b), buf_free(&pieces);
    }
}

Test(cluster, only_a_training_with_as_many_clusters_goes_on)
{
    lesson l;
    err e = {0};
    begin(&l, "mlp", false, (cluster_config){.clusters = 5});
    l.clusters.clusters = 6;
    cr_expect_eq(cluster_hooks(&l.clusters, &l.state, &a, &l.hooks, &e), ERR_ARG);
    cr_expect_eq(cluster_hooks(&l.clusters, &l.first, &a, &l.hooks, &e), ERR_ARG, "no clusters");
}

static status parse(const char *text, cluster_config *out)
{
    node *n;
    err e = {0};
    cr_assert_eq(node_read_json(&a, text, strlen(text), &n, &e), OK);
    return cluster_config_parse(n, out, &e);
}

Test(cluster, a_configuration_is_read_and_checked)
{
    cluster_config c;
    cr_expect_eq(parse("{\"clusters\":16,\"init\":\"density\",\"gradient\":\"average\","
                       "\"preserve_sparsity\":true}",
                       &c),
                 OK);
    cr_expect(c.clusters == 16 && c.init == CENTROIDS_DENSITY && c.average && c.preserve_sparsity);
    static const char *const bad[] = {
        "{\"clusters\":2,\"init\":\"linear\",\"gradient\":\"sum\",\"preserve_sparsity\":true}",
        "{\"clusters\":1,\"init\":\"linear\",\"gradient\":\"sum\",\"preserve_sparsity\":false}",
        "{\"clusters\":257,\"init\":\"linear\",\"gradient\":\"sum\",\"preserve_sparsity\":false}",
        "{\"clusters\":16,\"init\":\"square\",\"gradient\":\"sum\",\"preserve_sparsity\":false}",
        "{\"clusters\":16,\"init\":\"linear\",\"gradient\":\"most\",\"preserve_sparsity\":false}",
        "{\"clusters\":16,\"init\":\"linear\",\"gradient\":\"sum\"}"};
    for (int i = 0; i < 6; i++) cr_expect_eq(parse(bad[i], &c), ERR_ARG, "%s", bad[i]);
}

#include "engine/base/hash.h"
#include "engine/base/rng.h"
#include "engine/nn/checkpoint.h"
#include "engine/nn/optim.h"
#include "tests/support/nets.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A state with everything in it, of a net small enough to try every byte. */
static buf sample(arena *a, checkpoint *c)
{
    err e = {0};
    net_spec s;
    cr_assert(
        net_from_text("{\"input\":[2,2],\"layers\":[{\"kind\":\"flatten\"},{\"kind\":\"dense\","
                      "\"units\":3,\"activation\":\"relu\"},{\"kind\":\"dense\",\"units\":2}]}",
                      &s, &e) == OK,
        "%s", e.msg);
    cr_assert(checkpoint_make(c, &s, 2, a, &e) == OK, "%s", e.msg);
    rng r = rng_stream(1, RNG_TEST, 0);
    for (int i = 0; i < c->n_params; i++) {
        c->params[i] = rng_normal(&r), c->best[i] = rng_normal(&r);
        c->moments[i] = rng_normal(&r);
        c->moments[optim_stride(c->n_params) + i] = rng_float(&r);
        c->keep[i] = i % 3 ? UINT32_MAX : 0;
    }
    c->masked = c->keep_best = c->has_best = c->stopped = c->standardized = true;
    c->epoch = 3, c->step = 3000000000, c->best_epoch = 2, c->wait = 1, c->best_loss = 0.25;
    c->earlier_epochs = 30;
    c->n_ranges = 4;
    for (int i = 0; i < 4; i++) {
        c->range[i] = (value_range){(float)-i, (float)(i + 1)};
        c->best_range[i] = (value_range){-0.5F, (float)(i + 2)};
    }
    c->n_outputs = 2;
    c->label_mean[0] = 9, c->label_mean[1] = 76, c->label_std[0] = 8, c->label_std[1] = 16;
    c->curve = ARENA_NEW(a, curve_point, 3);
    for (int i = 0; i < 3; i++)
        c->curve[i] = (curve_point){.train_loss = 1.0 / (i + 1),
                                    .val_loss = 2.0 / (i + 1),
                                    .rate = 0.001,
                                    .val_accuracy = NAN};
    cr_assert(checkpoint_make_clusters(c, 8, 2, a, &e) == OK);
    for (int i = 0; i < 8; i++) {
        c->clusters.centroid[i] = rng_normal(&r);
        c->clusters.moments[i] = rng_normal(&r);
        c->clusters.moments[optim_stride(8) + i] = rng_float(&r);
    }
    c->clusters.zero[0] = 3, c->clusters.zero[1] = -1;
    for (int i = 0; i < c->n_params; i++) c->clusters.original[i] = rng_normal(&r);
    buf b = {0};
    cr_assert(checkpoint_write(c, &b, &e) == OK, "%s", e.msg);
    return b;
}

Test(checkpoint, comes_back_as_it_was_written)
{
    arena a;
    err e = {0};
    arena_init(&a, 0);
    checkpoint c, d;
    buf b = sample(&a, &c), again = {0};
    cr_assert(checkpoint_read(&a, b.data, b.len, &d, &e) == OK, "%s", e.msg);
    size_t n = (size_t)c.n_params * sizeof(float);
    cr_expect(d.n_params == c.n_params && d.n_blocks == 2 && d.epoch == 3 && d.step == c.step);
    cr_expect(d.masked && d.keep_best && d.has_best && d.stopped && d.standardized);
    cr_expect(d.best_epoch == 2 && d.wait == 1 && d.best_loss == 0.25 && d.earlier_epochs == 30);
    cr_expect(memcmp(d.params, c.params, n) == 0 && memcmp(d.best, c.best, n) == 0);
    cr_expect(memcmp(d.moments, c.moments, n + sizeof(float) * (size_t)optim_stride(c.n_params)) ==
                  0 &&
              memcmp(d.keep, c.keep, n) == 0);
    cr_expect(memcmp(d.curve, c.curve, 3 * sizeof *c.curve) == 0);
    cr_expect(d.n_ranges == 4 && d.range[3].least == -3 && d.range[3].most == 4);
    cr_expect(checkpoint_kept_ranges(&d)[3].most == 5 && d.best_range[0].least == -0.5F);
    const cluster_state *k = &c.clusters, *m = &d.clusters;
    cr_assert(m->n == 8 && m->n_tensors == 2 && m->zero[0] == 3 && m->zero[1] == -1);
    cr_expect(memcmp(m->centroid, k->centroid, 8 * sizeof(float)) == 0 &&
              memcmp(m->moments, k->moments, (8 + (size_t)optim_stride(8)) * sizeof(float)) == 0 &&
              memcmp(m->original, k->original, n) == 0);
    cr_expect(d.label_mean[1] == 76 && d.label_std[1] == 16 && d.n_outputs == 2);
    cr_assert(checkpoint_write(&d, &again, &e) == OK);
    cr_expect(again.len == b.len && memcmp(again.data, b.data, b.len) == 0);
    buf_free(&b), buf_free(&again);
    arena_free(&a);
}

static status try_read(const void *bytes, size_t n)
{
    arena a;
    err e = {0};
    checkpoint c;
    arena_init(&a, 1 << 22);
    char *copy = malloc(n ? n : 1); /* so that sanitizers see a read behind the end */
    cr_assert(copy);
    memcpy(copy, bytes, n);
    status s = checkpoint_read(&a, copy, n, &c, &e);
    cr_expect(s == OK || e.msg[0]);
    if (s == OK) { /* what it says can be used, and it has nothing behind */
        buf again = {0};
        cr_assert(checkpoint_write(&c, &again, &e) == OK);
        cr_assert(again.len == n, "%zu bytes of %zu", again.len, n);
        cr_assert(c.best_epoch <= c.epoch && c.wait <= c.epoch);
        for (int i = 0; i < c.clusters.n_tensors; i++)
            cr_assert(c.clusters.zero[i] < c.clusters.n / c.clusters.n_tensors);
        buf_free(&again);
    }
    free(copy);
    arena_free(&a);
    return s;
}

Test(checkpoint, is_refused_when_cut_off_anywhere)
{
    arena a;
    checkpoint c;
    arena_init(&a, 0);
    buf b = sample(&a, &c);
    for (size_t n = 0; n < b.len; n++) cr_assert(try_read(b.data, n) == ERR_INPUT, "%zu bytes", n);
    buf_free(&b);
    arena_free(&a);
}

Test(checkpoint, is_refused_when_any_bit_flips)
{
    arena a;
    checkpoint c;
    arena_init(&a, 0);
    buf b = sample(&a, &c);
    for (size_t i = 0; i < b.len * 8; i++) {
        b.data[i / 8] = (char)(b.data[i / 8] ^ (1 << i % 8));
        cr_assert(try_read(b.data, b.len) == ERR_INPUT, "bit %zu", i);
        b.data[i / 8] = (char)(b.data[i / 8] ^ (1 << i % 8));
    }
    cr_expect(try_read(b.data, b.len) == OK);
    buf_free(&b);
    arena_free(&a);
}

static void seal(char *bytes, size_t n)
{
    hash h = hash_bytes(bytes, n - 32);
    memcpy(bytes + n - 32, h.text, 32);
}

/* Whoever forges the hash too still meets every check of a size. */
Test(checkpoint, survives_forged_bytes)
{
    arena a;
    checkpoint c;
    arena_init(&a, 0);
    buf b = sample(&a, &c);
    char *bytes = malloc(b.len);
    cr_assert(bytes);
    int refused = 0;
    for (uint64_t seed = 0; seed < 4000; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 0);
        size_t n = seed % 4 ? b.len : 41 + (size_t)rng_below(&r, b.len - 41);
        memcpy(bytes, b.data, n);
        for (int k = 0; k < 1 + (int)(seed % 3); k++) {
            /* mostly in the counts, which lie in front of the weights */
            size_t at = 8 + (size_t)rng_below(&r, seed % 2 ? n - 40 : 360 % (n - 40) + 1);
            bytes[at] = (char)rng_u64(&r);
        }
        seal(bytes, n);
        status s = try_read(bytes, n);
        cr_assert(s == OK || s == ERR_INPUT || s == ERR_MEM, "seed %llu: %d",
                  (unsigned long long)seed, s);
        refused += s != OK;
    }
    cr_expect(refused > 1000, "only %d of 4000 were refused", refused);
    free(bytes);
    buf_free(&b);
    arena_free(&a);
}

/* The file's net is exchanged for one of 64 MB; what is in the file tells that it does not belong to it
 * before memory is taken for it. */
Test(checkpoint, a_net_too_large_for_its_file_takes_no_memory)
{
    static const char large[] =
        "{\"input\":[4,2],\"layers\":[{\"kind\":\"flatten\"},{\"kind\":\"dense\",\"units\":4000,"
        "\"activation\":\"none\",\"bias\":true},{\"kind\":\"dense\",\"units\":4000,"
        "\"activation\":\"none\",\"bias\":true}]}";
    arena a, little;
    checkpoint c;
    uint32_t n_json;
    arena_init(&a, 0);
    arena_init(&little, 1 << 20);
    buf b = sample(&a, &c), forged = {0};
    memcpy(&n_json, b.data + 8, sizeof n_json);
    buf_put(&forged, b.data, 8);
    buf_u32(&forged, (uint32_t)strlen(large));
    buf_text(&forged, large);
    buf_put(&forged, b.data + 12 + n_json, b.len - 12 - n_json);
    seal(forged.data, forged.len);
    err e = {0};
    cr_expect(checkpoint_read(&little, forged.data, forged.len, &c, &e) == ERR_INPUT, "%s", e.msg);
    cr_expect(strstr(e.msg, "another number of parameters") != NULL, "%s", e.msg);
    buf_free(&b);
    buf_free(&forged);
    arena_free(&a);
    arena_free(&little);
}

Test(checkpoint, final_weights_are_the_best_and_rescaled)
{
    arena a;
    checkpoint c;
    arena_init(&a, 0);
    buf b = sample(&a, &c);
    float *w = ARENA_NEW(&a, float, c.n_params);
    checkpoint_final_weights(&c, w);
    int kernel = 4 * 3 + 3, bias = kernel + 2 * 3;
    for (int i = 0; i < kernel; i++) cr_expect(w[i] == c.best[i]);
    for (int i = 0; i < 6; i++)
        cr_expect(w[kernel + i] == c.best[kernel + i] * (i < 3 ? 8.0f : 16.0f), "kernel %d", i);
    cr_expect(w[bias] == c.best[bias] * 8 + 9 && w[bias + 1] == c.best[bias + 1] * 16 + 76);
    c.keep_best = c.standardized = false;
    checkpoint_final_weights(&c, w);
    cr_expect(memcmp(w, c.params, (size_t)c.n_params * sizeof *w) == 0);
    buf_free(&b);
    arena_free(&a);
}

Test(checkpoint, the_scaled_layer_is_the_last_linear_dense_one)
{
    static const struct {
        const char *layers;
        int layer;
    } row[] = {
        {"{\"kind\":\"flatten\"},{\"kind\":\"dense\",\"units\":12},{\"kind\":\"reshape\",\"to\":[6,"
         "2]}",
         1},
        {"{\"kind\":\"flatten\"},{\"kind\":\"dense\",\"units\":12,\"bias\":false}", -1},
        {"{\"kind\":\"flatten\"},{\"kind\":\"dense\",\"units\":12,\"activation\":\"relu\"}", -1},
        {"{\"kind\":\"flatten\"},{\"kind\":\"dense\",\"units\":11}", -1},
        {"{\"kind\":\"dense\",\"units\":2},{\"kind\":\"activation\",\"function\":\"tanh\"}", -1},
        {"{\"kind\":\"lstm\",\"units\":2}", -1},
        {"{\"kind\":\"flatten\"}", -1},
        {"{\"kind\":\"dense\",\"units\":2}", 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        arena a;
        err e = {0};
        net_spec s;
        arena_init(&a, 0);
        const char *json = arena_printf(&a, "{\"input\":[6,2],\"layers\":[%s]}", row[i].layers);
        cr_assert(net_from_text(json, &s, &e) == OK, "%s", e.msg);
        cr_expect(checkpoint_scaled_layer(&s, 2) == row[i].layer, "%s", json);
        arena_free(&a);
    }
}

/* Every byte and every bit of a file has one part. */
#include "engine/compress/calibrate.h"
#include "engine/base/file.h"
#include "engine/tflite/facts.h"
#include "engine/tflite/interpreter.h"
#include "engine/tflite/writer.h"
#include "tests/support/random_net.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void write_net(arena *a, uint64_t seed, bool like, buf *file)
{
    rng r = rng_stream(seed, RNG_TEST, 0);
    const weight_storage storage = (weight_storage)(seed % N_STORAGES);
    net_spec net;
    do net = random_net(&r);
    while (storage == STORE_INT8 && calibrate_spread(&net, &net, NULL) != OK);
    net_layout *layout = ARENA_NEW(a, net_layout, 1);
    cr_assert_eq(net_layout_make(&net, layout, NULL), OK);
    const float *params = random_floats(&r, a, layout->n_params, 1);
    const tflite_options o = {.storage = storage,
                              .dynamic_min_elements = 16,
                              .per_channel = seed % 2,
                              .metadata = "{\"text\":1}",
                              .converter_like = like};
    cr_assert_eq(tflite_write(&net, params, &o, a, file, NULL), OK);
}

static void expect_sums(const anatomy *p, const char *what)
{
    size_t bytes = 0, values = 0;
    uint64_t bits = 0;
    for (int i = 0; i < N_PIECES; i++) {
        bytes += p->piece_bytes[i];
        bits += p->piece_bits[i];
    }
    for (int i = 0; i < p->n_tensors; i++) values += p->tensor_bytes[i];
    cr_expect_eq(bytes, p->flat, "%s: %zu of %zu bytes", what, bytes, p->flat);
    cr_expect_eq(bits, 8 * p->packed, "%s: %zu of %zu bits", what, (size_t)bits, 8 * p->packed);
    cr_expect_leq(values, p->piece_bytes[PIECE_DATA]);
    cr_expect_eq(p->piece_bytes[PIECE_UNREACHED], 0, "%s: %zu bytes are nobody's", what,
                 p->piece_bytes[PIECE_UNREACHED]);
}

Test(anatomy, parts_sum_to_the_file_flat_and_packed)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        arena a;
        buf file = {0}, packed = {0};
        model_facts f;
        err e = {0};
        arena_init(&a, 0);
        write_net(&a, seed, seed % 5 == 0, &file);
        cr_assert_eq(pack_as((packing)(seed % N_PACKINGS), 6, file.data, file.len, &packed, NULL),
                     OK);
        cr_assert_eq(facts_of(&a, packed.data, packed.len, &f, &e), OK, "%s", e.msg);
        expect_sums(&f.parts, "a written network");
        for (int i = 0; i < f.g.n_tensors; i++) {
            const tfl_tensor *t = &f.g.tensor[i];
            /* Zeros that several tensors share belong to the first of them. */
            if (t->data && f.parts.tensor_bytes[i])
                cr_expect_eq(f.parts.tensor_bytes[i], t->bytes, "seed %d", (int)seed);
        }
        buf_free(&file);
        buf_free(&packed);
        arena_free(&a);
    }
}

Test(anatomy, what_the_converter_adds_is_named)
{
    arena a;
    buf own = {0}, like = {0};
    model_facts f, g;
    arena_init(&a, 0);
    write_net(&a, 0, false, &own);
    write_net(&a, 0, true, &like);
    cr_assert_eq(facts_of(&a, own.data, own.len, &f, NULL), OK);
    cr_assert_eq(facts_of(&a, like.data, like.len, &g, NULL), OK);
    cr_expect_eq(f.parts.piece_bytes[PIECE_NAMES] + f.parts.piece_bytes[PIECE_SIGNATURES], 0);
    cr_expect_eq(f.parts.piece_bytes[PIECE_METADATA] > 0, true);
    cr_expect_gt(g.parts.piece_bytes[PIECE_NAMES], 100);
    cr_expect_gt(g.parts.piece_bytes[PIECE_SIGNATURES], 80);
    buf_free(&own);
    buf_free(&like);
    arena_free(&a);
}

Test(anatomy, values_are_counted)
{
    arena a;
    buf file = {0};
    model_facts f;
    arena_init(&a, 0);
    static net_spec net = {.in = {1, {4}}, .n = 1};
    net.layer[0] = (layer_spec){.kind = LAYER_DENSE, .units = 3};
    const float params[15] = {0, 1, 1, 2, -0.0F, 2, 5, 5, 0, 0, 7, 8};
    const tflite_options o = {.storage = STORE_FLOAT32};
    cr_assert_eq(tflite_write(&net, params, &o, &a, &file, NULL), OK);
    cr_assert_eq(facts_of(&a, file.data, file.len, &f, NULL), OK);
    const tensor_facts *w = &f.tensor[1];
    cr_expect_eq(w->n, 12);
    cr_expect_eq(w->n_zeros, 4);
    cr_expect_eq(w->n_distinct, 7, "%zu", w->n_distinct); /* 0 and -0 are two */
    cr_expect_eq(f.macs[0], 12);
    buf_free(&file);
    arena_free(&a);
}

Test(anatomy, damaged_files_never_crash)
{
    arena a;
    buf file = {0};
    arena_init(&a, 0);
    write_net(&a, 1, true, &file);
    int opened = 0;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 2);
        arena_mark_t mark = arena_mark(&a);
        model_facts f;
        char *p = arena_copy(&a, file.data, file.len);
        for (int k = 0; k < 3; k++) p[rng_below(&r, file.len)] = (char)rng_below(&r, 256);
        if (facts_of(&a, p, file.len, &f, NULL) == OK) {
            opened++;
            uint64_t bits = 0;
            for (int i = 0; i < N_PIECES; i++) bits += f.parts.piece_bits[i];
            cr_expect_eq(bits, 8 * f.parts.packed);
        }
        arena_release(&a, mark);
    }
    cr_expect_gt(opened, 50);
    buf_free(&file);
    arena_free(&a);
}

static bool is_model(const char *name)
{
    const size_t n = strlen(name);
    return n > 7 && strcmp(name + n - 7, ".tflite") == 0;
}

Test(anatomy, files_by_other_people_have_no_byte_unexplained)
{
    if (!getenv("PARETUNE_DATA")) cr_skip("PARETUNE_DATA is not set");
    arena a;
    int n_files = 0;
    arena_init(&a, 0);
    const char *folder = arena_printf(&a, "%s/oracles", getenv("PARETUNE_DATA"));
    DIR *d = opendir(folder);
    cr_assert(d);
    for (struct dirent *entry; (entry = readdir(d));) {
        arena_mark_t mark = arena_mark(&a);
        model_facts f;
        err e = {0};
        char *bytes;
        size_t n;
        double macs = 0;
        if (!is_model(entry->d_name)) continue;
        cr_assert_eq(file_read(&a, file_join(&a, folder, entry->d_name), 16 << 20, &bytes, &n, &e),
                     OK);
        cr_assert_eq(facts_of(&a, bytes, n, &f, &e), OK, "%s: %s", entry->d_name, e.msg);
        expect_sums(&f.parts, entry->d_name);
        for (int i = 0; i < f.g.n_ops; i++) macs += f.macs[i];
        cr_expect_eq(macs, f.total_macs, "%s: %g and %g", entry->d_name, macs, f.total_macs);
        n_files++;
        arena_release(&a, mark);
    }
    closedir(d);
    cr_expect_eq(n_files, 40);
    arena_free(&a);
}

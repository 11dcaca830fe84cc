#include "search/wire.h"
#include "engine/base/rng.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- random messages --- */

static const char *random_text(rng *r, arena *a, size_t most)
{
    size_t n = (size_t)rng_below(r, most + 1);
    char *text = ARENA_NEW(a, char, n + 1);
    for (size_t i = 0; i < n; i++) text[i] = (char)(1 + rng_below(r, 255));
    return text;
}

static hash random_key(rng *r)
{
    uint64_t v = rng_u64(r);
    return hash_bytes(&v, sizeof v);
}

static double random_double(rng *r)
{
    static const double special[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, 5e-324, 0.1};
    uint64_t bits = rng_u64(r);
    double v;
    memcpy(&v, &bits, sizeof v);
    return rng_below(r, 3) ? v : special[rng_below(r, 7)];
}

static wire_frame only_frame(wire_reader *r)
{
    wire_frame f = {0};
    bool have;
    err e = {0};
    cr_assert(eq(int, wire_next(r, &f, &have, &e), OK), "%s", e.msg);
    cr_assert(have);
    return f;
}

static int same_double(double x, double y)
{
    return memcmp(&x, &y, sizeof x) == 0;
}

/* --- decoding what was encoded gives the same message --- */

Test(wire, job_survives_the_way)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 1);
        arena a;
        arena_init(&a, 0);
        wire_job in = {.ticket = rng_u64(&r)}, out;
        in.request = (stage_request){.kind = (stage_kind)rng_below(&r, N_STAGE_KINDS),
                                     .key = random_key(&r),
                                     .params = random_text(&r, &a, 3000),
                                     .input = random_text(&r, &a, 50),
                                     .folder = random_text(&r, &a, 50),
                                     .n_parents = (int)rng_below(&r, STAGE_MAX_PARENTS + 1)};
        for (int i = 0; i < in.request.n_parents; i++) in.request.parent[i] = random_key(&r);
        wire_reader reader = {0};
        wire_put_job(&reader.pending, &in);
        wire_frame f = only_frame(&reader);
        cr_assert(eq(int, wire_get_job(&f, &a, &out, NULL), OK), "seed %d", (int)seed);
        cr_expect(eq(u64, out.ticket, in.ticket));
        cr_expect(eq(int, (int)out.request.kind, (int)in.request.kind));
        cr_expect_str_eq(out.request.key.text, in.request.key.text);
        cr_expect_str_eq(out.request.params, in.request.params);
        cr_expect_str_eq(out.request.input, in.request.input);
        cr_expect_str_eq(out.request.folder, in.request.folder);
        cr_assert(eq(int, out.request.n_parents, in.request.n_parents));
        for (int i = 0; i < in.request.n_parents; i++)
            cr_expect_str_eq(out.request.parent[i].text, in.request.parent[i].text);
        wire_reader_free(&reader);
        arena_free(&a);
    }
}

Test(wire, result_survives_the_way_bit_for_bit)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 2);
        arena a;
        arena_init(&a, 0);
        wire_result in = {.ticket = rng_u64(&r)}, out;
        in.result.artifact_bytes = rng_u64(&r);
        in.result.artifact_hash = random_key(&r);
        in.result.n_metrics = (int)rng_below(&r, STAGE_MAX_METRICS + 1);
        for (int i = 0; i < in.result.n_metrics; i++) {
            snprintf(in.result.metric[i].name, sizeof in.result.metric[i].name, "metric_%d", i);
            in.result.metric[i].value = random_double(&r);
        }
        buf_text(&in.result.detail, random_text(&r, &a, 5000));
        in.result.cpu_seconds = random_double(&r);
        in.result.wall_seconds = random_double(&r);
        wire_reader reader = {0};
        wire_put_result(&reader.pending, &in);
        wire_frame f = only_frame(&reader);
        cr_assert(eq(int, wire_get_result(&f, &out, NULL), OK), "seed %d", (int)seed);
        cr_expect(eq(u64, out.ticket, in.ticket));
        cr_expect(eq(u64, out.result.artifact_bytes, in.result.artifact_bytes));
        cr_expect_str_eq(out.result.artifact_hash.text, in.result.artifact_hash.text);
        cr_assert(eq(int, out.result.n_metrics, in.result.n_metrics));
        for (int i = 0; i < in.result.n_metrics; i++) {
            cr_expect_str_eq(out.result.metric[i].name, in.result.metric[i].name);
            cr_expect(same_double(out.result.metric[i].value, in.result.metric[i].value));
        }
        cr_assert(eq(sz, out.result.detail.len, in.result.detail.len));
        cr_expect(zero(int, memcmp(out.result.detail.data ? out.result.detail.data : "",
                                   in.result.detail.data, in.result.detail.len)));
        cr_expect(same_double(out.result.cpu_seconds, in.result.cpu_seconds));
        cr_expect(same_double(out.result.wall_seconds, in.result.wall_seconds));
        buf_free(&in.result.detail);
        buf_free(&out.result.detail);
        wire_reader_free(&reader);
        arena_free(&a);
    }
}

Test(wire, small_messages_survive_the_way)
{
    wire_reader reader = {0};
    wire_hello hello = {.pid = 4711}, hello_out;
    strcpy(hello.made_by.version, "1.2.3");
    strcpy(hello.made_by.cpu, "an é CPU");
    wire_put_hello(&reader.pending, &hello);
    wire_put_progress(&reader.pending, &(wire_progress){7, 3, 20, NAN});
    for (status s = ERR_ARG; s <= ERR_STATE; s++)
        wire_put_failure(&reader.pending, &(wire_failure){9, s, "loss is NaN"});

    wire_frame f = only_frame(&reader);
    cr_assert(eq(int, wire_get_hello(&f, &hello_out, NULL), OK));
    cr_expect(eq(u64, hello_out.pid, 4711));
    cr_expect_str_eq(hello_out.made_by.version, "1.2.3");
    cr_expect_str_eq(hello_out.made_by.cpu, "an é CPU");
    f = only_frame(&reader);
    wire_progress p;
    cr_assert(eq(int, wire_get_progress(&f, &p, NULL), OK));
    cr_expect(eq(u64, p.ticket, 7));
    cr_expect(eq(dbl, p.done, 3));
    cr_expect(eq(dbl, p.total, 20));
    cr_expect(isnan(p.figure));
    for (status s = ERR_ARG; s <= ERR_STATE; s++) {
        wire_failure failure;
        f = only_frame(&reader);
        cr_assert(eq(int, wire_get_failure(&f, &failure, NULL), OK));
        cr_expect(eq(int, (int)failure.code, (int)s));
        cr_expect_str_eq(failure.text, "loss is NaN");
    }
    wire_reader_free(&reader);
}

/* --- hostile bytes --- */

static void put_sample(buf *b)
{
    wire_job job = {.ticket = 1,
                    .request = {.kind = STAGE_TRAIN,
                                .key = hash_bytes("k", 1),
                                .params = "{\"net\":1}",
                                .input = "",
                                .folder = "x.artifacts",
                                .n_parents = 1,
                                .parent = {hash_bytes("p", 1)}}};
    wire_put_job(b, &job);
}

/* Whether the bytes hold one frame that is a well-formed job. */
static status read_sample(const char *bytes, size_t n, bool *complete)
{
    wire_reader r = {0};
    wire_frame f;
    wire_job job;
    arena a;
    arena_init(&a, 0);
    buf_put(&r.pending, bytes, n);
    status s = n ? wire_next(&r, &f, complete, NULL) : OK;
    if (n == 0) *complete = false;
    if (s == OK && *complete) s = wire_get_job(&f, &a, &job, NULL);
    arena_free(&a);
    wire_reader_free(&r);
    return s;
}

Test(wire, every_prefix_is_incomplete_and_no_error)
{
    buf b = {0};
    bool complete;
    put_sample(&b);
    for (size_t n = 0; n < b.len; n++) {
        cr_expect(eq(int, read_sample(b.data, n, &complete), OK), "%zu bytes", n);
        cr_expect(not(complete), "%zu bytes", n);
    }
    cr_expect(eq(int, read_sample(b.data, b.len, &complete), OK));
    cr_expect(complete);
    buf_free(&b);
}

Test(wire, header_and_lengths_are_checked)
{
    buf b = {0};
    bool complete;
    put_sample(&b);
    /* magic, version, type, payload length, kind, key digit, params length, number of parents */
    size_t at[] = {0, 4, 8, 15, 24, 28, 63, b.len - 33};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        char old = b.data[at[i]];
        b.data[at[i]] = (char)0xff;
        cr_expect(eq(int, read_sample(b.data, b.len, &complete), ERR_INPUT), "byte %zu", at[i]);
        b.data[at[i]] = old;
    }
    cr_expect(eq(int, read_sample(b.data, b.len, &complete), OK));
    buf_free(&b);
}

Test(wire, random_damage_never_crashes)
{
    for (uint64_t seed = 0; seed < 2000; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 3);
        buf b = {0};
        bool complete;
        put_sample(&b);
        for (int i = 0; i < 4; i++) b.data[rng_below(&r, b.len)] = (char)rng_u64(&r);
        status s = read_sample(b.data, (size_t)rng_below(&r, b.len + 1), &complete);
        cr_expect(s == OK || s == ERR_INPUT, "seed %d gave %d", (int)seed, (int)s);
        buf_free(&b);
    }
}

Test(wire, trailing_bytes_and_wrong_types_are_refused)
{
    buf b = {0};
    bool complete;
    put_sample(&b);
    buf_char(&b, 0);
    b.data[12] = (char)(b.data[12] + 1); /* the length takes the extra byte in */
    cr_expect(eq(int, read_sample(b.data, b.len, &complete), ERR_INPUT));
    buf_clear(&b);
    wire_put_progress(&b, &(wire_progress){1, 2, 3, 4});
    cr_expect(eq(int, read_sample(b.data, b.len, &complete), ERR_INPUT));
    buf_free(&b);
}

/* --- pipes --- */

Test(wire, a_frame_may_come_byte_by_byte)
{
    int fd[2];
    buf b = {0};
    put_sample(&b);
    cr_assert(zero(int, pipe(fd)));
    wire_reader r = {0};
    wire_frame f;
    bool have = false, end = false;
    for (size_t i = 0; i < b.len; i++) {
        cr_assert(not(have));
        cr_assert(eq(int, (int)write(fd[1], b.data + i, 1), 1));
        cr_assert(eq(int, wire_fill(&r, fd[0], &end, NULL), OK));
        cr_assert(eq(int, wire_next(&r, &f, &have, NULL), OK));
    }
    cr_expect(have);
    cr_assert(eq(int, (int)write(fd[1], b.data, 20), 20));
    close(fd[1]);
    cr_assert(eq(int, wire_fill(&r, fd[0], &end, NULL), OK));
    cr_assert(eq(int, wire_fill(&r, fd[0], &end, NULL), ERR_INPUT));
    cr_expect(end);
    close(fd[0]);
    wire_reader_free(&r);
    buf_free(&b);
}

Test(wire, a_full_pipe_takes_the_rest_later)
{
    int fd[2];
    cr_assert(zero(int, pipe(fd)));
    cr_assert(zero(int, fcntl(fd[1], F_SETFL, O_NONBLOCK)));
    buf b = {0};
    size_t sent = 0, frames = 0;
    for (int i = 0; i < 2000; i++) put_sample(&b);
    wire_reader r = {0};
    bool have, end = false;
    cr_assert(eq(int, wire_write(fd[1], &b, &sent, NULL), OK));
    cr_assert(sent > 0 && sent < b.len, "the pipe took everything at once");
    while (frames < 2000) {
        wire_frame f;
        cr_assert(eq(int, wire_fill(&r, fd[0], &end, NULL), OK));
        while (wire_next(&r, &f, &have, NULL) == OK && have) frames++;
        cr_assert(eq(int, wire_write(fd[1], &b, &sent, NULL), OK));
    }
    cr_expect(eq(sz, b.len, 0));
    close(fd[0]);
    close(fd[1]);
    wire_reader_free(&r);
    buf_free(&b);
}

Test(wire, nobody_listening_is_an_error)
{
    int fd[2];
    buf b = {0};
    size_t sent = 0;
    signal(SIGPIPE, SIG_IGN);
    cr_assert(zero(int, pipe(fd)));
    close(fd[0]);
    put_sample(&b);
    cr_expect(eq(int, wire_write(fd[1], &b, &sent, NULL), ERR_IO));
    close(fd[1]);
    buf_free(&b);
}

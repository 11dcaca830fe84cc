/* Any bytes as a search space. Beyond not crashing: either something is reported or a space comes out,
 * and a candidate's configuration, written as a space of its own, gives that configuration again. */
#include "search/candidate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const space_options options = {.data = "/nowhere", .architectures = "spaces/architectures"};

/* The configuration of a candidate; false when a condition cannot be evaluated. */
static bool put_config(const space *s, int64_t candidate, buf *b)
{
    value slots[N_SLOTS];
    digits d = candidate_digits(s, candidate);
    memcpy(slots, s->base, sizeof slots);
    return candidate_fill(s, &d, slots, NULL) == OK &&
           candidate_put_config(s, slots, "", NULL, b, NULL) == OK;
}

/* A configuration has hashes of what lies outside, not names, and cannot be read back. */
static bool names_outside(const char *config)
{
    return strstr(config, "\"source\":\"jena-csv\"") ||
           strstr(config, "\"source\":\"speech-folders\"");
}

/* The space that has this candidate only: `net`, a hash of the network, is no setting. */
static void put_space(const char *config, buf *b)
{
    const char *net = strstr(config, ",\"net\":\""), *rest = net + strlen(",\"net\":\"") + 32 + 1;
    buf_text(b, "{\"space\":1,\"objectives\":{\"size\":\"minimize\"},");
    buf_put(b, config + 1, (size_t)(net - config) - 1);
    buf_text(b, rest);
}

static void check_candidate(const space *s, int64_t candidate)
{
    arena a;
    diag d;
    buf config = {0}, text = {0}, again = {0};
    arena_init(&a, 64 << 20);
    diag_init(&d, &a);
    if (put_config(s, candidate, &config) && !names_outside(config.data)) {
        put_space(config.data, &text);
        space *back = space_parse(&a, s->path, text.data, text.len, &options, &d);
        if (!back || space_size(back) != 1 || !put_config(back, 0, &again)) abort();
        if (strcmp(config.data, again.data) != 0) abort();
    }
    buf_free(&config);
    buf_free(&text);
    buf_free(&again);
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    arena a;
    diag d;
    arena_init(&a, 256 << 20);
    diag_init(&d, &a);
    space *s = space_parse(&a, "fuzz.yaml", (const char *)bytes, n, &options, &d);
    if ((s == NULL) != (d.total > 0)) abort();
    if (s) {
        check_candidate(s, 0);
        check_candidate(s, space_size(s) / 2);
        check_candidate(s, space_size(s) - 1);
    }
    arena_free(&a);
    return 0;
}

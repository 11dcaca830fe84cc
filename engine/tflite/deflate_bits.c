/* A decoder that never writes what it decodes: only how long each code is and how many bytes it
 * stands for matter. Codes are canonical: those of one length are consecutive numbers, so a code is
 * found by comparing with the first number of each length, a bit at a time. */
#include "engine/tflite/deflate_bits.h"

#include <stdbool.h>
#include <string.h>

/* Of the fixed code's 288 literals and lengths the last two stand for nothing; a code table of a
 * block's own may not hold them. */
enum {
    MAX_BITS = 15,
    N_LITERALS = 288,
    MOST_LITERALS = 286,
    N_DISTANCES = 32,
    N_LENGTH_CODES = 19
};

typedef struct {
    const uint8_t *bytes;
    size_t n, at; /* in bits */
    bool broken;
    deflate_bits *out;
    size_t n_written;
} tracer;

typedef struct {
    uint16_t count[MAX_BITS + 1]; /* codes of each length */
    uint16_t symbol[N_LITERALS];  /* in the order of their codes */
} code_table;

static unsigned take(tracer *t, unsigned n)
{
    unsigned v = 0;
    for (unsigned i = 0; i < n; i++, t->at++) {
        if (t->at >= t->n) {
            t->broken = true;
            return 0;
        }
        v |= ((unsigned)t->bytes[t->at / 8] >> (t->at % 8) & 1U) << i;
    }
    return v;
}

static void make_table(code_table *c, const uint8_t *length, int n)
{
    uint16_t next[MAX_BITS + 2] = {0};
    memset(c, 0, sizeof *c);
    for (int i = 0; i < n; i++) c->count[length[i]]++;
    c->count[0] = 0;
    for (int b = 1; b <= MAX_BITS; b++) next[b + 1] = (uint16_t)(next[b] + c->count[b]);
    for (int i = 0; i < n; i++)
        if (length[i]) c->symbol[next[length[i]]++] = (uint16_t)i;
}

static int decode(tracer *t, const code_table *c)
{
    int code = 0, first = 0, index = 0;
    for (int b = 1; b <= MAX_BITS; b++) {
        code |= (int)take(t, 1);
        const int count = c->count[b];
        if (t->broken) return 0;
        if (code - first < count) return c->symbol[index + code - first];
        index += count;
        first = (first + count) << 1;
        code <<= 1;
    }
    t->broken = true;
    return 0;
}

/* `bits` for the next `n` bytes, to each its share. */
static void spend(tracer *t, size_t bits, size_t n)
{
    if (n > t->out->n - t->n_written) {
        t->broken = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        t->out->bits[t->n_written + i] = (uint8_t)((i + 1) * bits / n - i * bits / n);
    t->n_written += n;
}

static void trace_stored(tracer *t)
{
    const size_t start = t->at;
    t->at = (t->at + 7) / 8 * 8;
    const unsigned n = take(t, 16), check = take(t, 16);
    if (t->broken || n != (check ^ 0xffffU) || t->n - t->at < 8 * (size_t)n) {
        t->broken = true;
        return;
    }
    t->out->table_bits += t->at - start;
    spend(t, 8 * (size_t)n, n);
    t->at += 8 * (size_t)n;
}

static void trace_codes(tracer *t, const code_table *literals, const code_table *distances)
{
    static const uint16_t base[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                    31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t extra[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                    2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    while (!t->broken) {
        const size_t start = t->at;
        const int symbol = decode(t, literals), k = symbol - 257;
        if (symbol == 256) {
            t->out->table_bits += t->at - start;
            return;
        }
        if (symbol < 256) {
            spend(t, t->at - start, 1);
            continue;
        }
        if (k >= (int)sizeof extra) {
            t->broken = true;
            return;
        }
        const size_t n = base[k] + take(t, extra[k]);
        const int distance = decode(t, distances);
        if (distance >= 30) t->broken = true;
        if (distance >= 4) take(t, (unsigned)distance / 2 - 1);
        if (!t->broken) spend(t, t->at - start, n);
    }
}

static void trace_fixed(tracer *t)
{
    code_table literals, distances;
    uint8_t length[N_LITERALS];
    for (int i = 0; i < N_LITERALS; i++)
        length[i] = (uint8_t)(i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8);
    make_table(&literals, length, N_LITERALS);
    memset(length, 5, N_DISTANCES);
    make_table(&distances, length, N_DISTANCES);
    trace_codes(t, &literals, &distances);
}

/* The lengths of both tables' codes, themselves coded; 16, 17, 18 repeat. */
static void read_lengths(tracer *t, const code_table *c, uint8_t *length, int n)
{
    for (int i = 0; i < n && !t->broken;) {
        const int symbol = decode(t, c);
        uint8_t what = 0;
        int times = 1;
        if (symbol < 16) what = (uint8_t)symbol;
        if (symbol == 16 && i == 0) t->broken = true;
        if (symbol == 16 && i > 0) what = length[i - 1];
        if (symbol == 16) times = 3 + (int)take(t, 2);
        if (symbol == 17) times = 3 + (int)take(t, 3);
        if (symbol == 18) times = 11 + (int)take(t, 7);
        if (times > n - i) t->broken = true;
        for (; times > 0 && !t->broken; times--) length[i++] = what;
    }
}

static void trace_dynamic(tracer *t)
{
    static const uint8_t order[N_LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                  11, 4,  12, 3, 13, 2, 14, 1, 15};
    const size_t start = t->at;
    code_table literals, distances;
    uint8_t length[N_LITERALS + N_DISTANCES] = {0};
    const int n_literals = 257 + (int)take(t, 5), n_distances = 1 + (int)take(t, 5);
    const int n_codes = 4 + (int)take(t, 4);
    if (n_literals > MOST_LITERALS) {
        t->broken = true;
        return;
    }
    for (int i = 0; i < n_codes; i++) length[order[i]] = (uint8_t)take(t, 3);
    make_table(&literals, length, N_LENGTH_CODES);
    memset(length, 0, sizeof length);
    read_lengths(t, &literals, length, n_literals + n_distances);
    if (t->broken) return;
    make_table(&literals, length, n_literals);
    make_table(&distances, length + n_literals, n_distances);
    t->out->table_bits += t->at - start;
    trace_codes(t, &literals, &distances);
}

status deflate_bits_trace(arena *a, const void *stream, size_t n, size_t n_out, deflate_bits *out,
                          size_t *used, err *e)
{
    *out = (deflate_bits){.n = n_out, .bits = ARENA_NEW(a, uint8_t, n_out + 1)};
    tracer t = {.bytes = stream, .n = 8 * n, .out = out};
    if (!out->bits) return FAIL(e, ERR_MEM, "out of memory for the bits of %zu bytes", n_out);
    for (bool last = false; !last && !t.broken;) {
        last = take(&t, 1);
        const unsigned kind = take(&t, 2);
        out->table_bits += 3;
        if (kind == 0) trace_stored(&t);
        if (kind == 1) trace_fixed(&t);
        if (kind == 2) trace_dynamic(&t);
        if (kind == 3) t.broken = true;
    }
    if (t.broken || t.n_written != n_out)
        return FAIL(e, ERR_INPUT, "damaged file: its deflate stream is broken");
    *used = (t.at + 7) / 8;
    out->table_bits += 8 * *used - t.at;
    return OK;
}

/* Layout. Integers are little-endian; u32 and u64 are unsigned, f64 is the bit pattern of an IEEE
 * 754 double, `text` is u32 length and that many bytes without a NUL, `key` is 32 lower-case
 * hexadecimal digits.
 *
 *   frame     u32 magic "PTWF"  u32 version (1)  u32 type  u32 length  then `length` bytes of
 * payload
 *
 *   hello     u64 pid  text version  text compiler  text cpu  text kernels  text blas  text system
 *   job       u64 ticket  u32 kind  key  text params  text input  text folder
 *             u32 n_parents (0..3)  n_parents x key
 *   progress  u64 ticket  f64 done  f64 total  f64 figure
 *   result    u64 ticket  u64 artifact_bytes  key artifact_hash
 *             u32 n_metrics (0..40)  n_metrics x { text name (1..31 bytes)  f64 value }
 *             text detail  f64 cpu_seconds  f64 wall_seconds
 *   failure   u64 ticket  text word (err_word)  text sentence
 *
 * Binary and not JSON, so that a double arrives with the bits it left with (NaN included) and the
 * reader is a straight line. Both ends are one program; the version guards against a launcher that
 * starts another build. A key that is not set (all NUL) travels as 32 zeros. */
#include "search/wire.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { MAGIC = 0x46575450, KEY_DIGITS = HASH_TEXT - 1, READ_PIECE = 1 << 16 };

static const char *type_name(wire_type type)
{
    static const char *const names[WIRE_TYPES_END] = {
        [WIRE_HELLO] = "hello",   [WIRE_JOB] = "job",         [WIRE_PROGRESS] = "progress",
        [WIRE_RESULT] = "result", [WIRE_FAILURE] = "failure",
    };
    return type > 0 && type < WIRE_TYPES_END ? names[type] : "unknown";
}

/* --- writing --- */

static size_t open_frame(buf *b, wire_type type)
{
    size_t start = b->len;
    buf_u32(b, MAGIC);
    buf_u32(b, WIRE_VERSION);
    buf_u32(b, (uint32_t)type);
    buf_u32(b, 0);
    return start;
}

/* The length is known only now. */
static void close_frame(buf *b, size_t start)
{
    if (b->failed) return;
    size_t n = b->len - start - WIRE_HEADER;
    if (n > WIRE_MAX_PAYLOAD) {
        b->failed = true;
        return;
    }
    for (size_t i = 0; i < 4; i++)
        b->data[start + WIRE_HEADER - 4 + i] = (char)(unsigned char)(n >> (8 * i));
}

static void put_f64(buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    buf_u64(b, bits);
}

static void put_bytes(buf *b, const char *bytes, size_t n)
{
    buf_u32(b, (uint32_t)n);
    buf_put(b, bytes, n);
}

static void put_text(buf *b, const char *text)
{
    put_bytes(b, text ? text : "", text ? strlen(text) : 0);
}

static void put_key(buf *b, const hash *key)
{
    if (key->text[0])
        buf_put(b, key->text, KEY_DIGITS);
    else
        buf_text(b, "00000000000000000000000000000000");
}

void wire_put_hello(buf *b, const wire_hello *m)
{
    size_t start = open_frame(b, WIRE_HELLO);
    buf_u64(b, m->pid);
    put_text(b, m->made_by.version);
    put_text(b, m->made_by.compiler);
    put_text(b, m->made_by.cpu);
    put_text(b, m->made_by.kernels);
    put_text(b, m->made_by.blas);
    put_text(b, m->made_by.system);
    close_frame(b, start);
}

void wire_put_job(buf *b, const wire_job *m)
{
    const stage_request *rq = &m->request;
    size_t start = open_frame(b, WIRE_JOB);
    buf_u64(b, m->ticket);
    buf_u32(b, (uint32_t)rq->kind);
    put_key(b, &rq->key);
    put_text(b, rq->params);
    put_text(b, rq->input);
    put_text(b, rq->folder);
    buf_u32(b, (uint32_t)rq->n_parents);
    for (int i = 0; i < rq->n_parents; i++) put_key(b, &rq->parent[i]);
    close_frame(b, start);
}

void wire_put_progress(buf *b, const wire_progress *m)
{
    size_t start = open_frame(b, WIRE_PROGRESS);
    buf_u64(b, m->ticket);
    put_f64(b, m->done);
    put_f64(b, m->total);
    put_f64(b, m->figure);
    close_frame(b, start);
}

void wire_put_result(buf *b, const wire_result *m)
{
    const stage_result *r = &m->result;
    size_t start = open_frame(b, WIRE_RESULT);
    buf_u64(b, m->ticket);
    buf_u64(b, r->artifact_bytes);
    put_key(b, &r->artifact_hash);
    buf_u32(b, (uint32_t)r->n_metrics);
    for (int i = 0; i < r->n_metrics; i++) {
        put_text(b, r->metric[i].name);
        put_f64(b, r->metric[i].value);
    }
    put_bytes(b, r->detail.data, r->detail.len);
    put_f64(b, r->cpu_seconds);
    put_f64(b, r->wall_seconds);
    close_frame(b, start);
}

void wire_put_failure(buf *b, const wire_failure *m)
{
    size_t start = open_frame(b, WIRE_FAILURE);
    buf_u64(b, m->ticket);
    put_text(b, err_word(m->code));
    put_text(b, m->text);
    close_frame(b, start);
}

/* --- reading --- */

/* What is left of a payload. After the first thing that does not fit, `bad` holds and every further
 * read gives zeros: one check at the end is enough. */
typedef struct {
    const unsigned char *p;
    size_t left;
    bool bad;
} cursor;

static const unsigned char *get_bytes(cursor *c, size_t n)
{
    if (c->bad || n > c->left) {
        c->bad = true;
        return NULL;
    }
    const unsigned char *p = c->p;
    c->p += n;
    c->left -= n;
    return p;
}

static uint64_t get_integer(cursor *c, size_t n)
{
    const unsigned char *p = get_bytes(c, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static uint64_t get_u64(cursor *c)
{
    return get_integer(c, 8);
}

/* A count or a choice: at most `most`. */
static int get_small(cursor *c, unsigned most)
{
    uint64_t v = get_integer(c, 4);
    if (v > most) c->bad = true;
    return c->bad ? 0 : (int)v;
}

static double get_f64(cursor *c)
{
    uint64_t bits = get_u64(c);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* A text's bytes (not NUL-terminated), at most `most` of them. */
static const char *get_text(cursor *c, size_t most, size_t *n)
{
    *n = (size_t)get_integer(c, 4);
    if (*n > most) c->bad = true;
    const unsigned char *p = get_bytes(c, *n);
    if (p && memchr(p, 0, *n)) c->bad = true;
    if (c->bad) *n = 0;
    return c->bad ? "" : (const char *)p;
}

static void get_field(cursor *c, char *field, size_t size)
{
    size_t n;
    const char *text = get_text(c, size - 1, &n);
    memcpy(field, text, n);
    field[n] = '\0';
}

static const char *get_string(cursor *c, arena *a)
{
    size_t n;
    const char *text = get_text(c, WIRE_MAX_PAYLOAD, &n);
    return arena_copy(a, text, n);
}

static hash get_key(cursor *c)
{
    hash key = {0};
    const unsigned char *p = get_bytes(c, KEY_DIGITS);
    if (!p) return key;
    for (int i = 0; i < KEY_DIGITS; i++)
        if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f'))) c->bad = true;
    if (!c->bad) memcpy(key.text, p, KEY_DIGITS);
    return key;
}

static status start_payload(const wire_frame *f, wire_type type, cursor *c, err *e)
{
    if (f->type != type)
        return FAIL(e, ERR_INPUT, "message: expected '%s', got '%s'", type_name(type),
                    type_name(f->type));
    *c = (cursor){(const unsigned char *)f->bytes, f->n, false};
    return OK;
}

static status end_payload(const cursor *c, wire_type type, err *e)
{
    if (c->bad || c->left)
        return FAIL(e, ERR_INPUT, "message: malformed '%s' frame", type_name(type));
    return OK;
}

status wire_get_hello(const wire_frame *f, wire_hello *out, err *e)
{
    cursor c = {0};
    *out = (wire_hello){0};
    TRY(start_payload(f, WIRE_HELLO, &c, e));
    stage_provenance *m = &out->made_by;
    out->pid = get_u64(&c);
    get_field(&c, m->version, sizeof m->version);
    get_field(&c, m->compiler, sizeof m->compiler);
    get_field(&c, m->cpu, sizeof m->cpu);
    get_field(&c, m->kernels, sizeof m->kernels);
    get_field(&c, m->blas, sizeof m->blas);
    get_field(&c, m->system, sizeof m->system);
    return end_payload(&c, WIRE_HELLO, e);
}

status wire_get_job(const wire_frame *f, arena *a, wire_job *out, err *e)
{
    cursor c = {0};
    *out = (wire_job){0};
    TRY(start_payload(f, WIRE_JOB, &c, e));
    stage_request *rq = &out->request;
    out->ticket = get_u64(&c);
    rq->kind = (stage_kind)get_small(&c, N_STAGE_KINDS - 1);
    rq->key = get_key(&c);
    rq->params = get_string(&c, a);
    rq->input = get_string(&c, a);
    rq->folder = get_string(&c, a);
    rq->n_parents = get_small(&c, STAGE_MAX_PARENTS);
    for (int i = 0; i < rq->n_parents; i++) rq->parent[i] = get_key(&c);
    TRY(end_payload(&c, WIRE_JOB, e));
    if (!rq->params || !rq->input || !rq->folder)
        return FAIL(e, ERR_MEM, "message: out of memory for a job of %zu bytes", f->n);
    return OK;
}

status wire_get_progress(const wire_frame *f, wire_progress *out, err *e)
{
    cursor c = {0};
    *out = (wire_progress){0};
    TRY(start_payload(f, WIRE_PROGRESS, &c, e));
    out->ticket = get_u64(&c);
    out->done = get_f64(&c);
    out->total = get_f64(&c);
    out->figure = get_f64(&c);
    return end_payload(&c, WIRE_PROGRESS, e);
}

status wire_get_result(const wire_frame *f, wire_result *out, err *e)
{
    cursor c = {0};
    *out = (wire_result){0};
    TRY(start_payload(f, WIRE_RESULT, &c, e));
    stage_result *r = &out->result;
    out->ticket = get_u64(&c);
    r->artifact_bytes = get_u64(&c);
    r->artifact_hash = get_key(&c);
    r->n_metrics = get_small(&c, STAGE_MAX_METRICS);
    for (int i = 0; i < r->n_metrics; i++) {
        get_field(&c, r->metric[i].name, sizeof r->metric[i].name);
        if (!r->metric[i].name[0]) c.bad = true;
        r->metric[i].value = get_f64(&c);
    }
    size_t n;
    const char *detail = get_text(&c, WIRE_MAX_PAYLOAD, &n);
    r->cpu_seconds = get_f64(&c);
    r->wall_seconds = get_f64(&c);
    TRY(end_payload(&c, WIRE_RESULT, e));
    buf_put(&r->detail, detail, n);
    return buf_check(&r->detail, e);
}

status wire_get_failure(const wire_frame *f, wire_failure *out, err *e)
{
    cursor c = {0};
    char word[16];
    *out = (wire_failure){0};
    TRY(start_payload(f, WIRE_FAILURE, &c, e));
    out->ticket = get_u64(&c);
    get_field(&c, word, sizeof word);
    get_field(&c, out->text, sizeof out->text);
    out->code = err_from_word(word);
    if (out->code == OK) c.bad = true;
    return end_payload(&c, WIRE_FAILURE, e);
}

/* --- the stream --- */

void wire_reader_free(wire_reader *r)
{
    buf_free(&r->pending);
    *r = (wire_reader){0};
}

static status check_header(cursor *c, wire_frame *out, err *e)
{
    uint64_t magic = get_integer(c, 4), version = get_integer(c, 4), type = get_integer(c, 4);
    uint64_t length = get_integer(c, 4);
    if (magic != MAGIC) return FAIL(e, ERR_INPUT, "message: these bytes are not a paretune frame");
    if (version != WIRE_VERSION)
        return FAIL(e, ERR_INPUT, "message: protocol %u, expected %d: two different builds?",
                    (unsigned)version, WIRE_VERSION);
    if (type == 0 || type >= WIRE_TYPES_END)
        return FAIL(e, ERR_INPUT, "message: unknown type %u", (unsigned)type);
    if (length > WIRE_MAX_PAYLOAD)
        return FAIL(e, ERR_INPUT, "message: %u bytes are over the limit of %d", (unsigned)length,
                    WIRE_MAX_PAYLOAD);
    *out = (wire_frame){(wire_type)type, (const char *)c->p, (size_t)length};
    return OK;
}

status wire_next(wire_reader *r, wire_frame *out, bool *have, err *e)
{
    *have = false;
    size_t left = r->pending.len - r->taken;
    if (left < WIRE_HEADER) return OK;
    cursor c = {(const unsigned char *)r->pending.data + r->taken, left, false};
    TRY(check_header(&c, out, e));
    if (c.left < out->n) return OK;
    r->taken += WIRE_HEADER + out->n;
    *have = true;
    return OK;
}

/* Moves the unused rest to the front, so that the buffer stays as small as its largest frame. */
static void drop_taken(wire_reader *r)
{
    if (r->taken == 0) return;
    size_t left = r->pending.len - r->taken;
    memmove(r->pending.data, r->pending.data + r->taken, left + 1);
    r->pending.len = left;
    r->taken = 0;
}

status wire_fill(wire_reader *r, int fd, bool *end, err *e)
{
    char piece[READ_PIECE];
    ssize_t n;
    *end = false;
    do {
        n = read(fd, piece, sizeof piece);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return OK;
    if (n < 0) return FAIL(e, ERR_IO, "message: read error: %s", strerror(errno));
    drop_taken(r);
    if (n == 0) {
        *end = true;
        return r->pending.len ? FAIL(e, ERR_INPUT, "message: the stream ended inside a frame") : OK;
    }
    buf_put(&r->pending, piece, (size_t)n);
    return buf_check(&r->pending, e);
}

status wire_write(int fd, buf *b, size_t *sent, err *e)
{
    TRY(buf_check(b, e));
    while (*sent < b->len) {
        ssize_t n = write(fd, b->data + *sent, b->len - *sent);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return OK;
        if (n < 0) return FAIL(e, ERR_IO, "message: write error: %s", strerror(errno));
        *sent += (size_t)n;
    }
    buf_clear(b);
    *sent = 0;
    return OK;
}

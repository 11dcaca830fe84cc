#include "engine/data/clip_set.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "engine/base/half.h"

enum { LINE = 64, HEADER = 128, N_FIELDS = 15, N_ARRAYS = 4 };

#define WAVE_SCALE 32768.0f

/* The mapping is used as it lies. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "clip sets are little-endian");

typedef enum {
    F_STORAGE,
    F_RANK,
    F_DIM, /* 4 fields */
    F_N = F_DIM + 4,
    F_WORDS,
    F_SPEAKERS,
    F_BAD,
    F_FIRST,
    F_COUNT,
    F_SOURCE_N,
    F_TEXT
} field;

static const char magic[] = "ptclips1";

static size_t round_up(size_t n)
{
    return (n + LINE - 1) / LINE * LINE;
}

static size_t value_bytes(clip_storage storage)
{
    return storage == CLIP_FLOAT32 ? 4 : 2;
}

/* --- writing --- */

typedef struct {
    clip_storage storage;
    shape in;
    uint32_t n_words, n_speakers, n_bad, first, count, source_n;
    buf text; /* settings, words */
    buf bad;
    buf array[N_ARRAYS]; /* label, speaker, part, index */
} draft;

static void draft_free(draft *d)
{
    buf_free(&d->text);
    buf_free(&d->bad);
    for (int i = 0; i < N_ARRAYS; i++) buf_free(&d->array[i]);
}

static void pad(buf *out, size_t start)
{
    size_t n = out->len - start;
    buf_zeros(out, round_up(n) - n);
}

static void put_header(const draft *d, buf *out)
{
    uint32_t f[N_FIELDS] = {[F_STORAGE] = (uint32_t)d->storage,
                            [F_RANK] = (uint32_t)d->in.rank,
                            [F_N] = (uint32_t)(d->array[0].len / sizeof(int32_t)),
                            [F_WORDS] = d->n_words,
                            [F_SPEAKERS] = d->n_speakers,
                            [F_BAD] = d->n_bad,
                            [F_FIRST] = d->first,
                            [F_COUNT] = d->count,
                            [F_SOURCE_N] = d->source_n,
                            [F_TEXT] = (uint32_t)(d->text.len + d->bad.len)};
    for (int i = 0; i < d->in.rank; i++) f[F_DIM + i] = (uint32_t)d->in.dim[i];
    buf_put(out, magic, 8);
    for (int i = 0; i < N_FIELDS; i++) buf_u32(out, f[i]);
}

/* All that comes before the features. */
static status put_draft(const draft *d, buf *out, err *e)
{
    size_t start = out->len;
    if (d->text.len + d->bad.len > INT_MAX)
        return FAIL(e, ERR_INPUT, "too many bad clips to name: %zu bytes of text", d->bad.len);
    put_header(d, out);
    pad(out, start);
    buf_put(out, d->text.data, d->text.len);
    if (d->bad.len) buf_put(out, d->bad.data, d->bad.len);
    pad(out, start);
    for (int i = 0; i < N_ARRAYS; i++) {
        TRY(buf_check(&d->array[i], e));
        if (d->array[i].len) buf_put(out, d->array[i].data, d->array[i].len);
        pad(out, start);
    }
    TRY(buf_check(&d->text, e));
    TRY(buf_check(&d->bad, e));
    return buf_check(out, e);
}

/* --- building --- */

typedef struct {
    const clips *c;
    const clip_set_options *o;
    audio_options audio;
    feature_plan plan;
    float *x, *y;
    void *stored; /* one clip as it is stored */
    arena *a;
    draft d;
    buf features;
    err *e;
} builder;

static void put_texts(builder *b)
{
    buf *text = &b->d.text;
    const feature_settings *s = &b->o->features;
    if (b->o->storage == CLIP_INT16)
        buf_printf(text, "{\"kind\":\"waveform\",\"clip_rate\":%d,\"clip_samples\":%d}",
                   s->clip_rate, s->clip_samples);
    else
        feature_put_json(text, &b->plan.s);
    buf_char(text, '\0');
    for (int w = 0; w < b->c->n_words; w++) buf_put(text, b->c->word[w], strlen(b->c->word[w]) + 1);
}

static status start_builder(builder *b)
{
    const feature_settings *s = &b->o->features;
    b->d.storage = b->o->storage;
    b->d.in = (shape){1, {s->clip_samples}};
    if (b->o->storage != CLIP_INT16) {
        TRY(feature_plan_make(&b->plan, s, b->a, b->e));
        b->d.in = b->plan.out;
    }
    int n = shape_size(b->d.in);
    b->audio = (audio_options){s->full_scale, b->o->mix_down, b->o->only_16bit};
    b->x = ARENA_NEW(b->a, float, s->clip_samples);
    b->y = ARENA_NEW(b->a, float, n);
    b->stored = ARENA_NEW(b->a, float, n);
    if (!b->x || !b->y || !b->stored) return FAIL(b->e, ERR_MEM, "out of memory for features");
    b->d.n_words = (uint32_t)b->c->n_words;
    b->d.n_speakers = (uint32_t)b->c->n_speakers;
    b->d.source_n = (uint32_t)b->c->n;
    put_texts(b);
    return OK;
}

static void put_i32(buf *b, int v)
{
    buf_u32(b, (uint32_t)v);
}

static status check_range(const builder *b, int i)
{
    float most = b->o->storage == CLIP_FLOAT16 ? (float)HALF_MAX : 3.4e38f;
    for (int k = 0; k < shape_size(b->d.in); k++)
        if (!(fabsf(b->y[k]) <= most))
            return FAIL(b->e, ERR_NUM, "%s: feature %d is %g, which %s cannot hold",
                        b->c->clip[i].name, k, (double)b->y[k],
                        b->o->storage == CLIP_FLOAT16 ? "float16" : "float32");
    return OK;
}

static status put_features(builder *b, int i)
{
    int n = shape_size(b->d.in);
    feature_run(&b->plan, b->y, b->x);
    TRY(check_range(b, i));
    if (b->o->storage == CLIP_FLOAT16)
        for (int k = 0; k < n; k++) ((uint16_t *)b->stored)[k] = half_round(b->y[k]);
    else
        memcpy(b->stored, b->y, (size_t)n * sizeof *b->y);
    return OK;
}

static void put_wave(builder *b)
{
    int16_t *q = b->stored;
    for (int k = 0; k < shape_size(b->d.in); k++)
        q[k] = (int16_t)fminf(fmaxf(rintf(b->x[k] * WAVE_SCALE), -WAVE_SCALE), WAVE_SCALE - 1);
}

static status put_clip(builder *b, int i)
{
    const clip *k = &b->c->clip[i];
    if (b->o->storage == CLIP_INT16)
        put_wave(b);
    else
        TRY(put_features(b, i));
    buf_put(&b->features, b->stored, (size_t)shape_size(b->d.in) * value_bytes(b->o->storage));
    put_i32(&b->d.array[0], k->label);
    put_i32(&b->d.array[1], k->speaker);
    put_i32(&b->d.array[2], (int)k->part);
    put_i32(&b->d.array[3], i);
    return OK;
}

/* A clip that cannot be used: a line in the set, or the end of the build. The line leaves out the
 * folder, so that the same recordings give the same bytes wherever they lie. */
static status bad_clip(builder *b, int i, audio_fault fault, const err *why)
{
    if (!b->o->skip_bad) return FAIL(b->e, why->code, "%s", why->msg);
    const char *name = b->c->clip[i].name, *at = strstr(why->msg, name), *reason = why->msg;
    if (at && strncmp(at + strlen(name), ": ", 2) == 0) reason = at + strlen(name) + 2;
    buf_printf(&b->d.bad, "%s\t%s\t%s", name, audio_fault_name(fault), reason);
    buf_char(&b->d.bad, '\0');
    b->d.n_bad++;
    return OK;
}

static status build_range(builder *b, int first, int count)
{
    const feature_settings *s = &b->o->features;
    b->d.first = (uint32_t)first;
    b->d.count = (uint32_t)count;
    for (int i = first; i < first + count; i++) {
        audio_fault fault = AUDIO_FINE;
        err why = {0};
        status st = b->c->samples(b->c, i, &b->audio, s->clip_rate, b->x, s->clip_samples, b->a,
                                  &fault, &why);
        if (st == OK)
            TRY(put_clip(b, i));
        else if (st == ERR_INPUT && fault != AUDIO_UNREADABLE)
            TRY(bad_clip(b, i, fault, &why));
        else
            return FAIL(b->e, st == ERR_INPUT ? ERR_STATE : st, "%s", why.msg);
    }
    return OK;
}

status clip_set_build(const clips *c, const clip_set_options *o, int first, int count, arena *a,
                      buf *out, err *e)
{
    if (first < 0 || count < 0 || first > c->n || count > c->n - first)
        return FAIL(e, ERR_ARG, "clips %d to %d of %d", first, first + count, c->n);
    arena_mark_t mark = arena_mark(a);
    builder b = {.c = c, .o = o, .a = a, .e = e};
    status s = start_builder(&b);
    if (s == OK) s = build_range(&b, first, count);
    if (s == OK && count == c->n && b.d.array[0].len == 0)
        s = FAIL(e, ERR_INPUT, "none of the %d clips can be used; the first: %s", c->n,
                 b.d.bad.data ? b.d.bad.data : "there is none");
    if (s == OK) s = put_draft(&b.d, out, e);
    if (s == OK) s = buf_check(&b.features, e);
    if (s == OK && b.features.len) buf_put(out, b.features.data, b.features.len);
    buf_free(&b.features);
    draft_free(&b.d);
    arena_release(a, mark);
    if (s == OK) s = buf_check(out, e);
    return s;
}

/* --- reading --- */

typedef struct {
    const char *bytes, *name;
    size_t n, at;
    err *e;
} cursor;

/* The next section of `n` bytes; NULL beyond the end of the file. */
static const void *section(cursor *c, size_t n)
{
    if (c->at > c->n || n > c->n - c->at) return NULL;
    const void *p = c->bytes + c->at;
    c->at += round_up(n);
    return p;
}

static status damaged(const cursor *c, const char *what)
{
    return FAIL(c->e, ERR_INPUT, "%s: not a set of clips: %s", c->name, what);
}

/* Every number of the header within its bounds, so that no product below can overflow. */
static status read_header(clip_set *s, const cursor *c, size_t *text_bytes)
{
    uint32_t f[N_FIELDS];
    if (c->n < HEADER || memcmp(c->bytes, magic, 8) != 0)
        return damaged(c, "it does not begin as one");
    memcpy(f, c->bytes + 8, sizeof f);
    for (int i = 0; i < N_FIELDS; i++)
        if (f[i] > INT_MAX) return damaged(c, "a number in its header is out of range");
    if (f[F_STORAGE] >= N_CLIP_STORAGES) return damaged(c, "unknown storage");
    if (f[F_RANK] < 1 || f[F_RANK] > SHAPE_MAX) return damaged(c, "impossible shape");
    s->storage = (clip_storage)f[F_STORAGE];
    s->in.rank = (int)f[F_RANK];
    int64_t size = 1;
    for (int i = 0; i < s->in.rank; i++) {
        if (f[F_DIM + i] < 1) return damaged(c, "impossible shape");
        s->in.dim[i] = (int)f[F_DIM + i];
        size *= s->in.dim[i];
        if (size > (1 << 28)) return damaged(c, "impossible shape");
    }
    if (f[F_N] > CLIPS_MAX || f[F_SOURCE_N] > CLIPS_MAX) return damaged(c, "too many clips");
    if (f[F_WORDS] < 1 || f[F_WORDS] > CLIPS_MAX_WORDS)
        return damaged(c, "impossible number of words");
    if (f[F_FIRST] > f[F_SOURCE_N] || f[F_COUNT] > f[F_SOURCE_N] - f[F_FIRST] ||
        f[F_N] > f[F_COUNT] || f[F_BAD] != f[F_COUNT] - f[F_N])
        return damaged(c, "its counts contradict each other");
    s->n = (int)f[F_N];
    s->n_words = (int)f[F_WORDS];
    s->n_speakers = (int)f[F_SPEAKERS];
    s->n_bad = (int)f[F_BAD];
    s->first = (int)f[F_FIRST];
    s->count = (int)f[F_COUNT];
    s->source_n = (int)f[F_SOURCE_N];
    *text_bytes = f[F_TEXT];
    return OK;
}

/* `n` strings from *text on; moves *text behind them. */
static bool skip_strings(const char **text, const char *end, int n)
{
    for (int i = 0; i < n; i++) {
        const char *nul = memchr(*text, '\0', (size_t)(end - *text));
        if (!nul) return false;
        *text = nul + 1;
    }
    return true;
}

static status read_text(clip_set *s, cursor *c, size_t n)
{
    const char *text = section(c, n);
    if (!text) return damaged(c, "it ends early");
    const char *end = text + n;
    s->settings = text;
    if (!skip_strings(&text, end, 1)) return damaged(c, "its text has no end");
    s->words = text;
    if (!skip_strings(&text, end, s->n_words)) return damaged(c, "its words have no end");
    s->bad = text;
    if (!skip_strings(&text, end, s->n_bad) || text != end)
        return damaged(c, "its list of bad clips does not fit");
    return OK;
}

static status check_arrays(clip_set *s, const cursor *c)
{
    int before = s->first - 1, p = PART_TRAIN;
    for (int i = 0; i < s->n; i++) {
        if (s->label[i] < 0 || s->label[i] >= s->n_words)
            return damaged(c, "a label without a word");
        if (s->speaker[i] < 0 || s->speaker[i] >= s->n_speakers)
            return damaged(c, "an unknown speaker");
        if (s->part[i] < p || s->part[i] >= N_PARTS)
            return damaged(c, "its parts are out of order");
        if (s->index[i] <= before || s->index[i] >= s->first + s->count)
            return damaged(c, "its clips are out of order");
        before = s->index[i];
        while (p < s->part[i]) s->part_from[++p] = i;
    }
    while (p < N_PARTS) s->part_from[++p] = s->n;
    return OK;
}

status clip_set_read(clip_set *s, const void *bytes, size_t n, const char *name, err *e)
{
    *s = (clip_set){0};
    cursor c = {bytes, name, n, HEADER, e};
    size_t text_bytes = 0;
    TRY(read_header(s, &c, &text_bytes));
    TRY(read_text(s, &c, text_bytes));
    const int32_t **array[N_ARRAYS] = {&s->label, &s->speaker, &s->part, &s->index};
    for (int i = 0; i < N_ARRAYS; i++) {
        *array[i] = section(&c, (size_t)s->n * sizeof(int32_t));
        if (!*array[i]) return damaged(&c, "it ends early");
    }
    size_t size = (size_t)s->n * (size_t)shape_size(s->in) * value_bytes(s->storage);
    if (c.at > n || n - c.at != size)
        return damaged(&c, "its features have another size than its header says");
    s->features = (const char *)bytes + c.at;
    return check_arrays(s, &c);
}

status clip_set_open(clip_set *s, const char *path, err *e)
{
    file_map map;
    *s = (clip_set){0};
    TRY(file_map_open(&map, path, e));
    status st = clip_set_read(s, map.bytes, map.n, path, e);
    if (st != OK) {
        file_unmap(&map);
        *s = (clip_set){0};
        return st;
    }
    s->map = map;
    return OK;
}

void clip_set_close(clip_set *s)
{
    file_unmap(&s->map);
    *s = (clip_set){0};
}

/* --- joining --- */

static size_t text_length(const clip_set *s)
{
    return (size_t)(s->bad - s->settings);
}

static size_t bad_length(const clip_set *s)
{
    const char *end = s->bad;
    for (int i = 0; i < s->n_bad; i++) end += strlen(end) + 1;
    return (size_t)(end - s->bad);
}

static bool same_making(const clip_set *a, const clip_set *b)
{
    return a->storage == b->storage && a->in.rank == b->in.rank && a->n_words == b->n_words &&
           a->n_speakers == b->n_speakers && a->source_n == b->source_n &&
           memcmp(a->in.dim, b->in.dim, sizeof a->in.dim) == 0 &&
           text_length(a) == text_length(b) &&
           memcmp(a->settings, b->settings, text_length(a)) == 0;
}

static status check_shards(const clip_set *shard, int n_shards, err *e)
{
    int next = 0, n = 0;
    if (n_shards < 1) return FAIL(e, ERR_ARG, "no shard to join");
    for (int i = 0; i < n_shards; i++) {
        if (!same_making(&shard[0], &shard[i]))
            return FAIL(e, ERR_INPUT, "shard %d was made with other settings than shard 0", i);
        if (shard[i].first != next)
            return FAIL(e, ERR_INPUT, "shard %d begins at clip %d where %d is due", i,
                        shard[i].first, next);
        next += shard[i].count;
        n += shard[i].n;
    }
    if (next != shard[0].source_n)
        return FAIL(e, ERR_INPUT, "the shards end at clip %d of %d", next, shard[0].source_n);
    if (n == 0) return FAIL(e, ERR_INPUT, "none of the %d clips can be used", next);
    return OK;
}

static void add_shard(draft *d, const clip_set *s)
{
    const int32_t *array[N_ARRAYS] = {s->label, s->speaker, s->part, s->index};
    for (int i = 0; i < N_ARRAYS; i++)
        buf_put(&d->array[i], array[i], (size_t)s->n * sizeof(int32_t));
    buf_put(&d->bad, s->bad, bad_length(s));
    d->n_bad += (uint32_t)s->n_bad;
}

status clip_set_join(const clip_set *shard, int n_shards, buf *out, err *e)
{
    TRY(check_shards(shard, n_shards, e));
    draft d = {.storage = shard->storage,
               .in = shard->in,
               .n_words = (uint32_t)shard->n_words,
               .n_speakers = (uint32_t)shard->n_speakers,
               .count = (uint32_t)shard->source_n,
               .source_n = (uint32_t)shard->source_n};
    buf_put(&d.text, shard->settings, text_length(shard));
    for (int i = 0; i < n_shards; i++) add_shard(&d, &shard[i]);
    status s = put_draft(&d, out, e);
    draft_free(&d);
    for (int i = 0; s == OK && i < n_shards; i++)
        buf_put(out, shard[i].features,
                (size_t)shard[i].n * (size_t)shape_size(shard[i].in) * value_bytes(d.storage));
    return s == OK ? buf_check(out, e) : s;
}

/* --- use --- */

void clip_set_fetch(const clip_set *s, part p, int first, int count, float *restrict x,
                    int32_t *restrict label)
{
    size_t size = (size_t)shape_size(s->in), from = (size_t)s->part_from[p] + (size_t)first;
    size_t n = (size_t)count * size;
    if (s->storage == CLIP_FLOAT32) {
        memcpy(x, (const float *)s->features + from * size, n * sizeof *x);
    } else if (s->storage == CLIP_FLOAT16) {
        const uint16_t *h = (const uint16_t *)s->features + from * size;
        for (size_t i = 0; i < n; i++) x[i] = half_widen(h[i]);
    } else {
        const int16_t *q = (const int16_t *)s->features + from * size;
        for (size_t i = 0; i < n; i++) x[i] = (float)q[i] / WAVE_SCALE;
    }
    if (label) memcpy(label, s->label + from, (size_t)count * sizeof *label);
}

const int16_t *clip_set_wave(const clip_set *s, int i)
{
    return (const int16_t *)s->features + (size_t)i * (size_t)shape_size(s->in);
}

static void fetch_examples(const examples *ex, part p, int first, int count, float *x, float *y)
{
    const clip_set *s = ex->source;
    clip_set_fetch(s, p, first, count, x, NULL);
    const int32_t *label = s->label + s->part_from[p] + first;
    for (int i = 0; y && i < count; i++) y[i] = (float)label[i];
}

void clip_set_examples(const clip_set *s, examples *ex)
{
    *ex = (examples){.in = s->in,
                     .out = {1, {s->n_words}},
                     .n_classes = s->n_words,
                     .fetch = fetch_examples,
                     .source = s};
    for (int p = 0; p < N_PARTS; p++) ex->n[p] = s->part_from[p + 1] - s->part_from[p];
}

const char *clip_set_word(const clip_set *s, int label)
{
    const char *word = s->words;
    if (label < 0 || label >= s->n_words) return NULL;
    for (int i = 0; i < label; i++) word += strlen(word) + 1;
    return word;
}

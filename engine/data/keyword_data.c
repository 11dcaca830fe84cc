#include "engine/data/keyword_data.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/file.h"
#include "engine/data/clip_set.h"
#include "engine/data/keyword_synth.h"
#include "engine/data/speech.h"
#include "engine/signal/feature.h"

bool keyword_data_asked(const node *params)
{
    const node *task = node_get(params, "task");
    return task && task->kind == NODE_STRING && strcmp(task->text, "keywords") == 0;
}

/* --- parameters --- */

/* "error" and "skip". */
static status read_skip(const node *params, const char *key, bool *out, err *e)
{
    static const char *const words[] = {"error", "skip"};
    int i = 0;
    TRY(node_choice(params, key, words, 2, &i, e));
    *out = i == 1;
    return OK;
}

static status read_seed(const node *params, uint64_t *out, err *e)
{
    double seed;
    TRY(node_double(params, "seed", &seed, e));
    if (!(seed >= 0 && seed <= 9007199254740992.0))
        return FAIL(e, ERR_ARG, "parameter 'seed' must be from 0 to 2^53");
    *out = (uint64_t)seed;
    return OK;
}

static status read_percents(const node *params, double *val, double *test, err *e)
{
    TRY(node_double(params, "val_percent", val, e));
    return node_double(params, "test_percent", test, e);
}

static status read_words(const node *params, speech_options *o, arena *a, err *e)
{
    node *list;
    TRY(node_list(params, "words", &list, e));
    const char **word = ARENA_NEW(a, const char *, list->n + 1);
    if (!word) return FAIL(e, ERR_MEM, "out of memory for %d words", list->n);
    for (int i = 0; i < list->n; i++) {
        if (!list->item[i]->text) return FAIL(e, ERR_ARG, "'words' must hold words");
        word[i] = list->item[i]->text;
    }
    o->n_words = list->n;
    o->word = word;
    return OK;
}

/* The i-th line of `input`, in `a`. */
static status input_line(const char *input, int i, arena *a, const char **out, err *e)
{
    for (; i > 0 && input; i--) {
        input = strchr(input, '\n');
        if (input) input++;
    }
    if (!input || !*input)
        return FAIL(e, ERR_ARG, "a data stage of recordings needs a folder, and lists a line each");
    *out = arena_copy(a, input, strcspn(input, "\n"));
    return *out ? OK : FAIL(e, ERR_MEM, "out of memory");
}

static status read_speech(const node *params, const char *input, speech_options *o, arena *a,
                          err *e)
{
    static const char *const splits[N_SPLITS] = {"lists", "speaker-hash", "random"};
    int split = 0;
    TRY(read_words(params, o, a, e));
    TRY(node_choice(params, "split", splits, N_SPLITS, &split, e));
    o->split = (speech_split)split;
    const node *shuffle = node_get(params, "shuffle");
    if (!shuffle || shuffle->kind != NODE_BOOL)
        return FAIL(e, ERR_ARG, "parameter 'shuffle' must be true or false");
    o->shuffle = shuffle->number != 0;
    TRY(read_seed(params, &o->seed, e));
    TRY(read_skip(params, "missing_clips", &o->skip_missing, e));
    if (o->split != SPLIT_LISTS) return read_percents(params, &o->val_percent, &o->test_percent, e);
    for (int p = 0; p < N_PARTS; p++) TRY(input_line(input, 1 + p, a, &o->list[p], e));
    return OK;
}

/* --- the list --- */

/* Contents are not read: a recording that is changed at the same size is not noticed. */
static status hash_list(const clips *c, const char *folder, arena *a, hash *out, err *e)
{
    buf b = {0};
    status s = OK;
    for (int i = 0; i < c->n && s == OK; i++) {
        const clip *k = &c->clip[i];
        arena_mark_t mark = arena_mark(a);
        struct stat st;
        const char *path = file_join(a, folder, k->name);
        if (!path)
            s = FAIL(e, ERR_MEM, "out of memory");
        else if (stat(path, &st) != 0)
            s = FAIL(e, ERR_INPUT, "%s: %s", path, strerror(errno));
        else
            buf_printf(&b, "%s %lld %d %d\n", k->name, (long long)st.st_size, k->label,
                       (int)k->part);
        arena_release(a, mark);
    }
    if (s == OK) s = buf_check(&b, e);
    if (s == OK) *out = hash_bytes(b.data, b.len);
    buf_free(&b);
    return s;
}

static status list_folders(const node *params, const char *input, arena *a, clips *out, hash *files,
                           err *e)
{
    speech_options o = {0};
    const char *folder;
    TRY(input_line(input, 0, a, &folder, e));
    TRY(read_speech(params, input, &o, a, e));
    TRY(speech_open(out, folder, &o, NULL, a, e));
    return files ? hash_list(out, folder, a, files, e) : OK;
}

static status list_synthetic(const node *params, arena *a, clips *out, hash *files, err *e)
{
    keyword_options o = keyword_defaults();
    TRY(node_int(params, "clips", KEYWORD_WORDS, CLIPS_MAX, &o.clips, e));
    TRY(node_int(params, "speakers", N_PARTS, CLIPS_MAX, &o.speakers, e));
    TRY(read_percents(params, &o.val_percent, &o.test_percent, e));
    TRY(read_seed(params, &o.seed, e));
    if (files) *files = hash_bytes("", 0); /* the parameters say it all */
    return keyword_open(out, &o, a, e);
}

status keyword_data_list(const node *params, const char *input, arena *a, clips *out, hash *files,
                         err *e)
{
    static const char *const sources[] = {"speech-folders", "synthetic-keywords"};
    int source = 0;
    TRY(node_choice(params, "source", sources, 2, &source, e));
    return source == 0 ? list_folders(params, input, a, out, files, e)
                       : list_synthetic(params, a, out, files, e);
}

/* --- the set --- */

static status check_files(const node *params, const hash *files, err *e)
{
    const char *hashed;
    if (!node_get(params, "files_hash")) return OK; /* made-up words */
    TRY(node_string(params, "files_hash", &hashed, e));
    if (strcmp(hashed, files->text) == 0) return OK;
    return FAIL(e, ERR_INPUT,
                "the recordings are not those that were there when the study was planned; plan it "
                "again");
}

static status read_set_options(const node *params, clip_set_options *o, err *e)
{
    static const char *const storages[N_CLIP_STORAGES] = {
        [CLIP_FLOAT32] = "float32", [CLIP_FLOAT16] = "float16"};
    node *features;
    int storage = 0;
    *o = (clip_set_options){0};
    TRY(node_map(params, "features", &features, e));
    TRY(feature_parse(features, &o->features, e));
    TRY(node_choice(params, "storage", storages, N_CLIP_STORAGES, &storage, e));
    o->storage = (clip_storage)storage;
    return node_get(params, "bad_clips") ? read_skip(params, "bad_clips", &o->skip_bad, e) : OK;
}

/* {"train":[..],"val":[..],"test":[..]}: clips of each word. */
static void put_counts(const clip_set *s, buf *b)
{
    static const char *const names[N_PARTS] = {"train", "val", "test"};
    for (int p = 0; p < N_PARTS; p++) {
        int count[CLIPS_MAX_WORDS] = {0};
        for (int i = s->part_from[p]; i < s->part_from[p + 1]; i++) count[s->label[i]]++;
        buf_printf(b, "%s\"%s\":[", p ? "," : "{", names[p]);
        for (int w = 0; w < s->n_words; w++) buf_printf(b, "%s%d", w ? "," : "", count[w]);
        buf_char(b, ']');
    }
    buf_char(b, '}');
}

static void put_bad(const clip_set *s, buf *b)
{
    const char *line = s->bad;
    buf_char(b, '[');
    for (int i = 0; i < s->n_bad; i++, line += strlen(line) + 1) {
        if (i) buf_char(b, ',');
        buf_json_string(b, line);
    }
    buf_char(b, ']');
}

static void put_detail(const clip_set *s, buf *b)
{
    buf_text(b, "{\"words\":[");
    for (int w = 0; w < s->n_words; w++) {
        if (w) buf_char(b, ',');
        buf_json_string(b, clip_set_word(s, w));
    }
    buf_text(b, "],\"clips\":");
    put_counts(s, b);
    buf_printf(b, ",\"speakers\":%d,\"features\":%s,\"bad\":", s->n_speakers, s->settings);
    put_bad(s, b);
    buf_char(b, '}');
}

/* A network is chosen by one part and reported on another, so each must have clips. */
static status check_parts(const clip_set *s, err *e)
{
    static const char *const names[N_PARTS] = {"training", "validation", "test"};
    for (int p = 0; p < N_PARTS; p++)
        if (s->part_from[p] == s->part_from[p + 1])
            return FAIL(e, ERR_INPUT, "the %s part has no clip; split the recordings otherwise",
                        names[p]);
    return OK;
}

status keyword_data_build(const node *params, const char *input, arena *a, buf *out, buf *detail,
                          err *e)
{
    clips c;
    hash files;
    clip_set_options o;
    clip_set s;
    TRY(keyword_data_list(params, input, a, &c, &files, e));
    TRY(check_files(params, &files, e));
    TRY(read_set_options(params, &o, e));
    TRY(clip_set_build(&c, &o, 0, c.n, a, out, e));
    TRY(buf_check(out, e));
    TRY(clip_set_read(&s, out->data, out->len, "clip set", e));
    TRY(check_parts(&s, e));
    put_detail(&s, detail);
    return OK;
}

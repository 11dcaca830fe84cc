#include "engine/data/keyword_data.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/file.h"
#include "engine/data/keyword_synth.h"
#include "engine/data/noise.h"
#include "engine/data/speech.h"
#include "engine/signal/feature.h"

typedef enum { SPEECH_FOLDERS, SYNTHETIC_KEYWORDS, NOISE_FOLDER, N_SOURCES } keyword_source;
typedef struct {
    int first, count;
} keyword_range; /* of the list of clips */

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
    static const char *const splits[N_SPLITS] = {"lists", "speaker-hash", "random", "archives"};
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
    if (o->split == SPLIT_RANDOM || o->split == SPLIT_SPEAKER_HASH)
        return read_percents(params, &o->val_percent, &o->test_percent, e);
    for (int p = 0; o->split == SPLIT_LISTS && p < N_PARTS; p++)
        TRY(input_line(input, 1 + p, a, &o->list[p], e));
    return OK;
}

/* --- the list --- */

/* What a list says: names, labels, parts. */
static hash hash_names(const clips *c)
{
    hash_stream h;
    hash_init(&h);
    for (int i = 0; i < c->n; i++) {
        const clip *k = &c->clip[i];
        char numbers[40];
        snprintf(numbers, sizeof numbers, "\t%d\t%d\n", k->label, (int)k->part);
        hash_add_text(&h, k->name);
        hash_add_text(&h, numbers);
    }
    return hash_end(&h);
}

static hash hash_range(const hash *names, const hash *content, keyword_range r)
{
    hash_stream h;
    hash_init(&h);
    hash_add_text(&h, names->text);
    for (int i = r.first; i < r.first + r.count; i++) hash_add_text(&h, content[i].text);
    return hash_end(&h);
}

/* Contents are read whole: from the page cache that takes a fraction of what decoding does, and no
 * change goes unnoticed, as it would by sizes or times. Only those in the range are; one that several
 * clips are cut from only once. */
static status hash_contents(const clips *c, const char *folder, keyword_range r, hash *content,
                            arena *a, err *e)
{
    for (int i = r.first; i < r.first + r.count; i++) {
        arena_mark_t mark = arena_mark(a);
        const char *path = file_join(a, folder, c->clip[i].name);
        if (!path) return FAIL(e, ERR_MEM, "out of memory");
        bool again = i > r.first && strcmp(c->clip[i].name, c->clip[i - 1].name) == 0;
        if (again)
            content[i] = content[i - 1];
        else
            TRY(hash_file(path, &content[i], e));
        arena_release(a, mark);
    }
    return OK;
}

static status hash_files(const clips *c, const char *input, keyword_range r, arena *a, hash *out,
                         err *e)
{
    const char *folder;
    TRY(input_line(input, 0, a, &folder, e));
    hash names = hash_names(c), *content = ARENA_NEW(a, hash, c->n);
    if (!content) return FAIL(e, ERR_MEM, "out of memory for %d clips", c->n);
    TRY(hash_contents(c, folder, r, content, a, e));
    *out = hash_range(&names, content, r);
    return OK;
}

/* --- shards --- */

/* A set of fewer clips takes less than a second and is built at once. */
enum { SHARD_CLIPS = 1000 };

static int shards_of(int n_clips)
{
    int n = (n_clips + SHARD_CLIPS - 1) / SHARD_CLIPS;
    return n < 1 ? 1 : n > KEYWORD_MAX_SHARDS ? KEYWORD_MAX_SHARDS : n;
}

static keyword_range shard_range(int n_clips, int shard, int n_shards)
{
    int first = (int)((int64_t)n_clips * shard / n_shards);
    int end = (int)((int64_t)n_clips * (shard + 1) / n_shards);
    return (keyword_range){first, end - first};
}

static status list_folders(const node *params, const char *input, arena *a, clips *out, err *e)
{
    speech_options o = {0};
    const char *folder;
    TRY(input_line(input, 0, a, &folder, e));
    TRY(read_speech(params, input, &o, a, e));
    return speech_open(out, folder, &o, NULL, a, e);
}

static status list_synthetic(const node *params, arena *a, clips *out, err *e)
{
    keyword_options o = keyword_defaults();
    TRY(node_int(params, "clips", KEYWORD_WORDS, CLIPS_MAX, &o.clips, e));
    TRY(node_int(params, "speakers", N_PARTS, CLIPS_MAX, &o.speakers, e));
    TRY(read_percents(params, &o.val_percent, &o.test_percent, e));
    TRY(read_seed(params, &o.seed, e));
    return keyword_open(out, &o, a, e);
}

static status find_source(const node *params, keyword_source *out, err *e)
{
    static const char *const sources[N_SOURCES] = {"speech-folders", "synthetic-keywords",
                                                   "noise-recordings"};
    int source = 0;
    TRY(node_choice(params, "source", sources, N_SOURCES, &source, e));
    *out = (keyword_source)source;
    return OK;
}

status keyword_data_list(const node *params, const char *input, arena *a, clips *out, err *e)
{
    keyword_source source;
    TRY(find_source(params, &source, e));
    if (source == SYNTHETIC_KEYWORDS) return list_synthetic(params, a, out, e);
    if (source == SPEECH_FOLDERS) return list_folders(params, input, a, out, e);
    const char *folder;
    TRY(input_line(input, 0, a, &folder, e));
    return noise_open(out, folder, a, e);
}

status keyword_data_survey(const node *params, const char *input, arena *a, clips *c,
                           keyword_files *out, err *e)
{
    keyword_source source;
    const char *folder;
    *out = (keyword_files){0};
    TRY(find_source(params, &source, e));
    TRY(keyword_data_list(params, input, a, c, e));
    out->n_shards = shards_of(c->n);
    out->n_waves = shards_of(c->n_part[PART_TRAIN]);
    if (source == SYNTHETIC_KEYWORDS) return OK; /* the parameters say it all */
    const keyword_range all = {0, c->n};
    hash names = hash_names(c), *content = ARENA_NEW(a, hash, c->n);
    if (!content) return FAIL(e, ERR_MEM, "out of memory for %d clips", c->n);
    TRY(input_line(input, 0, a, &folder, e));
    TRY(hash_contents(c, folder, all, content, a, e));
    out->all = hash_range(&names, content, all);
    for (int i = 0; i < out->n_shards; i++)
        out->shard[i] = hash_range(&names, content, shard_range(c->n, i, out->n_shards));
    for (int i = 0; i < out->n_waves; i++)
        out->wave[i] =
            hash_range(&names, content, shard_range(c->n_part[PART_TRAIN], i, out->n_waves));
    return OK;
}

/* --- the set --- */

static status read_set_options(const node *params, clip_set_options *o, err *e)
{
    static const char *const storages[N_CLIP_STORAGES] = {
        [CLIP_FLOAT32] = "float32", [CLIP_FLOAT16] = "float16", [CLIP_INT16] = "int16"};
    node *features;
    int storage = 0;
    *o = (clip_set_options){0};
    TRY(node_choice(params, "storage", storages, N_CLIP_STORAGES, &storage, e));
    o->storage = (clip_storage)storage;
    if (o->storage == CLIP_INT16) { /* of waveforms no feature is made, whatever there is to know */
        o->features = feature_defaults(FEATURE_MFCC);
        o->features.full_scale = 32768;
    } else {
        TRY(node_map(params, "features", &features, e));
        TRY(feature_parse(features, &o->features, e));
    }
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

/* "shard":[i,n]: the i-th of n parts of the list, for waveforms of its training part; else all. */
static status read_range(const node *params, const clips *c, bool waves, keyword_range *out, err *e)
{
    const node *shard = node_get(params, "shard");
    int n = waves ? c->n_part[PART_TRAIN] : c->n;
    *out = (keyword_range){0, n};
    if (!shard) return OK;
    bool fine = shard->kind == NODE_LIST && shard->n == 2 && shard->item[0]->kind == NODE_NUMBER &&
                shard->item[1]->kind == NODE_NUMBER;
    double i = fine ? shard->item[0]->number : -1, of = fine ? shard->item[1]->number : 0;
    if (!(of >= 1 && of <= KEYWORD_MAX_SHARDS && i >= 0 && i < of))
        return FAIL(e, ERR_ARG,
                    "parameter 'shard' must be [i, n] with i below n, and n from 1 to %d",
                    KEYWORD_MAX_SHARDS);
    *out = shard_range(n, (int)i, (int)of);
    return OK;
}

/* A recording that was there when the study was planned and is not now is no mistake of its
 * parameters: the next run may find it again. */
static status outside_changed(status s, err *e)
{
    if (s != ERR_INPUT) return s;
    if (e) e->code = ERR_STATE;
    err_wrap(e, "the recordings are not those that were there when the study was planned; plan it "
                "again");
    return ERR_STATE;
}

static status check_files(const node *params, const char *input, const clips *c, keyword_range r,
                          arena *a, err *e)
{
    const char *hashed;
    hash files;
    if (!node_get(params, "files_hash")) return OK; /* made-up words */
    TRY(node_string(params, "files_hash", &hashed, e));
    TRY(outside_changed(hash_files(c, input, r, a, &files, e), e));
    if (strcmp(hashed, files.text) == 0) return OK;
    return FAIL(e, ERR_STATE,
                "the recordings are not those that were there when the study was planned; plan it "
                "again");
}

static status list_again(const node *params, const char *input, arena *a, clips *out, err *e)
{
    status s = keyword_data_list(params, input, a, out, e);
    return node_get(params, "files_hash") ? outside_changed(s, e) : s;
}

status keyword_data_build(const node *params, const char *input, arena *a, buf *out, buf *detail,
                          err *e)
{
    clips c;
    clip_set_options o;
    keyword_range r;
    clip_set s;
    TRY(read_set_options(params, &o, e));
    TRY(list_again(params, input, a, &c, e));
    TRY(read_range(params, &c, o.storage == CLIP_INT16, &r, e));
    TRY(check_files(params, input, &c, r, a, e));
    TRY(clip_set_build(&c, &o, r.first, r.count, a, out, e));
    TRY(buf_check(out, e));
    TRY(clip_set_read(&s, out->data, out->len, "clip set", e));
    if (r.count == c.n && o.storage != CLIP_INT16) TRY(check_parts(&s, e));
    put_detail(&s, detail);
    return OK;
}

status keyword_data_join(const clip_set *shard, int n_shards, buf *out, buf *detail, err *e)
{
    clip_set s;
    TRY(clip_set_join(shard, n_shards, out, e));
    TRY(clip_set_read(&s, out->data, out->len, "clip set", e));
    TRY(check_parts(&s, e));
    put_detail(&s, detail);
    return OK;
}

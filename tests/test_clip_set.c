#include "engine/data/clip_set.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/half.h"
#include "engine/data/speech.h"

static arena memory;

static void start(void)
{
    arena_init(&memory, 0);
}

static void end(void)
{
    arena_free(&memory);
}

TestSuite(clip_set, .init = start, .fini = end);

/* A list of clips made up here: clip i is a tone of its own; some cannot be used. */
enum { N = 23, TINY = 400 };

static bool is_bad(int i)
{
    return i == 3 || i == 4 || i == 20;
}

static status made_up_samples(const clips *c, int i, const audio_options *o, int rate, float *x,
                              int n, arena *a, audio_fault *fault, err *e)
{
    (void)o, (void)rate, (void)a;
    if (is_bad(i) && c->source) {
        *fault = AUDIO_TRUNCATED;
        return FAIL(e, ERR_INPUT, "/some/folder/%s: truncated: 1 of 2 frames could be decoded",
                    c->clip[i].name);
    }
    for (int k = 0; k < n; k++) x[k] = 0.5f * sinf((float)k * (0.05f + 0.01f * (float)i));
    return OK;
}

static clips made_up(bool with_bad)
{
    static const char *const words[] = {"go", "stop", "left"};
    clip *list = ARENA_NEW(&memory, clip, N);
    for (int i = 0; i < N; i++) {
        part p = i < 15 ? PART_TRAIN : i < 18 ? PART_VAL : PART_TEST;
        list[i] = (clip){arena_printf(&memory, "%s/s%d_nohash_%d.wav", words[i % 3], i % 5, i),
                         i % 3, i % 5, p};
    }
    return (clips){.n_words = 3,
                   .word = words,
                   .n_speakers = 5,
                   .n = N,
                   .clip = list,
                   .n_part = {15, 3, 5},
                   .samples = made_up_samples,
                   .source = with_bad ? "bad" : NULL};
}

static clip_set_options small_options(clip_storage storage)
{
    feature_settings f = feature_defaults(FEATURE_MFCC);
    f.clip_samples = TINY;
    f.frame = f.fft = 160;
    f.hop = 80;
    f.mel_bins = 12;
    f.coefficients = 5;
    return (clip_set_options){.features = f, .storage = storage, .skip_bad = true};
}

static buf build(const clips *c, clip_set_options o, int first, int count)
{
    buf b = {0};
    err e = {0};
    cr_assert(clip_set_build(c, &o, first, count, &memory, &b, &e) == OK, "%s", e.msg);
    return b;
}

static clip_set read_fine(const buf *b)
{
    clip_set s;
    err e = {0};
    cr_assert(clip_set_read(&s, b->data, b->len, "set", &e) == OK, "%s", e.msg);
    return s;
}

Test(clip_set, features_and_labels_come_back)
{
    clips c = made_up(false);
    clip_set_options o = small_options(CLIP_FLOAT32);
    buf b = build(&c, o, 0, N);
    clip_set s = read_fine(&b);
    feature_plan p;
    cr_assert_eq(feature_plan_make(&p, &o.features, &memory, NULL), OK);
    int size = shape_size(p.out);
    cr_assert(s.n == N && s.in.rank == 3 && s.in.dim[0] == 4 && s.in.dim[1] == 5 &&
              s.in.dim[2] == 1);
    cr_expect(s.part_from[0] == 0 && s.part_from[1] == 15 && s.part_from[2] == 18 &&
              s.part_from[3] == N);
    cr_expect(strcmp(clip_set_word(&s, 1), "stop") == 0 && clip_set_word(&s, 3) == NULL &&
              clip_set_word(&s, -1) == NULL);
    float x[TINY], want[20], got[60];
    int32_t label[3];
    clip_set_fetch(&s, PART_TEST, 1, 3, got, label);
    for (int k = 0; k < 3; k++) {
        made_up_samples(&c, 19 + k, NULL, 0, x, TINY, NULL, NULL, NULL);
        feature_run(&p, want, x);
        cr_expect(memcmp(want, got + k * size, (size_t)size * sizeof(float)) == 0, "clip %d",
                  19 + k);
        cr_expect(label[k] == (19 + k) % 3 && s.speaker[19 + k] == (19 + k) % 5);
    }
    buf_free(&b);
}

Test(clip_set, half_precision_is_the_rounded_value)
{
    clips c = made_up(false);
    buf full = build(&c, small_options(CLIP_FLOAT32), 0, N),
        half = build(&c, small_options(CLIP_FLOAT16), 0, N);
    clip_set f = read_fine(&full), h = read_fine(&half);
    float x[15 * 20], y[15 * 20];
    clip_set_fetch(&f, PART_TRAIN, 0, 15, x, NULL);
    clip_set_fetch(&h, PART_TRAIN, 0, 15, y, NULL);
    for (int i = 0; i < 15 * 20; i++) cr_assert_eq(y[i], half_widen(half_round(x[i])));
    cr_expect_lt(half.len, full.len);
    buf_free(&full);
    buf_free(&half);
}

Test(clip_set, shards_join_to_the_same_bytes_however_the_list_is_cut)
{
    clips c = made_up(true);
    for (int storage = 0; storage < N_CLIP_STORAGES; storage++) {
        clip_set_options o = small_options((clip_storage)storage);
        buf whole = build(&c, o, 0, N);
        for (int cut = 0; cut <= N; cut++) {
            int a = cut / 2;
            buf shard[3] = {build(&c, o, 0, a), build(&c, o, a, cut - a),
                            build(&c, o, cut, N - cut)},
                joined = {0};
            clip_set s[3] = {read_fine(&shard[0]), read_fine(&shard[1]), read_fine(&shard[2])};
            err e = {0};
            cr_assert(clip_set_join(s, 3, &joined, &e) == OK, "%s", e.msg);
            cr_expect(joined.len == whole.len && memcmp(joined.data, whole.data, whole.len) == 0,
                      "cut at %d", cut);
            buf_free(&joined);
            for (int i = 0; i < 3; i++) buf_free(&shard[i]);
        }
        buf_free(&whole);
    }
}

Test(clip_set, bad_clips_are_named_or_fatal)
{
    clips c = made_up(true);
    clip_set_options o = small_options(CLIP_FLOAT32);
    buf b = build(&c, o, 0, N);
    clip_set s = read_fine(&b);
    cr_expect(s.n == N - 3 && s.n_bad == 3 && s.index[3] == 5 && s.part_from[1] == 13);
    cr_expect_str_eq(s.bad,
                     "go/s3_nohash_3.wav\ttruncated\ttruncated: 1 of 2 frames could be decoded");
    buf_free(&b);
    o.skip_bad = false;
    err e = {0};
    cr_expect_eq(clip_set_build(&c, &o, 0, N, &memory, &b, &e), ERR_INPUT);
    cr_expect_str_eq(e.msg,
                     "/some/folder/go/s3_nohash_3.wav: truncated: 1 of 2 frames could be decoded");
    cr_expect_eq(b.len, 0);
    buf_free(&b);
}

static status no_samples(const clips *c, int i, const audio_options *o, int rate, float *x, int n,
                         arena *a, audio_fault *fault, err *e)
{
    (void)o, (void)rate, (void)x, (void)n, (void)a;
    *fault = AUDIO_EMPTY;
    return FAIL(e, ERR_INPUT, "%s: an empty file", c->clip[i].name);
}

Test(clip_set, a_set_without_any_usable_clip_is_refused)
{
    clips c = made_up(false);
    c.samples = no_samples;
    clip_set_options o = small_options(CLIP_FLOAT32);
    buf b = {0};
    err e = {0}, f = {0};
    cr_expect_eq(clip_set_build(&c, &o, 0, N, &memory, &b, &e), ERR_INPUT);
    cr_expect_str_eq(
        e.msg,
        "none of the 23 clips can be used; the first: go/s0_nohash_0.wav\tempty\tan empty file");
    buf half[2] = {build(&c, o, 0, 10), build(&c, o, 10, 13)};
    clip_set s[2] = {read_fine(&half[0]), read_fine(&half[1])};
    cr_expect_eq(clip_set_join(s, 2, &b, &f), ERR_INPUT);
    cr_expect_str_eq(f.msg, "none of the 23 clips can be used");
    buf_free(&half[0]);
    buf_free(&half[1]);
    buf_free(&b);
}

static status loud_samples(const clips *c, int i, const audio_options *o, int rate, float *x, int n,
                           arena *a, audio_fault *fault, err *e)
{
    status s = made_up_samples(c, i, o, rate, x, n, a, fault, e);
    for (int k = 0; k < n; k++) x[k] *= 1e30f;
    return s;
}

Test(clip_set, features_that_do_not_fit_the_storage_are_an_error)
{
    clips c = made_up(false);
    c.samples = loud_samples;
    clip_set_options o = small_options(CLIP_FLOAT16);
    o.features.kind = FEATURE_STFT;
    buf b = {0};
    err e = {0};
    cr_expect_eq(clip_set_build(&c, &o, 0, N, &memory, &b, &e), ERR_NUM);
    cr_expect(strstr(e.msg, "go/s0_nohash_0.wav: feature 0 is ") &&
                  strstr(e.msg, ", which float16 cannot hold"),
              "%s", e.msg);
    buf_free(&b);
}

Test(clip_set, shards_that_do_not_belong_together_are_refused)
{
    clips c = made_up(false);
    clip_set_options o = small_options(CLIP_FLOAT32), p = o;
    p.features.mel_low = 30;
    buf b[4] = {build(&c, o, 0, 10), build(&c, o, 10, 13), build(&c, p, 10, 13),
                build(&c, o, 11, 12)},
        out = {0};
    clip_set s[4];
    for (int i = 0; i < 4; i++) s[i] = read_fine(&b[i]);
    static const char *const want[] = {"shard 1 was made with other settings than shard 0",
                                       "shard 1 begins at clip 11 where 10 is due"};
    for (int i = 0; i < 2; i++) {
        clip_set pair[2] = {s[0], s[2 + i]};
        err e = {0};
        cr_expect_eq(clip_set_join(pair, 2, &out, &e), ERR_INPUT);
        cr_expect_str_eq(e.msg, want[i]);
    }
    err e = {0};
    cr_expect_eq(clip_set_join(s, 1, &out, &e), ERR_INPUT);
    cr_expect_str_eq(e.msg, "the shards end at clip 10 of 23");
    for (int i = 0; i < 4; i++) buf_free(&b[i]);
    buf_free(&out);
}

/* --- hostile bytes --- */

/* Reads through everything that the reader let pass. */
static double use(const clip_set *s)
{
    double sum = 0;
    float *x = malloc(sizeof(float) * (size_t)shape_size(s->in));
    for (int p = 0; p < N_PARTS; p++) {
        for (int i = 0; i < s->part_from[p + 1] - s->part_from[p]; i++) {
            int32_t label;
            clip_set_fetch(s, (part)p, i, 1, x, &label);
            sum += (double)x[0] + (double)strlen(clip_set_word(s, label));
        }
    }
    const char *bad = s->bad;
    for (int i = 0; i < s->n_bad; i++) bad += strlen(bad) + 1;
    free(x);
    return sum + (double)strlen(s->settings);
}

Test(clip_set, damaged_bytes_are_refused_or_harmless)
{
    clips c = made_up(true);
    buf b = build(&c, small_options(CLIP_FLOAT16), 0, N);
    int refused = 0;
    for (size_t i = 0; i < b.len; i++) {
        clip_set s;
        err e = {0};
        char *copy = malloc(b.len);
        memcpy(copy, b.data, b.len);
        for (int bit = 0; bit < 8; bit++) {
            copy[i] ^= (char)(1 << bit);
            if (clip_set_read(&s, copy, b.len, "damaged", &e) == OK)
                use(&s);
            else
                refused++;
            copy[i] ^= (char)(1 << bit);
        }
        free(copy);
        char *cut = malloc(i + 1); /* exactly as long as it says, for the sanitizer */
        memcpy(cut, b.data, i);
        cr_assert_eq(clip_set_read(&s, cut, i, "cut", NULL), ERR_INPUT, "cut at %zu", i);
        free(cut);
    }
    cr_expect_gt(refused, 8 * 40);
    buf_free(&b);
}

static status vanished_samples(const clips *c, int i, const audio_options *o, int rate, float *x,
                               int n, arena *a, audio_fault *fault, err *e)
{
    (void)c, (void)o, (void)rate, (void)x, (void)n, (void)a;
    *fault = AUDIO_UNREADABLE;
    return FAIL(e, ERR_INPUT, "clip %d: cannot read", i);
}

Test(clip_set, a_clip_that_is_not_there_is_no_bad_clip)
{
    clips c = made_up(false);
    clip_set_options o = small_options(CLIP_FLOAT16);
    buf b = {0};
    err e = {0};
    c.samples = vanished_samples;
    cr_expect(o.skip_bad);
    cr_expect_eq(clip_set_build(&c, &o, 0, N, &memory, &b, &e), ERR_STATE);
    cr_expect_str_eq(e.msg, "clip 0: cannot read");
    buf_free(&b);
}

Test(clip_set, damage_is_explained)
{
    clips c = made_up(false);
    buf b = build(&c, small_options(CLIP_FLOAT32), 0, N);
    static const struct {
        int field;
        uint32_t value;
        const char *message;
    } rows[] = {
        {-2, 0, "set: not a set of clips: it does not begin as one"},
        {0, 3, "set: not a set of clips: unknown storage"},
        {1, 5, "set: not a set of clips: impossible shape"},
        {2, 0x7fffffff, "set: not a set of clips: impossible shape"},
        {3, 0x80000000, "set: not a set of clips: a number in its header is out of range"},
        {3, 6, "set: not a set of clips: its features have another size than its header says"},
        {6, 22, "set: not a set of clips: its counts contradict each other"},
        {7, 0, "set: not a set of clips: impossible number of words"},
        {7, 4, "set: not a set of clips: its words have no end"},
        {8, 4, "set: not a set of clips: an unknown speaker"},
        {13, 0x7fffffff, "set: not a set of clips: it ends early"},
        {13, 10, "set: not a set of clips: its text has no end"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clip_set s;
        err e = {0};
        char *copy = malloc(b.len);
        memcpy(copy, b.data, b.len);
        memcpy(copy + 8 + 4 * rows[i].field, &rows[i].value, 4);
        cr_expect_eq(clip_set_read(&s, copy, b.len, "set", &e), ERR_INPUT);
        cr_expect_str_eq(e.msg, rows[i].message);
        free(copy);
    }
    buf_free(&b);
}

Test(clip_set, damaged_arrays_are_explained)
{
    clips c = made_up(false);
    buf b = build(&c, small_options(CLIP_FLOAT32), 0, N);
    clip_set whole = read_fine(&b);
    const int32_t *const array[] = {whole.label, whole.speaker, whole.part, whole.index};
    static const struct {
        int array, at;
        int32_t value;
        const char *message;
    } rows[] = {{0, 2, 3, "set: not a set of clips: a label without a word"},
                {0, 0, -1, "set: not a set of clips: a label without a word"},
                {1, 22, 5, "set: not a set of clips: an unknown speaker"},
                {1, 22, -1, "set: not a set of clips: an unknown speaker"},
                {2, 0, 1, "set: not a set of clips: its parts are out of order"},
                {2, 22, 3, "set: not a set of clips: its parts are out of order"},
                {3, 7, 6, "set: not a set of clips: its clips are out of order"},
                {3, 22, 23, "set: not a set of clips: its clips are out of order"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clip_set s;
        err e = {0};
        char *copy = malloc(b.len);
        memcpy(copy, b.data, b.len);
        memcpy(copy + ((const char *)(array[rows[i].array] + rows[i].at) - b.data), &rows[i].value,
               4);
        cr_expect_eq(clip_set_read(&s, copy, b.len, "set", &e), ERR_INPUT);
        cr_expect_str_eq(e.msg, rows[i].message);
        free(copy);
    }
    buf_free(&b);
}

Test(clip_set, files_are_mapped)
{
    char folder[] = "/tmp/paretune-set-XXXXXX";
    cr_assert(mkdtemp(folder));
    const char *path = file_join(&memory, folder, "a.set"),
               *none = file_join(&memory, folder, "none.set");
    clips c = made_up(false);
    buf b = build(&c, small_options(CLIP_FLOAT32), 0, N);
    clip_set s;
    err e = {0};
    cr_assert(file_write(path, b.data, b.len, &e) == OK && clip_set_open(&s, path, &e) == OK, "%s",
              e.msg);
    cr_expect_eq(s.n, N);
    clip_set_close(&s);
    cr_expect(s.map.bytes == NULL && s.features == NULL);
    cr_expect_eq(clip_set_open(&s, none, &e), ERR_INPUT);
    cr_expect_eq(file_write(path, "", 0, NULL), OK);
    cr_expect_eq(clip_set_open(&s, path, NULL), ERR_INPUT);
    unlink(path);
    rmdir(folder);
    buf_free(&b);
}

/* --- the real recordings --- */

Test(clip_set, real_recordings_give_the_same_set_from_two_workers)
{
    const char *data = getenv("PARETUNE_DATA");
    if (!data) cr_skip("PARETUNE_DATA is not set: the real recordings are not tested");
    clips c;
    err e = {0};
    speech_options how = {
        .split = SPLIT_SPEAKER_HASH, .val_percent = 10, .test_percent = 10, .shuffle = true};
    cr_assert(
        speech_open(&c, file_join(&memory, data, "speech_commands"), &how, NULL, &memory, &e) == OK,
        "%s", e.msg);
    clip_set_options o = {
        .features = feature_defaults(FEATURE_MFCC), .storage = CLIP_FLOAT16, .only_16bit = true};
    buf whole = build(&c, o, 0, c.n), joined = {0};
    buf half[2] = {build(&c, o, 0, c.n / 2), build(&c, o, c.n / 2, c.n - c.n / 2)};
    clip_set s[2] = {read_fine(&half[0]), read_fine(&half[1])};
    cr_assert(clip_set_join(s, 2, &joined, &e) == OK, "%s", e.msg);
    cr_expect(joined.len == whole.len && memcmp(joined.data, whole.data, whole.len) == 0);
    clip_set all = read_fine(&whole);
    cr_expect(all.n == 7044 && all.n_bad == 0 && all.part_from[PART_VAL] == 4085);
    buf_free(&whole);
    buf_free(&joined);
    buf_free(&half[0]);
    buf_free(&half[1]);
}

#include "engine/data/keyword_data.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "engine/data/clip_set.h"
#include "engine/signal/audio.h"
#include "tests/support/scratch.h"

static arena memory;
static char folder[SCRATCH_PATH];

static void start(void)
{
    arena_init(&memory, 0);
    scratch_make(folder);
}

static void end(void)
{
    scratch_remove(folder);
    arena_free(&memory);
}

TestSuite(keyword_data, .init = start, .fini = end);

#define FEATURES                                                                 \
    "\"features\":{\"kind\":\"mfcc\",\"frame\":640,\"hop\":320,\"mel_bins\":20," \
    "\"coefficients\":6},\"storage\":\"float16\""
#define SYNTHETIC                                                                           \
    "{\"task\":\"keywords\",\"source\":\"synthetic-keywords\",\"clips\":48,\"speakers\":6," \
    "\"val_percent\":20,\"test_percent\":20,\"seed\":1," FEATURES "}"
#define FOLDERS(words, split, bad, hash)                                                        \
    "{\"task\":\"keywords\",\"source\":\"speech-folders\",\"words\":" words ",\"split\":" split \
    ",\"val_percent\":25,\"test_percent\":25,\"shuffle\":true,\"seed\":1,"                      \
    "\"missing_clips\":\"error\",\"bad_clips\":\"" bad "\"" hash "," FEATURES "}"

static node *params_of(const char *json)
{
    node *tree;
    err e = {0};
    cr_assert_eq(node_read_json(&memory, json, strlen(json), &tree, &e), OK, "%s", e.msg);
    return tree;
}

static void make_sound(const char *name, int n)
{
    float x[1000];
    for (int i = 0; i < 1000; i++) x[i] = 0.3f * sinf(0.1f * (float)i);
    const char *path = file_join(&memory, folder, name);
    cr_assert_eq(file_make_folder(file_folder(&memory, path), NULL), OK);
    cr_assert_eq(audio_write_wav(path, x, n, 16000, NULL), OK);
}

/* Four recordings of each of three words. */
static void make_corpus(void)
{
    static const char *const words[] = {"go", "no", "yes"};
    for (int w = 0; w < 3; w++)
        for (int i = 0; i < 4; i++)
            make_sound(arena_printf(&memory, "%s/s%d_nohash_%d.wav", words[w], i, w), 500 + i);
}

static hash hash_of(const char *json)
{
    clips c;
    keyword_files files;
    err e = {0};
    cr_assert_eq(keyword_data_survey(params_of(json), folder, &memory, &c, &files, &e), OK, "%s",
                 e.msg);
    return files.all;
}

/* Builds the set and returns it; its bytes stay in `b`. */
static clip_set build(const char *json, buf *b, buf *detail)
{
    clip_set s;
    err e = {0};
    cr_assert_eq(keyword_data_build(params_of(json), folder, &memory, b, detail, &e), OK, "%s",
                 e.msg);
    cr_assert_eq(clip_set_read(&s, b->data, b->len, "built", &e), OK, "%s", e.msg);
    return s;
}

static void expect_error(const char *json, const char *input, status code, const char *want)
{
    buf b = {0}, detail = {0};
    err e = {0};
    cr_expect_eq(keyword_data_build(params_of(json), input, &memory, &b, &detail, &e), code, "%s",
                 e.msg);
    cr_expect(strstr(e.msg, want), "got: %s\nwant: %s", e.msg, want);
    buf_free(&b);
    buf_free(&detail);
}

Test(keyword_data, made_up_words_become_examples_with_their_class_as_label)
{
    buf b = {0}, detail = {0};
    clip_set s = build(SYNTHETIC, &b, &detail);
    examples ex;
    clip_set_examples(&s, &ex);
    cr_expect_eq(ex.n_classes, 8);
    cr_expect_eq(ex.out.rank, 1);
    cr_expect_eq(ex.out.dim[0], 8);
    cr_expect_eq(shape_size(ex.in), 49 * 6);
    cr_expect_eq(ex.n[PART_TRAIN] + ex.n[PART_VAL] + ex.n[PART_TEST], 48);
    float x[2 * 49 * 6], y[2], again[49 * 6];
    int32_t label[2];
    for (int p = 0; p < N_PARTS; p++) {
        ex.fetch(&ex, (part)p, 1, 2, x, y);
        clip_set_fetch(&s, (part)p, 1, 2, x, label);
        for (int i = 0; i < 2; i++) cr_expect_eq(y[i], (float)label[i]);
        ex.fetch(&ex, (part)p, 2, 1, again, NULL);
        cr_expect_eq(memcmp(again, x + 49 * 6, sizeof again), 0);
    }
    cr_expect(strstr(detail.data, "\"words\":[\"down\",\"go\""), "%s", detail.data);
    node *tree = params_of(detail.data);
    const node *train = node_get(node_get(tree, "clips"), "train");
    double n = 0;
    for (int i = 0; i < train->n; i++) n += train->item[i]->number;
    cr_expect_eq(n, ex.n[PART_TRAIN]);
    buf_free(&b);
    buf_free(&detail);
}

Test(keyword_data, the_hash_of_a_list_has_names_sizes_labels_and_parts)
{
    make_corpus();
    hash base = hash_of(FOLDERS("[]", "\"random\"", "error", ""));
    cr_expect_str_eq(base.text, hash_of(FOLDERS("[]", "\"random\"", "error", "")).text);
    cr_expect_str_neq(base.text, hash_of(FOLDERS("[]", "\"speaker-hash\"", "error", "")).text);
    cr_expect_str_neq(base.text,
                      hash_of(FOLDERS("[\"yes\",\"no\",\"go\"]", "\"random\"", "error", "")).text);
    make_sound("go/s0_nohash_0.wav", 400);
    hash shorter = hash_of(FOLDERS("[]", "\"random\"", "error", ""));
    cr_expect_str_neq(base.text, shorter.text);
    make_sound("go/s9_nohash_0.wav", 500);
    cr_expect_str_neq(shorter.text, hash_of(FOLDERS("[]", "\"random\"", "error", "")).text);
}

Test(keyword_data, recordings_that_changed_since_they_were_hashed_are_refused)
{
    make_corpus();
    char *json =
        arena_printf(&memory, FOLDERS("[]", "\"random\"", "error", ",\"files_hash\":\"%s\""),
                     hash_of(FOLDERS("[]", "\"random\"", "error", "")).text);
    buf b = {0}, detail = {0};
    clip_set s = build(json, &b, &detail);
    cr_expect_eq(s.n, 12);
    buf_free(&b);
    buf_free(&detail);
    make_sound("no/s0_nohash_1.wav", 900);
    expect_error(json, folder, ERR_STATE, "plan it again");
    make_corpus();
    make_sound("no/s0_nohash_1.wav", 500); /* as it was */
    const char *path = file_join(&memory, folder, "go/s2_nohash_0.wav");
    cr_assert_eq(unlink(path), 0);
    expect_error(json, folder, ERR_STATE, "plan it again");
    const char *command = arena_printf(&memory, "rm -r %s/go %s/no %s/yes", folder, folder, folder);
    cr_assert_eq(system(command), 0);
    expect_error(json, folder, ERR_STATE, "plan it again");
}

Test(keyword_data, a_recording_changed_at_equal_size_is_noticed)
{
    static const char json[] = FOLDERS("[]", "\"random\"", "error", "");
    make_corpus();
    hash base = hash_of(json);
    const char *path = file_join(&memory, folder, "yes/s1_nohash_2.wav");
    FILE *f = fopen(path, "r+");
    cr_assert(f && fseek(f, 700, SEEK_SET) == 0 && fputc(1, f) == 1 && fclose(f) == 0);
    cr_expect_str_neq(base.text, hash_of(json).text);
    make_corpus();
    cr_expect_str_eq(base.text, hash_of(json).text);
}

/* `n` names of each of two words for one recording. */
static void link_many(int n)
{
    static const char *const words[] = {"go", "no"};
    make_sound("one.wav", 500);
    const char *one = file_join(&memory, folder, "one.wav");
    for (int i = 0; i < 2 * n; i++) {
        const char *path =
            arena_printf(&memory, "%s/%s/s%d_nohash_0.wav", folder, words[i % 2], i / 2);
        if (i < 2) cr_assert_eq(file_make_folder(file_folder(&memory, path), NULL), OK);
        cr_assert_eq(link(one, path), 0);
    }
}

Test(keyword_data, a_set_of_shards_is_the_set_built_at_once)
{
    static const char json[] = FOLDERS("[]", "\"random\"", "error", "");
    clips c;
    keyword_files files;
    err e = {0};
    link_many(1010);
    cr_assert_eq(keyword_data_survey(params_of(json), folder, &memory, &c, &files, &e), OK, "%s",
                 e.msg);
    cr_expect_eq(files.n_shards, 3);
    cr_expect_eq(files.n_waves, 2, "half of them are for training");
    buf whole = {0}, joined = {0}, detail = {0}, shard[3] = {{0}}, what[2] = {{0}};
    clip_set set[3];
    build(json, &whole, &what[0]);
    for (int i = 0; i < 3; i++) {
        const char *own = arena_printf(&memory, "%.*s,\"files_hash\":\"%s\",\"shard\":[%d,3]}",
                                       (int)strlen(json) - 1, json, files.shard[i].text, i);
        set[i] = build(own, &shard[i], &detail);
    }
    cr_assert_eq(keyword_data_join(set, 3, &joined, &what[1], &e), OK, "%s", e.msg);
    cr_assert_eq(joined.len, whole.len);
    cr_expect_eq(memcmp(joined.data, whole.data, whole.len), 0);
    cr_expect_str_eq(what[0].data, what[1].data);
    for (int i = 0; i < 3; i++) buf_free(&shard[i]);
    buf_free(&whole), buf_free(&joined), buf_free(&detail), buf_free(&what[0]), buf_free(&what[1]);
}

Test(keyword_data, waveforms_are_those_of_the_training_part)
{
#define LIST                                                                                  \
    "{\"task\":\"keywords\",\"source\":\"speech-folders\",\"words\":[],\"split\":\"random\"," \
    "\"val_percent\":25,\"test_percent\":25,\"shuffle\":true,\"seed\":1,\"missing_clips\":"   \
    "\"error\","                                                                              \
    "\"bad_clips\":\"error\",\"storage\":\"int16\""
    clips c;
    keyword_files files;
    buf b = {0}, detail = {0};
    make_corpus();
    cr_assert_eq(keyword_data_survey(params_of(LIST "}"), folder, &memory, &c, &files, NULL), OK);
    clip_set s = build(arena_printf(&memory, LIST ",\"files_hash\":\"%s\"}", files.wave[0].text),
                       &b, &detail);
    cr_assert(s.n == 6 && c.n_part[PART_TRAIN] == 6 && shape_size(s.in) == 16000);
    for (int i = 0; i < s.n; i++) {
        float x[16000];
        cr_assert_eq(c.samples(&c, i, &(audio_options){.full_scale = 32768}, 16000, x, 16000,
                               &memory, NULL, NULL),
                     OK);
        cr_expect_eq(s.label[i], c.clip[i].label);
        for (int k = 0; k < 16000; k++) cr_assert_eq((float)clip_set_wave(&s, i)[k], x[k] * 32768);
    }
    buf_free(&b);
    buf_free(&detail);
}

Test(keyword_data, recordings_of_noise_are_a_set_of_seconds)
{
    static const char list[] = "{\"task\":\"keywords\",\"source\":\"noise-recordings\"}";
    float x[16000];
    clips c;
    keyword_files files;
    buf b = {0}, detail = {0};
    for (int i = 0; i < 16000; i++) x[i] = (float)(i % 20000) / 32768;
    const char *path = file_join(&memory, folder, "hum.wav");
    cr_assert_eq(audio_write_wav(path, x, 16000, 8000, NULL), OK);
    cr_assert_eq(keyword_data_survey(params_of(list), folder, &memory, &c, &files, NULL), OK);
    const char *json = arena_printf(&memory, "%.*s,\"files_hash\":\"%s\",\"storage\":\"int16\"}",
                                    (int)strlen(list) - 1, list, files.all.text);
    clip_set s = build(json, &b, &detail);
    cr_expect(s.n == 2 && s.storage == CLIP_INT16 && shape_size(s.in) == 16000);
    cr_expect_float_eq(clip_set_wave(&s, 1)[8000], 12000, 100, "the second second, resampled");
    x[0] = 0.5f;
    cr_assert_eq(audio_write_wav(path, x, 16000, 8000, NULL), OK);
    expect_error(json, folder, ERR_STATE, "plan it again");
    buf_free(&b);
    buf_free(&detail);
}

Test(keyword_data, a_shard_outside_of_the_set_is_refused)
{
    make_corpus();
    expect_error(FOLDERS("[]", "\"random\"", "error", ",\"shard\":[2,2]"), folder, ERR_ARG,
                 "'shard'");
    expect_error(FOLDERS("[]", "\"random\"", "error", ",\"shard\":[0,9]"), folder, ERR_ARG,
                 "'shard'");
    expect_error(FOLDERS("[]", "\"random\"", "error", ",\"shard\":1"), folder, ERR_ARG, "'shard'");
}

Test(keyword_data, bad_recordings_stop_the_build_or_are_left_out_and_named)
{
    make_corpus();
    const char *path = file_join(&memory, folder, "go/s7_nohash_0.wav");
    cr_assert_eq(file_write(path, "not a sound", 11, NULL), OK);
    expect_error(FOLDERS("[]", "\"random\"", "error", ""), folder, ERR_INPUT, "s7_nohash_0.wav");
    buf b = {0}, detail = {0};
    clip_set s = build(FOLDERS("[]", "\"random\"", "skip", ""), &b, &detail);
    cr_expect_eq(s.n, 12);
    cr_expect(strstr(detail.data, "\"bad\":[\"go/s7_nohash_0.wav"), "%s", detail.data);
    buf_free(&b);
    buf_free(&detail);
}

Test(keyword_data, a_part_without_clips_is_refused)
{
    make_corpus();
    expect_error("{\"task\":\"keywords\",\"source\":\"speech-folders\",\"words\":[],"
                 "\"split\":\"random\",\"val_percent\":25,\"test_percent\":0,\"shuffle\":true,"
                 "\"seed\":1,\"missing_clips\":\"error\",\"bad_clips\":\"error\"," FEATURES "}",
                 folder, ERR_INPUT, "the test part has no clip");
}

Test(keyword_data, lists_come_in_the_lines_of_the_input)
{
    static const char *const text[] = {"x/go/s0_nohash_0.wav\nx/no/s0_nohash_1.wav\n",
                                       "no/s1_nohash_1.wav\n", "yes/s2_nohash_2.wav\n"};
    static const char *const names[] = {"train.txt", "val.txt", "test.txt"};
    static const char json[] = FOLDERS("[]", "\"lists\"", "error", "");
    make_corpus();
    const char *input = folder;
    for (int i = 0; i < 3; i++) {
        char *path = file_join(&memory, folder, names[i]);
        cr_assert_eq(file_write(path, text[i], strlen(text[i]), NULL), OK);
        input = arena_printf(&memory, "%s\n%s", input, path);
    }
    clips c;
    err e = {0};
    cr_assert_eq(keyword_data_list(params_of(json), input, &memory, &c, &e), OK, "%s", e.msg);
    cr_expect_eq(c.n, 4);
    cr_expect_eq(c.n_part[PART_TRAIN], 2);
    cr_expect_str_eq(c.clip[3].name, "yes/s2_nohash_2.wav");
    expect_error(json, folder, ERR_ARG, "needs a folder");
}

#include "engine/data/speech.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/file.h"

static arena memory;
static char folder[] = "/tmp/paretune-speech-XXXXXX";

static void start(void)
{
    arena_init(&memory, 0);
    cr_assert(mkdtemp(folder));
}

static void end(void)
{
    char command[80];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_expect_eq(system(command), 0);
    arena_free(&memory);
}

TestSuite(speech, .init = start, .fini = end);

static const char *path_of(const char *name)
{
    return file_join(&memory, folder, name);
}

static void make_file(const char *name, const char *text)
{
    err e = {0};
    const char *path = path_of(name);
    cr_assert(file_make_folder(file_folder(&memory, path), &e) == OK, "%s", e.msg);
    cr_assert(file_write(path, text, strlen(text), &e) == OK, "%s", e.msg);
}

static void make_sound(const char *name, int n, int rate)
{
    err e = {0};
    const char *path = path_of(name);
    float *x = ARENA_NEW(&memory, float, n);
    for (int i = 0; i < n; i++) x[i] = 0.25f;
    cr_assert(file_make_folder(file_folder(&memory, path), &e) == OK, "%s", e.msg);
    cr_assert(audio_write_wav(path, x, n, rate, &e) == OK, "%s", e.msg);
}

/* Two words, a few speakers; made in no helpful order. */
static void make_corpus(void)
{
    make_file("yes/b_nohash_1.wav", "");
    make_file("yes/a_nohash_0.flac", "");
    make_file("no/c_nohash_0.WAV", "");
    make_file("no/a_nohash_0.wav", "");
    make_file("no/a_nohash_0.flac", ""); /* the same recording again */
    make_file("no/readme.txt", "");
    make_file("no/plain.wav", "");
    make_file("_background_noise_/hum.wav", "");
    make_file("empty/readme.txt", "");
    make_file(".hidden/x.wav", "");
    make_file("train.txt", "./data/mini_speech_commands/yes/b_nohash_1.wav\r\n\n"
                           "C:\\data\\no\\c_nohash_0.wav\nno/a_nohash_0.flac \n");
    make_file("val.txt", "yes/a_nohash_0.wav");
    make_file("test.txt", "no/plain.wav\n");
}

static speech_options lists(void)
{
    return (speech_options){
        .split = SPLIT_LISTS,
        .list = {path_of("train.txt"), path_of("val.txt"), path_of("test.txt")}};
}

static clips open_fine(const speech_options *o)
{
    clips c;
    err e = {0};
    cr_assert(speech_open(&c, folder, o, NULL, &memory, &e) == OK, "%s", e.msg);
    return c;
}

static void expect_error(const speech_options *o, const char *want)
{
    clips c;
    err e = {0};
    cr_expect_eq(speech_open(&c, folder, o, NULL, &memory, &e), ERR_INPUT);
    const char *at = strstr(want, "%s");
    if (at) want = arena_printf(&memory, "%.*s%s%s", (int)(at - want), want, folder, at + 2);
    cr_expect_str_eq(e.msg, want);
}

/* --- words --- */

Test(speech, words_are_the_folders_with_sound_in_alphabetical_order)
{
    make_corpus();
    clips c = open_fine(&(speech_options){.split = SPLIT_RANDOM});
    cr_assert_eq(c.n_words, 2);
    cr_expect_str_eq(c.word[0], "no");
    cr_expect_str_eq(c.word[1], "yes");
    cr_expect_eq(c.n, 5); /* the twin of no/a_nohash_0 counts once */
    cr_expect_eq(c.n_speakers, 4);
}

Test(speech, words_asked_for_keep_their_order)
{
    make_corpus();
    static const char *const words[] = {"yes", "no"};
    clips c = open_fine(&(speech_options){.n_words = 2, .word = words, .split = SPLIT_RANDOM});
    cr_expect_str_eq(c.word[0], "yes");
    cr_expect_str_eq(c.clip[0].name, "yes/a_nohash_0.flac");
    cr_expect_eq(c.clip[0].label, 0);
    cr_expect_eq(c.clip[4].label, 1);
}

Test(speech, wrong_words_are_named)
{
    make_corpus();
    static const char *const unknown[] = {"yess"}, *const twice[] = {"no", "no"},
                             *const bare[] = {"empty"};
    expect_error(&(speech_options){.n_words = 1, .word = unknown, .split = SPLIT_RANDOM},
                 "%s: has no folder for the word \"yess\"; did you mean \"yes\"?");
    expect_error(&(speech_options){.n_words = 2, .word = twice, .split = SPLIT_RANDOM},
                 "word \"no\" is named twice");
    expect_error(&(speech_options){.n_words = 1, .word = bare, .split = SPLIT_RANDOM},
                 "%s/empty: holds no .wav or .flac file");
}

Test(speech, a_folder_without_words_is_refused)
{
    expect_error(&(speech_options){.split = SPLIT_RANDOM},
                 "%s: holds no folder with .wav or .flac files; it should hold one per word");
    clips c;
    err e = {0};
    cr_expect_eq(
        speech_open(&c, "/nowhere", &(speech_options){.split = SPLIT_RANDOM}, NULL, &memory, &e),
        ERR_INPUT);
    cr_expect_str_eq(e.msg, "/nowhere: cannot read the folder: No such file or directory");
}

Test(speech, word_files_of_both_forms_are_read)
{
    make_file("labels.txt", "['stop', 'up', 'yes']");
    make_file("lines.txt", "stop\r\nup\n\nyes\n");
    make_file("none.txt", "[]");
    static const char *const files[] = {"labels.txt", "lines.txt"};
    for (int i = 0; i < 2; i++) {
        const char **word;
        int n;
        err e = {0};
        cr_assert(speech_read_words(path_of(files[i]), &word, &n, &memory, &e) == OK, "%s", e.msg);
        cr_assert_eq(n, 3);
        cr_expect(strcmp(word[0], "stop") == 0 && strcmp(word[1], "up") == 0 &&
                  strcmp(word[2], "yes") == 0);
    }
    const char **word;
    int n;
    err e = {0};
    cr_expect_eq(speech_read_words(path_of("none.txt"), &word, &n, &memory, &e), ERR_INPUT);
    cr_expect(strstr(e.msg, "none.txt: names no word"));
}

/* --- lists --- */

Test(speech, lists_keep_their_order_whatever_prefix_and_extension_they_use)
{
    make_corpus();
    speech_options o = lists();
    clips c = open_fine(&o);
    static const char *const want[] = {"yes/b_nohash_1.wav", "no/c_nohash_0.WAV",
                                       "no/a_nohash_0.flac", "yes/a_nohash_0.flac", "no/plain.wav"};
    static const part parts[] = {PART_TRAIN, PART_TRAIN, PART_TRAIN, PART_VAL, PART_TEST};
    static const int speakers[] = {1, 2, 0, 0, 3}; /* a, b, c, plain */
    cr_assert_eq(c.n, 5);
    for (int i = 0; i < 5; i++) {
        cr_expect_str_eq(c.clip[i].name, want[i]);
        cr_expect_eq(c.clip[i].part, parts[i]);
        cr_expect_eq(c.clip[i].speaker, speakers[i], "%s: speaker %d", want[i], c.clip[i].speaker);
    }
    cr_expect(c.n_part[PART_TRAIN] == 3 && c.n_part[PART_VAL] == 1 && c.n_part[PART_TEST] == 1);
}

Test(speech, other_words_of_a_list_are_passed_over)
{
    make_corpus();
    static const char *const words[] = {"no"};
    speech_options o = lists();
    o.n_words = 1;
    o.word = words;
    make_file("val.txt", "no/plain.wav\nyes/a_nohash_0.wav\n");
    make_file("test.txt", "no/a_nohash_0.wav\n");
    make_file("train.txt", "no/c_nohash_0.wav\n");
    clips c = open_fine(&o);
    cr_expect_eq(c.n, 3);
}

Test(speech, mistakes_in_lists_are_named_by_line)
{
    make_corpus();
    speech_options o = lists();
    make_file("val.txt", "yes/a_nohash_0.wav\nyes/zz_nohash_0.wav\n");
    expect_error(
        &o, arena_printf(&memory,
                         "%s:2: %s/yes/zz_nohash_0.wav is not there, nor with the other extension",
                         path_of("val.txt"), folder));
    clips c;
    int n_missing = 0;
    o.skip_missing = true;
    cr_expect_eq(speech_open(&c, folder, &o, &n_missing, &memory, NULL), OK);
    cr_expect(n_missing == 1 && c.n == 5);
    make_file("val.txt", "\nno/c_nohash_0.flac\n");
    expect_error(&o, arena_printf(&memory, "%s:2: no/c_nohash_0.flac is listed a second time",
                                  path_of("val.txt")));
    make_file("val.txt", "just words\n");
    expect_error(
        &o, arena_printf(&memory, "%s:1: \"just words\" is not <word>/<file>", path_of("val.txt")));
    make_file("val.txt", "maybe/a.wav\n");
    expect_error(&o, arena_printf(&memory, "%s:1: %s has no folder for the word \"maybe\"",
                                  path_of("val.txt"), folder));
    make_file("val.txt", "");
    expect_error(&o, arena_printf(&memory, "%s: names no clip of the words asked for that is in %s",
                                  path_of("val.txt"), folder));
    unlink(path_of("val.txt"));
    expect_error(&o, arena_printf(&memory, "%s: cannot read: No such file or directory",
                                  path_of("val.txt")));
}

/* --- rules --- */

Test(speech, which_part_is_speech_commands_own)
{
    /* from the published which_set in Python */
    static const struct {
        const char *file;
        part want;
    } rows[] = {{"026290a7_nohash_0.wav", PART_VAL},
                {"060cd039_nohash_0.wav", PART_VAL},
                {"060cd039_nohash_1.wav", PART_VAL},
                {"099d52ad_nohash_4.wav", PART_VAL},
                {"022cd682_nohash_0.wav", PART_TEST},
                {"0bac8a71_nohash_0.wav", PART_TEST},
                {"0cb74144_nohash_0.wav", PART_TEST},
                {"0cb74144_nohash_1.wav", PART_TEST},
                {"004ae714_nohash_0.wav", PART_TRAIN},
                {"00f0204f_nohash_0.wav", PART_TRAIN},
                {"012c8314_nohash_0.wav", PART_TRAIN},
                {"0132a06d_nohash_1.wav", PART_TRAIN},
                {"plain.wav", PART_TRAIN},
                {"x.wav", PART_TRAIN},
                {"y.wav", PART_TRAIN},
                {"z9.wav", PART_TEST},
                {"abc.wav", PART_TRAIN},
                {"hello world.wav", PART_TRAIN},
                {"44.wav", PART_TRAIN},
                {"a.b.wav", PART_TRAIN},
                {"q.wav", PART_TRAIN},
                {"r.wav", PART_TRAIN},
                {"s.wav", PART_VAL},
                {"t.wav", PART_TRAIN}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(speech_which_part(rows[i].file, 10, 10), rows[i].want, "%s", rows[i].file);
    cr_expect_eq(speech_which_part("plain.flac", 10, 10), speech_which_part("plain.wav", 10, 10));
}

static void make_many(int n_yes, int n_no)
{
    for (int i = 0; i < n_yes; i++) make_file(arena_printf(&memory, "yes/%d_nohash_0.wav", i), "");
    for (int i = 0; i < n_no; i++)
        make_file(arena_printf(&memory, "no/%d_nohash_0.wav", i % 7), "");
    for (int i = 0; i < n_no; i++) make_file(arena_printf(&memory, "no/%d_nohash_1.wav", i), "");
}

Test(speech, random_parts_are_stratified_and_keyed_by_seed_and_word)
{
    make_many(40, 20);
    speech_options o = {.split = SPLIT_RANDOM, .val_percent = 10, .test_percent = 20, .seed = 5};
    clips c = open_fine(&o);
    int count[2][N_PARTS] = {{0}};
    for (int i = 0; i < c.n; i++) count[c.clip[i].label][c.clip[i].part]++;
    cr_expect(count[1][PART_VAL] == 4 && count[1][PART_TEST] == 8 && count[1][PART_TRAIN] == 28);
    cr_expect(count[0][PART_VAL] == 3 && count[0][PART_TEST] == 5 && count[0][PART_TRAIN] == 19);
    static const char *const words[] = {"yes"};
    o.n_words = 1;
    o.word = words;
    clips alone = open_fine(&o);
    int k = 0;
    for (int i = 0; i < c.n; i++)
        if (c.clip[i].label == 1) cr_expect_str_eq(c.clip[i].name, alone.clip[k++].name);
    o.seed = 6;
    clips other = open_fine(&o);
    int same = 0;
    for (int i = 0; i < 40; i++) same += strcmp(alone.clip[i].name, other.clip[i].name) == 0;
    cr_expect(same < 40, "another seed gave the same split");
}

Test(speech, speaker_hash_keeps_speakers_apart)
{
    make_many(40, 20);
    speech_options o = {.split = SPLIT_SPEAKER_HASH, .val_percent = 20, .test_percent = 20};
    clips c = open_fine(&o);
    int part_of[64];
    for (int i = 0; i < 64; i++) part_of[i] = -1;
    for (int i = 0; i < c.n; i++) {
        int s = c.clip[i].speaker;
        cr_expect(part_of[s] < 0 || part_of[s] == (int)c.clip[i].part);
        part_of[s] = (int)c.clip[i].part;
    }
    cr_expect(c.n_part[PART_VAL] > 0 && c.n_part[PART_TEST] > 0);
}

Test(speech, shuffling_permutes_each_part_and_follows_the_seed)
{
    make_many(40, 20);
    speech_options o = {.split = SPLIT_RANDOM, .val_percent = 10, .test_percent = 10, .seed = 3};
    clips plain = open_fine(&o);
    o.shuffle = true;
    clips once = open_fine(&o), again = open_fine(&o);
    int moved = 0, found = 0;
    for (int i = 0; i < plain.n; i++) {
        cr_expect_str_eq(once.clip[i].name, again.clip[i].name);
        moved += strcmp(plain.clip[i].name, once.clip[i].name) != 0;
        for (int k = 0; k < plain.n; k++)
            found += strcmp(plain.clip[i].name, once.clip[k].name) == 0 &&
                     plain.clip[i].part == once.clip[k].part &&
                     plain.clip[i].speaker == once.clip[k].speaker;
    }
    cr_expect(moved > plain.n / 2 && found == plain.n, "%d moved, %d found", moved, found);
}

Test(speech, impossible_percentages_are_refused)
{
    make_corpus();
    expect_error(&(speech_options){.split = SPLIT_RANDOM, .val_percent = 60, .test_percent = 40},
                 "split: 60 % for validation and 40 % for test; they must be 0 or more and "
                 "together below 100");
    expect_error(&(speech_options){.split = SPLIT_SPEAKER_HASH, .val_percent = -1},
                 "split: -1 % for validation and 0 % for test; they must be 0 or more and together "
                 "below 100");
}

/* --- samples --- */

Test(speech, samples_are_padded_cut_and_resampled)
{
    make_sound("up/a_nohash_0.wav", 100, 16000);
    make_sound("up/b_nohash_0.wav", 150, 8000);
    clips c = open_fine(&(speech_options){.split = SPLIT_RANDOM});
    audio_options o = {.full_scale = 32768};
    audio_fault fault;
    err e = {0};
    float x[400];
    size_t before = memory.used;
    cr_assert(c.samples(&c, 0, &o, 16000, x, 400, &memory, &fault, &e) == OK, "%s", e.msg);
    cr_expect(x[99] == 0.25f && x[100] == 0 && x[399] == 0);
    cr_assert(c.samples(&c, 1, &o, 16000, x, 400, &memory, &fault, &e) == OK, "%s", e.msg);
    for (int i = 50; i < 250; i++)
        cr_assert(fabsf(x[i] - 0.25f) < 1e-3f, "x[%d] = %g", i, (double)x[i]);
    for (int i = 300; i < 400; i++) cr_assert_eq(x[i], 0); /* 150 samples became 300 */
    cr_expect_eq(memory.used, before);
}

/* --- the real recordings --- */

static const char *real(const char *name)
{
    const char *data = getenv("PARETUNE_DATA");
    if (!data) cr_skip("PARETUNE_DATA is not set: the real recordings are not tested");
    return file_join(&memory, data, name);
}

static const char *const eight[] = {"down", "go", "left", "no", "right", "stop", "up", "yes"};

Test(speech, all_real_clips_are_there_and_readable)
{
    static const int want[] = {856, 856, 847, 1193, 894, 309, 861, 1228};
    const char *where = real("speech_commands");
    speech_options o = {.n_words = 8, .word = eight, .split = SPLIT_RANDOM};
    clips c;
    err e = {0};
    cr_assert(speech_open(&c, where, &o, NULL, &memory, &e) == OK, "%s", e.msg);
    int count[8] = {0}, n_short = 0;
    audio_options usual = {.full_scale = 32768, .only_16bit = true};
    cr_assert_eq(c.n, 7044);
    for (int i = 0; i < c.n; i++) {
        arena_mark_t mark = arena_mark(&memory);
        audio_clip in;
        count[c.clip[i].label]++;
        status s =
            audio_read(file_join(&memory, where, c.clip[i].name), &usual, &memory, &in, NULL, &e);
        cr_assert(s == OK && in.rate == 16000 && in.n <= 16000, "%s", e.msg);
        n_short += in.n < 16000;
        arena_release(&memory, mark);
    }
    for (int w = 0; w < 8; w++) cr_expect_eq(count[w], want[w], "%s: %d", eight[w], count[w]);
    cr_expect(n_short > 7044 * 3 / 100 && n_short < 7044 * 5 / 100, "%d short clips", n_short);
}

static clips open_real_lists(const char *kind, const char *ending, const char *lists_in, bool skip,
                             int *n_missing)
{
    clips c;
    err e = {0};
    speech_options o = {.n_words = 8, .word = eight, .split = SPLIT_LISTS, .skip_missing = skip};
    static const char *const part_names[] = {"train", "val", "test"};
    for (int p = 0; p < N_PARTS; p++)
        o.list[p] =
            real(arena_printf(&memory, "%s/%s_%s%s.txt", lists_in, kind, part_names[p], ending));
    cr_assert(speech_open(&c, real("speech_commands"), &o, n_missing, &memory, &e) == OK, "%s",
              e.msg);
    return c;
}

static int speakers_in_two_parts(const clips *c)
{
    int *part_of = ARENA_NEW(&memory, int, c->n_speakers), n = 0;
    for (int i = 0; i < c->n_speakers; i++) part_of[i] = -1;
    for (int i = 0; i < c->n; i++) {
        int *p = &part_of[c->clip[i].speaker];
        n += *p >= 0 && *p != (int)c->clip[i].part;
        *p = (int)c->clip[i].part;
    }
    return n;
}

Test(speech, real_lists_have_the_sizes_and_speakers_they_promise)
{
    int n_missing = 0;
    clips random = open_real_lists("random", "", "speech_commands/splits", false, &n_missing);
    cr_expect(random.n_part[0] == 5634 && random.n_part[1] == 705 && random.n_part[2] == 705);
    cr_expect_gt(speakers_in_two_parts(&random), 0);
    clips apart = open_real_lists("speaker", "", "speech_commands/splits", false, &n_missing);
    cr_expect(apart.n_part[0] == 5510 && apart.n_part[1] == 741 && apart.n_part[2] == 793);
    cr_expect_eq(speakers_in_two_parts(&apart), 0);
}

Test(speech, the_course_lists_are_read_with_their_missing_clips_counted)
{
    int n_missing = 0;
    clips c = open_real_lists("kws", "_split", "course_splits", true, &n_missing);
    cr_expect_eq(c.n + n_missing, 8000);
    cr_expect_gt(c.n, 0);
    const char **word;
    int n;
    err e = {0};
    cr_assert(speech_read_words(real("course_splits/labels.txt"), &word, &n, &memory, &e) == OK,
              "%s", e.msg);
    cr_assert_eq(n, 8);
    cr_expect(strcmp(word[0], "stop") == 0 && strcmp(word[7], "go") == 0);
}

Test(speech, real_speakers_fall_into_the_published_parts)
{
    /* counted with which_set in Python; these recordings are rich in test speakers */
    clips c;
    err e = {0};
    speech_options o = {.split = SPLIT_SPEAKER_HASH, .val_percent = 10, .test_percent = 10};
    cr_assert(speech_open(&c, real("speech_commands"), &o, NULL, &memory, &e) == OK, "%s", e.msg);
    cr_expect(c.n_part[PART_TRAIN] == 4085 && c.n_part[PART_VAL] == 530 &&
              c.n_part[PART_TEST] == 2429);
    cr_expect_eq(speakers_in_two_parts(&c), 0);
    cr_expect_eq(c.n_words, 8); /* "splits" holds no sound */
}

/* --- archives: split already, words in names --- */

static void make_archives(void)
{
    make_file("msc-train/stop_a_nohash_0.wav", "");
    make_file("msc-train/go_a_nohash_1.wav", "");
    make_file("msc-train/go_b_nohash_0.wav", "");
    make_file("msc-train/go_b_nohash_0.flac", ""); /* the same recording again */
    make_file("msc-train/go_b_nohash_0.txt", "");
    make_file("msc-train/nothing.wav", "");
    make_file("msc-val/go_c_nohash_0.wav", "");
    make_file("msc-val/up_c_nohash_0.wav", "");
    make_file("msc-test/stop_plain.wav", "");
    make_file("msc-train.zip", "");
}

Test(speech, archives_have_their_parts_as_folders_and_words_in_names)
{
    static const char *const want[] = {
        "msc-train/go_a_nohash_1.wav",   "msc-train/go_b_nohash_0.flac",
        "msc-train/stop_a_nohash_0.wav", "msc-val/go_c_nohash_0.wav",
        "msc-val/up_c_nohash_0.wav",     "msc-test/stop_plain.wav"};
    static const int label[] = {0, 0, 1, 0, 2, 1}, speaker[] = {0, 1, 0, 2, 2, 3};
    make_archives();
    speech_options o = {.split = SPLIT_ARCHIVES};
    clips c = open_fine(&o);
    cr_assert(c.n == 6 && c.n_words == 3 && c.n_speakers == 4);
    cr_expect_str_eq(c.word[1], "stop");
    for (int i = 0; i < 6; i++) {
        cr_expect_str_eq(c.clip[i].name, want[i]);
        cr_expect_eq(c.clip[i].label, label[i]);
        cr_expect_eq(c.clip[i].speaker, speaker[i], "%s: %d", want[i], c.clip[i].speaker);
        cr_expect_eq(c.clip[i].part, i < 3 ? PART_TRAIN : i < 5 ? PART_VAL : PART_TEST);
    }
}

Test(speech, archives_give_the_words_that_are_asked_for_in_their_order)
{
    static const char *const words[] = {"stop", "go"};
    make_archives();
    speech_options o = {
        .split = SPLIT_ARCHIVES, .n_words = 2, .word = words, .shuffle = true, .seed = 4};
    clips c = open_fine(&o);
    cr_expect(c.n == 5 && c.n_part[PART_TRAIN] == 3 && c.n_part[PART_VAL] == 1);
    for (int i = 0; i < c.n; i++) {
        const char *name = strchr(c.clip[i].name, '/') + 1;
        cr_expect_eq(strncmp(name, words[c.clip[i].label], strlen(words[c.clip[i].label])), 0);
    }
}

Test(speech, archives_that_are_incomplete_say_what_is_missing)
{
    static const char *const words[] = {"stop", "left"};
    speech_options o = {.split = SPLIT_ARCHIVES, .n_words = 2, .word = words};
    make_file("msc-train/stop_a.wav", "");
    make_file("msc-val/stop_b.wav", "");
    expect_error(&o,
                 "%s: holds no folder whose name ends in \"test\"; split: archives asks for three, "
                 "such as msc-train, msc-val and msc-test");
    make_file("msc-test/go_c.wav", "");
    expect_error(&o,
                 "%s/msc-test: holds no recording WORD_....wav or .flac of the words asked for");
    make_file("msc-test/stop_c.wav", "");
    expect_error(&o, "%s: no recording's name begins with \"left_\"");
    make_file("old-test/stop_c.wav", "");
    expect_error(&o,
                 "%s: both msc-test and old-test could be the folder \"...test\"; there must be "
                 "one");
}

/* The real clips of two words, linked into archives by the random lists, are the lists' clips. */
Test(speech, real_clips_in_archives_are_those_of_the_lists)
{
    static const char *const two[] = {"go", "stop"}, *const parts[] = {"train", "val", "test"};
    int n_missing = 0, n[N_PARTS] = {0};
    clips all = open_real_lists("random", "", "speech_commands/splits", false, &n_missing);
    for (int p = 0; p < N_PARTS; p++)
        cr_assert_eq(file_make_folder(path_of(arena_printf(&memory, "msc-%s", parts[p])), NULL),
                     OK);
    for (int i = 0; i < all.n; i++) {
        const char *name = all.clip[i].name, *slash = strchr(name, '/');
        const char *link =
            arena_printf(&memory, "%s/msc-%s/%.*s_%s", folder, parts[all.clip[i].part],
                         (int)(slash - name), name, slash + 1);
        cr_assert_eq(symlink(file_join(&memory, real("speech_commands"), name), link), 0);
        n[all.clip[i].part] += all.clip[i].label == 1 || all.clip[i].label == 5;
    }
    speech_options o = {.split = SPLIT_ARCHIVES, .n_words = 2, .word = two};
    clips c = open_fine(&o);
    cr_expect(c.n_part[0] == n[0] && c.n_part[1] == n[1] && c.n_part[2] == n[2]);
    float x[16000];
    err e = {0};
    cr_expect_eq(
        c.samples(&c, 0, &(audio_options){.full_scale = 32768}, 16000, x, 16000, &memory, NULL, &e),
        OK, "%s", e.msg);
}

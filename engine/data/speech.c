/* A folder is read into `record`s sorted by word and name; a split then chooses a part and a place
 * in the order for each, and the chosen ones become clips. */
#include "engine/data/speech_reader.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/diag.h"
#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "engine/base/rng.h"
#include "engine/base/sha1.h"

enum { MAX_LIST_BYTES = 256 << 20 };

/* --- names --- */

size_t speech_sound_stem(const char *file, size_t n)
{
    if (n > 4 && strncasecmp(file + n - 4, ".wav", 4) == 0) return n - 4;
    if (n > 5 && strncasecmp(file + n - 5, ".flac", 5) == 0) return n - 5;
    return 0;
}

static const char *speaker_of(arena *a, const char *voice)
{
    const char *mark = strstr(voice, "_nohash_");
    return arena_copy(a, voice,
                      mark ? (size_t)(mark - voice) : speech_sound_stem(voice, strlen(voice)));
}

/* which_set hashes the name up to "_nohash_"; names without that are hashed whole, as the .wav that
 * the data set was published with. The last 27 bits of the digest, scaled to 0..100, choose. */
part speech_which_part(const char *file, double val_percent, double test_percent)
{
    char name[512];
    size_t n = strlen(file), stem = speech_sound_stem(file, n);
    const char *mark = strstr(file, "_nohash_"), *ending = "";
    if (mark) {
        n = (size_t)(mark - file);
    } else if (stem) {
        n = stem;
        ending = ".wav";
    }
    snprintf(name, sizeof name, "%.*s%s", (int)n, file, ending);
    uint8_t d[20];
    sha1(name, strlen(name), d);
    uint32_t low =
        ((uint32_t)d[16] << 24 | (uint32_t)d[17] << 16 | (uint32_t)d[18] << 8 | d[19]) & 0x7ffffff;
    double percentage = low * (100.0 / 134217727); /* MAX_NUM_WAVS_PER_CLASS = 2^27 - 1 */
    if (percentage < val_percent) return PART_VAL;
    return percentage < test_percent + val_percent ? PART_TEST : PART_TRAIN;
}

/* --- reading folders --- */

status speech_add_name(reader *rd, names *list, const char *name)
{
    if (list->n == list->cap) {
        int cap = list->cap ? 2 * list->cap : 256;
        const char **bigger = cap <= CLIPS_MAX ? ARENA_NEW(rd->a, const char *, cap) : NULL;
        if (!bigger) return FAIL(rd->e, ERR_MEM, "%s: too many names", rd->folder);
        if (list->n) memcpy(bigger, list->name, (size_t)list->n * sizeof *bigger);
        list->name = bigger;
        list->cap = cap;
    }
    list->name[list->n] = arena_string(rd->a, name);
    if (!list->name[list->n]) return FAIL(rd->e, ERR_MEM, "%s: out of memory", rd->folder);
    list->n++;
    return OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

status speech_list_folder(reader *rd, const char *path, names *out)
{
    DIR *d = opendir(path);
    if (!d) return file_failed(path, "read the folder", errno, rd->e);
    status s = OK;
    for (struct dirent *entry; s == OK && (entry = readdir(d));)
        if (entry->d_name[0] != '.' && entry->d_name[0] != '_')
            s = speech_add_name(rd, out, entry->d_name);
    closedir(d);
    if (s == OK && out->n) qsort(out->name, (size_t)out->n, sizeof *out->name, by_text);
    return s;
}

status speech_add_record(reader *rd, int first, const char *folder, const char *file,
                         const char *voice, int word)
{
    size_t stem = speech_sound_stem(file, strlen(file));
    if (stem == 0) return OK;
    if (rd->n > first) { /* a.flac stands for the a.wav beside it */
        const record *last = &rd->r[rd->n - 1];
        if (last->stem == stem && memcmp(last->file, file, stem) == 0) return OK;
    }
    if (rd->n == rd->cap) {
        int cap = rd->cap ? 2 * rd->cap : 1024;
        record *bigger = cap <= CLIPS_MAX ? ARENA_NEW(rd->a, record, cap) : NULL;
        if (!bigger) return FAIL(rd->e, ERR_MEM, "%s: too many recordings", rd->folder);
        if (rd->n) memcpy(bigger, rd->r, (size_t)rd->n * sizeof *bigger);
        rd->r = bigger;
        rd->cap = cap;
    }
    const char *speaker = speaker_of(rd->a, voice);
    if (!speaker) return FAIL(rd->e, ERR_MEM, "%s: out of memory", rd->folder);
    rd->r[rd->n++] = (record){folder, file, stem, speaker, word, PART_TRAIN, -1};
    return OK;
}

int speech_by_stem(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    size_t n = speech_sound_stem(x, strlen(x)), m = speech_sound_stem(y, strlen(y));
    int order = memcmp(x, y, n < m ? n : m);
    if (order == 0 && n != m) order = n < m ? -1 : 1;
    return order ? order : strcmp(x, y);
}

static status read_word(reader *rd, int word)
{
    names files = {0};
    const char *path = file_join(rd->a, rd->folder, rd->word[word]);
    if (!path) return FAIL(rd->e, ERR_MEM, "%s: out of memory", rd->folder);
    TRY(speech_list_folder(rd, path, &files));
    if (files.n) qsort(files.name, (size_t)files.n, sizeof *files.name, speech_by_stem);
    rd->word_from[word] = rd->n;
    for (int i = 0; i < files.n; i++)
        TRY(speech_add_record(rd, rd->word_from[word], rd->word[word], files.name[i], files.name[i],
                              word));
    rd->word_from[word + 1] = rd->n;
    if (rd->n == rd->word_from[word])
        return FAIL(rd->e, ERR_INPUT, "%s: holds no .wav or .flac file", path);
    return OK;
}

static bool holds_sound(reader *rd, const char *name)
{
    bool found = false;
    const char *path = file_join(rd->a, rd->folder, name);
    DIR *d = path ? opendir(path) : NULL;
    if (!d) return false;
    for (struct dirent *entry; !found && (entry = readdir(d));)
        found = speech_sound_stem(entry->d_name, strlen(entry->d_name)) > 0;
    closedir(d);
    return found;
}

/* Every folder with a recording in it is a word, in alphabetical order. */
static status find_words(reader *rd)
{
    names all = {0}, words = {0};
    TRY(speech_list_folder(rd, rd->folder, &all));
    for (int i = 0; i < all.n; i++)
        if (holds_sound(rd, all.name[i])) TRY(speech_add_name(rd, &words, all.name[i]));
    if (words.n == 0)
        return FAIL(rd->e, ERR_INPUT,
                    "%s: holds no folder with .wav or .flac files; it should hold one per word",
                    rd->folder);
    rd->n_words = words.n;
    rd->word = words.name;
    return OK;
}

static status check_asked_words(reader *rd)
{
    names all = {0};
    TRY(speech_list_folder(rd, rd->folder, &all));
    for (int i = 0; i < rd->n_words; i++) {
        const char *w = rd->word[i];
        if (all.n && bsearch(&w, all.name, (size_t)all.n, sizeof *all.name, by_text)) continue;
        const char *near = diag_did_you_mean(w, all.name, (size_t)all.n);
        return FAIL(rd->e, ERR_INPUT, "%s: has no folder for the word \"%s\"%s%s%s", rd->folder, w,
                    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    return OK;
}

status speech_copy_words(reader *rd)
{
    rd->n_words = rd->o->n_words;
    rd->word = ARENA_NEW(rd->a, const char *, rd->n_words);
    if (!rd->word) return FAIL(rd->e, ERR_MEM, "out of memory for %d words", rd->n_words);
    for (int i = 0; i < rd->n_words; i++) {
        rd->word[i] = arena_string(rd->a, rd->o->word[i]);
        if (!rd->word[i]) return FAIL(rd->e, ERR_MEM, "out of memory for %d words", rd->n_words);
        for (int k = 0; k < i; k++)
            if (strcmp(rd->word[i], rd->word[k]) == 0)
                return FAIL(rd->e, ERR_INPUT, "word \"%s\" is named twice", rd->word[i]);
    }
    return OK;
}

static status choose_words(reader *rd)
{
    if (rd->o->n_words == 0) {
        TRY(find_words(rd));
    } else {
        TRY(speech_copy_words(rd));
        TRY(check_asked_words(rd));
    }
    if (rd->n_words > CLIPS_MAX_WORDS)
        return FAIL(rd->e, ERR_INPUT, "%s: %d words are over the limit of %d", rd->folder,
                    rd->n_words, CLIPS_MAX_WORDS);
    return OK;
}

static status read_folder(reader *rd)
{
    TRY(choose_words(rd));
    rd->word_from = ARENA_NEW(rd->a, int, rd->n_words + 1);
    if (!rd->word_from) return FAIL(rd->e, ERR_MEM, "out of memory for %d words", rd->n_words);
    for (int w = 0; w < rd->n_words; w++) TRY(read_word(rd, w));
    return OK;
}

/* --- splits --- */

static void shuffle(int *index, int n, rng *r)
{
    for (int i = n - 1; i > 0; i--) {
        int k = (int)rng_below(r, (uint64_t)i + 1), t = index[i];
        index[i] = index[k];
        index[k] = t;
    }
}

static status split_random(reader *rd)
{
    int *index = ARENA_NEW(rd->a, int, rd->n);
    if (!index) return FAIL(rd->e, ERR_MEM, "out of memory for %d recordings", rd->n);
    for (int w = 0; w < rd->n_words; w++) {
        int from = rd->word_from[w], n = rd->word_from[w + 1] - from;
        int n_val = (int)rint(n * rd->o->val_percent / 100);
        int n_test = (int)rint(n * rd->o->test_percent / 100);
        const char *word = rd->word[w];
        rng r = rng_stream(rd->o->seed, RNG_SPLIT, hash_u64(word, strlen(word), 0));
        for (int i = 0; i < n; i++) index[i] = i;
        shuffle(index, n, &r);
        for (int i = 0; i < n; i++) {
            record *rec = &rd->r[from + index[i]];
            rec->part = i < n_val ? PART_VAL : i < n_val + n_test ? PART_TEST : PART_TRAIN;
        }
    }
    return OK;
}

static status split_by_rule(reader *rd)
{
    const speech_options *o = rd->o;
    if (!(o->val_percent >= 0 && o->test_percent >= 0 && o->val_percent + o->test_percent < 100))
        return FAIL(rd->e, ERR_INPUT,
                    "split: %g %% for validation and %g %% for test; they must be 0 or more and "
                    "together below 100",
                    o->val_percent, o->test_percent);
    if (o->split == SPLIT_RANDOM) TRY(split_random(rd));
    for (int i = 0; i < rd->n; i++) {
        rd->r[i].order = i;
        if (o->split == SPLIT_SPEAKER_HASH)
            rd->r[i].part = speech_which_part(rd->r[i].file, o->val_percent, o->test_percent);
    }
    return OK;
}

/* --- lists --- */

/* The last two components of a line; false when there are not two. */
static bool last_components(char *line, char **word, char **file)
{
    char *end = line + strlen(line);
    for (char *p = line; *p; p++)
        if (*p == '\\') *p = '/';
    while (end > line && (end[-1] == ' ' || end[-1] == '\r' || end[-1] == '\t')) *--end = '\0';
    char *slash = strrchr(line, '/');
    if (!slash || !slash[1]) return false;
    *slash = '\0';
    *file = slash + 1;
    char *before = strrchr(line, '/');
    *word = before ? before + 1 : line;
    return **word != '\0';
}

int speech_find_word(const reader *rd, const char *word, size_t n)
{
    for (int w = 0; w < rd->n_words; w++)
        if (strlen(rd->word[w]) == n && memcmp(rd->word[w], word, n) == 0) return w;
    return -1;
}

static record *find_record(const reader *rd, int word, const char *file)
{
    size_t stem = speech_sound_stem(file, strlen(file));
    int low = rd->word_from[word], high = rd->word_from[word + 1];
    assert(rd->r && "every word has a recording");
    while (stem && low < high) {
        int mid = (low + high) / 2;
        record *r = &rd->r[mid];
        int order = memcmp(file, r->file, stem < r->stem ? stem : r->stem);
        if (order == 0 && stem == r->stem) return r;
        if (order < 0 || (order == 0 && stem < r->stem))
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

static status take_line(reader *rd, const char *list, int number, char *line, part p, int *order)
{
    char *word, *file;
    if (line[strspn(line, " \t\r")] == '\0') return OK;
    if (!last_components(line, &word, &file))
        return FAIL(rd->e, ERR_INPUT, "%s:%d: \"%s\" is not <word>/<file>", list, number, line);
    int w = speech_find_word(rd, word, strlen(word));
    if (w < 0) {
        if (rd->o->n_words) return OK; /* a word that was not asked for */
        return FAIL(rd->e, ERR_INPUT, "%s:%d: %s has no folder for the word \"%s\"", list, number,
                    rd->folder, word);
    }
    record *r = find_record(rd, w, file);
    if (!r && rd->o->skip_missing) {
        rd->n_missing++;
        return OK;
    }
    if (!r)
        return FAIL(rd->e, ERR_INPUT, "%s:%d: %s/%s/%s is not there, nor with the other extension",
                    list, number, rd->folder, word, file);
    if (r->order >= 0)
        return FAIL(rd->e, ERR_INPUT, "%s:%d: %s/%s is listed a second time", list, number, word,
                    file);
    r->part = p;
    r->order = (*order)++;
    return OK;
}

static status read_list(reader *rd, const char *list, part p)
{
    char *text;
    size_t n;
    int number = 1, order = 0;
    if (!list) return FAIL(rd->e, ERR_ARG, "split by lists: a list is missing");
    arena_mark_t mark = arena_mark(rd->a);
    TRY(file_read(rd->a, list, MAX_LIST_BYTES, &text, &n, rd->e));
    status s = strlen(text) == n
                   ? OK
                   : FAIL(rd->e, ERR_INPUT, "%s: holds a zero byte; it is not a list", list);
    for (char *line = text; s == OK && line; number++) {
        char *end = strchr(line, '\n');
        if (end) *end = '\0';
        s = take_line(rd, list, number, line, p, &order);
        line = end ? end + 1 : NULL;
    }
    arena_release(rd->a, mark);
    if (s == OK && order == 0)
        s = FAIL(rd->e, ERR_INPUT, "%s: names no clip of the words asked for that is in %s", list,
                 rd->folder);
    return s;
}

/* --- clips --- */

static status shuffle_part(reader *rd, part p, int n)
{
    arena_mark_t mark = arena_mark(rd->a);
    int *index = ARENA_NEW(rd->a, int, n + 1), k = 0;
    if (!index) return FAIL(rd->e, ERR_MEM, "out of memory for %d clips", n);
    for (int i = 0; i < n; i++) index[i] = i;
    rng r = rng_stream(rd->o->seed, RNG_SPLIT, (uint64_t)p);
    shuffle(index, n, &r);
    /* `order` may have gaps; what is shuffled is the ranks */
    for (int i = 0; i < rd->n; i++)
        if (rd->r[i].order >= 0 && rd->r[i].part == p) rd->r[i].order = index[k++];
    arena_release(rd->a, mark);
    return OK;
}

static int by_place(const void *a, const void *b)
{
    const record *x = a, *y = b;
    if (x->part != y->part) return x->part < y->part ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static int by_speaker(const void *a, const void *b)
{
    return strcmp(((const record *)a)->speaker, ((const record *)b)->speaker);
}

/* Speakers are numbered in the order of their names. Sorts the records by speaker. */
static int number_speakers(record *r, int n, int *number)
{
    int n_speakers = 0;
    if (n) qsort(r, (size_t)n, sizeof *r, by_speaker);
    for (int i = 0; i < n; i++) {
        if (i > 0 && strcmp(r[i].speaker, r[i - 1].speaker) != 0) n_speakers++;
        number[r[i].order] = n_speakers;
    }
    return n ? n_speakers + 1 : 0;
}

static void keep_chosen(reader *rd)
{
    int n = 0;
    for (int i = 0; i < rd->n; i++)
        if (rd->r[i].order >= 0) rd->r[n++] = rd->r[i];
    rd->n = n;
}

static status samples_of_file(const clips *c, int i, const audio_options *o, int rate, float *x,
                              int n, arena *a, audio_fault *fault, err *e);

/* By now every record's `order` is its final index, so that it finds its way back after sorting. */
static status make_clips(reader *rd, clips *c)
{
    clip *all = ARENA_NEW(rd->a, clip, rd->n);
    int *speaker = ARENA_NEW(rd->a, int, rd->n);
    if (!all || !speaker) return FAIL(rd->e, ERR_MEM, "out of memory for %d clips", rd->n);
    for (int i = 0; i < rd->n; i++) {
        record *r = &rd->r[i];
        const char *name = arena_printf(rd->a, "%s/%s", r->folder, r->file);
        if (!name) return FAIL(rd->e, ERR_MEM, "out of memory for %d clips", rd->n);
        all[i] = (clip){name, r->word, 0, r->part};
        c->n_part[r->part]++;
        r->order = i;
    }
    c->n_speakers = number_speakers(rd->r, rd->n, speaker);
    for (int i = 0; i < rd->n; i++) all[i].speaker = speaker[i];
    c->n = rd->n;
    c->clip = all;
    c->n_words = rd->n_words;
    c->word = rd->word;
    c->samples = samples_of_file;
    c->source = rd->folder;
    return OK;
}

static status order_parts(reader *rd)
{
    int n_part[N_PARTS] = {0};
    for (int i = 0; i < rd->n; i++) n_part[rd->r[i].part]++;
    if (n_part[PART_TRAIN] == 0)
        return FAIL(rd->e, ERR_INPUT, "%s: no clip is left to train on", rd->folder);
    for (int p = 0; rd->o->shuffle && p < N_PARTS; p++) TRY(shuffle_part(rd, (part)p, n_part[p]));
    qsort(rd->r, (size_t)rd->n, sizeof *rd->r, by_place);
    return OK;
}

status speech_open(clips *c, const char *folder, const speech_options *o, int *n_missing, arena *a,
                   err *e)
{
    *c = (clips){0};
    reader rd = {.folder = arena_string(a, folder), .o = o, .a = a, .e = e};
    if (!rd.folder) return FAIL(e, ERR_MEM, "out of memory");
    TRY(o->split == SPLIT_ARCHIVES ? speech_read_archives(&rd) : read_folder(&rd));
    if (o->split == SPLIT_LISTS) {
        for (int p = 0; p < N_PARTS; p++) TRY(read_list(&rd, o->list[p], (part)p));
        keep_chosen(&rd);
    } else if (o->split != SPLIT_ARCHIVES) {
        TRY(split_by_rule(&rd));
    }
    TRY(order_parts(&rd));
    if (n_missing) *n_missing = rd.n_missing;
    return make_clips(&rd, c);
}

/* --- samples --- */

static status samples_of_file(const clips *c, int i, const audio_options *o, int rate, float *x,
                              int n, arena *a, audio_fault *fault, err *e)
{
    arena_mark_t mark = arena_mark(a);
    audio_clip in;
    const char *path = file_join(a, c->source, c->clip[i].name);
    if (!path) return FAIL(e, ERR_MEM, "out of memory");
    status s = audio_read(path, o, a, &in, fault, e);
    if (s == OK) s = clips_fit(x, n, rate, in.x, in.n, in.rate, a, e);
    arena_release(a, mark);
    return s;
}

/* --- label files --- */

status speech_read_words(const char *path, const char ***word, int *n_words, arena *a, err *e)
{
    static const char between[] = "[](){}'\",\r\n\t ";
    char *text;
    size_t n;
    TRY(file_read(a, path, 1 << 20, &text, &n, e));
    *word = ARENA_NEW(a, const char *, CLIPS_MAX_WORDS);
    if (!*word) return FAIL(e, ERR_MEM, "%s: out of memory", path);
    *n_words = 0;
    for (char *p = text + strspn(text, between); *p; p += strspn(p, between)) {
        size_t len = strcspn(p, between);
        if (*n_words == CLIPS_MAX_WORDS)
            return FAIL(e, ERR_INPUT, "%s: more than %d words", path, CLIPS_MAX_WORDS);
        (*word)[*n_words] = arena_copy(a, p, len);
        if (!(*word)[(*n_words)++]) return FAIL(e, ERR_MEM, "%s: out of memory", path);
        p += len;
    }
    return *n_words ? OK : FAIL(e, ERR_INPUT, "%s: names no word", path);
}

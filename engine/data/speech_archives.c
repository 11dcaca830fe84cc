/* Recordings as the course hands them out from 2022 on: msc-train/, msc-val/ and msc-test/, each with
 * files named WORD_anything.wav. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "engine/data/speech_reader.h"

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* The one folder whose name ends in "train", say. */
static status find_archive(reader *rd, const names *all, const char *end, const char **out)
{
    *out = NULL;
    for (int i = 0; i < all->n; i++) {
        if (!ends_in(all->name[i], end)) continue;
        if (*out)
            return FAIL(rd->e, ERR_INPUT,
                        "%s: both %s and %s could be the folder \"...%s\"; there must be one",
                        rd->folder, *out, all->name[i], end);
        *out = all->name[i];
    }
    if (*out) return OK;
    return FAIL(
        rd->e, ERR_INPUT,
        "%s: holds no folder whose name ends in \"%s\"; split: archives asks for three, such "
        "as msc-train, msc-val and msc-test",
        rd->folder, end);
}

/* Length of the word before the first underscore; 0 for what is no such recording. */
static size_t word_length(const char *file)
{
    const char *bar = strchr(file, '_');
    return bar && speech_sound_stem(file, strlen(file)) ? (size_t)(bar - file) : 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Every word that a file begins with, in alphabetical order. */
static status collect_words(reader *rd, const names *files)
{
    names words = {0};
    for (int p = 0; p < N_PARTS; p++)
        for (int i = 0; i < files[p].n; i++) {
            const char *file = files[p].name[i];
            size_t n = word_length(file);
            if (n == 0 || speech_find_word(rd, file, n) >= 0) continue;
            if (words.n == CLIPS_MAX_WORDS)
                return FAIL(rd->e, ERR_INPUT, "%s: more than %d words", rd->folder,
                            CLIPS_MAX_WORDS);
            const char *word = arena_copy(rd->a, file, n);
            if (!word) return FAIL(rd->e, ERR_MEM, "%s: out of memory", rd->folder);
            TRY(speech_add_name(rd, &words, word));
            rd->word = words.name;
            rd->n_words = words.n;
        }
    if (words.n) qsort(words.name, (size_t)words.n, sizeof *words.name, by_text);
    return OK;
}

static status read_archive(reader *rd, part p, const char *folder, const names *files, int *seen)
{
    const int first = rd->n;
    for (int i = 0; i < files->n; i++) {
        const char *file = files->name[i];
        size_t n = word_length(file);
        int word = n ? speech_find_word(rd, file, n) : -1, before = rd->n;
        if (word < 0) continue; /* of a word that was not asked for, or no recording */
        TRY(speech_add_record(rd, first, folder, file, file + n + 1, word));
        if (rd->n == before) continue;
        rd->r[before].part = p;
        rd->r[before].order = before - first;
        seen[word]++;
    }
    if (rd->n > first) return OK;
    return FAIL(rd->e, ERR_INPUT,
                "%s/%s: holds no recording WORD_....wav or .flac of the words asked for",
                rd->folder, folder);
}

status speech_read_archives(reader *rd)
{
    static const char *const ends[N_PARTS] = {"train", "val", "test"};
    names all = {0}, files[N_PARTS] = {{0}};
    const char *archive[N_PARTS];
    int seen[CLIPS_MAX_WORDS] = {0};
    TRY(speech_list_folder(rd, rd->folder, &all));
    for (int p = 0; p < N_PARTS; p++) {
        TRY(find_archive(rd, &all, ends[p], &archive[p]));
        const char *path = file_join(rd->a, rd->folder, archive[p]);
        if (!path) return FAIL(rd->e, ERR_MEM, "%s: out of memory", rd->folder);
        TRY(speech_list_folder(rd, path, &files[p]));
        if (files[p].n)
            qsort(files[p].name, (size_t)files[p].n, sizeof *files[p].name, speech_by_stem);
    }
    TRY(rd->o->n_words ? speech_copy_words(rd) : collect_words(rd, files));
    if (rd->n_words > CLIPS_MAX_WORDS)
        return FAIL(rd->e, ERR_INPUT, "%d words are over the limit of %d", rd->n_words,
                    CLIPS_MAX_WORDS);
    for (int p = 0; p < N_PARTS; p++) TRY(read_archive(rd, (part)p, archive[p], &files[p], seen));
    for (int w = 0; w < rd->n_words; w++)
        if (!seen[w])
            return FAIL(rd->e, ERR_INPUT, "%s: no recording's name begins with \"%s_\"", rd->folder,
                        rd->word[w]);
    return OK;
}

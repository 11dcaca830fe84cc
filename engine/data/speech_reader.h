/* How folders of recordings are read, private to engine/data/speech*.c: names become records, records
 * get a part and a place in its order, and the chosen ones become clips. */
#ifndef PARETUNE_ENGINE_DATA_SPEECH_READER_H
#define PARETUNE_ENGINE_DATA_SPEECH_READER_H

#include "engine/data/speech.h"

#include <stddef.h>

typedef struct {
    const char *folder; /* that it lies in: "down", or an archive's */
    const char *file;   /* "00176480_nohash_0.flac" */
    size_t stem;        /* length of the name without its extension */
    const char *speaker;
    int word;
    part part;
    int order; /* place within the part; -1: not chosen */
} record;

typedef struct {
    const char *folder;
    const speech_options *o;
    arena *a;
    err *e;
    int n_words;
    const char **word;
    int n, cap;
    record *r;      /* sorted by word, then name */
    int *word_from; /* [n_words+1]: records of each word */
    int n_missing;
} reader;

typedef struct {
    const char **name;
    int n, cap;
} names;

/* Length of the name before ".wav" or ".flac"; 0 when it ends in neither. */
size_t speech_sound_stem(const char *file, size_t n);
status speech_add_name(reader *rd, names *list, const char *name);
/* Names in a folder, sorted by byte: the file system's own order is never seen. Those that begin
 * with "." or "_" are left out. */
status speech_list_folder(reader *rd, const char *path, names *out);
/* For qsort of names: without extension first, so that an a.flac and an a.wav are neighbours whatever
 * else is there. */
int speech_by_stem(const void *a, const void *b);
/* A recording of a word; nothing when it is no sound, or repeats the last record in another format.
 * `first` is the number of the first record of its folder; the speaker is read from `voice`, the file's
 * name or its end. */
status speech_add_record(reader *rd, int first, const char *folder, const char *file,
                         const char *voice, int word);
/* The i-th of the words; -1 when there is none of that name. */
int speech_find_word(const reader *rd, const char *word, size_t n);
/* Copies the asked words; ERR_INPUT for one that is named twice. */
status speech_copy_words(reader *rd);

/* Reads three folders, one for each part, into records that have their part and order. */
status speech_read_archives(reader *rd);

#endif

/* Folders of recordings, one folder per word, as Speech Commands has them:
 *
 *   FOLDER/down/00176480_nohash_0.wav   (or .flac)
 *
 * Folders whose names begin with "_" or "." are left out. The speaker is the part of a file's name
 * before "_nohash_", or the whole name without its extension. Three ways to split, and
 * folders that are split already:
 *
 * lists         three files with one clip a line, `<anything>/<word>/<file>`; only the last two
 *               components count, separated by / or \, and .wav and .flac stand for each other. The
 *               clips keep the lists' order. A clip named twice is an error; one that is not in the
 *               folder is an error or, by option, counted and left out.
 * speaker-hash  Speech Commands' which_set: SHA-1 of the speaker's name, so that no speaker is in
 *               two parts and a clip stays in its part when others are added.
 * random        stratified: of each word the rounded percentages, drawn from a stream keyed by seed
 *               and word, so that a subset of the words splits as it does within the whole.
 * archives      the other form of folder, in which the parts are folders and words stand in names:
 *               FOLDER/msc-train/down_00176480_nohash_0.wav, and likewise msc-val and msc-test (any
 *               names that end in train, val and test). The word is what comes before the first
 *               underscore, the speaker is in the rest. Within a part clips are in the order of their
 *               names. */
#ifndef PARETUNE_ENGINE_DATA_SPEECH_H
#define PARETUNE_ENGINE_DATA_SPEECH_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/data/clips.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    SPLIT_LISTS,
    SPLIT_SPEAKER_HASH,
    SPLIT_RANDOM,
    SPLIT_ARCHIVES,
    N_SPLITS
} speech_split;

typedef struct {
    int n_words;             /* 0: every folder, in alphabetical order */
    const char *const *word; /* else these, in this order; borrowed */
    speech_split split;
    const char *list[N_PARTS];        /* lists: paths */
    bool skip_missing;                /* lists: leave out clips that are not in the folder */
    double val_percent, test_percent; /* speaker-hash, random */
    bool shuffle;                     /* order each part by a stream keyed by `seed` */
    uint64_t seed;                    /* random, shuffle */
} speech_options;

/* Reads the folder and the lists, not the recordings. Everything lives in `a`. `n_missing` (may be
 * NULL) counts list lines that skip_missing left out; lines with other words than those asked for
 * are not counted. ERR_INPUT names folder, list and line. */
status speech_open(clips *c, const char *folder, const speech_options *o, int *n_missing, arena *a,
                   err *e);

/* The part that Speech Commands' which_set gives a file name (without folder). */
part speech_which_part(const char *file, double val_percent, double test_percent);

/* Reads words from a file: one a line, or the course's labels.txt, a Python list in quotes. */
status speech_read_words(const char *path, const char ***word, int *n_words, arena *a, err *e);

#endif

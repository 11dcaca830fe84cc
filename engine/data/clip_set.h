/* Features of many clips in one file, mapped read-only by whoever trains on them.
 *
 * A set is built in shards, each a range of a clips' list, by as many processes as there are;
 * joining the shards gives the same bytes however the list was cut. A shard has the form of a set.
 *
 * The file (little-endian; every section starts at a multiple of 64, zeros between):
 *
 *   0    8   "ptclips1"
 *   8   15   u32: storage, rank, dim[4], n, n_words, n_speakers, n_bad, first, count, source_n,
 *                 text_bytes, zero
 *   128      text: the settings' JSON, then n_words words, then n_bad lines
 * "name<TAB>fault<TAB>why", each ended by a NUL
 *   ..       i32 label[n], i32 speaker[n], i32 part[n], i32 index[n] (place in the clips' list)
 *   ..       features[n][dim[0] .. dim[rank-1]], float32 or float16; or the clips' waveforms,
 *            int16[n][samples], for those who make features of them later
 *
 * [first, first+count) is the range of the list that was read, source_n the list's length; a whole
 * set has first = 0, count = source_n. Clips that could not be used are the n_bad lines. */
#ifndef PARETUNE_ENGINE_DATA_CLIP_SET_H
#define PARETUNE_ENGINE_DATA_CLIP_SET_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/file.h"
#include "engine/base/shape.h"
#include "engine/data/clips.h"
#include "engine/data/examples.h"
#include "engine/signal/feature.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum { CLIP_FLOAT32, CLIP_FLOAT16, CLIP_INT16, N_CLIP_STORAGES } clip_storage;

typedef struct {
    feature_settings features; /* of waveforms only the rate and length of a clip count */
    clip_storage storage;      /* CLIP_INT16: waveforms, times 32768, rounded, clipped */
    bool skip_bad; /* leave bad clips out and name them; else the first one fails the build */
    bool mix_down; /* as in audio_options */
    bool only_16bit;
} clip_set_options;

/* Builds the shard of clips [first, first+count) and appends the file's bytes to `out`. `a` is
 * scratch. ERR_INPUT for a bad clip unless skip_bad, and for a range without a usable clip when it
 * is the whole list; ERR_STATE for one that is not there to be read, which is no fault of its own;
 * ERR_NUM when a feature does not fit the storage. */
status clip_set_build(const clips *c, const clip_set_options *o, int first, int count, arena *a,
                      buf *out, err *e);

/* An open set; everything points into the mapping. */
typedef struct {
    clip_storage storage;
    shape in; /* of one clip's features */
    int n, n_words, n_speakers, n_bad;
    int first, count, source_n;
    int part_from[N_PARTS + 1]; /* clips of part p: part_from[p] .. part_from[p+1]-1 */
    const char *settings;       /* JSON of the feature settings */
    const char *words;          /* n_words strings, one behind the other */
    const char *bad;            /* n_bad strings likewise */
    const int32_t *label, *speaker, *part, *index;
    const void *features;
    file_map map;
} clip_set;

/* Checks every size and index before anything is read through it: any bytes are safe. ERR_INPUT for
 * a file that is not a whole set or shard. `clip_set_read` borrows the bytes, 8-byte aligned. */
status clip_set_read(clip_set *s, const void *bytes, size_t n, const char *name, err *e);
status clip_set_open(clip_set *s, const char *path, err *e);
void clip_set_close(clip_set *s);

/* Appends the set made of shards that follow one another from 0 to the end of the list.
 * ERR_INPUT when they do not, or differ in settings, words or storage, or hold no clip at all. */
status clip_set_join(const clip_set *shard, int n_shards, buf *out, err *e);

/* x[count, size(in)] and label[count] of the clips of a part, from its `first` on. `label` may be
 * NULL. */
void clip_set_fetch(const clip_set *s, part p, int first, int count, float *restrict x,
                    int32_t *restrict label);

/* The waveform of the i-th clip of a set of them, in[0] samples. */
const int16_t *clip_set_wave(const clip_set *s, int i);

/* The clips as examples to classify; `ex` borrows `s`. */
void clip_set_examples(const clip_set *s, examples *ex);

/* The word with that label; NULL when there is none. */
const char *clip_set_word(const clip_set *s, int label);

#endif

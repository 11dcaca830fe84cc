/* The data of the keyword task: a data stage's parameters become a list of clips, and the list a
 * clip set (clip_set.h) with features.
 *
 *   {"task":"keywords","source":"speech-folders","words":["down","go"],"split":"random",
 *    "val_percent":10,"test_percent":10,"shuffle":true,"seed":1,"missing_clips":"error",
 *    "bad_clips":"error","files_hash":"..","features":{..feature.h..},"storage":"float16"}
 *   {"task":"keywords","source":"synthetic-keywords","clips":2000,"speakers":100,
 *    "val_percent":10,"test_percent":10,"seed":1,"features":{..},"storage":"float16"}
 *
 *   {"task":"keywords","source":"noise-recordings","files_hash":"..","storage":"int16"}
 *
 * With "storage":"int16" and without "features" it holds the waveforms of the training part, one
 * second at 16 kHz each (for augment.h). With "shard":[i,n] it is a part of the set.
 *
 * No words: every folder is one. With "split":"lists" and "archives" there are no percentages. `input` names what
 * lies outside, a line each: the folder of recordings and, for lists, those of the training, the
 * validation and the test part; "" for synthetic words. */
#ifndef PARETUNE_ENGINE_DATA_KEYWORD_DATA_H
#define PARETUNE_ENGINE_DATA_KEYWORD_DATA_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/hash.h"
#include "engine/base/node.h"
#include "engine/data/clip_set.h"
#include "engine/data/clips.h"

#include <stdbool.h>

enum { KEYWORD_MAX_SHARDS = 8 };

/* True for parameters that ask for this task. */
bool keyword_data_asked(const node *params);

/* The clips, in `a`, without reading any. "files_hash", "features", "storage" and "shard" are not
 * looked at. ERR_INPUT for folders and lists that are not as asked. */
status keyword_data_list(const node *params, const char *input, arena *a, clips *out, err *e);

/* How the sets of a list are cut into shards, which any process may build, and the hashes that go
 * with them ("" for synthetic words): of the whole list's names, labels and parts, in order, and of
 * the contents of the recordings in question. The number of shards depends on the list alone. */
typedef struct {
    hash all;
    int n_shards,
        n_waves; /* 1: not cut; of all clips' features, of the training part's waveforms */
    hash shard[KEYWORD_MAX_SHARDS], wave[KEYWORD_MAX_SHARDS];
} keyword_files;

/* Lists the clips and reads every recording once, to hash it. */
status keyword_data_survey(const node *params, const char *input, arena *a, clips *c,
                           keyword_files *out, err *e);

/* Appends the clip set's bytes to `out`, and JSON for people to `detail`: clips per part and word,
 * speakers, and what could not be used. ERR_INPUT when a clip cannot be used ("bad_clips":"skip"
 * leaves it out and names it); ERR_STATE when the recordings are not those that were hashed. */
status keyword_data_build(const node *params, const char *input, arena *a, buf *out, buf *detail,
                          err *e);

/* The same from all shards of the list, in order. */
status keyword_data_join(const clip_set *shard, int n_shards, buf *out, buf *detail, err *e);

#endif

/* The data of the keyword task: a data stage's parameters become a list of clips, and the list a
 * clip set (clip_set.h) with features.
 *
 *   {"task":"keywords","source":"speech-folders","words":["down","go"],"split":"random",
 *    "val_percent":10,"test_percent":10,"shuffle":true,"seed":1,"missing_clips":"error",
 *    "bad_clips":"error","files_hash":"..","features":{..feature.h..},"storage":"float16"}
 *   {"task":"keywords","source":"synthetic-keywords","clips":2000,"speakers":100,
 *    "val_percent":10,"test_percent":10,"seed":1,"features":{..},"storage":"float16"}
 *
 * No words: every folder is one. With "split":"lists" there are no percentages. `input` names what
 * lies outside, a line each: the folder of recordings and, for lists, those of the training, the
 * validation and the test part; "" for synthetic words. */
#ifndef PARETUNE_ENGINE_DATA_KEYWORD_DATA_H
#define PARETUNE_ENGINE_DATA_KEYWORD_DATA_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/hash.h"
#include "engine/base/node.h"
#include "engine/data/clips.h"

#include <stdbool.h>

/* True for parameters that ask for this task. */
bool keyword_data_asked(const node *params);

/* The clips, in `a`, without reading any. "files_hash", "features" and "storage" are not looked at.
 * `files` (may be NULL) receives the hash of the list: each clip's name, size in bytes, label and
 * part, in order. ERR_INPUT for folders and lists that are not as asked. */
status keyword_data_list(const node *params, const char *input, arena *a, clips *out, hash *files,
                         err *e);

/* Appends the clip set's bytes to `out`, and JSON for people to `detail`: clips per part and word,
 * speakers, and what could not be used. ERR_INPUT when the list is not the one that was hashed, or
 * a clip cannot be used ("bad_clips":"skip" leaves it out and names it). */
status keyword_data_build(const node *params, const char *input, arena *a, buf *out, buf *detail,
                          err *e);

#endif

/* A space as a study ran it, read back from the text that the study keeps (store_space.text): the YAML, the settings
 * given by hand, the architectures. Nothing of the files that it came from is needed, except architectures that the
 * space names by a path, and the data. */
#ifndef PARETUNE_SEARCH_RECALL_H
#define PARETUNE_SEARCH_RECALL_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/hash.h"
#include "search/space.h"

/* `path` is what the space is called in messages, `data` as in space_options, `folder` an existing one, into which
 * architectures are written. ERR_INPUT when the space cannot be read any more, or what is read is not what was
 * run (its data have changed, say): then the message tells what differs. */
status recall_space(const char *path, const char *text, const hash *text_hash, const char *data,
                    const char *folder, arena *a, space **out, err *e);

#endif

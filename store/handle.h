/* What is behind `store`: shared by the files of this room, not a part of its door. */
#ifndef PARETUNE_STORE_HANDLE_H
#define PARETUNE_STORE_HANDLE_H

#include "store/db.h"
#include "store/front.h"
#include "store/lock.h"
#include "store/store.h"

struct store {
    arena a; /* this struct, the path, the lock's name */
    db d;
    store_mode mode;
    lock lock;
    bool grouped;             /* inside store_begin .. store_commit */
    int64_t run_id, space_id; /* of store_start_run; 0 before */
    front front;              /* of space_id */
    arena names; /* metric names known to be in `metrics`, so that most puts need not ask */
    int n_names, cap_names;
    const char **name;
};

/* A transaction of one put, unless a group is open. put_end passes `s` on; on failure it rolls back
 * the group too and forgets what was remembered about it. */
status put_begin(store *s, err *e);
status put_end(store *s, status outcome, err *e);

#define STORE_NOW "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"

/* Sees to it that `metrics` has the name: one that no space declared gets a row, and the views a
 * column. */
status store_note_metric(store *s, const char *name, err *e);
store_state store_state_of(const char *name);

#endif

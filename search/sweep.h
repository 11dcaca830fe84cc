/* Clearing a folder of artifacts.
 *
 * What is looked at: regular files FOLDER/ab/ab....KIND, whose name is that of an artifact (stage_path), and what killed
 * workers left half written (.PID.tmp). All else stays, and is counted: people may have put it there. No symbolic
 * link is followed below FOLDER, so nothing outside it can be reached, whatever somebody makes of the folder while
 * it is swept. */
#ifndef PARETUNE_SEARCH_SWEEP_H
#define PARETUNE_SEARCH_SWEEP_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/stage.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    SWEEP_KEPT,
    SWEEP_NEEDLESS, /* of a stage that the study knows and nobody needs */
    SWEEP_ORPHAN, /* of none that it knows, or not its bytes' name: left by an older version or another study */
    SWEEP_LEFTOVER, /* half written by a process that is gone */
    SWEEP_FOREIGN,  /* not an artifact: never touched */
    SWEEP_BUSY,     /* being written by a living process: never touched */
    N_SWEEP_KINDS
} sweep_kind;

typedef struct {
    int files[N_SWEEP_KINDS];
    uint64_t bytes[N_SWEEP_KINDS];
    uint64_t
        freed; /* bytes on the disk; a file with another name elsewhere (a hard link) frees nothing */
    /* of needless artifacts, by kind of stage */
    int needless_files[N_STAGE_KINDS];
    uint64_t needless_bytes[N_STAGE_KINDS];
} sweep_report;

typedef struct {
    int n; /* in the order of their keys */
    const store_artifact *artifact;
    bool orphans; /* are removed, too */
    bool dry;     /* nothing is removed */
} sweep_options;

/* A folder that does not exist is empty. ERR_STATE, with nothing removed, when a living process writes there;
 * ERR_IO when something cannot be removed: what was removed before is in the report. */
status sweep_folder(const char *folder, const sweep_options *o, sweep_report *out, err *e);

#endif

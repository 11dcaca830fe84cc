/* The layout of a study's file: tables, views and how an older file becomes a newer one.
 *
 * The text of each CREATE TABLE, comments with units included, stays in sqlite_master, so
 * `paretune sql DB "select sql from sqlite_master"` is the documentation of any file.
 * `user_version` is the number of steps that a file has taken. */
#ifndef PARETUNE_STORE_SCHEMA_H
#define PARETUNE_STORE_SCHEMA_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "store/db.h"

enum { SCHEMA_APPLICATION = 0x7074756E }; /* "ptun", the file's application_id */

/* The steps, ended by NULL: the first makes an empty file a study, each later one brings the file
 * before it up by one. A step is a list of statements, ended by NULL. Released steps never change.
 */
extern const char *const *const schema_steps[];

/* ERR_INPUT unless the file is a study. `fresh` is set instead when it is empty (no tables). */
status schema_identify(db *d, int *user_version, bool *fresh, err *e);

/* Takes the missing steps in one transaction; a file beyond the last step is ERR_INPUT. */
status schema_migrate(db *d, const char *const *const *steps, err *e);

/* Remakes trials_wide, front and picks for the space of the last run: a column per knob and metric.
 * Inside a transaction of the caller's. */
status schema_make_views(db *d, err *e);

typedef struct {
    int n;
    const char **name; /* of the column: the knob's or metric's own, or with "knob." or "metric." in
                          front where that would repeat an earlier column's */
    const char **unit; /* "" for none */
    const char **help;
    char *kind;          /* 'f'ixed, 'k'nob, 'm'etric; of a version 'v': whether its limits are
                            kept (meets.a), 'w': with what room (margin.a) */
    const char **source; /* the knob's, metric's or version's own name */
} schema_columns;

/* The columns of trials_wide for the space of the last run, in their order. */
status schema_list_columns(db *d, arena *a, schema_columns *out, err *e);

#endif

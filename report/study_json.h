/* A study as one JSON object for the page: what is drawn, chosen and told there, in few bytes.
 *
 *     program, made_at, db, has_writer
 *     space    {name, title, task, path, text, objectives: [{metric, maximize}],
 *               versions: [{name, title, limits: [{metric, op, bound, text}]}]}
 *     columns  [{name, unit, kind: "f|k|m", source, better, help, listed, numbers, words, data}]   of
 *              trials_wide; what filters may compare with; data as in column_json.h, null: left out (file names
 *              of a large study)
 *     trials   number of rows: trials that are over, by their numbers
 *     picks    {asked, list: [...]}            as picks.h gives them
 *     growth   {cpu, share, trial, total}      progress_volume.h
 *     curves   {names, step, stage: {ID: {prune: [begin, end], offset, length, rows: [[...] per name]}}, trial: {TRIAL: [ID, ...]}}
 *              `step`: only every step-th epoch and the last one are kept
 *     importance [{metric, configurations, explained, shares, steps}]
 *     files    {TRIAL: what its export noted: bytes per tensor and part}   of the front and the picks
 *     runs, census, failures   {names, rows}
 *
 * Sizes are bounded: long studies keep one curve of three and thin its epochs, so that 10,000 trials stay well under 5 MB. */
#ifndef PARETUNE_REPORT_STUDY_JSON_H
#define PARETUNE_REPORT_STUDY_JSON_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "store/store.h"

/* `db` is the study's path, of which the name is told; `when` is a UTC time as text. */
status study_json_write(store *s, const char *db, const char *when, arena *a, buf *out, err *e);

#endif

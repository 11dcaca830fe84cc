/* One candidate of a space: its values, and its configuration as canonical JSON. */
#ifndef PARETUNE_SEARCH_CANDIDATE_H
#define PARETUNE_SEARCH_CANDIDATE_H

#include "search/space_parts.h"

/* Which value of each axis a candidate takes. */
typedef struct {
    int at[SPACE_MAX_AXES];
} digits;

digits candidate_digits(const space *s, int64_t candidate);
/* The next candidate's: the axis written last varies fastest. */
void candidate_next(const space *s, digits *d);

/* Fills `slots[N_SLOTS]`, which must start as a copy of s->base or as an earlier fill, with what
 * the candidate means: settings that cannot matter take their defaults. ERR_INPUT when a condition
 * cannot be evaluated. */
status candidate_fill(const space *s, const digits *d, value *slots, err *e);

/* Whether a setting or knob has any bearing on a candidate with these values. */
bool candidate_matters(const space *s, const value *slots, int slot);

/* Appends the configuration: the settings that matter, in the schema's order, with content hashes
 * in place of what names outside things. `net` is the network's JSON, `files` the hash of a list of
 * recordings (NULL: none). */
status candidate_put_config(const space *s, const value *slots, const char *net, const char *files,
                            buf *b, err *e);

/* Whether weights are made zero; channels that leave are another matter. */
bool candidate_prunes(const value *slots);

/* "architecture=mlp, alpha=0.05": the values of the axes, for messages; in `a`. */
const char *candidate_show(const space *s, const value *slots, arena *a);

/* True when an expression (a rule) holds. ERR_INPUT with its place when it cannot be evaluated. */
status candidate_test(const space *s, const expr *x, const node *place, const value *slots,
                      bool *holds, err *e);

/* Writes one value of one slot: brings it to what it means (used while a space is read, too). */
status candidate_settle(const space *s, const digits *d, int slot, value *slots, err *e);

#endif

/* A list of mistakes in a text, each with its place: `file:line:column: what is wrong; what would be
 * right`. Readers report and go on, so that a user sees all of them at once. */
#ifndef PARETUNE_ENGINE_BASE_DIAG_H
#define PARETUNE_ENGINE_BASE_DIAG_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

#include <stddef.h>
#include <stdio.h>

enum { DIAG_MAX = 20 };

typedef struct {
    const char *file;
    int line, column;
    const char *text;
} diag_entry;

typedef struct {
    arena *a;
    int n;     /* entries kept, at most DIAG_MAX, in the order of their places once sorted */
    int total; /* reported in all */
    diag_entry entry[DIAG_MAX];
} diag;

void diag_init(diag *d, arena *a); /* messages live in `a` */
void diag_report(diag *d, const char *file, int line, int column, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Sorts the kept messages by file name, line and column. (Exact repeats are never kept.) */
void diag_sort(diag *d);
/* One message a line, and "... and N more" when some were not kept. */
void diag_print(const diag *d, FILE *f);
/* All messages as one ERR_INPUT (the first in `e`, the count behind it), OK when there are none. */
status diag_status(const diag *d, err *e);
/* The same with the kept messages one a line, as many as an err holds, and "... and N more". */
status diag_list(const diag *d, err *e);

/* The candidate nearest to `word` by Damerau-Levenshtein distance, when near enough to be meant
 * (distance at most 2 and at most half of the word's length, or a shared prefix of 4); else NULL. */
const char *diag_did_you_mean(const char *word, const char *const *candidates, size_t n);

#endif

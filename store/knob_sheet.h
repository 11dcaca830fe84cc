/* Every knob of every finished trial, read at once: what why_*.c count in. Private to them. */
#ifndef PARETUNE_STORE_KNOB_SHEET_H
#define PARETUNE_STORE_KNOB_SHEET_H

#include "store/handle.h"

/* A knob's value of one trial. */
typedef struct {
    enum { ABSENT, NUMBER, WORD } kind;
    double number;
    int word; /* of the vocabulary */
} setting;

typedef struct knob_sheet {
    arena *a;
    const store_space *space;
    int n;                /* trials */
    const int64_t *trial; /* [n], ascending; borrowed */
    setting *at;          /* n x n_knobs */
    int n_words, cap_words;
    const char **word;
} knob_sheet;

/* all[n]: trials, ascending. */
status knob_sheet_read(store *s, const store_space *space, const int64_t *all, int n, arena *a,
                       knob_sheet *out, err *e);
bool knob_sheet_same(const setting *a, const setting *b);
/* "0.25", "mlp"; NULL out of memory. */
const char *knob_sheet_text(const knob_sheet *h, const setting *v);

#endif

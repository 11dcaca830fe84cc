/* A column of a table as JSON in few bytes, every number exact. One of
 *
 *     {"c":7}                            the same in all rows
 *     {"w":["mlp",0.5,null],"i":[0,0,2]} few different values, and which of them stands in each row
 *     {"v":[1,2.5,null]}                 as they are
 *     {"f":"AAAAAAAA8D8..."}             doubles, little-endian, in base64; NaN where there is none
 *
 * Base64 takes 10.7 bytes for each number, its shortest decimal up to 20: the shorter of the two is written. */
#ifndef PARETUNE_REPORT_COLUMN_JSON_H
#define PARETUNE_REPORT_COLUMN_JSON_H

#include "engine/base/table.h"

/* ERR_MEM only. `a` is scratch. */
status column_json(buf *out, const table *t, int column, arena *a, err *e);
/* What occurs in it, for filters: ,"listed":true,"numbers":false,"words":["cnn-1d","mlp"] with words by alphabet;
 * listed false: nothing occurs. ERR_MEM only. */
status column_json_words(buf *out, const table *t, int column, arena *a, err *e);
/* Doubles as above, in quotes. */
void column_json_base64(buf *out, const double *v, int n);
/* One cell: a number, a string or null. */
void column_json_cell(buf *out, const cell *c);

#endif

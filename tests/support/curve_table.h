/* One recorded seed of a table of learning curves, as a table of its own. */
#ifndef PARETUNE_TESTS_CURVE_TABLE_H
#define PARETUNE_TESTS_CURVE_TABLE_H

#include "search/replay_table.h"

/* The n-th seed in order of appearance, with the candidates that were trained with it: figures, curves and the yardstick
 * are that seed's own. False in *is_there when the table has fewer seeds. */
status curve_table_read(const char *path, int n, arena *a, replay_table *out, bool *is_there,
                        err *e);

#endif

#include "search/curve.h"

#include <math.h>
#include <string.h>

#include "engine/base/node.h"

/* [training loss, validation loss, learning rate] and, of classifiers, the share of right answers. */
static float watched(const node *row)
{
    enum { VAL_LOSS = 1, VAL_ACCURACY = 3 };
    if (row->kind != NODE_LIST || row->n <= VAL_LOSS) return NAN;
    if (row->n <= VAL_ACCURACY) return (float)row->item[VAL_LOSS]->number;
    return (float)(100 * row->item[VAL_ACCURACY]->number);
}

status curve_read(const char *detail, arena *a, float **curve, int *n, err *e)
{
    node *whole, *list;
    TRY(node_read_json(a, detail, strlen(detail), &whole, e));
    TRY(node_list(whole, "curve", &list, e));
    *curve = ARENA_NEW(a, float, list->n + 1);
    if (!*curve) return FAIL(e, ERR_MEM, "out of memory for a learning curve");
    for (int i = 0; i < list->n; i++) (*curve)[i] = watched(list->item[i]);
    *n = list->n;
    return OK;
}

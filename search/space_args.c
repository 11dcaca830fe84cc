#include "search/space_args.h"

#include <stdlib.h>

space_options space_args_options(const space_args *args)
{
    const char *data = args->data ? args->data : getenv("PARETUNE_DATA");
    return (space_options){.data = data && *data ? data : NULL,
                           .architectures = args->architectures,
                           .n_sets = args->sets.n,
                           .sets = args->sets.item};
}

status space_args_read(const space_args *args, const char *path, arena *a, space **out, err *e)
{
    diag d;
    diag_init(&d, a);
    space_options options = space_args_options(args);
    *out = space_read(a, path, &options, &d);
    if (*out) return OK;
    diag_sort(&d);
    TRY(diag_list(&d, e));
    return FAIL(e, ERR_MEM, "out of memory reading %s", path);
}

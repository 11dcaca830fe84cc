/* What every command that reads a search space takes on its command line. */
#ifndef PARETUNE_SEARCH_SPACE_ARGS_H
#define PARETUNE_SEARCH_SPACE_ARGS_H

#include "engine/base/opt.h"
#include "search/space.h"

typedef struct {
    const char *data, *architectures;
    opt_list sets;
} space_args;

/* Rows for an option table; `args` is a static space_args. */
#define SPACE_OPTIONS(args)                                                                   \
    {"set",                                                                                   \
     0,                                                                                       \
     OPT_LIST,                                                                                \
     "KEY=VALUE",                                                                             \
     "override a setting of the space, such as train.epochs=5 or 'alpha=[0.1, 0.2]'; may be " \
     "given several times",                                                                   \
     0,                                                                                       \
     0,                                                                                       \
     &(args).sets},                                                                           \
        {"data",                                                                              \
         0,                                                                                   \
         OPT_STRING,                                                                          \
         "DIR",                                                                               \
         "folder that data.file is relative to; without it $PARETUNE_DATA, else data",        \
         0,                                                                                   \
         0,                                                                                   \
         &(args).data},                                                                       \
    {                                                                                         \
        "architectures", 0, OPT_STRING, "DIR",                                                \
            "folder of architecture files; without it architectures/ beside the space, "      \
            "spaces/architectures here, then those that came with the program",               \
            0, 0, &(args).architectures                                                       \
    }

/* The options as space_read takes them; `args` must outlive the space. */
space_options space_args_options(const space_args *args);

/* Reads the space at `path`. On mistakes every one of them is in the message of the ERR_INPUT. */
status space_args_read(const space_args *args, const char *path, arena *a, space **out, err *e);

#endif

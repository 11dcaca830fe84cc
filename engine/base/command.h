/* A subcommand: its option table and the function that does it. Each folder declares its own in
 * cmd_*.c beside what they show; main.c lists them. */
#ifndef PARETUNE_ENGINE_BASE_COMMAND_H
#define PARETUNE_ENGINE_BASE_COMMAND_H

#include "engine/base/err.h"
#include "engine/base/opt.h"

typedef struct {
    const opt_spec *spec;
    /* argv[0..n) are the positional arguments. On OK the process exits with *code (0 unless set). */
    status (*run)(int n, char **argv, int *code, err *e);
    bool hidden; /* left out of the list: for the program's own use */
} command;

#endif

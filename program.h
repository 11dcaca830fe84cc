/* What a program is made of: the same main.c serves all of them, each linked with its program_X.c. */
#ifndef PARETUNE_PROGRAM_H
#define PARETUNE_PROGRAM_H

#include "engine/base/command.h"

typedef struct {
    const char *name;
    const char *purpose;           /* one line */
    const char *start;             /* what to try first */
    const command *const *command; /* ended by NULL */
} program;

extern const program this_program;

#endif

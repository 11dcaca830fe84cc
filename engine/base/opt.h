/* Command-line options from tables: parsing, ranges, defaults, usage text, manual page and "did you
 * mean" all come from the rows. */
#ifndef PARETUNE_ENGINE_BASE_OPT_H
#define PARETUNE_ENGINE_BASE_OPT_H

#include "engine/base/err.h"

#include <stdbool.h>
#include <stdio.h>

typedef enum {
    OPT_FLAG,   /* bool: --name, --no-name */
    OPT_INT,    /* int in [min, max] */
    OPT_DOUBLE, /* double in [min, max] */
    OPT_STRING, /* const char *, borrowed from argv */
    OPT_LIST    /* opt_list: may be given several times */
} opt_type;

enum { OPT_LIST_MAX = 64 };
typedef struct {
    int n;
    const char *item[OPT_LIST_MAX]; /* borrowed from argv */
} opt_list;

typedef struct {
    const char *name; /* long name without dashes; NULL ends the table */
    char letter;      /* short name or 0 */
    opt_type type;
    const char *arg;  /* what the value is called: N, FILE */
    const char *help; /* one sentence, lower case, no full stop */
    double min, max;  /* OPT_INT, OPT_DOUBLE; both 0 = unchecked */
    void *value;      /* bool *, int *, double *, const char ** or opt_list *; holds the default
                          beforehand; an int below `min` stands for "not given" */
} opt;

typedef struct {
    const char *name;     /* "run" */
    const char *args;     /* "SPACE.yaml" */
    const char *summary;  /* one line for the list of commands */
    const char *details;  /* paragraphs for --help and the manual; may be NULL */
    const char *examples; /* lines of examples; may be NULL */
    int args_min, args_max;
    const opt *options; /* ended by a row without a name */
} opt_spec;

/* Parses argv[1..]; options may stand anywhere, "--" ends them, --name=value and --name value.
 * Positional arguments are moved to argv[0..*n_args). `--help` sets *help and stops.
 * Mistakes are ERR_INPUT with a sentence that says what would be right. */
status opt_parse(const opt_spec *spec, int argc, char **argv, int *n_args, bool *help, err *e);

void opt_print_help(const opt_spec *spec, const char *program, FILE *f);
/* The same as a section of a troff manual page. */
void opt_print_man(const opt_spec *spec, const char *program, FILE *f);

#endif

/* Shell completion from the tables of commands and options: what --help shows, as a script for bash or zsh.
 *
 * A value is completed by what its placeholder (opt.arg, opt_spec.args) says it is:
 *   bash|zsh              words in small letters: one of them
 *   FILE, PATH, FILE.ext  a file, with that ending; a folder on the way to it. DB is a FILE.db
 *   DIR, FOLDER           a folder
 *   any other             what the rules say of it, or else nothing */
#ifndef PARETUNE_ENGINE_BASE_COMPLETION_H
#define PARETUNE_ENGINE_BASE_COMPLETION_H

#include "engine/base/command.h"
#include "engine/base/err.h"

#include <stdbool.h>
#include <stdio.h>

typedef struct {
    const char *arg;     /* the placeholder; NULL ends the table */
    const char *command; /* in which it means that; NULL: in all that no row before names */
    const char *words; /* what may stand there, "table csv json"; NULL: none is known beforehand */
    const char *
        sql; /* further values: the first column of this, asked of the study (*.db) on the command line;
                          without single quotes. NULL: none */
    bool is_list; /* several, with commas between them */
} completion_rule;

/* Writes the script for "bash" or "zsh"; ERR_INPUT for another shell. */
status completion_print(const char *shell, const char *program, const command *const *commands,
                        const completion_rule *rules, FILE *f, err *e);

#endif

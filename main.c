/* The command table, dispatch and exit codes: 0 done, 1 failed, 2 usage or input, 3 finished but no
 * feasible pick or with failed candidates, 130 interrupted and resumable. */
#include "engine/base/command.h"
#include "engine/base/diag.h"
#include "engine/base/err.h"
#include "engine/base/log.h"
#include "engine/tflite/cmd_invoke.h"
#include "search/cmd_check.h"
#include "search/cmd_plan.h"
#include "search/cmd_run.h"
#include "search/cmd_status.h"
#include "search/cmd_worker.h"

#include <stdio.h>
#include <string.h>

static const command *const commands[] = {
    &cmd_run,
    &cmd_check,
    &cmd_plan,
    &cmd_status,
    &cmd_invoke,
    &cmd_worker,
    NULL,
};

static void print_usage(FILE *f)
{
    fprintf(f, "paretune: find the models nobody can beat on accuracy, size and latency at once\n\n"
               "usage: paretune COMMAND [options] [arguments]\n\ncommands:\n");
    for (int i = 0; commands[i]; i++)
        if (!commands[i]->hidden)
            fprintf(f, "  %-10s %s\n", commands[i]->spec->name, commands[i]->spec->summary);
    fprintf(f, "\n'paretune COMMAND --help' explains one. Start with: make demo\n");
}

static int fail(const char *who, const err *e)
{
    fflush(stdout);
    fprintf(stderr, "paretune %s: %s\n", who, e->msg);
    return e->code == ERR_INPUT || e->code == ERR_ARG ? 2 : 1;
}

static int unknown_command(const char *name)
{
    const char *names[64] = {0};
    size_t n = 0;
    for (int i = 0; commands[i]; i++)
        if (!commands[i]->hidden) names[n++] = commands[i]->spec->name;
    const char *meant = diag_did_you_mean(name, names, n);
    fprintf(stderr, "paretune: unknown command '%s'%s%s%s; 'paretune --help' lists them\n", name,
            meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
    return 2;
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    for (int i = 0; commands[i]; i++) {
        const command *c = commands[i];
        if (strcmp(argv[1], c->spec->name) != 0) continue;
        err e = {0};
        int n_args, code = 0;
        bool help;
        if (opt_parse(c->spec, argc - 1, argv + 1, &n_args, &help, &e) != OK)
            return fail(argv[1], &e);
        if (help)
            opt_print_help(c->spec, "paretune", stdout);
        else if (c->run(n_args, argv + 1, &code, &e) != OK)
            return fail(argv[1], &e);
        if (fflush(stdout) != 0 || ferror(stdout)) {
            fprintf(stderr, "paretune %s: cannot write to standard output\n", argv[1]);
            return 1;
        }
        return code;
    }
    return unknown_command(argv[1]);
}

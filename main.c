/* The command table, dispatch and exit codes: 0 done, 1 failed, 2 usage or input, 3 finished but no
 * feasible pick or with failed candidates, 130 interrupted and resumable. */
#include "engine/base/command.h"
#include "engine/base/diag.h"
#include "engine/base/err.h"
#include "engine/base/log.h"
#include "engine/measure/cmd_bench.h"
#include "engine/measure/cmd_device.h"
#include "engine/tflite/cmd_invoke.h"
#include "search/cmd_check.h"
#include "search/cmd_export.h"
#include "search/cmd_grade.h"
#include "search/cmd_plan.h"
#include "report/cmd_report.h"
#include "store/cmd_query.h"
#include "store/cmd_sql.h"
#include "search/cmd_run.h"
#include "search/cmd_status.h"
#include "search/cmd_worker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const command *const commands[] = {
    &cmd_run,
    &cmd_check,
    &cmd_plan,
    &cmd_query,
    &cmd_sql,
    &cmd_report,
    &cmd_export,
    &cmd_grade,
    &cmd_status,
    &cmd_invoke,
    &cmd_bench,
    &cmd_device,
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

/* The manual page: the same rows as --help, as troff. It carries no date, so that the same program
 * always prints the same page. */
static void print_manual(FILE *f)
{
    fprintf(
        f,
        ".TH PARETUNE 1 \"\" \"paretune %s\" \"User Commands\"\n"
        ".SH NAME\nparetune \\- find the models nobody can beat on accuracy, size and latency at "
        "once\n"
        ".SH SYNOPSIS\n.B paretune\n.I command\n[options] [arguments]\n"
        ".SH COMMANDS\n",
        PARETUNE_VERSION);
    for (int i = 0; commands[i]; i++)
        if (!commands[i]->hidden) opt_print_man(commands[i]->spec, "paretune", f);
    fprintf(f,
            ".SH EXIT STATUS\n"
            ".TP\n.B 0\ndone\n"
            ".TP\n.B 1\nfailed\n"
            ".TP\n.B 2\na mistake in the command line or in an input file; the message says what "
            "to do\n"
            ".TP\n.B 3\nfinished, but a version has no feasible pick or a candidate failed\n"
            ".TP\n.B 130\ninterrupted; the same command resumes\n");
}

/* Output that could not be written must not look like success. */
static int finish(const char *who, int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    fprintf(stderr, "paretune %s: cannot write to standard output\n", who);
    return 1;
}

static int run(const command *c, int argc, char **argv)
{
    err e = {0};
    int n_args, code = 0;
    bool help;
    if (opt_parse(c->spec, argc, argv, &n_args, &help, &e) != OK) return fail(c->spec->name, &e);
    if (help)
        opt_print_help(c->spec, "paretune", stdout);
    else if (c->run(n_args, argv, &code, &e) != OK)
        return fail(c->spec->name, &e);
    return finish(c->spec->name, code);
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

/* A file of ours that took the number of a closed standard descriptor would be read or written as if
 * it were that. What stands in is read-only, so that output which nobody gets is still a failure. */
static void fill_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDONLY);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

static int help_on(const char *name)
{
    for (int i = 0; commands[i]; i++) {
        if (strcmp(name, commands[i]->spec->name) != 0) continue;
        opt_print_help(commands[i]->spec, "paretune", stdout);
        return finish("help", 0);
    }
    return unknown_command(name);
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    signal(SIGXFSZ, SIG_IGN); /* a file over its limit is a failed write, not a death */
    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 && argc > 2) return help_on(argv[2]);
    if (is_one_of(name, "--help", "-h", "help")) {
        print_usage(stdout);
        return finish("help", 0);
    }
    if (is_one_of(name, "--version", "-V", "version")) {
        printf("paretune %s\n", PARETUNE_VERSION);
        return finish("version", 0);
    }
    if (strcmp(name, "man") == 0) { /* for make docs */
        print_manual(stdout);
        return finish("man", 0);
    }
    for (int i = 0; commands[i]; i++)
        if (strcmp(name, commands[i]->spec->name) == 0) return run(commands[i], argc - 1, argv + 1);
    return unknown_command(name);
}

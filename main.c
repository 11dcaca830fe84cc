/* Dispatch and exit codes: 0 done, 1 failed, 2 usage or input, 3 finished but no
 * feasible pick or with failed candidates, 130 interrupted and resumable. */
#include "program.h"

#include "engine/base/diag.h"
#include "engine/base/err.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_usage(FILE *f)
{
    fprintf(f, "%s: %s\n\nusage: %s COMMAND [options] [arguments]\n\ncommands:\n",
            this_program.name, this_program.purpose, this_program.name);
    for (int i = 0; this_program.command[i]; i++)
        if (!this_program.command[i]->hidden)
            fprintf(f, "  %-10s %s\n", this_program.command[i]->spec->name,
                    this_program.command[i]->spec->summary);
    fprintf(f, "\n'%s COMMAND --help' explains one. Start with: %s\n", this_program.name,
            this_program.start);
}

static int fail(const char *who, const err *e)
{
    fflush(stdout);
    fprintf(stderr, "%s %s: %s\n", this_program.name, who, e->msg);
    return e->code == ERR_INPUT || e->code == ERR_ARG ? 2 : 1;
}

static int unknown_command(const char *name)
{
    const char *names[64] = {0};
    size_t n = 0;
    for (int i = 0; this_program.command[i]; i++)
        if (!this_program.command[i]->hidden) names[n++] = this_program.command[i]->spec->name;
    const char *meant = diag_did_you_mean(name, names, n);
    fprintf(stderr, "%s: unknown command '%s'%s%s%s; '%s --help' lists them\n", this_program.name,
            name, meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "",
            this_program.name);
    return 2;
}

/* The manual page: the same rows as --help, as troff. It carries no date, so that the same program
 * always prints the same page. */
static void print_manual(FILE *f)
{
    fprintf(f,
            ".TH PARETUNE 1 \"\" \"paretune %s\" \"User Commands\"\n"
            ".SH NAME\n%s \\- %s\n"
            ".SH SYNOPSIS\n.B %s\n.I command\n[options] [arguments]\n"
            ".SH COMMANDS\n",
            PARETUNE_VERSION, this_program.name, this_program.purpose, this_program.name);
    for (int i = 0; this_program.command[i]; i++)
        if (!this_program.command[i]->hidden)
            opt_print_man(this_program.command[i]->spec, this_program.name, f);
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
    fprintf(stderr, "%s %s: cannot write to standard output\n", this_program.name, who);
    return 1;
}

static int run(const command *c, int argc, char **argv)
{
    err e = {0};
    int n_args, code = 0;
    bool help;
    if (opt_parse(c->spec, argc, argv, &n_args, &help, &e) != OK) return fail(c->spec->name, &e);
    if (help)
        opt_print_help(c->spec, this_program.name, stdout);
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
    for (int i = 0; this_program.command[i]; i++) {
        if (strcmp(name, this_program.command[i]->spec->name) != 0) continue;
        opt_print_help(this_program.command[i]->spec, this_program.name, stdout);
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
        printf("%s %s\n", this_program.name, PARETUNE_VERSION);
        return finish("version", 0);
    }
    if (strcmp(name, "man") == 0) { /* for make docs */
        print_manual(stdout);
        return finish("man", 0);
    }
    for (int i = 0; this_program.command[i]; i++)
        if (strcmp(name, this_program.command[i]->spec->name) == 0)
            return run(this_program.command[i], argc - 1, argv + 1);
    return unknown_command(name);
}

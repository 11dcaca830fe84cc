#include "engine/base/opt.h"

#include "engine/base/diag.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_MAX = 64, HELP_COLUMN = 28, HELP_WIDTH = 96 };

static const opt *find_long(const opt_spec *spec, const char *name, size_t n)
{
    for (const opt *o = spec->options; o && o->name; o++)
        if (strlen(o->name) == n && memcmp(o->name, name, n) == 0) return o;
    return NULL;
}

static const opt *find_letter(const opt_spec *spec, char letter)
{
    for (const opt *o = spec->options; o && o->name; o++)
        if (o->letter && o->letter == letter) return o;
    return NULL;
}

static status unknown(const opt_spec *spec, const char *name, size_t n, err *e)
{
    const char *names[OPT_MAX];
    char word[80];
    size_t count = 0;
    for (const opt *o = spec->options; o && o->name && count < OPT_MAX; o++)
        names[count++] = o->name;
    snprintf(word, sizeof word, "%.*s", (int)n, name);
    const char *meant = diag_did_you_mean(word, names, count);
    if (meant) return FAIL(e, ERR_INPUT, "unknown option --%s; did you mean --%s?", word, meant);
    return FAIL(e, ERR_INPUT, "unknown option --%s; 'paretune %s --help' lists them", word,
                spec->name);
}

static status append(const opt *o, const char *text, err *e)
{
    opt_list *list = o->value;
    if (list->n == OPT_LIST_MAX)
        return FAIL(e, ERR_INPUT, "--%s is given more than %d times", o->name, OPT_LIST_MAX);
    list->item[list->n++] = text;
    return OK;
}

static status set_value(const opt *o, const char *text, err *e)
{
    if (o->type == OPT_LIST) return append(o, text, e);
    if (o->type == OPT_STRING) {
        *(const char **)o->value = text;
        return OK;
    }
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    bool whole = o->type == OPT_INT;
    bool wrong = *end || end == text || errno == ERANGE || !isfinite(v);
    if (whole) wrong = wrong || v != floor(v) || v < INT_MIN || v > INT_MAX;
    if (wrong)
        return FAIL(e, ERR_INPUT, "--%s takes %s, not '%s'", o->name,
                    whole ? "a whole number" : "a number", text);
    if ((o->min != 0 || o->max != 0) && (v < o->min || v > o->max))
        return FAIL(e, ERR_INPUT, "--%s is %s; it must be from %g to %g", o->name, text, o->min,
                    o->max);
    if (whole)
        *(int *)o->value = (int)v;
    else
        *(double *)o->value = v;
    return OK;
}

/* One option at argv[i]; *used counts the arguments it took (1 or 2). */
static status take_option(const opt_spec *spec, int i, int argc, char **argv, int *used, err *e)
{
    const char *word = argv[i], *value = NULL;
    const opt *o;
    *used = 1;
    if (word[1] != '-') {
        o = find_letter(spec, word[1]);
        if (!o)
            return FAIL(e, ERR_INPUT, "unknown option -%c; 'paretune %s --help' lists them",
                        word[1], spec->name);
        if (word[2]) value = word + 2;
    } else {
        const char *name = word + 2, *equals = strchr(name, '=');
        size_t n = equals ? (size_t)(equals - name) : strlen(name);
        if (equals) value = equals + 1;
        o = find_long(spec, name, n);
        if (!o && n > 3 && strncmp(name, "no-", 3) == 0) {
            const opt *flag = find_long(spec, name + 3, n - 3);
            if (flag && flag->type == OPT_FLAG && !value) {
                *(bool *)flag->value = false;
                return OK;
            }
        }
        if (!o) return unknown(spec, name, n, e);
    }
    if (o->type == OPT_FLAG) {
        if (value) return FAIL(e, ERR_INPUT, "--%s takes no value", o->name);
        *(bool *)o->value = true;
        return OK;
    }
    if (!value) {
        if (i + 1 >= argc) return FAIL(e, ERR_INPUT, "--%s needs %s", o->name, o->arg);
        value = argv[i + 1];
        *used = 2;
    }
    return set_value(o, value, e);
}

status opt_parse(const opt_spec *spec, int argc, char **argv, int *n_args, bool *help, err *e)
{
    bool only_args = false;
    *n_args = 0;
    *help = false;
    for (int i = 1; i < argc;) {
        const char *word = argv[i];
        int used = 1;
        if (!only_args && strcmp(word, "--") == 0) {
            only_args = true;
        } else if (!only_args && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            *help = true;
            return OK;
        } else if (!only_args && word[0] == '-' && word[1]) {
            TRY(take_option(spec, i, argc, argv, &used, e));
        } else {
            argv[(*n_args)++] = argv[i];
        }
        i += used;
    }
    if (*n_args < spec->args_min)
        return FAIL(e, ERR_INPUT, "needs %s; see 'paretune %s --help'", spec->args, spec->name);
    if (*n_args > spec->args_max)
        return FAIL(e, ERR_INPUT, "too many arguments, from '%s' on; see 'paretune %s --help'",
                    argv[spec->args_max], spec->name);
    return OK;
}

static void default_text(const opt *o, char *text, size_t n)
{
    text[0] = '\0';
    if (o->type == OPT_FLAG && *(const bool *)o->value) snprintf(text, n, "on");
    if (o->type == OPT_INT && *(const int *)o->value >= o->min)
        snprintf(text, n, "%d", *(const int *)o->value);
    if (o->type == OPT_DOUBLE) snprintf(text, n, "%g", *(const double *)o->value);
    if (o->type == OPT_STRING && *(const char **)o->value)
        snprintf(text, n, "%s", *(const char **)o->value);
}

/* Words of `text` from `column` on, wrapped; continuation lines are indented. */
static void put_wrapped(FILE *f, const char *text, int column)
{
    int at = column;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (at > column && at + 1 + (int)n > HELP_WIDTH) {
            fprintf(f, "\n%*s", column, "");
            at = column;
        } else if (at > column) {
            fputc(' ', f);
            at++;
        }
        fprintf(f, "%.*s", (int)n, text);
        at += (int)n;
        text += n;
        while (*text == ' ') text++;
    }
    fputc('\n', f);
}

void opt_print_help(const opt_spec *spec, const char *program, FILE *f)
{
    bool any = spec->options && spec->options->name;
    fprintf(f, "%s %s: %s\n\nusage: %s %s%s%s%s\n", program, spec->name, spec->summary, program,
            spec->name, any ? " [options]" : "", spec->args && *spec->args ? " " : "",
            spec->args ? spec->args : "");
    if (spec->details) fprintf(f, "\n%s\n", spec->details);
    if (any) fprintf(f, "\noptions:\n");
    for (const opt *o = spec->options; o && o->name; o++) {
        char left[80], standard[80], help[400];
        char letter[8] = "    ";
        if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "  %s--%s%s%s", letter, o->name, o->arg ? " " : "",
                 o->arg ? o->arg : "");
        default_text(o, standard, sizeof standard);
        snprintf(help, sizeof help, "%s%s%s%s", o->help, *standard ? " (default: " : "", standard,
                 *standard ? ")" : "");
        fprintf(f, "%-*s", HELP_COLUMN, left);
        if (strlen(left) >= HELP_COLUMN) fprintf(f, "\n%*s", HELP_COLUMN, "");
        put_wrapped(f, help, HELP_COLUMN);
    }
    if (spec->examples) fprintf(f, "\nexamples:\n%s\n", spec->examples);
}

/* Troff: backslashes and leading dots are special, hyphens must be escaped to stay minus signs, and
 * an empty line is asked for by name. */
static void put_man(FILE *f, const char *text)
{
    bool start = true;
    for (; *text; text++) {
        if (start && (*text == '.' || *text == '\'')) fputs("\\&", f);
        if (start && *text == '\n')
            fputs(".PP\n", f);
        else if (*text == '\\')
            fputs("\\e", f);
        else if (*text == '-')
            fputs("\\-", f);
        else
            fputc(*text, f);
        start = *text == '\n';
    }
}

void opt_print_man(const opt_spec *spec, const char *program, FILE *f)
{
    fprintf(f, ".SS ");
    put_man(f, program);
    fputc(' ', f);
    put_man(f, spec->name);
    fprintf(f, " %s\n", spec->args ? spec->args : "");
    put_man(f, spec->summary);
    fprintf(f, ".\n");
    if (spec->details) {
        fprintf(f, ".PP\n");
        put_man(f, spec->details);
        fputc('\n', f);
    }
    for (const opt *o = spec->options; o && o->name; o++) {
        char standard[80];
        default_text(o, standard, sizeof standard);
        fprintf(f, ".TP\n.B ");
        if (o->letter) fprintf(f, "\\-%c, ", o->letter);
        fprintf(f, "\\-\\-");
        put_man(f, o->name);
        if (o->arg) fprintf(f, " \\fI%s\\fR", o->arg);
        fputc('\n', f);
        put_man(f, o->help);
        if (*standard) {
            fprintf(f, " (default: ");
            put_man(f, standard);
            fputc(')', f);
        }
        fprintf(f, ".\n");
    }
    if (spec->examples) {
        fprintf(f, ".PP\nExamples:\n.PP\n.nf\n");
        put_man(f, spec->examples);
        fprintf(f, "\n.fi\n");
    }
}

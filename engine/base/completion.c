#include "engine/base/completion.h"

#include <ctype.h>
#include <string.h>

/* --- what a placeholder says --- */

typedef enum { VALUE_NOTHING, VALUE_WORDS, VALUE_FILE, VALUE_FOLDER, VALUE_RULE } value_kind;

typedef struct {
    value_kind kind;
    const char *text; /* the words as "a|b", or the ending of a file without its dot */
    size_t n;         /* bytes of `text`; 0: any file */
    const completion_rule *rule;
} value;

static const char *const letters = "abcdefghijklmnopqrstuvwxyz0123456789-|";

static bool is_word(const char *arg, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(arg, word, n) == 0;
}

static value value_of(const char *arg, size_t n, const char *of, const completion_rule *rules)
{
    while (n > 3 && memcmp(arg + n - 3, "...", 3) == 0 && arg[n - 4] != ',') n -= 3;
    for (const completion_rule *r = rules; r && r->arg; r++)
        if (is_word(arg, n, r->arg) && (!r->command || strcmp(r->command, of) == 0))
            return (value){VALUE_RULE, NULL, 0, r};
    if (n > 0 && islower((unsigned char)arg[0]) && strspn(arg, letters) >= n)
        return (value){VALUE_WORDS, arg, n, NULL};
    if (is_word(arg, n, "DIR") || is_word(arg, n, "FOLDER")) return (value){.kind = VALUE_FOLDER};
    if (is_word(arg, n, "DB")) return (value){VALUE_FILE, "db", 2, NULL};
    if (is_word(arg, n, "FILE") || is_word(arg, n, "PATH")) return (value){.kind = VALUE_FILE};
    size_t stem = strcspn(arg, ".");
    if (stem > 0 && stem + 1 < n && isupper((unsigned char)arg[0]) &&
        isalpha((unsigned char)arg[stem + 1]))
        return (value){VALUE_FILE, arg + stem + 1, n - stem - 1, NULL};
    return (value){0};
}

/* The next placeholder of "DB [TRIAL...] | FILE.tflite", without brackets; NULL at the end. */
static const char *next_arg(const char **args, size_t *n)
{
    if (!*args) return NULL;
    const char *p = *args + strspn(*args, " []|");
    if (*p == '"') { /* an example of what stands there */
        p += strcspn(p + 1, "\"") + 2;
        *args = p;
        return next_arg(args, n);
    }
    *n = strcspn(p, " ]");
    if (memchr(p, '|', *n) && strspn(p, letters) < *n) *n = strcspn(p, "|");
    *args = p + *n;
    return *n ? p : NULL;
}

/* --- bash --- */

static void put_words(const char *text, size_t n, FILE *f)
{
    for (size_t i = 0; i < n; i++) fputc(text[i] == '|' ? ' ' : text[i], f);
}

/* Adds a value's completions to COMPREPLY. */
static void bash_value(const value *v, FILE *f)
{
    switch (v->kind) {
    case VALUE_NOTHING:
        fputs(":", f);
        break;
    case VALUE_WORDS:
        fputs("_paretune_words '", f);
        put_words(v->text, v->n, f);
        fputs("'", f);
        break;
    case VALUE_FILE:
        fprintf(f, "_paretune_files '%.*s'", (int)v->n, v->n ? v->text : "");
        break;
    case VALUE_FOLDER:
        fputs("_paretune_folders", f);
        break;
    case VALUE_RULE:
        fprintf(f, "_paretune_%s '%s' '%s'", v->rule->is_list ? "list" : "values",
                v->rule->words ? v->rule->words : "", v->rule->sql ? v->rule->sql : "");
        break;
    }
}

static void bash_options(const opt_spec *spec, const completion_rule *rules, FILE *f)
{
    fputs("        case $previous in\n", f);
    for (const opt *o = spec->options; o && o->name; o++) {
        if (o->type == OPT_FLAG) continue;
        const value v = value_of(o->arg, strlen(o->arg), spec->name, rules);
        fprintf(f, "        --%s", o->name);
        if (o->letter) fprintf(f, " | -%c", o->letter);
        fputs(") ", f);
        bash_value(&v, f);
        fputs("; return ;;\n", f);
    }
    fputs(
        "        esac\n        if [[ $current == -* ]]; then\n            _paretune_words '--help",
        f);
    for (const opt *o = spec->options; o && o->name; o++) fprintf(f, " --%s", o->name);
    fputs("'\n            return\n        fi\n", f);
}

static void bash_command(const opt_spec *spec, const completion_rule *rules, FILE *f)
{
    const char *args = spec->args, *arg;
    size_t n;
    fprintf(f, "    %s)\n", spec->name);
    bash_options(spec, rules, f);
    while ((arg = next_arg(&args, &n)) != NULL) {
        const value v = value_of(arg, n, spec->name, rules);
        if (v.kind == VALUE_NOTHING) continue;
        fputs("        ", f);
        bash_value(&v, f);
        fputc('\n', f);
    }
    fputs("        ;;\n", f);
}

static const char bash_helpers[] =
    "_paretune_words() { # WORDS\n"
    "    COMPREPLY+=($(compgen -W \"$1\" -- \"$current\"))\n"
    "}\n"
    "_paretune_files() { # ENDING: files with it, all without one; and folders\n"
    "    compopt -o filenames\n"
    "    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -X \"${1:+!*.$1}\" -- "
    "\"$current\"\n"
    "        [[ -z $1 ]] || compgen -d -- \"$current\")\n"
    "}\n"
    "_paretune_folders() {\n"
    "    compopt -o filenames\n"
    "    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- \"$current\")\n"
    "}\n"
    "_paretune_ask() { # SQL: its first column, asked of the study on the command line\n"
    "    local word db=\n"
    "    for word in \"${COMP_WORDS[@]:2}\"; do\n"
    "        [[ $word == *.db && -f $word ]] && db=$word\n"
    "    done\n"
    "    [[ -z $db || -z $1 ]] || \"${COMP_WORDS[0]}\" sql \"$db\" \"$1\" --format csv 2>/dev/null "
    "| tail -n +2\n"
    "}\n"
    "_paretune_values() { # WORDS SQL\n"
    "    local IFS=$' \\n'\n"
    "    _paretune_words \"$1 $(_paretune_ask \"$2\")\"\n"
    "}\n"
    "_paretune_list() { # WORDS SQL: one more behind the last comma\n"
    "    local before= i\n"
    "    [[ $current == *,* ]] && before=${current%,*},\n"
    "    local current=${current##*,}\n"
    "    _paretune_values \"$1\" \"$2\"\n"
    "    for i in \"${!COMPREPLY[@]}\"; do COMPREPLY[i]=$before${COMPREPLY[i]}; done\n"
    "    compopt -o nospace\n"
    "}\n";

/* bash takes --name=value apart into three words. */
static const char bash_head[] =
    "_paretune() {\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    COMPREPLY=()\n"
    "    if [[ $current == '=' ]]; then\n"
    "        current=\n"
    "    elif [[ $previous == '=' ]] && ((COMP_CWORD > 2)); then\n"
    "        previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n";

static void print_bash(const char *program, const command *const *commands,
                       const completion_rule *rules, FILE *f)
{
    fprintf(f, "# bash completion of %s: source this, or install it (make install).\n%s%s", program,
            bash_helpers, bash_head);
    fputs("    if ((COMP_CWORD == 1)); then\n        _paretune_words 'help --help --version", f);
    for (int i = 0; commands[i]; i++)
        if (!commands[i]->hidden) fprintf(f, " %s", commands[i]->spec->name);
    fputs("'\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n    help) _paretune_words '",
          f);
    for (int i = 0; commands[i]; i++)
        if (!commands[i]->hidden) fprintf(f, "%s%s", i ? " " : "", commands[i]->spec->name);
    fputs("' ;;\n", f);
    for (int i = 0; commands[i]; i++)
        if (!commands[i]->hidden) bash_command(commands[i]->spec, rules, f);
    fprintf(f, "    esac\n}\ncomplete -F _paretune %s\n", program);
}

/* --- zsh --- */

/* Text inside of '...[here]' or 'name:here'. */
static void zsh_text(const char *text, FILE *f)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", f);
        else if (strchr("[]:\\", *text))
            fprintf(f, "\\%c", *text);
        else
            fputc(*text, f);
    }
}

/* ":message:action" of _arguments, inside single quotes. */
static void zsh_value(const value *v, const char *arg, size_t n, FILE *f)
{
    fputc(':', f);
    for (size_t i = 0; i < n; i++)
        if (!strchr("[]:'\"\\", arg[i])) fputc(arg[i], f);
    fputc(':', f);
    switch (v->kind) {
    case VALUE_NOTHING:
        fputc(' ', f);
        break;
    case VALUE_WORDS:
        fputc('(', f);
        put_words(v->text, v->n, f);
        fputc(')', f);
        break;
    case VALUE_FILE:
        fputs("_files", f);
        if (v->n) fprintf(f, " -g \"*.%.*s(-.)\"", (int)v->n, v->text);
        break;
    case VALUE_FOLDER:
        fputs("_files -/", f);
        break;
    case VALUE_RULE:
        fprintf(f, " _paretune_values %d \"%s\" \"%s\"", v->rule->is_list,
                v->rule->words ? v->rule->words : "", v->rule->sql ? v->rule->sql : "");
        break;
    }
}

static void zsh_option(const opt *o, const char *of, const completion_rule *rules, FILE *f)
{
    const bool takes = o->type != OPT_FLAG;
    const char *star = o->type == OPT_LIST ? "*" : "";
    for (int form = 0; form < (o->letter ? 2 : 1); form++) {
        fputs(" \\\n            '", f);
        if (form == 0)
            fprintf(f, "%s--%s%s[", star, o->name, takes ? "=" : "");
        else
            fprintf(f, "%s-%c%s[", star, o->letter, takes ? "+" : "");
        zsh_text(o->help, f);
        fputc(']', f);
        if (takes) {
            const value v = value_of(o->arg, strlen(o->arg), of, rules);
            zsh_value(&v, o->arg, strlen(o->arg), f);
        }
        fputc('\'', f);
    }
}

/* Every argument may be any of those that the command takes. */
static void zsh_args(const opt_spec *spec, const completion_rule *rules, FILE *f)
{
    const char *args = spec->args, *arg;
    size_t n;
    bool any_file = false;
    fputs(" \\\n            '*:argument: _paretune_args \"", f);
    for (int pass = 0; pass < 2; pass++) { /* endings of files, then words */
        args = spec->args;
        if (pass) fputs("\" \"", f);
        while ((arg = next_arg(&args, &n)) != NULL) {
            const value v = value_of(arg, n, spec->name, rules);
            any_file |= v.kind == VALUE_FOLDER || (v.kind == VALUE_FILE && v.n == 0);
            if (v.kind == (pass ? VALUE_WORDS : VALUE_FILE) && v.n) {
                put_words(v.text, v.n, f);
                fputc(' ', f);
            }
        }
    }
    fprintf(f, "\" %d'", any_file);
}

static void zsh_command(const opt_spec *spec, const completion_rule *rules, FILE *f)
{
    fprintf(f, "    %s)\n        _arguments -s '(-)--help[explain the command]'", spec->name);
    for (const opt *o = spec->options; o && o->name; o++) zsh_option(o, spec->name, rules, f);
    if (spec->args_max > 0) zsh_args(spec, rules, f);
    fputs("\n        ;;\n", f);
}

static const char zsh_helpers[] =
    "_paretune_values() { # LIST WORDS SQL: words, and what the study on the command line answers\n"
    "    local word db\n"
    "    local -a values\n"
    "    values=(${=2})\n"
    "    for word in ${_paretune_line[2,-1]}; do\n"
    "        [[ $word == *.db && -f $word ]] && db=$word\n"
    "    done\n"
    "    [[ -z $db || -z $3 ]] || values+=(${(f)\"$(${(Q)_paretune_line[1]} sql $db $3 --format "
    "csv 2>/dev/null | tail -n +2)\"})\n"
    "    if (( $1 )); then\n"
    "        compset -P '*,'\n"
    "        compadd -S '' -a values\n"
    "    else\n"
    "        compadd -a values\n"
    "    fi\n"
    "}\n"
    "_paretune_args() { # ENDINGS WORDS ANY\n"
    "    local -a endings words_\n"
    "    endings=(${=1}) words_=(${=2})\n"
    "    (( $#words_ )) && compadd -a words_\n"
    "    if (( $3 )); then\n"
    "        _files\n"
    "    elif (( $#endings )); then\n"
    "        _files -g \"*.(${(j:|:)endings})(-.)\"\n"
    "    fi\n"
    "}\n";

static void print_zsh(const char *program, const command *const *commands,
                      const completion_rule *rules, FILE *f)
{
    fprintf(f, "#compdef %s\n# zsh completion of %s: a file _%s in a folder of $fpath.\n%s",
            program, program, program, zsh_helpers);
    fputs("_paretune() {\n    local -a _paretune_line commands\n    _paretune_line=($words)\n"
          "    commands=(\n        'help:explain a command'\n",
          f);
    for (int i = 0; commands[i]; i++) {
        if (commands[i]->hidden) continue;
        fprintf(f, "        '%s:", commands[i]->spec->name);
        zsh_text(commands[i]->spec->summary, f);
        fputs("'\n", f);
    }
    fputs("    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n        "
          "return\n"
          "    fi\n    shift words\n    (( CURRENT-- ))\n    case $words[1] in\n"
          "    help)\n        _describe command commands\n        ;;\n",
          f);
    for (int i = 0; commands[i]; i++)
        if (!commands[i]->hidden) zsh_command(commands[i]->spec, rules, f);
    fprintf(f,
            "    esac\n}\nif [[ $funcstack[1] == _%s ]]; then\n    _paretune \"$@\"\nelse\n"
            "    compdef _paretune %s\nfi\n",
            program, program);
}

status completion_print(const char *shell, const char *program, const command *const *commands,
                        const completion_rule *rules, FILE *f, err *e)
{
    if (strcmp(shell, "bash") == 0)
        print_bash(program, commands, rules, f);
    else if (strcmp(shell, "zsh") == 0)
        print_zsh(program, commands, rules, f);
    else
        return FAIL(e, ERR_INPUT, "there is completion for bash and zsh, not for '%s'", shell);
    return ferror(f) ? FAIL(e, ERR_IO, "cannot write to standard output") : OK;
}

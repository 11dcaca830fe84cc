#include "search/cmd_check.h"

#include "engine/base/log.h"
#include "search/cmd_plan.h"
#include "search/schema.h"
#include "search/space_args.h"

#include <string.h>

/* Option values; filled by opt_parse before `run`. */
static space_args args;
static bool show_schema;

static status print_schema(err *e)
{
    buf b = {0};
    schema_put_markdown(&b);
    status s = buf_check(&b, e);
    if (s == OK && fwrite(b.data, 1, b.len, stdout) != b.len)
        s = FAIL(e, ERR_IO, "cannot write to standard output");
    buf_free(&b);
    return s;
}

static void print_ok(const space *s, const plan_summary *t)
{
    printf("ok: %lld candidate%s, axes:", (long long)t->candidates, t->candidates == 1 ? "" : "s");
    for (int i = 0; i < space_n_axes(s); i++)
        printf("%s %s (%d)", i ? "," : "", space_axis_name(s, i), space_axis_values(s, i));
    printf("%s\n", space_n_axes(s) ? "" : " none");
}

static void warn_idle_rules(const space *s, const plan *p)
{
    for (int i = 0; i < space_n_rules(s); i++) {
        const char *because;
        int line;
        const char *text = space_rule(s, i, &because, &line);
        if (plan_excluded(p, i) == 0)
            log_warn("%s: the rule '%s' excludes no candidate", space_rule_place(s, i), text);
    }
}

static void warn_senseless(const plan *p)
{
    const char *place, *why;
    int64_t n;
    for (int i = 0; (why = plan_own_reason(p, i, &place, &n)) != NULL; i++)
        if (n > 0)
            log_warn("%s: %lld candidate%s left out: %s", place, (long long)n,
                     n == 1 ? " is" : "s are", why);
}

/* The rows of tables, whose mistakes are printed as those of the space are. */
static status check_data(const plan *p, arena *a, int *code, err *e)
{
    err mistakes = {0};
    buf notes = {0};
    status s = plan_check_data(p, a, &notes, &mistakes);
    if (s == ERR_INPUT) {
        fprintf(stderr, "%s\n", mistakes.msg);
        *code = 2;
    } else if (s != OK) {
        s = FAIL(e, s, "%s", mistakes.msg);
    } else if (notes.len > 0) {
        log_warn("%.*s", (int)notes.len - 1, notes.data);
    }
    buf_free(&notes);
    return s == ERR_INPUT ? OK : s;
}

static status check_plan(const space *s, arena *a, int *code, err *e)
{
    plan *p;
    plan_summary t;
    TRY(plan_make(s, a, &p, e));
    TRY(check_data(p, a, code, e));
    if (*code != 0) return OK;
    TRY(plan_summarize(p, &t, e));
    warn_senseless(p);
    warn_idle_rules(s, p);
    if (t.trials == 0) cmd_plan_warn_hopeless(s, p);
    print_ok(s, &t);
    return OK;
}

static status check(const char *path, arena *a, int *code, err *e)
{
    diag d;
    diag_init(&d, a);
    space_options options = space_args_options(&args);
    space *s = space_read(a, path, &options, &d);
    if (s) return check_plan(s, a, code, e);
    if (d.total == 0) return FAIL(e, ERR_MEM, "out of memory reading %s", path);
    diag_sort(&d);
    diag_print(&d, stderr); /* the answer asked for, in the form that editors understand */
    *code = 2;
    return OK;
}

static status run(int n, char **argv, int *code, err *e)
{
    if (show_schema) return print_schema(e);
    if (n == 0) return FAIL(e, ERR_INPUT, "needs SPACE.yaml");
    arena a;
    arena_init(&a, 0);
    status s = check(argv[0], &a, code, e);
    arena_free(&a);
    return s;
}

static const opt options[] = {
    SPACE_OPTIONS(args),
    {"schema", 0, OPT_FLAG, NULL,
     "print the reference of everything a space may contain, as Markdown", 0, 0, &show_schema},
    {0},
};

static const opt_spec spec = {
    .name = "check",
    .args = "SPACE.yaml",
    .summary = "find the mistakes in a search space",
    .details =
        "Reads the space, its architectures and its tables of data, and reports every mistake as\n"
        "file:line:column. Of recordings only the names are read. Nothing is trained.",
    .examples = "  paretune check spaces/demo.yaml\n"
                "  paretune check spaces/demo.yaml --set train.epochs=5\n"
                "  paretune check --schema > docs/space.md",
    .args_min = 0,
    .args_max = 1,
    .options = options,
};

const command cmd_check = {&spec, run, false};

#include "store/cmd_retry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "store/store.h"

static struct {
    const char *format, *filter, *state;
    bool hopeless;
} given = {.format = "table"};

static const opt options[] = {
    {"state", 0, OPT_STRING, "failed|timeout", "only trials in this state: failed or timeout", 0, 0,
     &given.state},
    {"filter", 'f', OPT_STRING, "FILTER",
     "only trials that meet a condition on knobs and figures known before training, as query "
     "has it",
     0, 0, &given.filter},
    {"hopeless", 0, OPT_FLAG, NULL,
     "those, too, whose parameters are to blame (a training that diverged): they fail again "
     "unless the program or what it reads has changed. Trials named by number are always tried",
     0, 0, &given.hopeless},
    {"format", 0, OPT_STRING, "FORMAT", "table, csv or json", 0, 0, &given.format},
    {0},
};

static const opt_spec spec = {
    .name = "retry",
    .args = "DB [TRIAL...]",
    .summary = "make failed trials ready again for the next run",
    .details =
        "Without numbers all failed trials of the last run's space are meant, or those that the\n"
        "options leave. Nothing runs yet: the next 'paretune run' on the space builds them.\n"
        "\n"
        "That run would by itself try again what a full disk, a time limit or a lost worker "
        "ended;\n"
        "what a stage's parameters decide it takes as final, and so does this command unless "
        "asked.\n"
        "Trials that share a failed stage with one that is tried again are ready again, too.",
    .examples = "  paretune retry hw1.db --state timeout\n"
                "  paretune retry hw1.db --filter \"alpha > 0.5\" --hopeless\n"
                "  paretune retry hw1.db 12 40",
    .args_min = 1,
    .args_max = 1000,
    .options = options,
};

static status parse_numbers(char **text, int n, arena *a, int64_t **out, err *e)
{
    *out = ARENA_NEW(a, int64_t, n + 1);
    if (!*out) return FAIL(e, ERR_MEM, "out of memory");
    for (int i = 0; i < n; i++) {
        char *end;
        errno = 0;
        long long v = strtoll(text[i], &end, 10);
        if (errno || end == text[i] || *end || v < 1)
            return FAIL(e, ERR_INPUT, "'%s' is not the number of a trial", text[i]);
        (*out)[i] = v;
    }
    return OK;
}

/* Adds the trials of one state that meet the filter. */
static status add_failed(store *s, const char *state, arena *a, int64_t **list, int *n, err *e)
{
    table t;
    const store_query ask = {.filter = given.filter, .columns = "trial", .state = state};
    TRY(store_trials(s, &ask, a, &t, e));
    int64_t *all = ARENA_NEW(a, int64_t, *n + t.n_rows + 1);
    if (!all) return FAIL(e, ERR_MEM, "out of memory");
    if (*list) memcpy(all, *list, (size_t)*n * sizeof *all);
    for (int i = 0; i < t.n_rows; i++) all[(*n)++] = (int64_t)t.cells[i].number;
    *list = all;
    return OK;
}

static status choose(store *s, int n_numbers, char **numbers, arena *a, int64_t **list, int *n,
                     err *e)
{
    const bool any = !given.state;
    *n = n_numbers;
    if (n_numbers > 0 && (given.state || given.filter))
        return FAIL(e, ERR_INPUT, "give numbers of trials, or --state and --filter, not both");
    if (n_numbers > 0) return parse_numbers(numbers, n_numbers, a, list, e);
    if (!any && strcmp(given.state, "failed") != 0 && strcmp(given.state, "timeout") != 0)
        return FAIL(e, ERR_INPUT, "--state is failed or timeout, not '%s'", given.state);
    if (any || strcmp(given.state, "failed") == 0) TRY(add_failed(s, "failed", a, list, n, e));
    if (any || strcmp(given.state, "timeout") == 0) TRY(add_failed(s, "timeout", a, list, n, e));
    return OK;
}

static const char *plural(int n)
{
    return n == 1 ? "" : "s";
}

static void say(const store_retried *r)
{
    printf("%s%d trial%s ready again, %d stage%s to be built anew%s\n", r->left_failed ? "" : "\n",
           r->trials, plural(r->trials), r->stages, plural(r->stages),
           r->trials ? "; 'paretune run' on the space builds them" : "");
}

static status retry(store *s, int n_numbers, char **numbers, table_format format, arena *a, err *e)
{
    int64_t *list = NULL;
    int n;
    table what;
    store_retried r;
    TRY(choose(s, n_numbers, numbers, a, &list, &n, e));
    TRY(store_retry(s, list, n, given.hopeless || n_numbers > 0, a, &what, &r, e));
    if (format != FORMAT_TABLE) return table_print(&what, format, stdout, e);
    if (n == 0) {
        printf("no failed trial%s: nothing to try again\n",
               given.filter || given.state ? " is meant" : "");
        return OK;
    }
    TRY(table_print(&what, format, stdout, e));
    if (r.left_failed)
        printf("\n%d left: their parameters are to blame, and they would fail again; --hopeless "
               "includes them\n",
               r.left_failed);
    say(&r);
    return OK;
}

static status run(int n, char **argv, int *code, err *e)
{
    (void)code;
    arena a;
    store *s;
    table_format format;
    TRY(table_format_parse(given.format, &format, e));
    if (!file_exists(argv[0])) return FAIL(e, ERR_INPUT, "%s: no such study", argv[0]);
    TRY(store_open(argv[0], STORE_WRITE, &s, e));
    arena_init(&a, 0);
    status st = retry(s, n - 1, argv + 1, format, &a, e);
    arena_free(&a);
    store_close(s);
    return st;
}

const command cmd_retry = {.spec = &spec, .run = run};

#include "search/cmd_status.h"

#include <stdio.h>

#include "store/store.h"

static struct {
    const char *format;
    int failures;
} given = {"table", 20};

static const opt options[] = {
    {"format", 'f', OPT_STRING, "FORMAT", "table, csv or json", 0, 0, &given.format},
    {"failures", 0, OPT_INT, "N", "show so many kinds of failure at the most", 0, 1e6,
     &given.failures},
    {0},
};

static const opt_spec spec = {
    .name = "status",
    .args = "STUDY.db",
    .summary = "show how far a study has come and what failed",
    .details =
        "Counts trials and stages by state and lists failures with their reasons. It reads the\n"
        "database only, so it may be asked while a run is on. In csv and json the counts come\n"
        "alone; failures are then asked for with 'paretune sql'.",
    .examples = "  paretune status demo.db\n"
                "  paretune status demo.db --format json",
    .args_min = 1,
    .args_max = 1,
    .options = options,
};

static void print_last_run(store *s, const store_run_note *r)
{
    printf("run %lld with %d workers, started %s", r->id, r->workers, r->started);
    if (r->ending[0])
        printf(", ended %s: %s\n\n", r->ended, r->ending);
    else if (store_has_writer(s))
        printf(", going on\n\n");
    else
        printf(", was killed: run the space again to go on\n\n");
}

static status print_failures(store *s, arena *a, err *e)
{
    table t;
    if (given.failures == 0) return OK;
    TRY(store_failures(s, given.failures, a, &t, e));
    if (t.n_rows == 0) return OK;
    printf("\nfailures:\n");
    return table_print(&t, FORMAT_TABLE, stdout, e);
}

static status show(store *s, table_format format, arena *a, err *e)
{
    table t;
    store_run_note last;
    TRY(store_last_run(s, a, &last, e));
    TRY(store_census(s, a, &t, e));
    if (format == FORMAT_TABLE) print_last_run(s, &last);
    TRY(table_print(&t, format, stdout, e));
    return format == FORMAT_TABLE ? print_failures(s, a, e) : OK;
}

static status run(int n, char **argv, int *code, err *e)
{
    (void)n, (void)code;
    table_format format;
    store *s = NULL;
    arena a;
    TRY(table_format_parse(given.format, &format, e));
    TRY(store_open(argv[0], STORE_READ, &s, e));
    arena_init(&a, 0);
    status st = show(s, format, &a, e);
    store_close(s);
    arena_free(&a);
    return st;
}

const command cmd_status = {&spec, run, false};

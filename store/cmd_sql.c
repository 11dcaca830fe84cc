#include "store/cmd_sql.h"
#include "store/store.h"

static const char *format = "table";

static const opt options[] = {
    {"format", 0, OPT_STRING, "FORMAT", "table (100,000 rows at the most), csv or json", 0, 0,
     &format},
    {0},
};

static const opt_spec spec = {
    .name = "sql",
    .args = "DB \"SELECT ...\"",
    .summary = "ask a study in SQL, reading only",
    .details =
        "The views trials_wide (a column per knob and metric), front and picks speak of the space\n"
        "of the last run. The tables behind them describe themselves: every column has a\n"
        "comment with its unit in sqlite_master. Statements that would write are refused.",
    .examples =
        "  paretune sql hw2.db \"select * from picks\"\n"
        "  paretune sql hw2.db \"select alpha, min(size) from trials_wide group by alpha\"\n"
        "  paretune sql hw2.db \"select sql from sqlite_master\" --format json",
    .args_min = 2,
    .args_max = 2,
    .options = options,
};

static status run(int n, char **argv, int *code, err *e)
{
    (void)n;
    (void)code;
    store *s;
    table_format form;
    TRY(table_format_parse(format, &form, e));
    TRY(store_open(argv[0], STORE_READ, &s, e));
    status st = store_sql_print(s, argv[1], form, stdout, e);
    store_close(s);
    return st;
}

const command cmd_sql = {.spec = &spec, .run = run};

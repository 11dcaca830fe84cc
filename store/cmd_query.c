#include "store/cmd_query.h"
#include "store/store.h"

static store_query ask;
static const char *format = "table";

static const opt options[] = {
    {"sort", 's', OPT_STRING, "COLUMN", "sort by this column (default: trial)", 0, 0, &ask.sort},
    {"desc", 'd', OPT_FLAG, NULL, "largest first", 0, 0, &ask.descending},
    {"columns", 'c', OPT_STRING, "A,B,...",
     "columns to show, or 'all' (default: trial, seed when there are several, knobs,"
     " objectives, limited metrics)",
     0, 0, &ask.columns},
    {"limit", 'n', OPT_INT, "N", "show at most N trials; 0 shows all", 0, 1e9, &ask.limit},
    {"state", 0, OPT_STRING, "STATE",
     "trials in this state: ready, running, done, stopped, failed, timeout or all (default: done)",
     0, 0, &ask.state},
    {"front", 'f', OPT_FLAG, NULL, "only trials on the Pareto front", 0, 0, &ask.front_only},
    {"format", 0, OPT_STRING, "FORMAT", "table (100,000 rows at the most), csv or json", 0, 0,
     &format},
    {0},
};

static const opt_spec spec = {
    .name = "query",
    .args = "DB [\"FILTER\"]",
    .summary = "list trials of a study that meet a condition",
    .details =
        "A filter compares knobs and metrics with values, which may carry units, or with each\n"
        "other: < <= > >= = !=, in (...), between ... and ..., joined by and, or, not and\n"
        "parentheses. A comparison with a figure that a trial does not have is false.\n"
        "Names without suffix are figures of the validation part, NAME_test of the test part.\n"
        "Names that hold other signs than letters, digits, _ and . stand in quotes.\n"
        "For each version, meets.NAME is 1 where validation figures keep all its limits, and\n"
        "margin.NAME the room under the tightest (0.05: 5 % of the bound), negative over it.",
    .examples =
        "  paretune query hw2.db \"T_mae < 0.5 and size < 2 kB\" --sort size\n"
        "  paretune query hw2.db \"storage in (float16, dynamic)\" --columns alpha,size,T_mae\n"
        "  paretune query hw2.db \"meets.a = 1\" --sort margin.a --desc --limit 5\n"
        "  paretune query hw2.db --front --format csv > front.csv",
    .args_min = 1,
    .args_max = 2,
    .options = options,
};

static status run(int n, char **argv, int *code, err *e)
{
    (void)code;
    store *s;
    table_format form;
    TRY(table_format_parse(format, &form, e));
    TRY(store_open(argv[0], STORE_READ, &s, e));
    ask.filter = n > 1 ? argv[1] : NULL;
    status st = store_trials_print(s, &ask, form, stdout, e);
    store_close(s);
    return st;
}

const command cmd_query = {.spec = &spec, .run = run};

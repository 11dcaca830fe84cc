#include "store/cmd_importance.h"

#include "store/importance.h"
#include "store/store.h"

static const char *format = "table", *metric;
static bool front_only;

static const opt options[] = {
    {"metric", 'm', OPT_STRING, "METRIC", "what to explain (default: the first objective)", 0, 0,
     &metric},
    {"front", 'f', OPT_FLAG, NULL, "only pairs of which one is on the Pareto front", 0, 0,
     &front_only},
    {"format", 0, OPT_STRING, "FORMAT", "table, csv or json", 0, 0, &format},
    {0},
};

static const opt_spec spec = {
    .name = "importance",
    .args = "DB",
    .summary = "show what each knob of a study bought",
    .details =
        "Over the finished configurations, seeds averaged. A row for each step of a knob: in how\n"
        "many pairs of configurations that differ in this knob only it was taken, the mean\n"
        "difference of the metric, and its 95 % interval. share_percent is the part of the\n"
        "metric's variance that goes with the knob alone, by a sum of one term per knob.\n"
        "\n"
        "What it does not show: a knob that helps with one architecture and harms with another "
        "can\n"
        "have a share near nothing; look at its pairs with a filter of your own (query). A search\n"
        "that tries good regions more often gives shares of those regions, and knobs that were\n"
        "moved together cannot be told apart. Pairs of neighbours overlap, so intervals of\n"
        "one knob are not independent of each other. On metrics of the test part it describes,\n"
        "and must not select.",
    .examples = "  paretune importance hw2.db\n"
                "  paretune importance hw1.db --metric accuracy --front\n"
                "  paretune importance hw1.db --metric size --format csv > size.csv",
    .args_min = 1,
    .args_max = 1,
    .options = options,
};

static status choose_metric(store *s, arena *a, err *e)
{
    store_space space;
    TRY(store_last_space(s, a, &space, e));
    if (!metric && space.n_objectives == 0)
        return FAIL(e, ERR_INPUT, "the space has no objective; say which --metric");
    if (!metric) metric = space.objective[0].metric;
    return OK;
}

static status show(store *s, arena *a, err *e)
{
    ablation d;
    table t;
    table_format form;
    double explained;
    TRY(table_format_parse(format, &form, e));
    TRY(choose_metric(s, a, e));
    TRY(importance_read(s, metric, a, &d, e));
    TRY(importance_table(&d, front_only, a, &t, &explained, e));
    TRY(table_print(&t, form, stdout, e));
    if (form == FORMAT_TABLE)
        printf("\n%s over %d configurations: knobs taken one by one explain %.1f %% of its "
               "variance; the rest is their\ninterplay and the luck of trainings.\n",
               metric, d.n, 100 * explained);
    return OK;
}

static status run(int n, char **argv, int *code, err *e)
{
    arena a;
    store *s;
    (void)n, (void)code;
    TRY(store_open(argv[0], STORE_READ, &s, e));
    arena_init(&a, 0);
    status st = show(s, &a, e);
    arena_free(&a);
    store_close(s);
    return st;
}

const command cmd_importance = {.spec = &spec, .run = run};

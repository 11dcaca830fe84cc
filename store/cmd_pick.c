#include "store/cmd_pick.h"

#include "store/ask.h"

enum { NO_PICK = 3 };

static const char *format = "table", *filter, *version, *rule = "margin";
static opt_list limits;

static const opt options[] = {
    {"version", 'v', OPT_STRING, "NAME", "answer this version (default: all)", 0, 0, &version},
    {"rule", 'r', OPT_STRING, "RULE",
     "which of the feasible trials: margin, smallest, fastest, most-accurate or knee (default: "
     "margin)",
     0, 0, &rule},
    {"limit", 'l', OPT_LIST, "LIMIT",
     "a further limit such as 'size < 20 kB', or another one in place of the version's; may be "
     "given several times",
     0, 0, &limits},
    {"filter", 0, OPT_STRING, "FILTER", "choose among the trials that meet this condition alone", 0,
     0, &filter},
    {"format", 0, OPT_STRING, "FORMAT", "table, csv or json", 0, 0, &format},
    {0},
};

static const opt_spec spec = {
    .name = "pick",
    .args = "DB",
    .summary = "choose the trial that answers a version's limits, on validation figures alone",
    .details =
        "Feasible are the finished trials whose validation figures keep all limits. Of these\n"
        "  margin         takes the one with the most room under its tightest limit, room being\n"
        "                 a part of the bound\n"
        "  smallest       the smallest file\n"
        "  fastest        the least latency: the first in milliseconds among limits, objectives,\n"
        "                 total_ms, device_total_ms, modelled_total_ms and the same of inference;\n"
        "                 without any, the fewest multiply-adds\n"
        "  most-accurate  the least product of the limited errors (an accuracy counts as what it\n"
        "                 lacks to 100 %); where no error is limited, of the objectives'\n"
        "  knee           of their front under the study's objectives, each scaled to go from 0\n"
        "                 to 1 along it, the trial with the least sum: the one farthest below\n"
        "                 the plane through the ends (Das 1999)\n"
        "and of equals the smaller file, then the smaller number. When none is feasible it shows\n"
        "what came closest, by the margin rule, and exits with 3. Test figures stand beside\n"
        "and never choose. A pick that was searched for with several rules or limits\n"
        "deserves less trust than its figures suggest. With --limit and no --version the\n"
        "limits given are all there are.",
    .examples =
        "  paretune pick hw1.db --version a\n"
        "  paretune pick hw1.db --version a --rule smallest --limit 'accuracy > 93 %'\n"
        "  paretune pick hw2.db --limit 'T_mae < 0.5' --limit 'size < 1.5 kB' --format json",
    .args_min = 1,
    .args_max = 1,
    .options = options,
};

/* All versions, one, or what the command line says. */
static status choose_versions(const store_space *space, arena *a, picks_question *q, err *e)
{
    const store_version *from = NULL;
    store_version *own = ARENA_NEW(a, store_version, 1);
    if (!own) return FAIL(e, ERR_MEM, "no memory for limits");
    if (!version && limits.n == 0) {
        if (space->n_versions == 0)
            return FAIL(e, ERR_INPUT, "the space has no versions; say --limit 'METRIC < VALUE'");
        return OK;
    }
    if (version) TRY(ask_version(space, version, a, &from, e));
    TRY(ask_limits(space, from, &limits, a, own, e));
    q->version = own;
    q->n_versions = 1;
    return OK;
}

static bool all_feasible(const picks *p)
{
    for (int i = 0; i < p->n; i++)
        if (p->pick[i].kind != PICK_CHOSEN) return false;
    return true;
}

static status print(const picks *p, const char *db, table_format form, arena *a, err *e)
{
    table t;
    if (form == FORMAT_TABLE) return picks_print(p, db, stdout, a, e);
    TRY(picks_table(p, false, a, &t, e));
    return table_print(&t, form, stdout, e);
}

static status show(store *s, int n, char **argv, arena *a, int *code, err *e)
{
    picks p;
    store_space space;
    table_format form;
    int64_t *among;
    picks_question q = {0};
    (void)n;
    TRY(table_format_parse(format, &form, e));
    TRY(pick_rule_parse(rule, &q.rule, e));
    TRY(store_last_space(s, a, &space, e));
    TRY(choose_versions(&space, a, &q, e));
    TRY(ask_filter(s, filter, a, &among, &q.n, e));
    q.trial = among;
    TRY(picks_ask(s, &q, a, &p, e));
    TRY(print(&p, argv[0], form, a, e));
    *code = all_feasible(&p) ? 0 : NO_PICK;
    return OK;
}

static status run(int n, char **argv, int *code, err *e)
{
    return ask_run(show, n, argv, code, e);
}

const command cmd_pick = {.spec = &spec, .run = run};

#include "store/cmd_why_not.h"

#include "store/ask.h"
#include "store/handle.h"
#include "store/knob_sheet.h"
#include "store/why_words.h"

#include <math.h>

enum { NO_PICK = 3 };

static const char *format = "table", *filter, *version, *part;
static opt_list limits;

static const opt options[] = {
    {"version", 'v', OPT_STRING, "NAME", "the version (may be left out when there is one only)", 0,
     0, &version},
    {"limit", 'l', OPT_LIST, "LIMIT",
     "a further limit such as 'size < 20 kB', or another one in place of the version's; may be "
     "given several times",
     0, 0, &limits},
    {"filter", 0, OPT_STRING, "FILTER", "ask about the trials that meet this condition alone", 0, 0,
     &filter},
    {"part", 0, OPT_STRING, "PART",
     "only this table: summary, limits, conflicts, closest, steps, knobs or untried (csv: limits "
     "unless said)",
     0, 0, &part},
    {"format", 0, OPT_STRING, "FORMAT", "table, csv or json", 0, 0, &format},
    {0},
};

static const opt_spec spec = {
    .name = "why-not",
    .args = "DB",
    .summary = "say what keeps a version from being met, and what would have to change",
    .details =
        "By validation figures. For each limit: the figure of the closest trial (or the pick) and\n"
        "its margin, how many trials keep this limit (kept by), how many would be feasible\n"
        "without it (without it), and the best figure in it of a trial that keeps the others "
        "(best\n"
        "then): the bound to which the limit, alone, would have to move. Then what changes of one\n"
        "knob away from the closest trial did to its figures, over the pairs of configurations "
        "that\n"
        "differ in that knob alone (paretune importance), where it is surely for the better; what "
        "the\n"
        "closest trials have in common: values that all of them have, values that they have\n"
        "more often than chance explains (Fisher's exact test, corrected for the number of "
        "values),\n"
        "those among them that are the last of their axis, and values of the space that were not\n"
        "tried. The closest are a tenth of the trials, 5 at least, 20 at most. A search that\n"
        "tries good regions more often has more of them in 'all', too: what is common is a hint,\n"
        "not a cause.\n"
        "Exit status 3 when no trial is feasible.",
    .examples = "  paretune why-not hw1.db --version c\n"
                "  paretune why-not hw1.db -l 'accuracy > 92 %' -l 'size < 25 kB'\n"
                "  paretune why-not hw2.db -v b --format json",
    .args_min = 1,
    .args_max = 1,
    .options = options,
};

/* The one version that is asked about. */
static status choose_version(const store_space *space, arena *a, store_version *out, err *e)
{
    const store_version *from = NULL;
    if (version)
        TRY(ask_version(space, version, a, &from, e));
    else if (limits.n == 0 && space->n_versions == 1)
        from = &space->version[0];
    else if (limits.n == 0)
        return FAIL(e, ERR_INPUT,
                    space->n_versions ? "say which version: --version NAME"
                                      : "the space has no versions; say --limit 'METRIC < VALUE'");
    return ask_limits(space, from, &limits, a, out, e);
}

/* Whether a trial meets the filter; `at` goes along with ascending numbers. */
static bool is_among(const int64_t *among, int n, int64_t trial, int *at)
{
    if (!among) return true;
    while (*at < n && among[*at] < trial) ++*at;
    return *at < n && among[*at] == trial;
}

/* Rows of limits and, last, size: those that meet the filter and have all figures, parted into `out`. */
static status keep_complete(const store_points *p, const int64_t *among, int n_among, arena *a,
                            why_field *out, err *e)
{
    const int m = out->n_limits;
    int64_t *trial = ARENA_NEW(a, int64_t, p->n + 1);
    double *value = ARENA_NEW(a, double, (size_t)p->n *(size_t)m + 1),
           *size = ARENA_NEW(a, double, p->n + 1);
    if (!trial || !value || !size) return FAIL(e, ERR_MEM, "no memory for an answer");
    for (int t = 0, at = 0; t < p->n; t++) {
        const double *row = p->value + t * (m + 1);
        bool fine = is_among(among, n_among, p->trial[t], &at);
        for (int i = 0; i < m; i++) fine &= !isnan(row[i]);
        if (!fine) continue;
        trial[out->n] = p->trial[t];
        size[out->n] = row[m];
        for (int i = 0; i < m; i++) value[out->n * m + i] = row[i];
        out->n++;
    }
    out->trial = trial;
    out->value = value;
    out->size = size;
    return OK;
}

/* A metric of the limits, the last column left out, that is in no row. */
static const char *find_missing(const store_points *p, const char *const *name)
{
    for (int i = 0; i + 1 < p->n_metrics && p->n > 0; i++) {
        int known = 0;
        for (int t = 0; t < p->n; t++) known += !isnan(p->value[t * p->n_metrics + i]);
        if (known == 0) return name[i];
    }
    return NULL;
}

static status read_field(store *s, const store_version *v, const int64_t *among, int n_among,
                         arena *a, why_case *c, err *e)
{
    store_points p;
    const char **name = ARENA_NEW(a, const char *, v->n_limits + 1);
    if (!name) return FAIL(e, ERR_MEM, "no memory for an answer");
    for (int i = 0; i < v->n_limits; i++) name[i] = v->limit[i].metric;
    name[v->n_limits] = "size";
    TRY(store_read_points(s, v->n_limits + 1, name, a, &p, e));
    c->missing = find_missing(&p, name);
    c->field = (why_field){.n_limits = v->n_limits, .limit = v->limit};
    return keep_complete(&p, among, n_among, a, &c->field, e);
}

static status count_unfinished(store *s, why_case *c, err *e)
{
    query q = db_query(&s->d,
                       "SELECT total(t.state IN ('ready', 'running')), total(t.state = 'stopped'),"
                       " total(t.state IN ('failed', 'timeout')) FROM space_trials b JOIN trials t"
                       " ON t.id = b.trial_id AND t.state <> 'done'"
                       " WHERE b.space_id = " DB_LAST_SPACE,
                       e);
    if (query_row(&q)) {
        c->n_waiting = (int)query_column_int(&q, 0);
        c->n_stopped = (int)query_column_int(&q, 1);
        c->n_failed = (int)query_column_int(&q, 2);
    }
    return query_end(&q);
}

static int find_row(const why_field *f, int64_t trial)
{
    for (int t = 0; t < f->n; t++)
        if (f->trial[t] == trial) return t;
    return -1;
}

static status read_closest(store *s, arena *a, why_case *c, err *e)
{
    int n = why_n_close(c->field.n);
    knob_sheet sheet;
    int64_t *close = ARENA_NEW(a, int64_t, n + 1);
    if (!close) return FAIL(e, ERR_MEM, "no memory for an answer");
    for (int i = 0; c->found.order && i < n; i++) close[i] = c->field.trial[c->found.order[i]];
    TRY(knob_sheet_read(s, c->space, c->field.trial, c->field.n, a, &sheet, e));
    TRY(why_read_knobs(s, &sheet, close, n, &c->knobs, e));
    int row = find_row(&c->field, c->pick->trial);
    return row >= 0 ? why_find_steps(&c->field, &sheet, row, &c->step, &c->n_steps, e) : OK;
}

static status read_case(store *s, const store_version *v, arena *a, picks *p, why_case *c, err *e)
{
    int64_t *among;
    int n_among;
    TRY(ask_filter(s, filter, a, &among, &n_among, e));
    TRY(picks_ask(s, &(picks_question){.version = v, .n_versions = 1, .trial = among, .n = n_among},
                  a, p, e));
    c->pick = &p->pick[0];
    TRY(read_field(s, v, among, n_among, a, c, e));
    TRY(why_find(&c->field, a, &c->found, e));
    TRY(count_unfinished(s, c, e));
    return read_closest(s, a, c, e);
}

static status show(store *s, int n, char **argv, arena *a, int *code, err *e)
{
    picks p;
    store_space space;
    store_version v;
    table_format form;
    answer w = {.a = a};
    why_case c = {.space = &space, .db = argv[0]};
    (void)n;
    TRY(table_format_parse(format, &form, e));
    TRY(store_last_space(s, a, &space, e));
    TRY(choose_version(&space, a, &v, e));
    TRY(read_case(s, &v, a, &p, &c, e));
    TRY(why_tell(&c, &w, e));
    TRY(answer_print(&w, form, part ? part : form == FORMAT_CSV ? "limits" : NULL, stdout, e));
    *code = c.pick->kind == PICK_CHOSEN ? 0 : NO_PICK;
    return OK;
}

static status run(int n, char **argv, int *code, err *e)
{
    return ask_run(show, n, argv, code, e);
}

const command cmd_why_not = {.spec = &spec, .run = run};

#include "search/verify.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/file.h"
#include "search/recall.h"

/* A trial in the study, and its chain as planned now. */
typedef struct {
    store_provenance then;
    chain now;
    bool same_keys;
} subject;

typedef struct {
    const verify_options *o;
    arena *a;
    space *s;
    plan *p;
    stage_provenance here;
    int n;
    subject *subject;
    store *rebuilt;
    verify_report *out;
    verify_row *rows;
    int cap;
} verification;

typedef struct {
    sampler base;
    const verification *v;
    int next;
} verify_source;

/* --- what the study says --- */

static status read_subject(verification *v, int64_t trial, subject *x, err *e)
{
    TRY(store_read_provenance(v->o->study, trial, v->a, &x->then, e));
    if (strcmp(x->then.state, "done") != 0)
        return FAIL(e, ERR_INPUT, "trial %lld is %s: there is nothing to compare with",
                    (long long)trial, x->then.state);
    if (strcmp(x->then.space_hash.text, v->subject[0].then.space_hash.text) != 0)
        return FAIL(e, ERR_INPUT,
                    "trials %lld and %lld are of different spaces; verify them one by one",
                    (long long)v->subject[0].then.trial, (long long)trial);
    v->cap += x->then.n;
    return OK;
}

static status read_space(verification *v, err *e)
{
    const store_provenance *first = &v->subject[0].then;
    const char *folder = file_join(v->a, v->o->scratch, "architectures");
    if (!folder) return FAIL(e, ERR_MEM, "out of memory");
    TRY(file_make_folder(folder, e));
    if (recall_space(first->space_path, first->space_text, &first->space_hash, v->o->data, folder,
                     v->a, &v->s, e) != OK)
        return err_wrap(e, "the space of trial %lld", (long long)first->trial);
    return plan_make(v->s, v->a, &v->p, e);
}

static int seed_index(const space *s, uint64_t seed)
{
    for (int i = 0; i < space_n_seeds(s); i++)
        if (space_seed(s, i) == seed) return i;
    return -1;
}

/* Stages that measure time stand last, and nothing is built from them. */
static void leave_out_times(chain *c)
{
    while (c->n > 0 && stage_runs_alone(c->stage[c->n - 1].request.kind)) c->n--;
    c->row.n_stages = c->n;
}

static status plan_subject(verification *v, subject *x, err *e)
{
    if (x->then.candidate >= space_size(v->s))
        return FAIL(e, ERR_INPUT, "trial %lld is not in its space any more",
                    (long long)x->then.trial);
    if (plan_chain(v->p, x->then.candidate, seed_index(v->s, x->then.seed), v->a, &x->now, e) != OK)
        return err_wrap(e, "trial %lld", (long long)x->then.trial);
    leave_out_times(&x->now);
    return OK;
}

/* --- building --- */

static status next_subject(sampler *self, const history *h, suggestion *out, bool *end, err *e)
{
    verify_source *source = (verify_source *)(void *)self;
    const verification *v = source->v;
    (void)h, (void)e;
    while (source->next < v->n && !v->subject[source->next].same_keys) source->next++;
    *end = source->next == v->n;
    if (!*end) *out = (suggestion){source->next++, -1, 0};
    return OK;
}

static status chain_of_subject(void *user, const suggestion *s, arena *a, chain *out, err *e)
{
    const verification *v = user;
    (void)a, (void)e;
    *out = v->subject[s->candidate].now;
    return OK;
}

static status build(verification *v, err *e)
{
    const space_budget budget = space_get_budget(v->s);
    const char *db = file_join(v->a, v->o->scratch, "verify.db");
    const char *artifacts = file_join(v->a, v->o->scratch, "artifacts");
    const stage_provenance *m = &v->here;
    const store_run run = {m->version, m->compiler,     m->cpu, m->kernels, m->blas,
                           m->system,  v->o->n_workers, NULL,   0};
    verify_source source = {{next_subject}, v, 0};
    int64_t run_id;
    sched_end end;
    sched_figures figures;
    if (!db || !artifacts) return FAIL(e, ERR_MEM, "out of memory");
    TRY(store_open(db, STORE_WRITE, &v->rebuilt, e));
    TRY(store_start_run(v->rebuilt, space_for_store(v->s), &run, &run_id, e));
    const sched_options o = {.results = v->rebuilt,
                             .run_id = run_id,
                             .source = &source.base,
                             .make_chain = chain_of_subject,
                             .make_chain_user = v,
                             .artifacts = artifacts,
                             .start = {launch_local, budget.worker_bytes},
                             .version = m->version,
                             .n_workers = v->o->n_workers,
                             .retries = budget.retries,
                             .stage_seconds = budget.stage_seconds,
                             .watch = v->o->watch,
                             .watch_user = v->o->watch_user};
    TRY(scheduler_run(&o, &end, &figures, e));
    v->out->interrupted = end == SCHED_INTERRUPTED;
    return OK;
}

/* --- comparing --- */

static const char *no_text(const char *text)
{
    return text ? text : "";
}

/* Why other parameters or another version gave another key. */
static const char *compare_names(const verification *v, const store_origin *then,
                                 const stage_request *now)
{
    const int version = stage_version(now->kind);
    if (strcmp(then->kind, stage_kind_name(now->kind)) != 0)
        return "the plan has another stage in its place";
    if (then->version != version)
        return arena_printf(v->a, "version %d of its code built it, this program has version %d",
                            then->version, version);
    if (strcmp(then->params, now->params) != 0)
        return strcmp(then->kind, "data") == 0
                   ? "its parameters differ: the data have changed, or --data is another folder"
                   : "its parameters differ: this program plans it in another way";
    return "its parents differ, or its kernels round in another way";
}

/* The machine and the program, where they are not those that built the stage. */
static const char *compare_makers(const verification *v, const store_origin *then)
{
    const struct {
        const char *what, *then, *now;
    } row[] = {{"paretune", then->program, v->here.version},
               {"compiler", then->compiler, v->here.compiler},
               {"kernels", then->kernels, v->here.kernels},
               {"CPU", then->cpu, v->here.cpu},
               {"system", then->system, v->here.system}};
    const char *text = "";
    for (int i = 0; text && i < 5; i++)
        if (row[i].then[0] && strcmp(row[i].then, row[i].now) != 0)
            text = arena_printf(v->a, "%s%s%s %s then, %s now", text, *text ? "; " : "",
                                row[i].what, row[i].then, row[i].now);
    if (text && !*text)
        return "made by this program on such a machine: its row in the database was changed, the "
               "program was built anew under its old version, or memory fails";
    return text ? arena_printf(v->a, "made under other conditions: %s", text) : NULL;
}

static const store_metric *find_metric(const store_outcome *o, const char *name)
{
    for (int i = 0; i < o->n_metrics; i++)
        if (strcmp(o->metric[i].name, name) == 0) return &o->metric[i];
    return NULL;
}

static bool same_bits(double x, double y)
{
    uint64_t p, q;
    memcpy(&p, &x, sizeof p);
    memcpy(&q, &y, sizeof q);
    return p == q;
}

/* NaN is stored as no value and read back as one NaN. */
static const char *compare_metrics(const store_outcome *then, const store_outcome *now, arena *a)
{
    for (int i = 0; i < then->n_metrics; i++) {
        const store_metric *x = &then->metric[i], *y = find_metric(now, x->name);
        if (!y) return arena_printf(a, "%s is not measured any more", x->name);
        if (!same_bits(x->value, y->value))
            return arena_printf(a, "%s is %.17g, the study has %.17g", x->name, y->value, x->value);
    }
    return then->n_metrics == now->n_metrics ? "" : "it has figures that the study has not";
}

static const char *compare_outcomes(const store_outcome *then, const store_outcome *now, arena *a)
{
    if (then->artifact_bytes != now->artifact_bytes)
        return arena_printf(a, "the artifact has %llu bytes, the study's %llu",
                            (unsigned long long)now->artifact_bytes,
                            (unsigned long long)then->artifact_bytes);
    if (strcmp(then->artifact_hash, now->artifact_hash) != 0)
        return "the artifact has other bytes, as many as the study's";
    return compare_metrics(then, now, a);
}

static status compare_built(const verification *v, const store_origin *then, verify_row *row,
                            err *e)
{
    store_outcome was, is;
    bool had, has;
    TRY(store_stage_outcome(v->o->study, &then->key, v->a, &had, &was, e));
    TRY(store_stage_outcome(v->rebuilt, &then->key, v->a, &has, &is, e));
    if (!had)
        row->how = "the study has no result of it";
    else if (!has)
        row->how = "it could not be built";
    else
        row->how = compare_outcomes(&was, &is, v->a);
    if (!row->how) return FAIL(e, ERR_MEM, "out of memory");
    if (!row->how[0]) return OK;
    row->outcome = VERIFY_DIFFERS;
    row->why = has ? compare_makers(v, then) : "";
    return row->why ? OK : FAIL(e, ERR_MEM, "out of memory");
}

static verify_row *add_row(verification *v, const subject *x, const store_origin *then)
{
    verify_row *row = &v->rows[v->out->n++];
    *row = (verify_row){.trial = x->then.trial, .kind = then->kind, .key = then->key};
    row->how = row->why = "";
    return row;
}

static bool measures_time(const char *kind)
{
    stage_kind k;
    return stage_kind_from_name(kind, &k) && stage_runs_alone(k);
}

/* Of a chain whose keys differ, the first stage that does. */
static void compare_keys(verification *v, subject *x)
{
    int n = x->then.n;
    while (n > 0 && measures_time(x->then.stage[n - 1].kind)) n--;
    for (int i = 0; i < n; i++) {
        const store_origin *then = &x->then.stage[i];
        const stage_request *now = &x->now.stage[i].request;
        if (i < x->now.n && strcmp(then->key.text, now->key.text) == 0) continue;
        verify_row *row = add_row(v, x, then);
        row->outcome = VERIFY_DIFFERS;
        row->how = "it is another stage now";
        row->why = i < x->now.n ? no_text(compare_names(v, then, now)) : "the chain is shorter now";
        v->out->n_different++;
        return;
    }
    x->same_keys = n == x->now.n;
}

static status compare_subject(verification *v, const subject *x, err *e)
{
    for (int i = 0; x->same_keys && i < x->then.n; i++) {
        verify_row *row = add_row(v, x, &x->then.stage[i]);
        if (measures_time(row->kind))
            row->outcome = VERIFY_TIMES;
        else
            TRY(compare_built(v, &x->then.stage[i], row, e));
        v->out->n_different += row->outcome == VERIFY_DIFFERS;
    }
    return OK;
}

static status verify_all(verification *v, err *e)
{
    bool any = false;
    for (int i = 0; i < v->n; i++) TRY(read_subject(v, v->o->trial[i], &v->subject[i], e));
    v->rows = ARENA_NEW(v->a, verify_row, v->cap + 1);
    if (!v->rows) return FAIL(e, ERR_MEM, "out of memory");
    v->out->row = v->rows;
    TRY(read_space(v, e));
    for (int i = 0; i < v->n; i++) {
        TRY(plan_subject(v, &v->subject[i], e));
        compare_keys(v, &v->subject[i]);
        any |= v->subject[i].same_keys;
    }
    if (any) TRY(build(v, e));
    for (int i = 0; i < v->n && !v->out->interrupted; i++)
        TRY(compare_subject(v, &v->subject[i], e));
    return OK;
}

status verify_trials(const verify_options *o, arena *a, verify_report *out, err *e)
{
    *out = (verify_report){0};
    verification v = {.o = o, .a = a, .n = o->n_trials, .out = out};
    v.subject = ARENA_NEW(a, subject, v.n + 1);
    if (!v.subject) return FAIL(e, ERR_MEM, "out of memory");
    stage_describe(&v.here);
    status s = verify_all(&v, e);
    store_close(v.rebuilt);
    return s;
}

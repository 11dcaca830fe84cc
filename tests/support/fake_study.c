#include "tests/support/fake_study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fake_worker.h"

/* Not Criterion's asserts: the benchmark uses this too. */
static void require(status s, const err *e)
{
    if (s == OK) return;
    fprintf(stderr, "fake study: %s\n", e->msg);
    abort();
}

void study_plain(int trial, stage_kind kind, char text[FAKE_PARAMS])
{
    int name = kind == STAGE_DATA ? 0 : kind == STAGE_TRAIN ? trial / 4 : trial;
    snprintf(text, FAKE_PARAMS, "{\"do\":\"ok\",\"of\":%d}", name);
}

/* --- a sampler and plans --- */

typedef struct {
    sampler base;
    int next, n;
} counter;

static status count_up(sampler *self, const history *h, suggestion *out, bool *end, err *e)
{
    counter *c = (counter *)(void *)self;
    (void)h, (void)e;
    *end = c->next == c->n;
    if (!*end) *out = (suggestion){c->next++, -1, 0};
    return OK;
}

static chain_stage *put_stage(chain *c, const fake_study *f, stage_kind kind, arena *a)
{
    char text[FAKE_PARAMS];
    f->params((int)c->candidate, kind, text);
    chain_stage *s = &c->stage[c->n++];
    *s = (chain_stage){.predicted_seconds = 0.01};
    s->request.kind = kind;
    s->request.params = arena_string(a, text);
    s->request.input = "";
    return s;
}

static void add_parent(chain_stage *s, const chain_stage *parent)
{
    s->request.parent[s->request.n_parents++] = parent->request.key;
}

static void set_key(chain_stage *s)
{
    s->request.key =
        stage_key(s->request.kind, s->request.params, s->request.parent, s->request.n_parents);
}

static void put_row(chain *c, arena *a)
{
    char *config = arena_printf(a, "{\"candidate\":%lld}", (long long)c->candidate);
    store_knob *knob = ARENA_NEW(a, store_knob, 1);
    hash *keys = ARENA_NEW(a, hash, c->n);
    for (int i = 0; i < c->n; i++) keys[i] = c->stage[i].request.key;
    *knob = (store_knob){.name = "x", .is_number = true, .number = (double)c->candidate};
    c->row = (store_trial){.candidate = c->candidate,
                           .config_hash = hash_bytes(config, strlen(config)),
                           .config = config,
                           .seed = c->seed,
                           .n_knobs = 1,
                           .knob = knob,
                           .n_stages = c->n,
                           .stage = keys};
}

static const int until[] = {4, 6, 8};

/* Epochs [from, to) of a training; the first `parts` of it are there. */
static chain_stage *put_training(chain *c, const fake_study *f, const chain_stage *data, int part,
                                 arena *a)
{
    chain_stage *s = put_stage(c, f, STAGE_TRAIN, a);
    const char *params = s->request.params;
    add_parent(s, data);
    s->epochs = until[part] - (part ? until[part - 1] : 0);
    s->request.params =
        arena_printf(a, "%.*s,\"to\":%d}", (int)strlen(params) - 1, params, until[part]);
    if (part) add_parent(s, s - 1);
    set_key(s);
    if (part < 2) c->rung[c->n_rungs++] = (chain_rung){c->n - 1, until[part]};
    c->training = c->n - 1;
    c->n_epochs = until[part];
    return s;
}

/* Stops a third or so, by all that it may go by. */
static status judge(const stop_rule *self, const history *h, const stop_case *c, arena *scratch,
                    stop_answer *out, err *e)
{
    double sum = (double)c->curve[c->n_epochs - 1] + c->n_epochs;
    (void)scratch, (void)e;
    for (int i = 0; i < h->n_known; i++)
        if (h->of[i].state == TRIED_DONE)
            sum += h->of[i].value[0] + (double)h->of[i].curve[h->of[i].n_epochs - 1];
        else
            sum += h->of[i].n_epochs;
    for (int i = 0; i < self->p->n_metrics; i++) out->value[i] = 1;
    out->chance = sum / 3 - floor(sum / 3);
    out->stops = out->chance < 0.3;
    return OK;
}

static status make_chain(void *user, const suggestion *s, arena *a, chain *c, err *e)
{
    const fake_study *f = user;
    (void)e;
    *c = (chain){.candidate = s->candidate, .seed = 1};
    chain_stage *data = put_stage(c, f, STAGE_DATA, a);
    set_key(data);
    chain_stage *train = NULL;
    for (int i = 0; i < 3 && f->stops; i++) train = put_training(c, f, data, i, a);
    if (!train) {
        train = put_stage(c, f, STAGE_TRAIN, a);
        add_parent(train, data);
        set_key(train);
    }
    chain_stage *export_ = put_stage(c, f, STAGE_EXPORT, a);
    add_parent(export_, train);
    set_key(export_);
    chain_stage *score = put_stage(c, f, STAGE_SCORE, a);
    add_parent(score, export_);
    add_parent(score, data);
    set_key(score);
    put_row(c, a);
    return OK;
}

/* --- a problem for samplers that learn: one knob, as many levels as trials --- */

static status make_problem(const fake_study *f, arena *a, problem *p, err *e)
{
    static const problem_metric metrics[] = {{.name = "T_mae", .positive = true},
                                             {.name = "size", .positive = true}};
    int n = f->n_trials, *level = ARENA_NEW(a, int, n);
    int64_t *candidate = ARENA_NEW(a, int64_t, n);
    double *number = ARENA_NEW(a, double, n);
    float *seconds = ARENA_NEW(a, float, n);
    problem_knob *x = ARENA_NEW(a, problem_knob, 1);
    if (!level || !candidate || !number || !seconds || !x) return FAIL(e, ERR_MEM, "out of memory");
    for (int i = 0; i < n; i++) {
        level[i] = i;
        number[i] = (double)(candidate[i] = i);
        seconds[i] = 1;
    }
    *x = (problem_knob){"x", n, number};
    *p = (problem){.n_points = n,
                   .candidate = candidate,
                   .n_knobs = 1,
                   .knob = x,
                   .level = level,
                   .seconds = seconds,
                   .n_metrics = 2,
                   .n_objectives = 2,
                   .metric = metrics,
                   .n_seeds = 1};
    return OK;
}

/* --- life --- */

void study_open(fake_study *f, int n_trials, fake_params *params)
{
    *f = (fake_study){
        .folder = "/tmp/paretune-study-XXXXXX", .n_trials = n_trials, .params = params};
    if (!mkdtemp(f->folder)) abort();
    snprintf(f->db, sizeof f->db, "%s/s.db", f->folder);
    snprintf(f->artifacts, sizeof f->artifacts, "%s/s.artifacts", f->folder);
    f->options = (sched_options){.make_chain = make_chain,
                                 .artifacts = f->artifacts,
                                 .start = {fake_worker_words, 0},
                                 .version = PARETUNE_VERSION,
                                 .retries = 1,
                                 .window = 8,
                                 .stage_seconds = 60};
}

void study_close(fake_study *f)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", f->folder);
    if (system(command) != 0) abort();
}

static status start_run(fake_study *f, int n_workers, int64_t *run_id, err *e)
{
    static const store_objective objectives[] = {{"T_mae", false}, {"size", false}};
    static const char *const knobs[] = {"x"};
    static const store_metric_info metrics[] = {{"T_mae", "", "", STORE_LOWER},
                                                {"size", "B", "", STORE_LOWER},
                                                {"mse", "", "", STORE_LOWER}};
    store_space fake = {.name = "fake",
                        .task = "forecast",
                        .path = "fake.yaml",
                        .text = "space: 1",
                        .text_hash = hash_bytes("fake", 4),
                        .n_objectives = 2,
                        .objective = objectives,
                        .n_knobs = 1,
                        .knob = knobs,
                        .n_metrics = 3,
                        .metric = metrics};
    store_run run = {"0", "cc", "cpu", "k", "blas", "system", n_workers, NULL, 0};
    return store_start_run(f->results, &fake, &run, run_id, e);
}

static status schedule(fake_study *f, sched_options *o, arena *a, err *e)
{
    counter source = {{count_up}, 0, f->n_trials};
    problem p;
    stop_rule rule;
    o->source = &source.base;
    if (f->sampler) {
        sampler_options so = {.seed = 1, .aim = AIM_FRONT};
        TRY(make_problem(f, a, &p, e));
        TRY(f->sampler->open(&p, &so, a, &o->source, e));
        o->p = &p;
        TRY(stop_open(&(stop_row){.judge = judge}, &p,
                      &(stop_options){.aim = AIM_FRONT, .seed = 1, .audit = 0.2, .n_epochs = 8}, a,
                      &rule, e));
        if (f->stops) o->rule = &rule;
    }
    return scheduler_run(o, &f->end, &f->figures, e);
}

status study_run(fake_study *f, int n_workers, err *e)
{
    sched_options o = f->options;
    arena a;
    arena_init(&a, 0);
    TRY(store_open(f->db, STORE_WRITE, &f->results, e));
    status s = start_run(f, n_workers, &o.run_id, e);
    o.results = f->results;
    o.make_chain_user = f;
    o.n_workers = n_workers;
    if (s == OK) s = schedule(f, &o, &a, e);
    if (s == OK) s = store_end_run(f->results, o.run_id, "done", e);
    store_close(f->results);
    f->results = NULL;
    arena_free(&a);
    return s;
}

/* --- looking inside --- */

static const char *const dump_queries[] = {
    "SELECT key, kind, version, params, state, artifact_bytes, artifact_hash, error_code, "
    "error_text,"
    " detail FROM stages ORDER BY id",
    "SELECT * FROM stage_parents ORDER BY 1, 2",
    "SELECT * FROM stage_metrics ORDER BY 1, 2",
    "SELECT id, config_hash, config, seed, state, on_front, error_code, error_text, stopped_at,"
    " stop_chance, audit FROM trials ORDER BY id",
    "SELECT * FROM space_trials ORDER BY 1, 2",
    "SELECT * FROM trial_stages ORDER BY 1, 2",
    "SELECT * FROM trial_knobs ORDER BY 1, 2",
    "SELECT * FROM trial_metrics ORDER BY 1, 2",
};

char *study_dump(const fake_study *f)
{
    char *text;
    size_t n;
    err e = {0};
    arena a;
    store *s;
    arena_init(&a, 0);
    FILE *out = open_memstream(&text, &n);
    require(store_open(f->db, STORE_READ, &s, &e), &e);
    for (size_t i = 0; i < sizeof dump_queries / sizeof *dump_queries; i++) {
        table t;
        require(store_sql(s, dump_queries[i], &a, &t, &e), &e);
        require(table_print(&t, FORMAT_CSV, out, &e), &e);
    }
    store_close(s);
    arena_free(&a);
    fclose(out);
    return text;
}

const char *study_query(const fake_study *f, const char *sql)
{
    static char text[1000];
    err e = {0};
    arena a;
    store *s;
    table t;
    arena_init(&a, 0);
    require(store_open(f->db, STORE_READ, &s, &e), &e);
    require(store_sql(s, sql, &a, &t, &e), &e);
    text[0] = '\0';
    if (t.n_rows && t.cells[0].kind == CELL_TEXT)
        snprintf(text, sizeof text, "%s", t.cells[0].text);
    if (t.n_rows && t.cells[0].kind == CELL_NUMBER)
        snprintf(text, sizeof text, "%.17g", t.cells[0].number);
    store_close(s);
    arena_free(&a);
    return text;
}

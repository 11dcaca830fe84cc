/* The passes over the files, each a job of its own in a worker (engine/stage_grade.c). */
#include "search/grade.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/base/log.h"
#include "search/crew.h"

typedef enum { PASS_FACTS, PASS_ERRORS, PASS_TIMES, N_PASSES } pass_kind;

static const struct {
    const char *ask, *verb;
    bool alone; /* measures time: nothing else runs */
} pass_rows[N_PASSES] = {
    {"facts", "looked at", false}, {"errors", "scored", false}, {"times", "timed", true}};

static const size_t MOST_FILE = (size_t)64 << 20;

typedef struct {
    grade *g;
    crew *c;
    pass_kind kind;
    launcher start;
    int next, n_done, n_due;
    double last_line;
} pass;

static status no_memory(err *e)
{
    return FAIL(e, ERR_MEM, "out of memory for grading");
}

/* --- what is asked --- */

static const char *keep(grade *g, buf *b, err *e)
{
    const status s = buf_check(b, e);
    const char *text = s == OK ? arena_copy(g->a, b->data, b->len) : NULL;
    if (s == OK && !text) (void)no_memory(e);
    buf_free(b);
    return text;
}

static const char *make_params(grade *g, const graded_file *f, pass_kind kind, err *e)
{
    buf b = {0};
    buf_printf(&b, "{\"ask\":\"%s\",\"file_hash\":\"%s\"", pass_rows[kind].ask, f->content.text);
    if (kind == PASS_FACTS) buf_printf(&b, ",\"export\":%s", g->export_params);
    if (kind == PASS_ERRORS) buf_printf(&b, ",\"batch\":%d", SCORE_BATCH);
    if (kind == PASS_ERRORS && g->order) buf_printf(&b, ",\"order\":%s", g->order);
    if (kind == PASS_ERRORS && g->inputs) buf_printf(&b, ",\"inputs\":%s", g->inputs);
    if (kind == PASS_ERRORS && g->device) buf_printf(&b, ",\"device\":\"%s\"", g->device);
    if (kind == PASS_TIMES) buf_printf(&b, ",\"protocol\":\"%s\"", g->protocol);
    if (kind != PASS_FACTS && f->features) buf_printf(&b, ",\"features\":%s", f->features);
    buf_char(&b, '}');
    return keep(g, &b, e);
}

static status make_request(grade *g, const graded_file *f, pass_kind kind, stage_request *rq,
                           err *e)
{
    const char *params = make_params(g, f, kind, e);
    if (!params) return ERR_MEM;
    *rq = (stage_request){.kind = STAGE_GRADE, .params = params, .input = f->path};
    rq->folder = g->o->artifacts;
    if (kind == PASS_ERRORS) rq->parent[rq->n_parents++] = g->data[f->data].key;
    rq->key = stage_key(STAGE_GRADE, params, rq->parent, rq->n_parents);
    return OK;
}

/* --- what comes back --- */

static void put_metric(graded_file *f, const stage_metric *m)
{
    if (f->n_metrics < STAGE_MAX_METRICS) f->metric[f->n_metrics++] = *m;
}

static status keep_result(grade *g, graded_file *f, pass_kind kind, const stage_result *r, err *e)
{
    for (int i = 0; i < r->n_metrics; i++) put_metric(f, &r->metric[i]);
    if (kind == PASS_TIMES) return OK;
    const char *text = arena_copy(g->a, r->detail.data, r->detail.len);
    node *detail;
    if (!text) return no_memory(e);
    TRY(node_read_json(g->a, text, r->detail.len, &detail, e));
    if (kind == PASS_ERRORS) return grade_check_order(g, f, detail, e);
    f->facts = detail;
    return OK;
}

/* What a job leaves in the artifacts' folder is in the answer already. Its own folder goes when nobody works any
 * more: another worker may have just made sure that it is there. */
static void remove_artifact(grade *g, const graded_file *f, pass_kind kind, bool folder_too)
{
    stage_request rq;
    if (make_request(g, f, kind, &rq, NULL) != OK) return;
    const char *path = stage_path(g->a, rq.folder, STAGE_GRADE, &rq.key);
    const char *folder = path ? file_folder(g->a, path) : NULL;
    if (!folder) return;
    unlink(path);
    if (folder_too) rmdir(folder); /* stays when it holds anything else */
}

static status handle(void *user, const crew_event *ev, err *e)
{
    pass *p = user;
    grade *g = p->g;
    graded_file *f = &g->file[ev->ticket];
    if (ev->kind == CREW_PROGRESS) return OK;
    if (ev->kind == CREW_UNSTARTED) return FAIL(e, ERR_STATE, "no worker starts: %s", ev->text);
    p->n_done++;
    if (ev->kind == CREW_RESULT) {
        remove_artifact(g, f, p->kind, false);
        return keep_result(g, f, p->kind, ev->result, e);
    }
    if (ev->kind == CREW_TIMEOUT)
        f->failure = arena_printf(g->a, "took longer than %g s (--time-limit)", g->o->seconds);
    else
        f->failure = arena_printf(g->a, "%s%s",
                                  ev->kind == CREW_LOST ? "its process was lost: " : "", ev->text);
    return f->failure ? OK : no_memory(e);
}

/* --- a pass --- */

static void show(pass *p, bool is_last)
{
    const bool terminal = isatty(STDERR_FILENO);
    const double now = clock_wall();
    if (p->g->o->is_quiet || (!is_last && now - p->last_line < (terminal ? 0.5 : 30))) return;
    p->last_line = now;
    if (terminal)
        fprintf(stderr, "\r%d/%d files %s%s", p->n_done, p->n_due, pass_rows[p->kind].verb,
                is_last ? "\n" : "   ");
    else
        log_say("grade", "%d/%d files %s", p->n_done, p->n_due, pass_rows[p->kind].verb);
}

static int next_file(pass *p)
{
    while (p->next < p->g->n && p->g->file[p->next].failure) p->next++;
    return p->next < p->g->n ? p->next++ : -1;
}

static status give_jobs(pass *p, err *e)
{
    const bool alone = pass_rows[p->kind].alone;
    for (int slot; (slot = crew_free_slot(p->c)) >= 0 && !(alone && crew_n_busy(p->c) > 0);) {
        stage_request rq;
        const int i = next_file(p);
        if (i < 0) return OK;
        TRY(make_request(p->g, &p->g->file[i], p->kind, &rq, e));
        TRY(crew_give(p->c, slot, (uint64_t)i, &rq, e));
    }
    return OK;
}

static status run_jobs(pass *p, err *e)
{
    for (int i = 0; i < p->g->n; i++) p->n_due += !p->g->file[i].failure;
    if (p->n_due == 0) return OK;
    p->last_line = clock_wall();
    while (p->n_done < p->n_due) {
        TRY(give_jobs(p, e));
        TRY(crew_poll(p->c, 0.5, -1, handle, p, e));
        show(p, false);
    }
    show(p, true);
    return OK;
}

static status run_pass(grade *g, pass_kind kind, err *e)
{
    const space_budget budget = space_get_budget(g->s);
    pass p = {.g = g, .kind = kind, .start = {launch_local, budget.worker_bytes}};
    const crew_options o = {.start = &p.start,
                            .n_workers = pass_rows[kind].alone ? 1 : g->o->n_workers,
                            .job_seconds = g->o->seconds};
    TRY(crew_open(&o, &p.c, e));
    const status s = run_jobs(&p, e);
    crew_close(p.c);
    for (int i = 0; i < g->n; i++)
        if (!g->file[i].failure) remove_artifact(g, &g->file[i], kind, true);
    return s;
}

/* --- before and between --- */

/* Sizes and devices are counted as the space's first candidate has them. */
static status read_settings(grade *g, err *e)
{
    value slots[N_SLOTS];
    buf b = {0};
    TRY(plan_values(g->p, 0, slots, e));
    chain_put_export(g->s, slots, NULL, &b);
    g->export_params = keep(g, &b, e);
    if (!g->export_params) return ERR_MEM;
    const char *device = slots[SET_DEVICE].text, *protocol = slots[SET_PROTOCOL].text;
    g->device = device && strcmp(device, "none") != 0 ? device : NULL;
    g->protocol = protocol && strcmp(protocol, "none") != 0 ? protocol : NULL;
    if (g->o->protocol) g->protocol = g->o->protocol;
    return OK;
}

static int find_word(const space *s, const char *word, size_t n)
{
    for (int i = 0; i < s->n_words; i++)
        if (strlen(s->word[i]) == n && memcmp(s->word[i], word, n) == 0) return i;
    return -1;
}

/* --labels: the word in data.words that each output stands for. */
static status parse_labels(const space *s, const char *text, int *word, err *e)
{
    bool seen[SPACE_MAX_WORDS] = {false};
    int n = 0;
    for (const char *at = text; at; n++) {
        const size_t length = strcspn(at, ",");
        const int w = find_word(s, at, length);
        if (w < 0)
            return FAIL(e, ERR_INPUT, "--labels: '%.*s' is none of the words in data.words",
                        (int)length, at);
        if (seen[w]) return FAIL(e, ERR_INPUT, "--labels: '%s' stands there twice", s->word[w]);
        seen[w] = true;
        word[n] = w;
        at = at[length] ? at + length + 1 : NULL;
    }
    if (n == s->n_words) return OK;
    return FAIL(e, ERR_INPUT, "--labels: %d words, but data.words has %d", n, s->n_words);
}

static status read_labels(grade *g, err *e)
{
    const space *s = g->s;
    buf b = {0};
    if (!g->o->labels) return OK;
    if (s->n_words == 0) return FAIL(e, ERR_INPUT, "--labels: the space has no list data.words");
    int *word = ARENA_NEW(g->a, int, s->n_words);
    if (!word) return no_memory(e);
    TRY(parse_labels(s, g->o->labels, word, e));
    for (int i = 0; i < s->n_words; i++) buf_printf(&b, "%s%d", i ? "," : "[", word[i]);
    buf_char(&b, ']');
    g->graded_as = word;
    g->order = keep(g, &b, e);
    return g->order ? OK : ERR_MEM;
}

/* "9.1,75.9" as a JSON list. */
static status put_numbers(buf *b, const char *option, const char *text, err *e)
{
    const char *at = text;
    for (bool more = true; more;) {
        const size_t n = quantity_number_length(at);
        if (n == 0 || (at[n] && at[n] != ','))
            return FAIL(e, ERR_INPUT, "%s: '%s' must be numbers with commas, such as 9.1,75.9",
                        option, text);
        buf_printf(b, "%s%.*s", at == text ? "[" : ",", (int)n, at);
        more = at[n] == ',';
        at += n + more;
    }
    buf_char(b, ']');
    return OK;
}

static status read_inputs(grade *g, err *e)
{
    const char *mean = g->o->mean, *std = g->o->std;
    if (!mean && !std) return OK;
    if (!mean || !std) return FAIL(e, ERR_INPUT, "--mean and --std belong together");
    if (space_spots_words(g->s))
        return FAIL(e, ERR_INPUT, "--mean and --std are for forecasts; this space spots words");
    buf b = {0};
    buf_text(&b, "{\"mean\":");
    status s = put_numbers(&b, "--mean", mean, e);
    buf_text(&b, ",\"std\":");
    if (s == OK) s = put_numbers(&b, "--std", std, e);
    buf_char(&b, '}');
    if (s != OK) {
        buf_free(&b);
        return s;
    }
    g->inputs = keep(g, &b, e);
    return g->inputs ? OK : ERR_MEM;
}

/* The names of files, their contents' hashes: nothing of them is understood yet. */
static status hash_files(grade *g, err *e)
{
    for (int i = 0; i < g->n; i++) {
        arena_mark_t mark = arena_mark(g->a);
        err why = {0};
        char *bytes;
        size_t n;
        const status s = file_read(g->a, g->file[i].path, MOST_FILE, &bytes, &n, &why);
        if (s == OK) g->file[i].content = hash_bytes(bytes, n);
        arena_release(g->a, mark);
        if (s == OK) continue;
        g->file[i].failure = arena_string(g->a, why.msg);
        if (!g->file[i].failure) return no_memory(e);
    }
    return OK;
}

static status build_data(grade *g, err *e)
{
    for (int i = 0; i < g->n_data; i++) {
        const grade_data *d = &g->data[i];
        const stage_request rq = {.kind = STAGE_DATA,
                                  .key = d->key,
                                  .params = d->params,
                                  .input = d->input,
                                  .folder = g->o->artifacts};
        stage_result made;
        const char *path = stage_path(g->a, rq.folder, STAGE_DATA, &rq.key);
        if (!path) return no_memory(e);
        if (file_exists(path)) continue;
        if (!g->o->is_quiet)
            log_say("grade", "preparing examples%s%s", d->features ? ": " : "",
                    d->features ? d->features : "");
        TRY(stage_run(&rq, NULL, NULL, g->a, &made, e));
        buf_free(&made.detail);
    }
    return OK;
}

status grade_run(grade *g, err *e)
{
    TRY(read_settings(g, e));
    TRY(read_labels(g, e));
    TRY(read_inputs(g, e));
    TRY(hash_files(g, e));
    TRY(run_pass(g, PASS_FACTS, e));
    for (int i = 0; i < g->n; i++)
        if (!g->file[i].failure) TRY(grade_choose(g, &g->file[i], e));
    TRY(build_data(g, e));
    TRY(run_pass(g, PASS_ERRORS, e));
    return g->protocol ? run_pass(g, PASS_TIMES, e) : OK;
}

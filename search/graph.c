/* Records stand in growing buffers and name each other by number. Three structures beside them:
 *
 *   table    open addressing over the 128-bit keys, at most half full: key -> number
 *   edges    singly linked lists: of a stage's children, and of the trials that end in it
 *   ready    a binary heap of the numbers that may start; `alone` another, of those that wait until
 *            nothing else is ready or running
 *
 * A trial hangs only from the last stages of its chain (those that no other stage of the chain
 * reads), since these cannot be built before the rest: one edge a trial instead of one a stage. */
#include "search/graph.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "engine/base/buf.h"

enum { NONE = -1, FIRST_TABLE = 1 << 10 };

typedef struct {
    uint64_t key[2];
    int32_t trial, parent[STAGE_MAX_PARENTS];
    int32_t children, ends; /* heads of edge lists: child stages, trials that end here */
    float predicted_seconds;
    uint8_t position, kind, state, n_parents;
    uint8_t waits_for; /* parents still to be built */
    uint8_t tries;
    bool checked; /* built by this run, or its artifact was found whole */
    bool mended;  /* during graph_settle: it turned out to be damaged */
} record;

typedef struct {
    int32_t to, next;
} edge;

/* A last stage of a trial's chain. */
typedef struct {
    int32_t stage, trial;
} leaf;

struct graph {
    buf stages, trials, edges, ready, alone, closed, spoiled; /* arrays of the types below */
    buf leaves; /* of trials that were open when graph_settle last saw them, and of new ones */
    buf chosen; /* during graph_settle: the stages that it decided to build */
    buf table;  /* int32_t: number + 1, 0 = free */
    size_t table_size; /* a power of two */
    size_t n_closed_taken, n_spoiled_taken;
    int count[N_BUILD_STATES], count_trials[N_TRIAL_STATES];
    int n_settled_stages; /* by the last graph_settle */
    size_t n_settled_leaves;
    bool is_mended; /* something that an earlier run finished is built again */
    double seconds_left;
};

static record *stage_at(const graph *g, int i)
{
    return (record *)(void *)g->stages.data + i;
}

static graph_trial *trial_at(const graph *g, int i)
{
    return (graph_trial *)(void *)g->trials.data + i;
}

static edge *edge_at(const graph *g, int i)
{
    return (edge *)(void *)g->edges.data + i;
}

static leaf *leaf_at(const graph *g, size_t i)
{
    return (leaf *)(void *)g->leaves.data + i;
}

static size_t n_leaves(const graph *g)
{
    return g->leaves.len / sizeof(leaf);
}

static int32_t *numbers(const buf *b)
{
    return (int32_t *)(void *)b->data;
}

static size_t n_numbers(const buf *b)
{
    return b->len / sizeof(int32_t);
}

static void put_number(buf *b, int number)
{
    buf_put(b, &(int32_t){number}, sizeof(int32_t));
}

int graph_n_stages(const graph *g)
{
    return (int)(g->stages.len / sizeof(record));
}

int graph_n_trials(const graph *g)
{
    return (int)(g->trials.len / sizeof(graph_trial));
}

static status check_memory(const graph *g, err *e)
{
    if (g->stages.failed || g->trials.failed || g->edges.failed || g->ready.failed ||
        g->alone.failed || g->closed.failed || g->spoiled.failed || g->leaves.failed ||
        g->chosen.failed || g->table.failed)
        return FAIL(e, ERR_MEM, "out of memory for %d stages of %d trials", graph_n_stages(g),
                    graph_n_trials(g));
    return OK;
}

/* --- life cycle --- */

status graph_new(graph **out, err *e)
{
    buf self = {0}; /* the struct lives in a buffer of its own, like everything in it */
    buf_zeros(&self, sizeof(graph));
    *out = NULL;
    TRY(buf_check(&self, e));
    graph *g = (graph *)(void *)self.data;
    *out = g;
    g->table_size = FIRST_TABLE;
    buf_zeros(&g->table, FIRST_TABLE * sizeof(int32_t));
    return check_memory(g, e);
}

void graph_free(graph *g)
{
    if (!g) return;
    buf_free(&g->stages);
    buf_free(&g->trials);
    buf_free(&g->edges);
    buf_free(&g->ready);
    buf_free(&g->alone);
    buf_free(&g->closed);
    buf_free(&g->spoiled);
    buf_free(&g->leaves);
    buf_free(&g->chosen);
    buf_free(&g->table);
    buf_free(&(buf){.data = (char *)g});
}

/* --- keys --- */

static uint64_t parse_half(const char *digits)
{
    uint64_t v = 0;
    for (int i = 0; i < 16; i++) {
        int c = (unsigned char)digits[i];
        v = v << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return v;
}

static void put_half(char *digits, uint64_t v)
{
    for (int i = 15; i >= 0; i--, v >>= 4) digits[i] = "0123456789abcdef"[v & 15];
}

hash graph_key(const graph *g, int stage)
{
    hash h = {0};
    put_half(h.text, stage_at(g, stage)->key[0]);
    put_half(h.text + 16, stage_at(g, stage)->key[1]);
    return h;
}

/* The slot that holds the key or is free for it. */
static int32_t *find_slot(const graph *g, const uint64_t key[2])
{
    int32_t *slot = numbers(&g->table);
    size_t i = key[1] & (g->table_size - 1);
    while (slot[i] && memcmp(stage_at(g, slot[i] - 1)->key, key, 2 * sizeof *key) != 0)
        i = (i + 1) & (g->table_size - 1);
    return &slot[i];
}

int graph_find_stage(const graph *g, const hash *key)
{
    uint64_t k[2] = {parse_half(key->text), parse_half(key->text + 16)};
    return *find_slot(g, k) - 1;
}

static status grow_table(graph *g, err *e)
{
    buf_free(&g->table);
    g->table_size *= 2;
    buf_zeros(&g->table, g->table_size * sizeof(int32_t));
    TRY(check_memory(g, e));
    for (int i = 0; i < graph_n_stages(g); i++) *find_slot(g, stage_at(g, i)->key) = i + 1;
    return OK;
}

/* --- filling --- */

static void set_state(graph *g, record *s, build_state state)
{
    g->count[s->state]--;
    g->count[state]++;
    s->state = (uint8_t)state;
}

static void link_edge(graph *g, int32_t *head, int to)
{
    int n = (int)(g->edges.len / sizeof(edge));
    buf_put(&g->edges, &(edge){to, *head}, sizeof(edge));
    *head = n;
}

static status put_stage(graph *g, const stage_request *rq, record *s, err *e)
{
    int number = graph_n_stages(g);
    for (int i = 0; i < rq->n_parents; i++) {
        s->parent[i] = graph_find_stage(g, &rq->parent[i]);
        if (s->parent[i] == NONE)
            return FAIL(e, ERR_ARG, "stage %s: its parent %s is not in the graph", rq->key.text,
                        rq->parent[i].text);
    }
    for (int i = 0; i < s->n_parents; i++)
        link_edge(g, &stage_at(g, s->parent[i])->children, number);
    *find_slot(g, s->key) = number + 1;
    buf_put(&g->stages, s, sizeof *s);
    g->count[BUILD_OPEN]++;
    return check_memory(g, e);
}

status graph_add_stage(graph *g, const stage_request *rq, double predicted_seconds, int trial,
                       int position, int *number, bool *is_new, err *e)
{
    *number = graph_find_stage(g, &rq->key);
    *is_new = *number == NONE;
    if (!*is_new) return OK;
    *number = graph_n_stages(g);
    if (*number == INT_MAX / 2) return FAIL(e, ERR_MEM, "more than %d stages", INT_MAX / 2);
    if ((size_t)*number * 2 >= g->table_size) TRY(grow_table(g, e));
    record s = {
        .key = {parse_half(rq->key.text), parse_half(rq->key.text + 16)},
        .trial = trial,
        .children = NONE,
        .ends = NONE,
        .predicted_seconds = (float)predicted_seconds,
        .position = (uint8_t)position,
        .kind = (uint8_t)rq->kind,
        .state = BUILD_OPEN,
        .n_parents = (uint8_t)rq->n_parents,
    };
    return put_stage(g, rq, &s, e);
}

void graph_set_known(graph *g, int stage, build_state state)
{
    assert(state == BUILD_DONE || state == BUILD_FAILED);
    set_state(g, stage_at(g, stage), state);
}

/* True when no later stage of the chain reads this one. */
static bool is_last(const graph *g, const int *stages, int n, int i)
{
    for (int j = i + 1; j < n; j++) {
        const record *s = stage_at(g, stages[j]);
        for (int p = 0; p < s->n_parents; p++)
            if (s->parent[p] == stages[i]) return false;
    }
    return true;
}

static void set_trial_state(graph *g, graph_trial *t, trial_state state)
{
    g->count_trials[t->state]--;
    g->count_trials[state]++;
    t->state = state;
}

static void close_trial(graph *g, int number, trial_state state)
{
    graph_trial *t = trial_at(g, number);
    if (t->state != TRIAL_OPEN) return;
    set_trial_state(g, t, state == TRIAL_DONE && t->pauses ? TRIAL_PAUSED : state);
    put_number(&g->closed, number);
}

/* Hangs the trial from the last of these stages; without any it has all that it asks for. */
static void hang_trial(graph *g, int trial, const int *stages, int n)
{
    graph_trial *t = trial_at(g, trial);
    for (int i = 0; i < n; i++) {
        if (!is_last(g, stages, n, i)) continue;
        link_edge(g, &stage_at(g, stages[i])->ends, trial);
        if (t->state == TRIAL_OPEN) buf_put(&g->leaves, &(leaf){stages[i], trial}, sizeof(leaf));
        t->leaves_left++;
    }
    if (n == 0) close_trial(g, trial, TRIAL_DONE);
}

status graph_add_trial(graph *g, const graph_trial *t, const int *stages, int n, err *e)
{
    int number = graph_n_trials(g);
    graph_trial own = *t;
    own.leaves_left = 0;
    own.is_new = true;
    buf_put(&g->trials, &own, sizeof own);
    TRY(check_memory(g, e));
    g->count_trials[own.state]++;
    hang_trial(g, number, stages, n);
    return check_memory(g, e);
}

/* Takes the trial off the stage that it ended in. */
static void unhang(graph *g, int trial, int stage)
{
    int32_t *at = &stage_at(g, stage)->ends;
    while (*at != NONE) {
        if (edge_at(g, *at)->to == trial)
            *at = edge_at(g, *at)->next;
        else
            at = &edge_at(g, *at)->next;
    }
}

status graph_go_on(graph *g, int trial, const int *stages, int n, bool pauses, err *e)
{
    graph_trial *t = trial_at(g, trial);
    assert(t->state == TRIAL_PAUSED);
    for (int i = 0; i < n; i++) unhang(g, trial, stages[i]);
    set_trial_state(g, t, TRIAL_OPEN);
    t->pauses = pauses;
    t->is_new = true;
    hang_trial(g, trial, stages, n);
    return check_memory(g, e);
}

void graph_stop(graph *g, int trial)
{
    assert(trial_at(g, trial)->state == TRIAL_PAUSED);
    set_trial_state(g, trial_at(g, trial), TRIAL_STOPPED);
}

/* --- counting what trials wait for, readying and failing stages --- */

static void count_leaf(graph *g, const record *s)
{
    for (int i = s->ends; i != NONE; i = edge_at(g, i)->next)
        if (--trial_at(g, edge_at(g, i)->to)->leaves_left == 0)
            close_trial(g, edge_at(g, i)->to, TRIAL_DONE);
}

static buf *heap_of(graph *g, int stage)
{
    return stage_runs_alone((stage_kind)stage_at(g, stage)->kind) ? &g->alone : &g->ready;
}

/* Into its heap, upwards to its place. */
static void make_ready(graph *g, int stage)
{
    buf *b = heap_of(g, stage);
    set_state(g, stage_at(g, stage), BUILD_READY);
    put_number(b, stage);
    if (b->failed) return;
    int32_t *heap = numbers(b);
    size_t i = n_numbers(b) - 1;
    for (; i > 0 && heap[(i - 1) / 2] > stage; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
    heap[i] = stage;
}

static int take_first(buf *b)
{
    int32_t *heap = numbers(b);
    size_t n = n_numbers(b) - 1, i = 0;
    int first = heap[0], moved = heap[n];
    b->len = n * sizeof *heap;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= n) break;
        if (child + 1 < n && heap[child + 1] < heap[child]) child++;
        if (heap[child] > moved) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = moved;
    return first;
}

/* Fails the children that wait, then theirs: the list of spoiled stages is its own queue. */
static void spoil_children(graph *g, int stage)
{
    for (size_t next = n_numbers(&g->spoiled);; next++) {
        for (int i = stage_at(g, stage)->ends; i != NONE; i = edge_at(g, i)->next)
            close_trial(g, edge_at(g, i)->to, TRIAL_FAILED);
        for (int i = stage_at(g, stage)->children; i != NONE; i = edge_at(g, i)->next) {
            record *child = stage_at(g, edge_at(g, i)->to);
            if (child->state != BUILD_WAITING) continue;
            set_state(g, child, BUILD_FAILED);
            g->seconds_left -= (double)child->predicted_seconds;
            put_number(&g->spoiled, edge_at(g, i)->to);
        }
        if (next >= n_numbers(&g->spoiled)) return;
        stage = numbers(&g->spoiled)[next];
    }
}

/* --- settling --- */

static bool is_to_be_built(const record *s)
{
    return s->state == BUILD_WAITING || s->state == BUILD_READY || s->state == BUILD_RUNNING;
}

static status build_parents(graph *g, int stage, graph_inspect *inspect, void *user, err *e);

static status choose_stage(graph *g, int stage, graph_inspect *inspect, void *user, err *e)
{
    record *s = stage_at(g, stage);
    set_state(g, s, BUILD_WAITING);
    g->seconds_left += (double)s->predicted_seconds;
    put_number(&g->chosen, stage);
    return build_parents(g, stage, inspect, user, e);
}

/* Trials that counted the stage as one that is there must wait for it after all; those that paused because
 * of it will do so again. */
static void uncount_leaf(graph *g, const record *s)
{
    for (int i = s->ends; i != NONE; i = edge_at(g, i)->next) {
        graph_trial *t = trial_at(g, edge_at(g, i)->to);
        if (t->is_new || (t->state != TRIAL_OPEN && t->state != TRIAL_PAUSED)) continue;
        if (t->state == TRIAL_PAUSED) set_trial_state(g, t, TRIAL_OPEN);
        t->leaves_left++;
    }
}

static status check_finished(graph *g, int stage, graph_inspect *inspect, void *user, err *e)
{
    record *s = stage_at(g, stage);
    if (s->checked) return OK;
    TRY(inspect(user, stage, &s->checked, e));
    if (s->checked) return OK;
    g->is_mended = s->mended = true;
    if (stage < g->n_settled_stages) uncount_leaf(g, s);
    return choose_stage(g, stage, inspect, user, e);
}

/* Along a chain, so the recursion is as deep as that is long. */
static status build_parents(graph *g, int stage, graph_inspect *inspect, void *user, err *e)
{
    for (int i = 0; i < stage_at(g, stage)->n_parents; i++) {
        int parent = stage_at(g, stage)->parent[i];
        build_state state = (build_state)stage_at(g, parent)->state;
        if (state == BUILD_DONE) TRY(check_finished(g, parent, inspect, user, e));
        if (state == BUILD_OPEN || state == BUILD_NOT_NEEDED)
            TRY(choose_stage(g, parent, inspect, user, e));
    }
    return OK;
}

static status choose_what_to_build(graph *g, graph_inspect *inspect, void *user, err *e)
{
    for (size_t i = g->n_settled_leaves; i < n_leaves(g); i++) {
        int stage = leaf_at(g, i)->stage;
        build_state state = (build_state)stage_at(g, stage)->state;
        if (state == BUILD_OPEN || state == BUILD_NOT_NEEDED)
            TRY(choose_stage(g, stage, inspect, user, e));
    }
    for (int i = g->n_settled_stages; i < graph_n_stages(g); i++) {
        record *s = stage_at(g, i);
        if (s->state == BUILD_DONE && s->kind == STAGE_EXPORT)
            TRY(check_finished(g, i, inspect, user, e));
        if (s->state == BUILD_OPEN) set_state(g, s, BUILD_NOT_NEEDED);
    }
    return OK;
}

/* A finished stage does not wait for a parent that is built again, but a trial must: it hangs from
 * that parent too. A trial of an earlier graph_settle does already, unless the damage is news. */
static void hang_from_mended(graph *g, int trial, int stage)
{
    const record s = *stage_at(g, stage);
    for (int i = 0; i < s.n_parents; i++) {
        record *parent = stage_at(g, s.parent[i]);
        if (s.state == BUILD_DONE && is_to_be_built(parent) &&
            (parent->mended || trial_at(g, trial)->is_new)) {
            link_edge(g, &parent->ends, trial);
            trial_at(g, trial)->leaves_left++;
        }
        if (s.state == BUILD_DONE && parent->state == BUILD_FAILED)
            close_trial(g, trial, TRIAL_FAILED);
        hang_from_mended(g, trial, s.parent[i]);
    }
}

static void hang_open_trials_from_mended(graph *g)
{
    for (size_t i = 0; i < n_leaves(g); i++)
        if (trial_at(g, leaf_at(g, i)->trial)->state == TRIAL_OPEN)
            hang_from_mended(g, leaf_at(g, i)->trial, leaf_at(g, i)->stage);
}

/* Before anything is queued, so that nothing behind an old failure starts. */
static void spread_old_failures(graph *g)
{
    for (int i = g->n_settled_stages; i < graph_n_stages(g); i++)
        if (stage_at(g, i)->state == BUILD_FAILED) spoil_children(g, i);
    for (size_t i = 0; i < n_numbers(&g->chosen); i++) {
        const record *s = stage_at(g, numbers(&g->chosen)[i]);
        for (int p = 0; p < s->n_parents && s->state == BUILD_WAITING; p++)
            if (stage_at(g, s->parent[p])->state == BUILD_FAILED) spoil_children(g, s->parent[p]);
    }
    for (size_t i = g->n_settled_leaves; i < n_leaves(g); i++)
        if (stage_at(g, leaf_at(g, i)->stage)->state == BUILD_FAILED)
            close_trial(g, leaf_at(g, i)->trial, TRIAL_FAILED);
}

/* What waits for nothing is ready. */
static void queue_what_can_start(graph *g)
{
    for (size_t i = 0; i < n_numbers(&g->chosen); i++) {
        int stage = numbers(&g->chosen)[i];
        record *s = stage_at(g, stage);
        s->mended = false;
        if (s->state != BUILD_WAITING) continue;
        for (int p = 0; p < s->n_parents; p++)
            s->waits_for = (uint8_t)(s->waits_for + is_to_be_built(stage_at(g, s->parent[p])));
        if (s->waits_for == 0) make_ready(g, stage);
    }
    buf_clear(&g->chosen);
}

/* What is finished is one leaf less for a new trial. Leaves of closed trials are forgotten. */
static void count_finished_leaves(graph *g)
{
    size_t kept = 0;
    const size_t settled = g->n_settled_leaves;
    for (size_t i = 0; i < n_leaves(g); i++) {
        leaf l = *leaf_at(g, i);
        bool is_finished = stage_at(g, l.stage)->state == BUILD_DONE;
        if (i >= settled && is_finished && --trial_at(g, l.trial)->leaves_left == 0)
            close_trial(g, l.trial, TRIAL_DONE);
        trial_at(g, l.trial)->is_new = false;
        if (trial_at(g, l.trial)->state == TRIAL_OPEN) *leaf_at(g, kept++) = l;
    }
    g->leaves.len = kept * sizeof(leaf);
    g->n_settled_leaves = kept;
}

status graph_settle(graph *g, graph_inspect *inspect, void *user, err *e)
{
    TRY(choose_what_to_build(g, inspect, user, e));
    if (g->is_mended) hang_open_trials_from_mended(g);
    spread_old_failures(g);
    queue_what_can_start(g);
    count_finished_leaves(g);
    g->n_settled_stages = graph_n_stages(g);
    return check_memory(g, e);
}

/* --- running --- */

int graph_start(graph *g)
{
    const bool is_idle = g->count[BUILD_RUNNING] == 0;
    buf *b = g->ready.len ? &g->ready : g->alone.len && is_idle ? &g->alone : NULL;
    if (!b) return NONE;
    int stage = take_first(b);
    set_state(g, stage_at(g, stage), BUILD_RUNNING);
    return stage;
}

status graph_retry(graph *g, int stage, bool lost, err *e)
{
    record *s = stage_at(g, stage);
    assert(s->state == BUILD_RUNNING);
    if (lost && s->tries < UINT8_MAX) s->tries++;
    make_ready(g, stage);
    return check_memory(g, e);
}

status graph_finish(graph *g, int stage, err *e)
{
    record *s = stage_at(g, stage);
    assert(s->state == BUILD_RUNNING);
    set_state(g, s, BUILD_DONE);
    s->checked = true;
    g->seconds_left -= (double)s->predicted_seconds;
    count_leaf(g, s);
    for (int i = s->children; i != NONE; i = edge_at(g, i)->next) {
        record *child = stage_at(g, edge_at(g, i)->to);
        if (child->state == BUILD_WAITING && --child->waits_for == 0)
            make_ready(g, edge_at(g, i)->to);
    }
    return check_memory(g, e);
}

status graph_fail(graph *g, int stage, err *e)
{
    record *s = stage_at(g, stage);
    assert(s->state == BUILD_RUNNING);
    set_state(g, s, BUILD_FAILED);
    g->seconds_left -= (double)s->predicted_seconds;
    spoil_children(g, stage);
    return check_memory(g, e);
}

static int take_next(buf *list, size_t *taken)
{
    if (*taken < n_numbers(list)) return numbers(list)[(*taken)++];
    buf_clear(list);
    *taken = 0;
    return NONE;
}

int graph_take_closed(graph *g)
{
    return take_next(&g->closed, &g->n_closed_taken);
}

int graph_take_spoiled(graph *g)
{
    return take_next(&g->spoiled, &g->n_spoiled_taken);
}

/* --- asking --- */

graph_stage graph_get_stage(const graph *g, int stage)
{
    const record *s = stage_at(g, stage);
    return (graph_stage){
        (stage_kind)s->kind,         (build_state)s->state, s->trial, s->position, s->tries,
        (double)s->predicted_seconds};
}

const graph_trial *graph_get_trial(const graph *g, int trial)
{
    return trial_at(g, trial);
}

int graph_count(const graph *g, build_state state)
{
    return g->count[state];
}

int graph_count_trials(const graph *g, trial_state state)
{
    return g->count_trials[state];
}

double graph_seconds_left(const graph *g)
{
    return g->seconds_left > 0 ? g->seconds_left : 0;
}

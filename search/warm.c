#include "search/warm.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "search/identity.h"

static bool is_same_file(const char *x, const char *y)
{
    struct stat a, b;
    return stat(x, &a) == 0 && stat(y, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

status warm_open(const char *path, const char *own, arena *a, warm_start *out, err *e)
{
    *out = (warm_start){0};
    if (is_same_file(path, own))
        return FAIL(e, ERR_INPUT,
                    "%s is the database of this run itself: what it holds is used anyway", path);
    TRY(store_open(path, STORE_READ, &out->earlier, e));
    out->artifacts = store_artifacts(out->earlier, a);
    if (!out->artifacts) return FAIL(e, ERR_MEM, "out of memory");
    return store_finished_trials(out->earlier, a, &out->n_finished, &out->finished, e);
}

void warm_close(warm_start *w)
{
    store_close(w->earlier);
    w->earlier = NULL;
}

/* --- stages --- */

/* Artifacts are never written to again, so two studies may share one file. */
static status place_artifact(const char *from, const char *to, arena *a, err *e)
{
    char *bytes;
    size_t n;
    TRY(file_make_folder(file_folder(a, to), e));
    if (link(from, to) == 0 || errno == EEXIST) return OK;
    TRY(file_read(a, from, (size_t)1 << 40, &bytes, &n, e));
    return file_write_cached(to, bytes, n, e);
}

static status take_stage(const warm_start *w, store *into, int64_t run_id, const char *folder,
                         stage_kind kind, const hash *key, arena *scratch, bool *taken, err *e)
{
    store_outcome outcome;
    struct stat st;
    bool found;
    TRY(store_stage_outcome(w->earlier, key, scratch, &found, &outcome, e));
    if (!found) return OK;
    const char *from = stage_path(scratch, w->artifacts, kind, key);
    const char *to = stage_path(scratch, folder, kind, key);
    if (!from || !to) return FAIL(e, ERR_MEM, "out of memory");
    if (stat(from, &st) != 0 || (uint64_t)st.st_size != outcome.artifact_bytes) return OK;
    TRY(place_artifact(from, to, scratch, e));
    outcome.run_id = run_id;
    TRY(store_stage_done(into, key, &outcome, e));
    *taken = true;
    return OK;
}

status warm_take(const warm_start *w, store *into, int64_t run_id, const char *folder,
                 stage_kind kind, const hash *key, arena *scratch, bool *taken, err *e)
{
    *taken = false;
    if (stage_runs_alone(kind)) return OK;
    arena_mark_t mark = arena_mark(scratch);
    status s = take_stage(w, into, run_id, folder, kind, key, scratch, taken, e);
    arena_release(scratch, mark);
    return s;
}

/* --- trials --- */

typedef struct {
    sampler base, *then;
    int n;
    suggestion *known; /* n of them */
    bool *is_known;    /* of each point: some suggestion among these is about it */
} warm;

static bool was_known(const warm *w, const suggestion *s)
{
    if (s->point < 0 || !w->is_known[s->point]) return false;
    for (int i = 0; i < w->n; i++)
        if (w->known[i].point == s->point && w->known[i].seed_index == s->seed_index) return true;
    return false;
}

static status next_of_warm(sampler *self, const history *h, suggestion *out, bool *end, err *e)
{
    const warm *w = (const warm *)(void *)self;
    *end = false;
    if (h->n < w->n) {
        *out = w->known[h->n];
        return OK;
    }
    do TRY(w->then->next(w->then, h, out, end, e));
    while (!*end && was_known(w, out));
    return OK;
}

static uint64_t identity_of(const hash *config)
{
    return hash_u64(config->text, strlen(config->text), 0) | 1; /* 0 is no identity */
}

/* The index of a seed in the space, -1 when it has no such seed. */
static int find_seed(const space *s, uint64_t seed)
{
    for (int i = 0; i < space_n_seeds(s); i++)
        if (space_seed(s, i) == seed) return i;
    return -1;
}

static status list_points(const plan *planned, const problem *p, identity_table *points, err *e)
{
    for (int i = 0; i < p->n_points; i++) {
        hash config;
        bool added;
        TRY(plan_config_hash(planned, p->candidate[i], &config, e));
        TRY(identity_put(points, identity_of(&config), (uint32_t)i, &added, e));
    }
    return OK;
}

static status recognise(const warm_start *from, const plan *planned, const problem *p,
                        const identity_table *points, warm *w, err *e)
{
    for (int i = 0; i < from->n_finished; i++) {
        const store_finished *f = &from->finished[i];
        const uint32_t *point = identity_find(points, identity_of(&f->config_hash));
        int seed = find_seed(plan_space(planned), f->seed);
        hash config;
        if (!point || seed < 0) continue;
        TRY(plan_config_hash(planned, p->candidate[*point], &config, e));
        if (strcmp(config.text, f->config_hash.text) != 0) continue;
        w->known[w->n++] = (suggestion){p->candidate[*point], (int)*point, seed};
        w->is_known[*point] = true;
    }
    return OK;
}

status warm_sampler(const warm_start *from, const plan *planned, const problem *p, sampler *then,
                    arena *a, sampler **out, int *n_known, err *e)
{
    arena scratch;
    identity_table points;
    warm *w = ARENA_NEW(a, warm, 1);
    if (!w) return FAIL(e, ERR_MEM, "out of memory");
    *w = (warm){.base = {next_of_warm},
                .then = then,
                .known = ARENA_NEW(a, suggestion, from->n_finished + 1),
                .is_known = ARENA_NEW(a, bool, p->n_points + 1)};
    if (!w->known || !w->is_known) return FAIL(e, ERR_MEM, "out of memory");
    arena_init(&scratch, 0);
    status s = identity_init(&points, &scratch, (size_t)p->n_points + 1, e);
    if (s == OK) s = list_points(planned, p, &points, e);
    if (s == OK) s = recognise(from, planned, p, &points, w, e);
    arena_free(&scratch);
    *out = &w->base;
    *n_known = w->n;
    return s;
}

#include "tests/support/fake_worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "search/worker.h"

const char *const fake_worker_words[] = {"/proc/self/exe", "fake-worker", NULL};

static void sleep_milliseconds(int ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

/* An artifact that follows from the key and the parents' artifacts, so that a wrong order shows. */
static status write_artifact(const stage_request *rq, arena *a, size_t padding, stage_result *out,
                             err *e)
{
    buf b = {0};
    buf_printf(&b, "%s\n", rq->key.text);
    status s = OK;
    for (int i = 0; s == OK && i < rq->n_parents; i++) {
        stage_kind kind = rq->kind == STAGE_SCORE && i == 0    ? STAGE_EXPORT
                          : rq->kind == STAGE_EXPORT || i == 1 ? STAGE_TRAIN
                                                               : STAGE_DATA;
        if (rq->kind == STAGE_SCORE && i == 1) kind = STAGE_DATA;
        hash h;
        const char *parent = stage_path(a, rq->folder, kind, &rq->parent[i]);
        s = file_exists(parent) ? hash_file(parent, &h, e) : FAIL(e, ERR_LOST, "%s: lost", parent);
        buf_printf(&b, "%s\n", h.text);
    }
    buf_zeros(&b, padding);
    const char *path = stage_path(a, rq->folder, rq->kind, &rq->key);
    if (s == OK) s = file_make_folder(file_folder(a, path), e);
    if (s == OK) s = file_write(path, b.data, b.len, e);
    out->artifact_bytes = b.len;
    out->artifact_hash = hash_bytes(b.data, b.len);
    buf_free(&b);
    return s;
}

static void put_metrics(const stage_request *rq, stage_result *out)
{
    uint64_t h = hash_u64(rq->key.text, strlen(rq->key.text), 0);
    const char *name = rq->kind == STAGE_SCORE    ? "T_mae"
                       : rq->kind == STAGE_EXPORT ? "size"
                                                  : "mse";
    out->n_metrics = 1;
    snprintf(out->metric[0].name, sizeof out->metric[0].name, "%s", name);
    out->metric[0].value = (double)(h % 1000) / 7;
}

/* A learning curve of "to" epochs, which begins as that of fewer does. */
static status put_curve(const node *params, stage_result *out, err *e)
{
    int n, name;
    if (!node_get(params, "to")) return OK;
    TRY(node_int(params, "to", 1, 1000, &n, e));
    TRY(node_int(params, "of", 0, 1000000, &name, e));
    buf_text(&out->detail, "{\"curve\":[");
    for (int i = 0; i < n; i++)
        buf_printf(&out->detail, "%s[0,%.3f]", i ? "," : "",
                   (name * 37 % 101) / 7.0 + 9.0 / (i + 1));
    buf_text(&out->detail, "]}");
    return OK;
}

static status take_memory(arena *a, int megabytes, err *e)
{
    arena_mark_t mark = arena_mark(a);
    status s = OK;
    for (int i = 0; s == OK && i < megabytes; i++)
        if (!arena_take(a, 1 << 20, 1)) s = FAIL(e, ERR_MEM, "no memory after %d MB", i);
    arena_release(a, mark);
    return s;
}

static void limit_files(void)
{
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096});
}

static volatile double sink;

static void spin(int rounds)
{
    double x = rounds;
    for (int i = 0; i < rounds; i++) x = x * 0.999999 + 1e-6;
    sink = x;
}

/* True for the first try of a "...-once" stage; leaves a mark for the second. */
static bool is_first_try(const stage_request *rq, arena *a)
{
    char *mark = arena_printf(a, "%s/%s.tried", rq->folder, rq->key.text);
    if (file_exists(mark)) return false;
    return file_write(mark, "", 0, NULL) == OK;
}

static status act(const char *what, const node *params, arena *a, size_t *padding, err *e)
{
    int n = 0;
    if (node_get(params, "n")) TRY(node_int(params, "n", 0, 1000000000, &n, e));
    if (strcmp(what, "sleep") == 0) sleep_milliseconds(n);
    if (strcmp(what, "dither") == 0) sleep_milliseconds((int)(clock_wall() * 1e6) % (n + 1));
    if (strcmp(what, "spin") == 0) spin(n);
    if (strncmp(what, "crash", 5) == 0) signal(SIGSEGV, SIG_DFL), raise(SIGSEGV);
    if (strcmp(what, "exit") == 0) _exit(3);
    if (strncmp(what, "allocate", 8) == 0) return take_memory(a, n, e);
    if (strcmp(what, "diverge") == 0) return FAIL(e, ERR_NUM, "the loss is not a number");
    while (strncmp(what, "hang", 4) == 0) pause();
    if (strcmp(what, "fill-disk") == 0) limit_files(), *padding = 1 << 20;
    return OK;
}

static status obey(const stage_request *rq, stage_progress progress, void *user, arena *a,
                   stage_result *out, err *e)
{
    node *params;
    const char *what;
    size_t padding = 0;
    TRY(node_read_json(a, rq->params, strlen(rq->params), &params, e));
    TRY(node_string(params, "do", &what, e));
    if (strcmp(what, "need-room") == 0)
        what = file_exists(arena_printf(a, "%s/room", rq->folder)) ? "ok" : "fill-disk";
    if (!strstr(what, "-once") || is_first_try(rq, a)) TRY(act(what, params, a, &padding, e));
    progress(user, 1, 1, 0.5);
    if (strcmp(what, "nothing") == 0) return OK;
    put_metrics(rq, out);
    TRY(put_curve(params, out, e));
    return write_artifact(rq, a, padding, out, e);
}

static status build(const stage_request *rq, stage_progress progress, void *user, arena *a,
                    stage_result *out, err *e)
{
    arena_mark_t mark = arena_mark(a);
    *out = (stage_result){0};
    status s = obey(rq, progress, user, a, out, e);
    arena_release(a, mark);
    return s;
}

__attribute__((constructor)) static void become_worker(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], fake_worker_words[1]) != 0) return;
    err e = {0};
    status s = worker_main(build, &e);
    if (s != OK) fprintf(stderr, "fake worker: %s\n", e.msg);
    fflush(NULL);
    _exit(s != OK);
}

/* Keys, paths and the one way to run a stage: read parameters, build, write the artifact whole or not
 * at all, hash it. What each kind does stands in stage_<kind>.c. */
#include "engine/stage.h"

#include <assert.h>
#include <cblas.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/data/keyword_data.h"
#include "engine/data/series.h"
#include "engine/nn/kernel.h"
#include "engine/nn/layer.h"
#include "engine/signal/feature.h"
#include "engine/stage_kinds.h"

typedef struct {
    const char *name, *extension;
    int version;
    stage_builder *build;
} kind_row;

static const kind_row kinds[N_STAGE_KINDS] = {
    [STAGE_DATA] = {"data", "examples", 1, stage_build_data},
    [STAGE_TRAIN] = {"train", "checkpoint", 2, stage_build_train},
    [STAGE_EXPORT] = {"export", "tflite", 3, stage_build_export},
    [STAGE_SCORE] = {"score", "json", 3, stage_build_score},
    [STAGE_LATENCY] = {"latency", "latency.json", 2, stage_build_latency},
    [STAGE_DEVICE] = {"device", "device.json", 1, stage_build_device},
    [STAGE_GRADE] = {"grade", "grade.json", 1, stage_build_grade},
};

const char *stage_kind_name(stage_kind kind)
{
    return kinds[kind].name;
}

bool stage_kind_from_name(const char *name, stage_kind *out)
{
    for (int k = 0; k < N_STAGE_KINDS; k++) {
        if (strcmp(kinds[k].name, name) != 0) continue;
        *out = (stage_kind)k;
        return true;
    }
    return false;
}

int stage_version(stage_kind kind)
{
    return kinds[kind].version;
}

bool stage_runs_alone(stage_kind kind)
{
    return kind == STAGE_LATENCY ||
           kind == STAGE_DEVICE; /* the device, too, has one job at a time */
}

/* Training with fused multiply-adds gives the same bits on every set that has them and needs no name;
 * the others have their own. Without any kernels the training fails, whatever its key. */
static void add_rounding(hash_stream *h)
{
    const kernels *k;
    if (kernel_choose(&k, NULL) != OK || k->fused) return;
    hash_add_text(h, "kernels ");
    hash_add_text(h, k->name);
    hash_add_text(h, "\n");
}

hash stage_key(stage_kind kind, const char *params, const hash *parent, int n_parents)
{
    hash_stream h;
    char head[40];
    snprintf(head, sizeof head, "%s %d\n", kinds[kind].name, kinds[kind].version);
    hash_init(&h);
    hash_add_text(&h, head);
    hash_add_text(&h, params);
    hash_add_text(&h, "\n");
    if (kind == STAGE_TRAIN) add_rounding(&h);
    for (int i = 0; i < n_parents; i++) {
        hash_add_text(&h, parent[i].text);
        hash_add_text(&h, "\n");
    }
    return hash_end(&h);
}

char *stage_path(arena *a, const char *folder, stage_kind kind, const hash *key)
{
    return arena_printf(a, "%s/%.2s/%s.%s", folder, key->text, key->text, kinds[kind].extension);
}

/* The process in "KEY.KIND.PID.tmp", whose length without ".PID.tmp" is left in *n; 0 without one. */
static long writer_of(const char *name, size_t *n)
{
    static const char end[] = ".tmp";
    const size_t k = sizeof end - 1;
    size_t i = *n, first;
    if (i <= k || memcmp(name + i - k, end, k) != 0) return 0;
    for (first = i -= k; first > 0 && isdigit((unsigned char)name[first - 1]);) first--;
    if (first == i || i - first > 9 || first == 0 || name[first - 1] != '.') return 0;
    *n = first - 1;
    return strtol(name + first, NULL, 10);
}

bool stage_read_name(const char *name, stage_kind *kind, hash *key, long *pid)
{
    const size_t digits = HASH_TEXT - 1;
    size_t n = strlen(name);
    if (strspn(name, "0123456789abcdef") != digits || name[digits] != '.') return false;
    *pid = writer_of(name, &n);
    for (int k = 0; k < N_STAGE_KINDS; k++) {
        const char *extension = kinds[k].extension;
        if (strlen(extension) != n - digits - 1 ||
            memcmp(extension, name + digits + 1, n - digits - 1) != 0)
            continue;
        *kind = (stage_kind)k;
        snprintf(key->text, sizeof key->text, "%.*s", (int)digits, name);
        return true;
    }
    return false;
}

status stage_open_parent(const stage_job *job, int i, stage_kind kind, file_map *map, err *e)
{
    if (i >= job->rq->n_parents)
        return FAIL(e, ERR_ARG, "a %s stage needs a %s stage before it", kinds[job->rq->kind].name,
                    kinds[kind].name);
    const char *path = stage_path(job->a, job->rq->folder, kind, &job->rq->parent[i]);
    if (!path) return FAIL(e, ERR_MEM, "out of memory");
    return stage_distrust(file_map_open(map, path, e), e);
}

status stage_distrust(status s, err *e)
{
    if (s != ERR_INPUT) return s;
    if (e) e->code = ERR_LOST;
    return ERR_LOST;
}

void stage_put_metric(stage_result *out, const char *name, double value)
{
    assert(out->n_metrics < STAGE_MAX_METRICS && stage_metric_find(name));
    stage_metric *m = &out->metric[out->n_metrics++];
    snprintf(m->name, sizeof m->name, "%s", name);
    m->value = value;
}

static status write_artifact(const stage_request *rq, const buf *bytes, arena *a, stage_result *out,
                             err *e)
{
    TRY(buf_check(bytes, e));
    const char *path = stage_path(a, rq->folder, rq->kind, &rq->key);
    const char *folder = path ? file_folder(a, path) : NULL;
    if (!folder) return FAIL(e, ERR_MEM, "out of memory");
    TRY(file_make_folder(folder, e));
    TRY(file_write_cached(path, bytes->data, bytes->len, e));
    out->artifact_bytes = bytes->len;
    out->artifact_hash = hash_bytes(bytes->data, bytes->len);
    return OK;
}

static status build(const stage_request *rq, stage_progress progress, void *user, arena *a,
                    stage_result *out, err *e)
{
    node *params;
    TRY(node_read_json(a, rq->params, strlen(rq->params), &params, e));
    hash expected = stage_key(rq->kind, rq->params, rq->parent, rq->n_parents);
    if (strcmp(expected.text, rq->key.text) != 0)
        return FAIL(e, ERR_STATE,
                    "the key of a %s stage does not fit its parameters and this worker's kernels",
                    kinds[rq->kind].name);
    stage_job job = {rq, params, a, progress, user};
    buf artifact = {0};
    status s = kinds[rq->kind].build(&job, &artifact, out, e);
    if (s == OK) s = write_artifact(rq, &artifact, a, out, e);
    buf_free(&artifact);
    return s;
}

status stage_run(const stage_request *rq, stage_progress progress, void *user, arena *a,
                 stage_result *out, err *e)
{
    *out = (stage_result){0};
    arena_mark_t mark = arena_mark(a);
    double wall = clock_wall(), cpu = clock_cpu();
    status s = build(rq, progress, user, a, out, e);
    out->wall_seconds = clock_wall() - wall;
    out->cpu_seconds = clock_cpu() - cpu;
    arena_release(a, mark);
    if (s == OK) s = buf_check(&out->detail, e);
    if (s != OK) buf_free(&out->detail);
    return s;
}

_Static_assert((int)STAGE_MAX_SHARDS == (int)KEYWORD_MAX_SHARDS, "two names of one number");

static status survey_clips(const node *params, const char *input, arena *a, stage_survey *out,
                           err *e)
{
    clips c;
    keyword_files files;
    TRY(keyword_data_survey(params, input, a, &c, &files, e));
    out->files = files.all;
    out->n_shards = files.n_shards;
    out->n_waves = files.n_waves;
    memcpy(out->shard, files.shard, sizeof out->shard);
    memcpy(out->wave, files.wave, sizeof out->wave);
    for (int p = 0; p < N_PARTS; p++) out->n[p] = c.n_part[p];
    out->n_classes = c.n_words;
    return OK;
}

status stage_survey_data(const char *data_params, const char *input, arena *a, stage_survey *out,
                         err *e)
{
    *out = (stage_survey){0};
    arena_mark_t mark = arena_mark(a);
    node *params;
    status s = node_read_json(a, data_params, strlen(data_params), &params, e);
    if (s == OK && keyword_data_asked(params))
        s = survey_clips(params, input, a, out, e);
    else if (s == OK)
        s = series_count(params, input, a, out->n, e);
    arena_release(a, mark);
    return s;
}

/* About 1.3 GHz of samples pass through windows, transforms and bands (bench_feature). */
status stage_check_features(const node *settings, buf *canonical, shape *out, double *seconds,
                            err *e)
{
    feature_settings s;
    TRY(feature_parse(settings, &s, e));
    feature_put_json(canonical, &s);
    *out = feature_shape(&s);
    *seconds = 8e-10 * feature_frames(&s) * s.fft;
    return buf_check(canonical, e);
}

const layer_row *stage_layers(void)
{
    return layer_table();
}

void stage_single_thread(void)
{
    openblas_set_num_threads(1);
}

static void read_cpu_name(char *out, size_t n)
{
    snprintf(out, n, "unknown");
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f) return;
    char line[256];
    while (fgets(line, sizeof line, f)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        snprintf(out, n, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    fclose(f);
}

void stage_describe(stage_provenance *out)
{
    struct utsname u;
    *out = (stage_provenance){0};
    snprintf(out->version, sizeof out->version, "%s", PARETUNE_VERSION);
    snprintf(out->compiler, sizeof out->compiler, "%s", __VERSION__);
    read_cpu_name(out->cpu, sizeof out->cpu);
    const kernels *k;
    snprintf(out->kernels, sizeof out->kernels, "%s",
             kernel_choose(&k, NULL) == OK ? k->name : "none");
    snprintf(out->blas, sizeof out->blas, "OpenBLAS %s", openblas_get_corename());
    if (uname(&u) == 0)
        snprintf(out->system, sizeof out->system, "%.24s %.24s %.12s", u.sysname, u.release,
                 u.machine);
}

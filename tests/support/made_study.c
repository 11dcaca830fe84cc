#include "tests/support/made_study.h"

#include "engine/base/buf.h"
#include "engine/base/rng.h"
#include "store/store.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_KNOBS = 6, N_METRICS = 10, GROUP = 500, MOST_VERSIONS = 64 };

typedef struct {
    const made_study_plan *plan;
    store *s;
    arena a;
    store_space space;
    int64_t run;
} study;

static const store_metric_info metrics[N_METRICS] = {
    {"accuracy", "%", "right answers, validation part", STORE_HIGHER},
    {"accuracy_test", "%", "the same, test part", STORE_HIGHER},
    {"size", "B", "bytes of the file as shipped", STORE_LOWER},
    {"modelled_total_ms", "ms", "a model's figure, not a measurement", STORE_LOWER},
    {"loss", "", "validation loss", STORE_LOWER},
    {"n_params", "", "trained parameters", STORE_LOWER},
    {"macs", "", "multiply-adds", STORE_LOWER},
    {"sparsity", "%", "share of exact zeros", STORE_NEITHER},
    {"epochs", "", "epochs trained", STORE_NEITHER},
    {"best_epoch", "", "epoch whose weights were kept", STORE_NEITHER}};

static const char *const plain_knobs[N_KNOBS] = {"architecture",  "alpha",          "channels",
                                                 "learning_rate", "final_sparsity", "storage"};
static const char *const hostile_knobs[N_KNOBS] = {"</script><script>alert(1)</script>",
                                                   "a <b> & \"c\"",
                                                   "channels",
                                                   "learning rate (1/s)",
                                                   "final_sparsity",
                                                   "<!--<script>"};

/* --- the space --- */

static store_limit *limits_of(study *st, rng *r, int version)
{
    store_limit *l = ARENA_NEW(&st->a, store_limit, 3);
    static const limit_op up[] = {LIMIT_LT, LIMIT_LE}, down[] = {LIMIT_GT, LIMIT_GE};
    bool fixed = version < 3;
    double accuracy = fixed ? 90 : 70 + 30 * rng_double(r), ms[] = {100, 45, 38};
    double size = fixed ? 25000 + 10000 * version : floor(2000 * exp(3.2 * rng_double(r)));
    double total = fixed ? ms[version] : 33.9 + 4 * rng_double(r);
    int k = fixed ? 0 : (int)rng_below(r, 2);
    if (!fixed && rng_below(r, 8) == 0) accuracy = 0; /* whose excess is measured by 1 */
    l[0] = (store_limit){"accuracy", down[k], accuracy,
                         arena_printf(&st->a, "%s %g %%", limit_op_text(down[k]), accuracy)};
    l[1] = (store_limit){"size", up[k], size,
                         arena_printf(&st->a, "%s %g B", limit_op_text(up[k]), size)};
    l[2] = (store_limit){"modelled_total_ms", up[k], total,
                         arena_printf(&st->a, "%s %g ms", limit_op_text(up[k]), total)};
    return l;
}

static const store_version *list_versions(study *st)
{
    store_version *v = ARENA_NEW(&st->a, store_version, MOST_VERSIONS);
    rng r = rng_stream(7, RNG_TEST, 0);
    for (int i = 0; i < st->plan->n_versions; i++) {
        bool hostile = st->plan->hostile && i == 0;
        const char *name =
            i < 26 ? arena_printf(&st->a, "%c", 'a' + i) : arena_printf(&st->a, "v%d", i);
        v[i] = (store_version){.name = hostile ? "</script>'\"" : name,
                               .title = hostile ? "<img src=x onerror=alert(2)>" : "",
                               .n_limits = i < 3 ? 2 + (i > 0) : 1 + (int)rng_below(&r, 3),
                               .limit = limits_of(st, &r, i)};
    }
    return v;
}

static void describe_space(study *st)
{
    static const store_objective objectives[] = {
        {"accuracy", true}, {"size", false}, {"modelled_total_ms", false}};
    const char *text = st->plan->hostile ? "space: 1 # </script><!-- \xe2\x80\xa8 \\u003c & <b>\n"
                                         : "space: 1\ntask: keywords\n";
    st->space = (store_space){
        .name = "made-up",
        .task = "keywords",
        .path = "made-up.yaml",
        .text = text,
        .text_hash = hash_bytes(text, strlen(text)),
        .title = st->plan->hostile ? "Title </title></script><script>alert(3)</script> & more"
                                   : "Made-up keyword networks",
        .n_versions = st->plan->n_versions,
        .version = list_versions(st),
        .n_objectives = 3,
        .objective = objectives,
        .n_knobs = N_KNOBS,
        .knob = st->plan->hostile ? hostile_knobs : plain_knobs,
        .n_metrics = N_METRICS,
        .metric = metrics};
}

/* --- a trial --- */

typedef struct {
    int64_t candidate;
    uint64_t seed;
    bool residual;
    double alpha, channels, rate, zeros;
    int storage;
    double accuracy, test, size, total, loss, params, macs;
} made;

static made make_trial(const made_study_plan *plan, int i)
{
    static const double alphas[] = {0.1, 0.15, 0.2, 0.25, 0.3, 0.4}, rates[] = {0.001, 0.003, 0.01},
                        zeros[] = {0, 0.5, 0.7, 0.9};
    made m = {.candidate = i / plan->n_seeds, .seed = 1 + (uint64_t)(i % plan->n_seeds)};
    rng r = rng_stream(11, RNG_TEST, (uint64_t)m.candidate),
        luck = rng_stream(m.seed, RNG_TEST, 1000000 + (uint64_t)m.candidate);
    m.residual = rng_below(&r, 2);
    m.alpha = alphas[rng_below(&r, 6)];
    m.channels = 8 * (double)(1 + rng_below(&r, 8));
    m.rate = rates[rng_below(&r, 3)];
    m.zeros = zeros[rng_below(&r, 4)];
    m.storage = (int)rng_below(&r, 3);
    double width = m.residual ? m.channels / 64 : m.alpha / 0.4;
    m.params = floor(m.residual ? 3 * m.channels * m.channels + 60 * m.channels
                                : 900000 * m.alpha * m.alpha / 4);
    m.macs = floor(m.params * (m.residual ? 17 : 95));
    double bytes[] = {4, 2, 1.1};
    m.size = floor(900 + m.params * bytes[m.storage] * (1 - 0.8 * m.zeros) *
                             (0.97 + 0.06 * rng_double(&r)));
    m.total = 34 + m.macs / 1.1e6 + 0.2 * rng_double(&r);
    m.accuracy = 97 - 14 * exp(-4 * width) - 9 * m.zeros * m.zeros * exp(-2 * width) -
                 2 * fabs(log10(m.rate / 0.005)) - (m.storage == 2) +
                 0.9 * (double)rng_normal(&luck);
    m.accuracy = 100.0 / 711 * floor(fmin(m.accuracy, 99.5) * 7.11);
    m.test =
        100.0 / 711 * floor(fmin(m.accuracy + 0.8 * (double)rng_normal(&luck) - 0.3, 99.5) * 7.11);
    m.loss = 3.2 * (100 - m.accuracy) / 100 + 0.01 * rng_double(&luck);
    return m;
}

static hash key_of(const char *kind, const made *m)
{
    char text[64];
    snprintf(text, sizeof text, "%s %lld %llu", kind, (long long)m->candidate,
             (unsigned long long)m->seed);
    return hash_bytes(text, strlen(text));
}

static status add_stage(study *st, const char *kind, const char *params, hash key,
                        const hash *parent, err *e)
{
    store_stage stage = {.kind = kind,
                         .params = params,
                         .version = 1,
                         .key = key,
                         .n_parents = parent != NULL,
                         .parent = parent};
    return store_add_stage(st->s, &stage, e);
}

static const char *params_of_training(study *st, const made *m)
{
    int n = st->plan->epochs;
    if (m->zeros == 0)
        return arena_printf(&st->a, "{\"prune\":null,\"from_epoch\":0,\"to_epoch\":%d}", n);
    return arena_printf(&st->a,
                        "{\"prune\":{\"begin\":%d,\"end\":%d,\"unit\":\"epochs\"},\"from_epoch\":0,"
                        "\"to_epoch\":%d}",
                        n / 6, 2 * n / 3, n);
}

static status add_trial(study *st, const made *m, hash key[4], int64_t *id, err *e)
{
    static const char *const storage[] = {"float32", "float16", "int8"};
    const char *const *name = st->space.knob;
    store_knob knob[N_KNOBS];
    int n = 0;
    knob[n++] = (store_knob){name[0], false, 0, m->residual ? "temporal-residual" : "ds-cnn"};
    knob[n++] = m->residual ? (store_knob){name[2], true, m->channels, NULL}
                            : (store_knob){name[1], true, m->alpha, NULL};
    knob[n++] = (store_knob){name[3], true, m->rate, NULL};
    knob[n++] = (store_knob){name[4], true, m->zeros, NULL};
    knob[n++] = (store_knob){name[5], false, 0, storage[m->storage]};
    const char *known[] = {"n_params", "macs"};
    double value[] = {m->params, m->macs};
    store_trial t = {.candidate = m->candidate,
                     .config_hash = key_of("config", &(made){.candidate = m->candidate}),
                     .config = "{}",
                     .seed = m->seed,
                     .n_knobs = n,
                     .knob = knob,
                     .n_stages = 4,
                     .stage = key,
                     .n_known = 2,
                     .known_name = known,
                     .known_value = value};
    return store_add_trial(st->s, &t, id, e);
}

static status stage_done(study *st, const hash *key, double cpu, int n, const store_metric *metric,
                         const char *detail, err *e)
{
    store_outcome o = {.run_id = st->run,
                       .artifact_bytes = 1000,
                       .artifact_hash = "00",
                       .cpu_seconds = cpu,
                       .wall_seconds = cpu,
                       .tries = 1,
                       .n_metrics = n,
                       .metric = metric,
                       .detail = detail};
    return store_stage_done(st->s, key, &o, e);
}

static void put_curve(buf *b, const made *m, int n)
{
    rng r = rng_stream(m->seed, RNG_TEST, 5000000 + (uint64_t)m->candidate);
    buf_text(b, "{\"curve\":[");
    for (int i = 1; i <= n; i++) {
        double left = exp(-5.0 * i / n), noise = 0.04 * left * (double)rng_normal(&r),
               right = m->accuracy / 100 * (1 - 0.75 * left) + noise;
        buf_printf(b, "%s[%.17g,%.17g,0.001,%.17g]", i > 1 ? "," : "", m->loss * 0.7 + 1.6 * left,
                   m->loss + 1.5 * left - noise, fmin(fmax(right, 0.05), 0.995));
    }
    buf_text(b, "]}");
}

static void put_bytes(buf *b, const made *m)
{
    int c = m->residual ? (int)m->channels : (int)(256 * m->alpha);
    buf_text(b, "{\"tensors\":[");
    for (int i = 0; i < 4; i++)
        buf_printf(
            b,
            "%s{\"tensor\":%d,\"type\":\"float32\",\"shape\":[%d,1,1,%d],\"bytes\":%d,\"packed\":%."
            "3f},"
            "{\"tensor\":%d,\"type\":\"float32\",\"shape\":[%d],\"bytes\":%d,\"packed\":%.3f}",
            i ? "," : "", 3 * i + 1, c, c, 4 * c * c, m->size * 0.19, 3 * i + 2, c, 4 * c,
            m->size * 0.02);
    buf_printf(b,
               "],\"container_bytes\":1300,\"parts\":[{\"part\":\"operators\",\"bytes\":600,"
               "\"packed\":%.3f},{\"part\":\"values\",\"bytes\":%.0f,\"packed\":%.3f}]}",
               m->size * 0.16, m->size, m->size * 0.84);
}

static status finish_stages(study *st, const made *m, const hash key[4], bool gap, err *e)
{
    buf curve = {0}, bytes = {0};
    const int n = st->plan->epochs;
    put_curve(&curve, m, n);
    put_bytes(&bytes, m);
    store_metric trained[] = {{"epochs", n}, {"best_epoch", m->seed % 2 ? n : n - n / 4}};
    store_metric file[] = {{"size", m->size},
                           {"modelled_total_ms", gap ? (double)NAN : m->total},
                           {"sparsity", 100 * m->zeros}};
    store_metric scored[] = {
        {"accuracy", m->accuracy}, {"accuracy_test", m->test}, {"loss", m->loss}};
    status s = buf_check(&curve, e);
    if (s == OK) s = stage_done(st, &key[1], m->params / 4000, 2, trained, curve.data, e);
    if (s == OK) s = stage_done(st, &key[2], 0.05, 3, file, bytes.data, e);
    if (s == OK) s = stage_done(st, &key[3], 0.2, 3, scored, "{}", e);
    buf_free(&curve);
    buf_free(&bytes);
    return s;
}

static status close_trial(study *st, const made *m, const hash key[4], int64_t id, int i, err *e)
{
    bool gaps = st->plan->gaps;
    if (gaps && i % 11 == 5)
        return store_trial_failed(st->s, id, STATE_FAILED, "numeric", "the loss is not a number",
                                  e);
    if (gaps && i % 21 == 10)
        return store_trial_stopped(st->s, id, &(store_stop){.chance = 0.02}, e);
    if (gaps && i % 7 == 3) {
        buf curve = {0};
        put_curve(&curve, m, st->plan->epochs / 3);
        status s = buf_check(&curve, e);
        if (s == OK) s = stage_done(st, &key[1], 1, 0, NULL, curve.data, e);
        buf_free(&curve);
        return s == OK
                   ? store_trial_stopped(st->s, id, &(store_stop){2, st->plan->epochs / 3, 0.01}, e)
                   : s;
    }
    TRY(finish_stages(st, m, key, gaps && i % 13 == 1, e));
    return store_trial_done(st->s, id, e);
}

static status put_trial(study *st, int i, err *e)
{
    made m = make_trial(st->plan, i);
    hash key[4] = {hash_bytes("data", 4), key_of("train", &m), key_of("export", &m),
                   key_of("score", &m)};
    int64_t id;
    TRY(add_stage(st, "train", params_of_training(st, &m), key[1], &key[0], e));
    TRY(add_stage(st, "export", "{}", key[2], &key[1], e));
    TRY(add_stage(st, "score", "{}", key[3], &key[2], e));
    TRY(add_trial(st, &m, key, &id, e));
    return close_trial(st, &m, key, id, i, e);
}

static status put_trials(study *st, err *e)
{
    hash data = hash_bytes("data", 4);
    TRY(add_stage(st, "data", "{}", data, NULL, e));
    TRY(stage_done(st, &data, 3, 0, NULL, NULL, e));
    for (int i = 0; i < st->plan->n_trials; i++) {
        if (i % GROUP == 0) TRY(store_begin(st->s, e));
        TRY(put_trial(st, i, e));
        if (i % GROUP == GROUP - 1 || i + 1 == st->plan->n_trials) TRY(store_commit(st->s, e));
    }
    return OK;
}

status made_study_write(const char *path, const made_study_plan *plan, err *e)
{
    study st = {.plan = plan};
    const store_run run = {.version = "0.1",
                           .compiler = plan->hostile ? "</script><b>gcc" : "gcc 12.2.0",
                           .cpu = "a made-up processor",
                           .kernels = "avx2",
                           .blas = "OpenBLAS",
                           .system = "Linux",
                           .workers = 2,
                           .confidence = plan->confidence};
    arena_init(&st.a, 0);
    describe_space(&st);
    status s = store_open(path, STORE_WRITE, &st.s, e);
    if (s == OK) s = store_start_run(st.s, &st.space, &run, &st.run, e);
    if (s == OK) s = put_trials(&st, e);
    if (s == OK) s = store_end_run(st.s, st.run, "done", e);
    store_close(st.s);
    arena_free(&st.a);
    return s;
}

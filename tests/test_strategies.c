#include "engine/base/rng.h"
#include "report/output_strategies.h"
#include "report/strategies_words.h"
#include "support/fake_results.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Studies of four knobs, whose figures the tests choose: architecture (3), alpha (1, 0.5), final_sparsity (0, 0.8),
 * storage (float32, dynamic). Files that differ in storage alone share their training. */
typedef struct {
    int architecture, narrow, sparse, dynamic;
    uint64_t seed;
} setting;

typedef struct {
    double accuracy, size, ms;
} figures;

typedef figures make_figures(const setting *t, uint64_t draw);

static const store_objective objectives[] = {
    {"accuracy", true}, {"size", false}, {"modelled_total_ms", false}};

static store_space space_of(void)
{
    static const store_metric_info metrics[] = {
        {"accuracy", "%", "share of right answers", STORE_HIGHER},
        {"size", "B", "bytes of the packed file", STORE_LOWER},
        {"modelled_total_ms", "ms", "modelled latency", STORE_LOWER}};
    static const char *const knobs[] = {"architecture", "alpha", "final_sparsity", "storage"};
    store_space s = fake_space(1);
    s.task = "keywords";
    s.n_versions = 0;
    s.n_objectives = 3;
    s.objective = objectives;
    s.n_knobs = 4;
    s.knob = knobs;
    s.n_metrics = 3;
    s.metric = metrics;
    return s;
}

static void finish(store *s, const hash *key, const store_metric *m, int n)
{
    store_outcome o = {.run_id = 1,
                       .artifact_bytes = 1,
                       .artifact_hash = "00",
                       .tries = 1,
                       .metric = m,
                       .n_metrics = n,
                       .cpu_seconds = 1};
    cr_assert(eq(int, store_stage_done(s, key, &o, NULL), OK));
}

static bool leave_out_what_does_not_matter; /* set by the test that is about it */

static void add(store *s, const setting *t, figures f)
{
    static const char *const architectures[] = {"cnn", "ds-cnn", "mlp"};
    static const char *const kinds[] = {"train", "export", "score"};
    int training = (t->architecture * 2 + t->narrow) * 2 + t->sparse;
    int candidate = training * 2 + t->dynamic;
    int64_t id, own[] = {training, candidate, candidate};
    hash key[3];
    for (int i = 0; i < 3; i++) {
        key[i] = fake_hash(kinds[i], own[i] * 100 + (int64_t)t->seed);
        store_stage stage = {.kind = kinds[i],
                             .params = "{}",
                             .version = 1,
                             .key = key[i],
                             .n_parents = i > 0,
                             .parent = i > 0 ? &key[i - 1] : NULL};
        cr_assert(eq(int, store_add_stage(s, &stage, NULL), OK));
    }
    store_knob knob[] = {{"architecture", false, 0, architectures[t->architecture]},
                         {"alpha", true, t->narrow ? 0.5 : 1, NULL},
                         {"final_sparsity", true, t->sparse ? 0.8 : 0, NULL},
                         {"storage", false, 0, t->dynamic ? "dynamic" : "float32"}};
    bool left_out = leave_out_what_does_not_matter && t->dynamic && !t->sparse;
    bool no_storage = leave_out_what_does_not_matter && t->architecture == 2 && !t->dynamic;
    if (left_out) knob[2] = knob[3];
    store_trial trial = {.candidate = candidate,
                         .config_hash = fake_hash("config", candidate),
                         .config = "{}",
                         .seed = t->seed,
                         .n_knobs = left_out || no_storage ? 3 : 4,
                         .knob = knob,
                         .n_stages = 3,
                         .stage = key};
    cr_assert(eq(int, store_add_trial(s, &trial, &id, NULL), OK));
    store_metric known[] = {{"size", f.size}, {"modelled_total_ms", f.ms}},
                 scored[] = {{"accuracy", f.accuracy}};
    finish(s, &key[0], NULL, 0);
    finish(s, &key[1], known, 2);
    finish(s, &key[2], scored, 1);
    cr_assert(eq(int, store_trial_done(s, id, NULL), OK));
}

typedef struct {
    const char *path;
    arena a;
    job j;
    strategies s;
} made;

/* Every combination of the first `architectures` networks, with seeds 1 .. `seeds`. */
static made study_of(int architectures, int seeds, make_figures *make, uint64_t draw)
{
    made m = {.path = fake_path()};
    store *s;
    store_space space = space_of();
    store_run run = fake_run_row();
    int64_t id;
    cr_assert(eq(int, store_open(m.path, STORE_WRITE, &s, NULL), OK));
    cr_assert(eq(int, store_start_run(s, &space, &run, &id, NULL), OK));
    store_begin(s, NULL);
    for (int i = 0; i < architectures * 8 * seeds; i++) {
        setting t = {i / 8 % architectures, i / 4 % 2, i / 2 % 2, i % 2,
                     1 + (uint64_t)(i / 8 / architectures)};
        add(s, &t, make(&t, draw));
    }
    store_commit(s, NULL);
    store_close(s);
    return m;
}

static void read_study(made *m)
{
    err e = {0};
    arena_init(&m->a, 0);
    m->j = (job){.a = &m->a, .db = m->path, .folder = "/tmp", .style = {.width_mm = 88}};
    cr_assert(eq(int, job_open(&m->j, &e), OK), "%s", e.msg);
    cr_assert(eq(int, strategies_read(&m->j, &m->s, &e), OK), "%s", e.msg);
}

static void close_study(made *m)
{
    job_close(&m->j);
    arena_free(&m->a);
    fake_remove();
}

static const strategy *find(const strategies *s, const char *name)
{
    for (int i = 0; i < s->n; i++)
        if (strstr(s->strategy[i].name, name)) return &s->strategy[i];
    cr_fatal("no strategy '%s'", name);
    return NULL;
}

static char *words_of(const strategies *s)
{
    buf b = {0};
    cr_assert(eq(int, strategies_words(s, &b, NULL), OK));
    return b.data;
}

static void expect_words(const char *text, const char *part)
{
    cr_expect(strstr(text, part) != NULL, "'%s' lacks '%s'", text, part);
}

enum { ACCURACY, SIZE, LATENCY };

/* --- a study whose answers are known --- */

static double jitter(const setting *t, uint64_t draw, double sigma)
{
    uint64_t training = (uint64_t)(t->architecture * 4 + t->narrow * 2 + t->sparse);
    rng r = rng_stream(draw * 1000 + training * 10 + t->seed, RNG_TEST, 0);
    return sigma * (rng_double(&r) + rng_double(&r) + rng_double(&r) - 1.5);
}

/* Narrowing costs 6 points, halves latency and divides size by 4; sparsity costs 2 and divides by 2; dynamic
 * storage costs nothing and divides by 3. */
static figures additive_figures(const setting *t, uint64_t draw)
{
    figures f = {90, 24000, 40};
    f.accuracy -= 6 * t->narrow + 2 * t->sparse;
    f.accuracy += t->architecture + jitter(t, draw, 0.1);
    f.size /= (t->narrow ? 4 : 1) * (t->sparse ? 2 : 1) * (t->dynamic ? 3 : 1);
    f.ms /= t->narrow ? 2 : 1;
    return f;
}

/* Narrow and sparse together cost 5 points more and leave a file 1.5 times as large. */
static figures known_figures(const setting *t, uint64_t draw)
{
    figures f = additive_figures(t, draw);
    if (!t->narrow || !t->sparse) return f;
    return (figures){f.accuracy - 5, f.size * 1.5, f.ms};
}

Test(strategies, answers_what_is_known)
{
    made m = study_of(3, 2, additive_figures, 1);
    read_study(&m);
    const strategies *s = &m.s;
    const strategy *narrow = find(s, "width multiplier 0.5 for 1"), *sparse = find(s, "magnitude"),
                   *dynamic = find(s, "quantization (dynamic)");
    cr_expect(eq(int, s->n, 5), "two networks for the first, and three more");
    cr_expect(epsilon_eq(dbl, narrow->effect[ACCURACY].mean, 6, 0.1));
    cr_expect(epsilon_eq(dbl, sparse->effect[ACCURACY].mean, 2, 0.1));
    cr_expect(eq(dbl, dynamic->effect[ACCURACY].mean, 0), "the same networks");
    cr_expect(epsilon_eq(dbl, strategy_saving(dynamic->effect[SIZE].mean), 2.0 / 3, 1e-9));
    cr_expect(epsilon_eq(dbl, strategy_saving(narrow->effect[LATENCY].mean), 0.5, 1e-9));
    cr_expect(eq(dbl, sparse->effect[LATENCY].mean, 0));
    cr_expect(s->strategy + s->answer[ACCURACY].best == dynamic);
    cr_expect(s->strategy + s->answer[SIZE].best == narrow);
    cr_expect(s->strategy + s->answer[LATENCY].best == narrow);
    cr_expect(eq(int, s->answer[ACCURACY].n_told, 2));
    char *text = words_of(s);
    expect_words(text,
                 "Surely quantization (dynamic) costs least accuracy: 0 points [0, 0] over 12 "
                 "comparisons, no change in any of them; every other strategy costs more.");
    expect_words(text, "Surely width multiplier 0.5 for 1 saves most memory: 75 % [75, 75]");
    expect_words(text, "Surely width multiplier 0.5 for 1 saves most latency: 50 % [50, 50]");
    expect_words(text, "Of no two strategies can it be told that together they cost more");
    free(text);
    close_study(&m);
}

Test(strategies, pairs_of_the_same_trainings_are_one_comparison)
{
    made m = study_of(3, 2, known_figures, 1);
    read_study(&m);
    const strategy_effect *narrow = &find(&m.s, "width")->effect[ACCURACY];
    cr_expect(eq(int, narrow->n_pairs, 3 * 2 * 2 * 2), "networks, sparsities, storages, seeds");
    cr_expect(eq(int, narrow->n, 3 * 2), "seeds and storages averaged");
    double alone = narrow->high - narrow->low, joint = narrow->joint_high - narrow->joint_low;
    cr_expect(joint > 1.5 * alone && alone > 0, "%g, %g", alone, joint);
    close_study(&m);
}

Test(strategies, together_is_told_apart_from_alone)
{
    made m = study_of(3, 2, known_figures, 1);
    read_study(&m);
    const strategy_pair *p = NULL;
    for (int i = 0; i < m.s.n_pairs; i++)
        if (strcmp(m.s.strategy[m.s.pair[i].one].knob, "alpha") == 0 &&
            strcmp(m.s.strategy[m.s.pair[i].other].knob, "final_sparsity") == 0)
            p = &m.s.pair[i];
    cr_assert(p != NULL);
    cr_expect(epsilon_eq(dbl, p->effect[ACCURACY].mean, 5, 0.2));
    cr_expect(epsilon_eq(dbl, exp(p->effect[SIZE].mean), 1.5, 1e-9));
    char *text = words_of(&m.s);
    expect_words(text, "Together width multiplier 0.5 for 1 and magnitude pruning to 0.8 cost more "
                       "accuracy than each alone adds up to: -5");
    expect_words(text, "leave 1.50 times [1.50, 1.50] as large a file");
    expect_words(text, "smallest and fastest at most 1 point worse, quantization (dynamic)");
    free(text);
    close_study(&m);
}

/* --- studies that tell nothing --- */

static figures flat_figures(const setting *t, uint64_t draw)
{
    (void)draw;
    return (figures){90 + t->architecture, 24000, 40};
}

Test(strategies, nothing_saved_is_nothing_to_choose)
{
    made m = study_of(1, 1, flat_figures, 1);
    read_study(&m);
    char *text = words_of(&m.s);
    expect_words(text, "0 save memory or latency. So there is nothing to choose between.");
    expect_words(text, "What this does not show");
    cr_expect(strstr(text, "Surely") == NULL, "%s", text);
    free(text);
    close_study(&m);
}

/* Accuracy is luck alone. */
static figures lucky_figures(const setting *t, uint64_t draw)
{
    figures f = known_figures(t, draw);
    f.accuracy = 90 + jitter(t, draw, 2) + (t->dynamic ? 0.01 : 0) * jitter(t, draw + 77, 1);
    return f;
}

static figures one_pair_figures(const setting *t, uint64_t draw)
{
    figures f = known_figures(t, draw);
    if (t->sparse || t->dynamic) f.accuracy = f.size = f.ms = NAN;
    return f;
}

Test(strategies, one_pair_tells_nothing)
{
    made m = study_of(1, 1, one_pair_figures, 1);
    read_study(&m);
    cr_expect(eq(int, find(&m.s, "width")->effect[ACCURACY].n, 1));
    cr_expect(isnan(find(&m.s, "width")->effect[ACCURACY].low));
    char *text = words_of(&m.s);
    expect_words(text, "Which strategy costs least accuracy cannot be said");
    expect_words(text, "No strategy that was compared twice saves memory.");
    cr_expect(strstr(text, "urely") == NULL, "%s", text);
    free(text);
    close_study(&m);
}

/* One setting with several seeds: the seeds are the comparisons. */
Test(strategies, seeds_stand_in_for_settings_where_there_is_one)
{
    made m = study_of(1, 4, one_pair_figures, 1);
    read_study(&m);
    const strategy_effect *f = &find(&m.s, "width")->effect[ACCURACY];
    cr_expect(eq(int, f->n, 4));
    cr_expect(f->low < 6 && f->high > 6 && f->high - f->low < 1, "%g .. %g", f->low, f->high);
    close_study(&m);
}

/* The same, in steps of half a point, as few clips give it: differences are often equal by chance. */
static figures coarse_figures(const setting *t, uint64_t draw)
{
    figures f = lucky_figures(t, draw);
    f.accuracy = 90 + round((f.accuracy - 90) / 2 * 2) / 2;
    return f;
}

/* Of studies in which accuracy is luck, claims of an effect may come up in one of twenty. */
static void expect_few_claims(int architectures, make_figures *make)
{
    int claims = 0, answers = 0;
    enum { STUDIES = 40 };
    for (uint64_t draw = 0; draw < STUDIES; draw++) {
        made m = study_of(architectures, 1, make, draw);
        bool claimed = false;
        read_study(&m);
        for (int i = 0; i < m.s.n; i++) {
            const strategy_effect *f = &m.s.strategy[i].effect[ACCURACY];
            claimed |= f->joint_low > 0 || f->joint_high < 0;
        }
        claims += claimed;
        answers += m.s.answer[ACCURACY].n_told > 0;
        close_study(&m);
    }
    /* at most 2 are expected; more than 6: p < 0.004 */
    cr_expect(claims <= 6, "%d of %d", claims, STUDIES);
    cr_expect(answers <= 6, "%d of %d", answers, STUDIES);
}

Test(strategies, luck_is_seldom_called_sure)
{
    expect_few_claims(3, lucky_figures);
}

Test(strategies, equal_differences_of_counted_figures_are_no_certainty)
{
    expect_few_claims(1, coarse_figures);
}

Test(strategies, tables_have_a_row_for_each_effect)
{
    made m = study_of(3, 2, known_figures, 1);
    table t;
    read_study(&m);
    cr_assert(eq(int, strategies_table(&m.s, &m.a, &t, NULL), OK));
    cr_expect(eq(int, t.n_rows, 3 * (m.s.n + m.s.n_pairs)));
    cr_assert(eq(int, strategies_paper_table(&m.s, &m.a, &t, NULL), OK));
    cr_expect(eq(int, t.n_rows, m.s.n));
    cr_assert(eq(int, strategies_mix_table(&m.s, &m.a, &t, NULL), OK));
    cr_expect(eq(int, t.n_rows, 2));
    cr_expect(strcmp(t.cells[3].text, "quantization (dynamic)") == 0);
    close_study(&m);
}

Test(strategies, what_does_not_matter_counts_as_the_reference)
{
    leave_out_what_does_not_matter = true;
    made m = study_of(3, 1, known_figures, 1);
    read_study(&m);
    cr_expect(eq(int, find(&m.s, "quantization")->effect[SIZE].n_pairs, 3 * 2 * 2));
    cr_expect(eq(int, find(&m.s, "magnitude")->effect[SIZE].n_pairs, 3 * 2 * 2));
    close_study(&m);
}

Test(strategies, effects_are_turned_for_reading)
{
    const strategy_metric accuracy = {ROLE_QUALITY, "accuracy", "%", true},
                          mae = {ROLE_QUALITY, "T_mae", "°C", false},
                          size = {ROLE_MEMORY, "size", "B", false};
    double v[3];
    strategy_reported(&accuracy, 2, 1, 4, v);
    cr_expect(v[0] == -2 && v[1] == -4 && v[2] == -1);
    strategy_reported(&mae, 0.2, 0.1, 0.4, v);
    cr_expect(v[0] == 0.2 && v[1] == 0.1 && v[2] == 0.4);
    strategy_reported(&size, log(0.25), log(0.2), log(0.5), v);
    cr_expect(epsilon_eq(dbl, v[0], 75, 1e-9));
    cr_expect(epsilon_eq(dbl, v[1], 50, 1e-9));
    cr_expect(epsilon_eq(dbl, v[2], 80, 1e-9));
}

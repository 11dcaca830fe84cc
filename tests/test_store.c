#include "engine/base/file.h"
#include "engine/base/pareto.h"
#include "engine/base/rng.h"
#include "store/handle.h"
#include "store/schema.h"
#include "store/store.h"
#include "support/fake_results.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static store *opened(const char *path, store_mode mode)
{
    store *s = NULL;
    err e = {0};
    cr_assert_eq(store_open(path, mode, &s, &e), OK, "%s", e.msg);
    return s;
}

static int64_t started(store *s, int variant)
{
    store_space space = fake_space(variant);
    store_run run = fake_run_row();
    int64_t id = 0;
    err e = {0};
    cr_assert_eq(store_start_run(s, &space, &run, &id, &e), OK, "%s", e.msg);
    return id;
}

static void run_sql_outside(const char *path, const char *sql)
{
    sqlite3 *handle;
    cr_assert_eq(sqlite3_open(path, &handle), SQLITE_OK);
    char *message = NULL;
    sqlite3_exec(handle, sql, NULL, NULL, &message);
    cr_assert_null(message, "%s", message ? message : "");
    sqlite3_close(handle);
}

static const fake_figures good = {0.4, 1.7, 1500, 0.41, 1.71};

Test(store, what_was_written_is_read_back)
{
    const char *path = fake_path();
    store *s = opened(path, STORE_WRITE);
    int64_t run = started(s, 1);
    int64_t trial = fake_trial(s, 3, &good);
    cr_assert_eq(store_end_run(s, run, "done", NULL), OK);
    store_close(s);

    s = opened(path, STORE_READ);
    cr_expect_eq(fake_number(s, "SELECT T_mae FROM trials_wide"), 0.4);
    cr_expect_eq(fake_number(s, "SELECT T_mae_test FROM trials_wide"), 0.41);
    cr_expect_eq(fake_number(s, "SELECT n_params FROM front"), 21);
    cr_expect_eq(fake_number(s, "SELECT alpha FROM trials_wide WHERE storage = 'float16'"), 0.3);
    cr_expect_eq(fake_number(s, "SELECT cpu_seconds FROM trials_wide"), 2);
    cr_expect_eq(fake_number(s, "SELECT trial FROM picks WHERE version = 'a' AND verdict = 'met'"),
                 (double)trial);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM runs WHERE ending = 'done' AND cpu = 'a cpu'"
                                " AND ended_at IS NOT NULL"),
                 1);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM stage_parents"), 3);

    arena a = {0};
    store_space got, want = fake_space(1);
    cr_assert_eq(store_last_space(s, &a, &got, NULL), OK);
    cr_expect_str_eq(got.text, want.text);
    cr_expect_str_eq(got.text_hash.text, want.text_hash.text);
    cr_expect_eq(got.n_versions, 2);
    cr_expect_eq(got.version[0].n_limits, 3);
    cr_expect_eq(got.version[1].n_limits, 2);
    cr_expect_str_eq(got.version[1].limit[1].text, "< 1 kB");
    cr_expect_eq(got.version[1].limit[1].bound, 1000);
    cr_expect_eq(got.version[1].limit[1].op, LIMIT_LT);
    cr_expect_eq(got.n_objectives, 3);
    cr_expect_str_eq(got.knob[1], "storage");
    cr_expect_eq(got.n_metrics, 6);
    cr_expect_str_eq(got.metric[0].unit, "°C");
    cr_expect_eq(got.metric[5].better, STORE_NEITHER);
    arena_free(&a);
    store_close(s);
    fake_remove();
}

Test(store, states_of_stages_and_trials_are_kept)
{
    store *s = opened(fake_path(), STORE_WRITE);
    started(s, 1);
    int64_t id = fake_add(s, 4, 2);
    hash key = fake_hash("train", 402), artifact, config = fake_hash("config", 4);
    bool found;
    store_state state;
    uint64_t bytes;
    int tries;
    int64_t same;
    store_outcome o = {.run_id = 1, .tries = 2, .cpu_seconds = 1, .wall_seconds = 1};

    cr_assert_eq(store_stage_running(s, &key, NULL), OK);
    store_stage_state(s, &key, &found, &state, &bytes, &artifact, &tries, NULL);
    cr_expect(found && state == STATE_RUNNING && tries == 0);
    cr_assert_eq(store_stage_failed(s, &key, STATE_TIMEOUT, "timeout", "too slow", &o, NULL), OK);
    store_stage_state(s, &key, &found, &state, &bytes, &artifact, &tries, NULL);
    cr_expect(found && state == STATE_TIMEOUT && tries == 2);
    cr_expect_eq(store_trial_done(s, id, NULL), ERR_STATE, "a stage of it timed out");
    cr_assert_eq(store_trial_failed(s, id, STATE_FAILED, "numeric", "diverged", NULL), OK);
    store_trial_state(s, &config, 2, &found, &same, &state, NULL);
    cr_expect(found && same == id && state == STATE_FAILED);

    o.artifact_bytes = 77;
    o.artifact_hash = "abc";
    cr_assert_eq(store_stage_done(s, &key, &o, NULL), OK);
    store_stage_state(s, &key, &found, &state, &bytes, &artifact, &tries, NULL);
    cr_expect(state == STATE_DONE && bytes == 77);
    cr_expect_str_eq(artifact.text, "abc");
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM stages WHERE error_text IS NOT NULL"), 0);
    cr_assert_eq(store_stage_reset(s, &key, NULL), OK);
    store_stage_state(s, &key, &found, &state, &bytes, &artifact, &tries, NULL);
    cr_expect(state == STATE_READY && bytes == 0 && tries == 0);

    key = fake_hash("nobody", 0);
    store_stage_state(s, &key, &found, &state, &bytes, &artifact, &tries, NULL);
    cr_expect_not(found);
    cr_expect_eq(store_stage_done(s, &key, &o, NULL), ERR_ARG);
    store_close(s);
    fake_remove();
}

Test(store, a_stopped_trial_keeps_what_it_has_and_forgets_the_rest)
{
    store *s = opened(fake_path(), STORE_WRITE);
    started(s, 1);
    int64_t id = fake_add(s, 3, 1);
    const store_stop early = {.n_stages = 2, .epochs = 6, .chance = 0.01};
    hash data = fake_hash("data", 0), train = fake_hash("train", 301);
    const store_metric loss = {"val_loss", 0.5};
    store_outcome o = {
        .run_id = 1, .tries = 1, .artifact_hash = "a", .n_metrics = 1, .metric = &loss};
    cr_expect_eq(store_trial_stopped(s, id + 1, &early, NULL), ERR_ARG, "nobody");
    cr_assert_eq(store_stage_done(s, &data, &o, NULL), OK);
    cr_assert_eq(store_stage_done(s, &train, &o, NULL), OK);
    cr_assert_eq(store_trial_stopped(s, id, &early, NULL), OK);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trials WHERE state = 'stopped' AND"
                                " stopped_at = 6 AND stop_chance = 0.01 AND audit IS NULL"),
                 1);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trial_stages"), 2);
    cr_expect_eq(fake_number(s, "SELECT val_loss FROM trials_wide"), 0.5);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM front"), 0);
    cr_expect_eq(fake_add(s, 3, 1), id);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trials WHERE state = 'ready' AND"
                                " stopped_at IS NULL"),
                 1, "asked for again it is decided again");
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trial_stages"), 4);
    store_close(s);
    fake_remove();
}

Test(store, a_trial_may_be_stopped_before_it_begins)
{
    store *s = opened(fake_path(), STORE_WRITE);
    started(s, 1);
    int64_t id = fake_add(s, 3, 1);
    store_stop_counts n;
    arena a;
    table curves;
    arena_init(&a, 0);
    cr_assert_eq(store_trial_stopped(s, id, &(store_stop){.chance = 0.01}, NULL), OK);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trials WHERE state = 'stopped' AND"
                                " stopped_at = 0 AND stop_chance = 0.01"),
                 1);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trial_stages"), 0);
    cr_assert_eq(store_count_stops(s, &n, NULL), OK);
    cr_expect(n.stopped == 1 && n.unbegun == 1 && n.audited == 0);
    const store_stop early = {.n_stages = 1, .epochs = 6, .chance = 0.01};
    cr_assert_eq(store_trial_stopped(s, fake_add(s, 4, 1), &early, NULL), OK);
    const store_stop never = {.chance = 0.01};
    cr_assert_eq(store_trial_audited(s, fake_trial(s, 5, &good), &never, true, NULL), OK);
    cr_assert_eq(store_count_stops(s, &n, NULL), OK);
    cr_expect(n.stopped == 2 && n.unbegun == 1 && n.audited == 1 && n.wrong == 1);
    cr_assert_eq(store_curves(s, 100, NULL, 0, &a, &curves, NULL), OK);
    cr_expect_eq(curves.n_rows, 1, "of the finished one");
    cr_expect_eq(curves.cells[4].number, 2, "two have begun");
    cr_expect_eq(fake_add(s, 3, 1), id);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trial_stages WHERE trial_id = 1"), 4,
                 "asked for again it has its chain again");
    arena_free(&a);
    store_close(s);
    fake_remove();
}

Test(store, an_audited_trial_is_finished_and_says_what_the_rule_thought)
{
    store *s = opened(fake_path(), STORE_WRITE);
    started(s, 1);
    int64_t id = fake_trial(s, 3, &good);
    const store_stop early = {.epochs = 6, .chance = 0.01};
    cr_assert_eq(store_trial_audited(s, id, &early, true, NULL), OK);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trials WHERE state = 'done' AND"
                                " stopped_at = 6 AND audit = 1"),
                 1);
    cr_expect_eq(store_trial_audited(s, id + 1, &early, true, NULL), ERR_ARG);
    store_close(s);
    fake_remove();
}

Test(store, adding_twice_changes_nothing)
{
    store *s = opened(fake_path(), STORE_WRITE);
    started(s, 1);
    int64_t id = fake_trial(s, 3, &good);
    cr_expect_eq(fake_add(s, 3, 1), id);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trials WHERE state = 'done'"), 1);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM stages"), 4);
    cr_expect_neq(fake_add(s, 3, 2), id, "another seed is another trial");
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM stages"), 7, "which shares the data stage");
    store_close(s);
    fake_remove();
}

Test(store, a_parent_or_stage_that_is_missing_is_refused)
{
    store *s = opened(fake_path(), STORE_WRITE);
    started(s, 1);
    store_stage stage = {.kind = "train", .params = "{}", .key = fake_hash("x", 1), .n_parents = 1};
    const hash nobody = fake_hash("nobody", 1);
    stage.parent = &nobody;
    err e = {0};
    cr_expect_eq(store_add_stage(s, &stage, &e), ERR_ARG);
    cr_expect_not_null(strstr(e.msg, "is not in the store"));
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM stages"), 0, "nor is the stage itself kept");
    store_close(s);
    fake_remove();
}

Test(store, a_run_takes_up_what_the_last_one_left_running)
{
    const char *path = fake_path();
    store *s = opened(path, STORE_WRITE);
    started(s, 1);
    int64_t id = fake_add(s, 4, 1);
    hash key = fake_hash("train", 401);
    store_trial_running(s, id, NULL);
    store_stage_running(s, &key, NULL);
    store_close(s);

    s = opened(path, STORE_WRITE);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM stages WHERE state = 'running'"), 1);
    started(s, 1);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM stages WHERE state = 'ready'"), 4);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trials WHERE state = 'ready'"), 1);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM spaces"), 1);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM runs"), 2);
    store_close(s);
    fake_remove();
}

Test(store, a_trial_whose_chain_changed_is_taken_up_again)
{
    store *s = opened(fake_path(), STORE_WRITE);
    started(s, 1);
    int64_t id = fake_trial(s, 3, &good);
    hash key[] = {fake_hash("data", 0), fake_hash("newer code", 0)};
    store_stage stage = {.kind = "train", .params = "{}", .key = key[1], .n_parents = 1};
    stage.parent = &key[0];
    store_trial t = {.candidate = 3,
                     .config_hash = fake_hash("config", 3),
                     .config = "{}",
                     .seed = 1,
                     .n_stages = 2,
                     .stage = key};
    int64_t same;
    cr_assert_eq(store_add_stage(s, &stage, NULL), OK);
    cr_assert_eq(store_add_trial(s, &t, &same, NULL), OK);
    cr_expect_eq(same, id);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trials WHERE state = 'ready'"), 1);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM front"), 0);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trial_metrics"), 0);
    store_close(s);
    fake_remove();
}

Test(store, views_speak_of_the_space_of_the_last_run)
{
    store *s = opened(fake_path(), STORE_WRITE);
    started(s, 1);
    fake_trial(s, 3, &good);
    fake_trial(s, 4, &good);
    started(s, 2);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trials_wide"), 0);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM front"), 0);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trials WHERE on_front = 1"), 0);
    fake_add(s, 4, 1);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trials_wide WHERE state = 'done'"), 1,
                 "a finished trial that belongs to both spaces is not built again");
    store_update_picks(s, NULL);
    cr_expect_eq(fake_number(s, "SELECT candidate FROM front"), 4);
    cr_expect_eq(fake_number(s, "SELECT candidate FROM picks WHERE version = 'a'"), 4);
    store_close(s);
    fake_remove();
}

Test(store, the_front_is_exact_after_every_trial)
{
    store *s = opened(fake_path(), STORE_WRITE);
    started(s, 1);
    enum { N = 60 };
    double p[N * 3];
    unsigned char want[N];
    arena a = {0};
    rng r = rng_stream(1, RNG_TEST, 0);
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < 3; k++) p[i * 3 + k] = 1 + (double)rng_below(&r, 6);
        if (i % 9 == 8) p[i * 3 + 1] = NAN;
        fake_trial(s, i, &(fake_figures){p[i * 3], p[i * 3 + 1], p[i * 3 + 2], 0, 0});
        store_points got;
        const char *none = NULL;
        cr_assert_eq(pareto_front(p, i + 1, 3, want, &a, NULL), OK);
        cr_assert_eq(store_read_points(s, 0, &none, &a, &got, NULL), OK);
        cr_assert_eq(got.n, i + 1);
        cr_assert_arr_eq(got.on_front, want, (size_t)i + 1, "after %d trials", i + 1);
        arena_free(&a);
    }
    store_close(s);
    fake_remove();
}

Test(store, a_metric_that_nobody_declared_gets_a_column)
{
    store *s = opened(fake_path(), STORE_WRITE);
    started(s, 1);
    int64_t id = fake_add(s, 1, 1);
    fake_finish(s, id, 1, 1, &good);
    hash key = fake_hash("train", 101);
    store_metric odd[] = {{"odd \"name", 5}, {"Size", 6}, {"alpha", 7}, {"x", NAN}};
    store_outcome o = {.run_id = 1, .n_metrics = 4, .metric = odd, .artifact_hash = ""};
    err e = {0};
    cr_assert_eq(store_stage_done(s, &key, &o, &e), OK, "%s", e.msg);
    cr_assert_eq(store_trial_done(s, id, &e), OK, "%s", e.msg);
    cr_expect_eq(fake_number(s, "SELECT \"odd \"\"name\" FROM trials_wide"), 5);
    cr_expect_eq(fake_number(s, "SELECT \"metric.Size\" FROM trials_wide"), 6);
    cr_expect_eq(fake_number(s, "SELECT \"metric.alpha\" FROM trials_wide"), 7);
    cr_expect_eq(fake_number(s, "SELECT alpha FROM trials_wide"), 0.1);
    cr_expect_eq(fake_number(s, "SELECT x IS NULL FROM trials_wide"), 1);
    store_close(s);
    fake_remove();
}

Test(store, names_and_help_cannot_become_sql)
{
    store *s = opened(fake_path(), STORE_WRITE);
    store_space space = fake_space(1);
    const char *knobs[] = {"a\"b", "c'd); DROP TABLE trials; --", "seed"};
    store_metric_info metrics[] = {{"m", "B\n, 1 AS evil --", "x\n, 2 AS worse", STORE_LOWER}};
    space.knob = knobs;
    space.n_knobs = 3;
    space.metric = metrics;
    space.n_metrics = 1;
    store_version version = {"v'\"\n, 1 AS evil --", "", 0, NULL};
    space.version = &version;
    space.n_versions = 1;
    store_run run = fake_run_row();
    int64_t id;
    err e = {0};
    cr_assert_eq(store_start_run(s, &space, &run, &id, &e), OK, "%s", e.msg);
    fake_add(s, 1, 1);
    arena a = {0};
    table t;
    cr_assert_eq(store_sql(s, "PRAGMA table_info(trials_wide)", &a, &t, &e), OK, "%s", e.msg);
    cr_expect_eq(t.n_rows, 15, "8 fixed, 3 knobs, m, n_params, meets, margin");
    cr_assert_eq(store_sql(s, "SELECT * FROM trials_wide", &a, &t, &e), OK, "%s", e.msg);
    arena_free(&a);
    cr_expect_eq(fake_number(s, "SELECT \"knob.seed\" IS NULL AND seed = 1 FROM trials_wide"), 1);
    store_close(s);
    fake_remove();
}

Test(store, a_group_that_fails_leaves_nothing)
{
    store *s = opened(fake_path(), STORE_WRITE);
    started(s, 1);
    fake_trial(s, 1, &good);
    cr_assert_eq(store_begin(s, NULL), OK);
    cr_expect_eq(store_begin(s, NULL), ERR_STATE);
    fake_trial(s, 2, &(fake_figures){0.1, 1, 10, 0, 0});
    cr_expect_eq(fake_number(s, "SELECT candidate FROM front"), 2);
    hash nobody = fake_hash("nobody", 0);
    cr_expect_eq(store_stage_reset(s, &nobody, NULL), ERR_ARG);
    cr_expect_eq(store_commit(s, NULL), ERR_STATE);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trials"), 1);
    cr_expect_eq(fake_number(s, "SELECT candidate FROM front"), 1);
    fake_trial(s, 3, &(fake_figures){0.1, 3, 10, 0, 0});
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM front"), 2, "the front was found afresh");
    store_close(s);
    fake_remove();
}

Test(store, a_second_writer_is_told_who_the_first_is)
{
    const char *path = fake_path();
    store *s = opened(path, STORE_WRITE), *other = NULL;
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld on ", (long)getpid());
    err e = {0};
    cr_expect_eq(store_open(path, STORE_WRITE, &other, &e), ERR_STATE);
    cr_expect_null(other);
    cr_expect_not_null(strstr(e.msg, pid), "%s", e.msg);
    started(s, 1);
    store *reader = opened(path, STORE_READ);
    store_close(reader);
    store_close(s);
    store_close(opened(path, STORE_WRITE));
    fake_remove();
}

/* What a lock file with this text, left by a kill, makes of the question. */
static bool has_writer_by(const char *path, const char *text)
{
    char name[300];
    snprintf(name, sizeof name, "%s-lock", path);
    FILE *f = fopen(name, "w");
    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
    store *reader = opened(path, STORE_READ);
    bool yes = store_has_writer(reader);
    store_close(reader);
    remove(name);
    return yes;
}

Test(store, a_lock_is_believed_only_while_its_very_process_lives)
{
    const char *path = fake_path();
    store *s = opened(path, STORE_WRITE);
    started(s, 1);
    store *reader = opened(path, STORE_READ);
    cr_expect(store_has_writer(reader));
    store_close(s);
    cr_expect_not(store_has_writer(reader));
    store_close(reader);
    struct utsname u;
    char text[400];
    cr_assert(uname(&u) == 0);
    long us = (long)getpid();
    snprintf(text, sizeof text, "process %ld on %s since noon\n", us, u.nodename);
    cr_expect(has_writer_by(path, text), "an older lock without a second line");
    snprintf(text, sizeof text, "process %ld on %s9 since noon\n", us, u.nodename);
    cr_expect_not(has_writer_by(path, text), "a machine whose name begins with ours");
    snprintf(text, sizeof text, "process %ld on %.*s since noon\n", us, (int)strlen(u.nodename) - 1,
             u.nodename);
    cr_expect_not(has_writer_by(path, text), "a machine whose name ours begins with");
    snprintf(text, sizeof text, "process %ld on %s since noon\nstarted 1\n", us, u.nodename);
    cr_expect_not(has_writer_by(path, text), "another process had our number before");
    fake_remove();
}

Test(store, the_lock_ends_with_its_process)
{
    const char *path = fake_path();
    pid_t child = fork();
    if (child == 0) {
        store *s = NULL;
        err e = {0};
        _exit(store_open(path, STORE_WRITE, &s, &e)); /* without closing */
    }
    int how;
    cr_assert_eq(waitpid(child, &how, 0), child);
    cr_assert(WIFEXITED(how) && WEXITSTATUS(how) == OK);
    store_close(opened(path, STORE_WRITE));
    fake_remove();
}

Test(store, a_reader_sees_one_state_and_never_stops_the_writer)
{
    const char *path = fake_path();
    store *s = opened(path, STORE_WRITE);
    started(s, 1);
    fake_trial(s, 0, &good);
    store *reader = opened(path, STORE_READ);
    cr_assert_eq(db_run(&reader->d, "BEGIN", NULL), OK);
    cr_expect_eq(fake_number(reader, "SELECT count(*) FROM trials"), 1);
    for (int i = 1; i < 200; i++) fake_trial(s, i, &good);
    cr_expect_eq(store_end_run(s, 1, "done", NULL), OK);
    cr_expect_eq(fake_number(reader, "SELECT count(*) FROM trials"), 1);
    cr_assert_eq(db_run(&reader->d, "COMMIT", NULL), OK);
    cr_expect_eq(fake_number(reader, "SELECT count(*) FROM trials"), 200);
    store_close(reader);
    store_close(s);
    fake_remove();
}

Test(store, a_process_killed_while_writing_loses_only_what_was_not_committed)
{
    const char *path = fake_path();
    pid_t child = fork();
    if (child == 0) {
        store *s = opened(path, STORE_WRITE);
        started(s, 1);
        for (int i = 0; i < 20; i++) fake_trial(s, i, &good);
        store_begin(s, NULL);
        for (int i = 20; i < 40; i++) fake_trial(s, i, &good);
        kill(getpid(), SIGKILL);
    }
    int how;
    cr_assert_eq(waitpid(child, &how, 0), child);
    cr_assert(WIFSIGNALED(how));
    store *s = opened(path, STORE_WRITE);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trials WHERE state = 'done'"), 20);
    store_close(s);
    fake_remove();
}

Test(store, a_full_disk_is_reported_and_costs_nothing_committed)
{
    const char *path = fake_path();
    store *s = opened(path, STORE_WRITE);
    started(s, 1);
    fake_trial(s, 0, &good);
    char limit[64];
    snprintf(limit, sizeof limit, "PRAGMA max_page_count = %d",
             (int)fake_number(s, "PRAGMA page_count") + 6);
    cr_assert_eq(db_run(&s->d, limit, NULL), OK);
    char *params = calloc(1, 5001);
    memset(params, 'x', 5000);
    status st = OK;
    err e = {0};
    int kept = 0;
    for (int i = 0; i < 100 && st == OK; i++) {
        store_stage stage = {.kind = "train", .params = params, .key = fake_hash("big", i)};
        st = store_add_stage(s, &stage, &e);
        kept += st == OK;
    }
    cr_expect_eq(st, ERR_IO);
    cr_expect_not_null(strstr(e.msg, "make room and run again"), "%s", e.msg);
    cr_expect_gt(kept, 0);
    free(params);
    store_close(s);
    s = opened(path, STORE_WRITE);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM stages"), kept + 4);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trials WHERE state = 'done'"), 1);
    store_close(s);
    fake_remove();
}

/* --- files that are not as they should be --- */

static void expect_refused(const char *path, store_mode mode, status want, const char *words)
{
    store *s = NULL;
    err e = {0};
    cr_expect_eq(store_open(path, mode, &s, &e), want, "%s", e.msg);
    cr_expect_null(s);
    cr_expect_not_null(strstr(e.msg, words), "'%s' lacks '%s'", e.msg, words);
}

Test(store, a_missing_file_cannot_be_read)
{
    const char *path = fake_path();
    expect_refused(path, STORE_READ, ERR_INPUT, "no such study");
    cr_expect_not(file_exists(path));
    expect_refused("/nowhere/study.db", STORE_WRITE, ERR_IO, "/nowhere/study.db-lock");
    fake_remove();
}

Test(store, foreign_and_empty_files_are_refused_and_left_alone)
{
    const char *path = fake_path();
    cr_assert_eq(file_write(path,
                            "not a database, but long enough to be looked at as one...........", 64,
                            NULL),
                 OK);
    expect_refused(path, STORE_READ, ERR_INPUT, "not an SQLite file");
    expect_refused(path, STORE_WRITE, ERR_INPUT, "not an SQLite file");
    unlink(path);
    run_sql_outside(path, "CREATE TABLE notes (x); INSERT INTO notes VALUES (1)");
    expect_refused(path, STORE_READ, ERR_INPUT, "not a paretune study");
    expect_refused(path, STORE_WRITE, ERR_INPUT, "not a paretune study");
    run_sql_outside(path, "SELECT x FROM notes");
    unlink(path);
    cr_assert_eq(file_write(path, "", 0, NULL), OK);
    expect_refused(path, STORE_READ, ERR_INPUT, "is empty");
    store_close(opened(path, STORE_WRITE));
    fake_remove();
}

Test(store, a_truncated_file_is_reported_as_damaged)
{
    const char *path = fake_path();
    store *s = opened(path, STORE_WRITE);
    started(s, 1);
    for (int i = 0; i < 50; i++) fake_trial(s, i, &good);
    store_end_run(s, 1, "done", NULL);
    store_close(s);
    cr_assert_eq(truncate(path, 3 * 4096), 0);
    expect_refused(path, STORE_READ, ERR_INPUT, "damaged");
    expect_refused(path, STORE_WRITE, ERR_INPUT, "damaged");
    fake_remove();
}

Test(store, bytes_turned_over_anywhere_never_crash_a_reader)
{
    const char *path = fake_path();
    store *s = opened(path, STORE_WRITE);
    started(s, 1);
    for (int i = 0; i < 20; i++) fake_trial(s, i, &good);
    store_end_run(s, 1, "done", NULL);
    store_close(s);
    arena a = {0};
    char *bytes;
    size_t n;
    cr_assert_eq(file_read(&a, path, 1 << 24, &bytes, &n, NULL), OK);
    for (uint64_t seed = 0; seed < 60; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 0);
        char *copy = arena_copy(&a, bytes, n);
        for (int i = 0; i < 40; i++) copy[rng_below(&r, n)] = (char)rng_u64(&r);
        cr_assert_eq(file_write(path, copy, n, NULL), OK);
        store *reader = NULL;
        table t;
        picks p;
        if (store_open(path, STORE_READ, &reader, NULL) == OK) {
            store_trials(reader, &(store_query){.columns = "all", .state = "all"}, &a, &t, NULL);
            picks_read(reader, &a, &p, NULL);
        }
        store_close(reader);
    }
    arena_free(&a);
    fake_remove();
}

Test(store, reading_changes_no_byte_and_cannot_write)
{
    const char *path = fake_path();
    store *s = opened(path, STORE_WRITE);
    int64_t run = started(s, 1);
    fake_trial(s, 1, &good);
    store_close(s);
    hash before, after;
    hash_file(path, &before, NULL);
    s = opened(path, STORE_READ);
    cr_expect_eq(store_begin(s, NULL), ERR_STATE);
    cr_expect_eq(store_end_run(s, run, "done", NULL), ERR_STATE);
    cr_expect_eq(store_trial_done(s, 1, NULL), ERR_STATE);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trials"), 1);
    store_close(s);
    hash_file(path, &after, NULL);
    cr_expect_str_eq(before.text, after.text);
    fake_remove();
}

Test(store, a_study_in_a_folder_without_write_permission_can_be_read)
{
    if (getuid() != 0) cr_skip_test("needs root, to give root's rights up");
    const char *path = fake_path();
    store *s = opened(path, STORE_WRITE);
    started(s, 1);
    fake_trial(s, 1, &good);
    store_close(s);
    char folder[128];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    cr_assert_eq(chmod(folder, 0755), 0);
    cr_assert_eq(seteuid(65534), 0);
    s = opened(path, STORE_READ);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM front"), 1);
    store_close(s);
    cr_assert_eq(seteuid(0), 0);
    fake_remove();
}

/* --- schema --- */

Test(store, every_table_and_column_is_described)
{
    store *s = opened(fake_path(), STORE_WRITE);
    started(s, 1);
    arena a = {0};
    table t;
    cr_assert_eq(
        store_sql(s, "SELECT name, sql FROM sqlite_master WHERE type = 'table'", &a, &t, NULL), OK);
    cr_expect_gt(t.n_rows, 15);
    for (int i = 0; i < t.n_rows; i++) {
        char sql[8192];
        snprintf(sql, sizeof sql, "%s", t.cells[i * 2 + 1].text);
        cr_expect_not_null(strstr(sql, "STRICT"), "%s", t.cells[i * 2].text);
        for (char *line = strtok(sql, "\n"); line; line = strtok(NULL, "\n"))
            if (line[0] != ')' && !strstr(line, "PRIMARY KEY (") &&
                !strstr(line, "FOREIGN KEY (") && !strstr(line, "UNIQUE (") &&
                !strstr(line, " DEFAULT 'ready'"))
                cr_expect_not_null(strstr(line, " -- "), "%s: no comment in '%s'",
                                   t.cells[i * 2].text, line);
    }
    cr_expect_eq(fake_number(s, "PRAGMA application_id"), SCHEMA_APPLICATION);
    arena_free(&a);
    store_close(s);
    fake_remove();
}

/* Version a: T_mae < 0.5, RH_mae < 1.8, size < 2000. The tightest is RH_mae at 1.71: 5 % of room. */
Test(store, each_version_has_columns_that_say_whether_and_how_well_it_is_met)
{
    store *s = opened(fake_path(), STORE_WRITE);
    started(s, 1);
    fake_trial(s, 1, &(fake_figures){0.4, 1.71, 1500, 0, 0});
    fake_trial(s, 2, &(fake_figures){0.6, 1.71, 1500, 0, 0});
    fake_trial(s, 3, &(fake_figures){0.5, 1.71, 1500, 0, 0});
    fake_trial(s, 4, &(fake_figures){(double)NAN, 1.71, 1500, 0, 0});
    fake_add(s, 5, 1);
    static const struct {
        double meets, margin;
    } want[] = {{1, 0.05}, {0, -0.2}, {0, 0}};
    char sql[128];
    for (int i = 0; i < 3; i++) {
        snprintf(sql, sizeof sql, "SELECT \"meets.a\" FROM trials_wide WHERE trial = %d", i + 1);
        cr_expect_eq(fake_number(s, sql), want[i].meets, "trial %d", i + 1);
        snprintf(sql, sizeof sql, "SELECT \"margin.a\" FROM trials_wide WHERE trial = %d", i + 1);
        cr_expect_float_eq(fake_number(s, sql), want[i].margin, 1e-12, "trial %d", i + 1);
    }
    cr_expect(isnan(fake_number(s, "SELECT \"meets.a\" FROM trials_wide WHERE trial = 4")));
    cr_expect(isnan(fake_number(s, "SELECT \"margin.a\" FROM trials_wide WHERE trial = 5")));
    cr_expect_eq(fake_number(s, "SELECT \"meets.b\" FROM trials_wide WHERE trial = 1"), 0);
    store_close(s);
    fake_remove();
}

Test(store, the_values_of_axes_are_those_of_the_last_text)
{
    static const store_knob alphas[] = {{"alpha", true, 0.5, NULL}, {"alpha", true, 1, NULL}},
                            storages[] = {{"storage", false, 0, "float16"}};
    const store_axis axes[] = {{2, alphas}, {1, storages}}, fewer[] = {{1, alphas}, {0, NULL}};
    store *s = opened(fake_path(), STORE_WRITE);
    store_space space = fake_space(1);
    store_run run = fake_run_row();
    int64_t id;
    space.axis = axes;
    cr_assert_eq(store_start_run(s, &space, &run, &id, NULL), OK);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM knob_values"), 3);
    cr_expect_eq(fake_number(s, "SELECT value FROM knob_values WHERE knob = 0 AND position = 1"),
                 1);
    cr_expect_eq(fake_number(s, "SELECT value = 'float16' FROM knob_values WHERE knob = 1"), 1);
    space.axis = fewer;
    cr_assert_eq(store_start_run(s, &space, &run, &id, NULL), OK);
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM knob_values"), 1);
    store_close(s);
    fake_remove();
}

static const char *const old_step[] = {
    "CREATE TABLE spaces (id INTEGER PRIMARY KEY) STRICT",
    "CREATE TABLE runs (id INTEGER PRIMARY KEY, space_id INTEGER) STRICT",
    "CREATE TABLE knobs (space_id INTEGER, name TEXT, position INTEGER) STRICT",
    "CREATE TABLE metrics (id INTEGER PRIMARY KEY, name TEXT, unit TEXT, help TEXT) STRICT",
    "CREATE TABLE versions (space_id INTEGER, name TEXT, position INTEGER) STRICT",
    "INSERT INTO runs VALUES (7, 1)",
    NULL};
static const char *const middle_step[] = {"ALTER TABLE runs ADD COLUMN workers INTEGER DEFAULT 3",
                                          NULL};
static const char *const new_step[] = {"CREATE TABLE extra (x INTEGER) STRICT",
                                       "INSERT INTO extra SELECT workers FROM runs", NULL};
static const char *const bad_step[] = {"INSERT INTO extra VALUES (5)", "ALTER TABLE nobody ADD x",
                                       NULL};

static int number_of(db *d, const char *sql)
{
    query q = db_query_once(d, sql, NULL);
    int v = query_row(&q) ? (int)query_column_int(&q, 0) : -1;
    return query_end(&q) == OK ? v : -2;
}

Test(store, an_older_schema_is_brought_up_step_by_step_or_not_at_all)
{
    const char *const *const first[] = {old_step, NULL};
    const char *const *const later[] = {old_step, middle_step, new_step, NULL};
    const char *const *const broken[] = {old_step, middle_step, new_step, bad_step, NULL};
    const char *path = fake_path();
    db d;
    err e = {0};
    cr_assert_eq(db_open(&d, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), OK);
    cr_assert_eq(schema_migrate(&d, first, NULL), OK);
    cr_expect_eq(number_of(&d, "PRAGMA user_version"), 1);
    cr_assert_eq(schema_migrate(&d, later, NULL), OK);
    cr_expect_eq(number_of(&d, "PRAGMA user_version"), 3);
    cr_expect_eq(number_of(&d, "SELECT x FROM extra"), 3, "the steps ran in order, on kept rows");
    cr_assert_eq(schema_migrate(&d, later, NULL), OK);
    cr_expect_eq(number_of(&d, "SELECT count(*) FROM extra"), 1, "and only once");
    cr_expect_eq(schema_migrate(&d, broken, &e), ERR_ARG);
    cr_expect_not_null(strstr(e.msg, "from version 3 to 4"), "%s", e.msg);
    cr_expect_eq(number_of(&d, "PRAGMA user_version"), 3);
    cr_expect_eq(number_of(&d, "SELECT count(*) FROM extra"), 1);
    e = (err){0};
    cr_expect_eq(schema_migrate(&d, first, &e), ERR_INPUT);
    cr_expect_not_null(strstr(e.msg, "newer paretune"), "%s", e.msg);
    db_close(&d);
    fake_remove();
}

Test(store, trials_of_the_third_schema_are_kept)
{
    const char *const *const third[] = {schema_steps[0], schema_steps[1], schema_steps[2], NULL};
    db d;
    err e = {0};
    cr_assert_eq(db_open(&d, fake_path(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), OK);
    cr_assert_eq(schema_migrate(&d, third, &e), OK, "%s", e.msg);
    cr_assert_eq(
        db_run(&d,
               "INSERT INTO spaces VALUES (1, 's', 'forecast', 'p', 't', 'h', 'now', '');"
               "INSERT INTO runs (id, space_id, started_at, version, compiler, cpu, kernels, blas,"
               " system, workers) VALUES (1, 1, 'now', 'v', 'c', 'c', 'k', 'b', 's', 1);"
               "INSERT INTO trials VALUES (5, 'h', '{}', 1, 1, 'done', 1, 'then', NULL, NULL);"
               "INSERT INTO space_trials VALUES (1, 5, 0)",
               &e),
        OK, "%s", e.msg);
    cr_assert_eq(schema_migrate(&d, schema_steps, &e), OK, "%s", e.msg);
    cr_expect_eq(number_of(&d, "SELECT count(*) FROM trials WHERE id = 5 AND state = 'done' AND"
                               " on_front = 1 AND ended_at = 'then' AND stopped_at IS NULL"),
                 1);
    cr_expect_eq(number_of(&d, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    cr_expect_eq(number_of(&d, "PRAGMA foreign_keys"), 1, "rows are watched again");
    cr_expect_eq(db_run(&d, "INSERT INTO space_trials VALUES (1, 6, 0)", NULL), ERR_ARG);
    cr_expect_eq(number_of(&d, "SELECT count(*) FROM front"), 1, "the views are there again");
    db_close(&d);
    fake_remove();
}

Test(store, a_newer_file_is_refused)
{
    const char *path = fake_path();
    store_close(opened(path, STORE_WRITE));
    run_sql_outside(path, "PRAGMA user_version = 99");
    expect_refused(path, STORE_WRITE, ERR_INPUT, "newer paretune");
    expect_refused(path, STORE_READ, ERR_INPUT, "newer paretune");
    run_sql_outside(path, "PRAGMA user_version = 0");
    expect_refused(path, STORE_READ, ERR_INPUT, "brings it up to date");
    fake_remove();
}

/* --- query and sql --- */

static void expect_sql_refused(store *s, const char *sql, const char *words)
{
    arena a = {0};
    table t;
    err e = {0};
    cr_expect_eq(store_sql(s, sql, &a, &t, &e), ERR_INPUT, "%s", sql);
    cr_expect_not_null(strstr(e.msg, words), "%s: %s", sql, e.msg);
    arena_free(&a);
}

Test(store, sql_only_reads)
{
    store *s = opened(fake_path(), STORE_WRITE); /* a writer's: the file itself would not object */
    started(s, 1);
    fake_trial(s, 1, &good);
    static const char *const writes[] = {"DELETE FROM trials",
                                         "UPDATE trials SET seed = 9",
                                         "INSERT INTO runs DEFAULT VALUES",
                                         "CREATE TABLE x (y)",
                                         "CREATE TEMP TABLE x (y)",
                                         "DROP VIEW front",
                                         "ATTACH 'x.db' AS x",
                                         "DETACH main",
                                         "PRAGMA user_version = 3",
                                         "PRAGMA journal_mode = delete",
                                         "BEGIN",
                                         "VACUUM",
                                         "PRAGMA writable_schema = 1",
                                         "REINDEX",
                                         "ANALYZE",
                                         "PRAGMA wal_checkpoint",
                                         "WITH x AS (SELECT 1) DELETE FROM runs"};
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++)
        expect_sql_refused(s, writes[i], "statements that read");
    expect_sql_refused(s, "SELECT 1; DELETE FROM trials", "one statement");
    expect_sql_refused(s, " -- nothing", "empty");
    expect_sql_refused(s, "SELEC 1", "syntax error");
    expect_sql_refused(s, "SELECT nobody FROM trials", "no such column");
    cr_expect_eq(fake_number(s, "SELECT count(*) FROM trials;  "), 1);
    cr_expect_eq(fake_number(s, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                                " WHERE i < 9) SELECT max(i) FROM n"),
                 9);
    store_close(s);
    fake_remove();
}

static int query_rows(store *s, const store_query *q, table *t, arena *a)
{
    err e = {0};
    cr_assert_eq(store_trials(s, q, a, t, &e), OK, "%s", e.msg);
    return t->n_rows;
}

Test(store, queries_filter_sort_limit_and_name_columns)
{
    store *s = opened(fake_path(), STORE_WRITE);
    started(s, 1);
    for (int i = 0; i < 10; i++)
        fake_trial(s, i, &(fake_figures){0.1 * (i + 1), 2, 3000 - 100 * i, 0, 0});
    fake_add(s, 10, 1);
    arena a = {0};
    table t;
    cr_expect_eq(query_rows(s, &(store_query){0}, &t, &a), 10);
    cr_expect_eq(t.n_columns, 6, "trial, two knobs, three objectives");
    cr_expect_str_eq(t.name[3], "T_mae");
    cr_expect_str_eq(t.unit[3], "°C");
    cr_expect_eq(query_rows(s, &(store_query){.state = "all"}, &t, &a), 11);
    cr_expect_eq(query_rows(s, &(store_query){.state = "ready"}, &t, &a), 1);
    cr_expect_eq(query_rows(s,
                            &(store_query){.filter = "size < 2.5 kB and storage = float32",
                                           .columns = "size, candidate",
                                           .sort = "size",
                                           .limit = 1},
                            &t, &a),
                 1);
    cr_expect_eq(t.n_columns, 2);
    cr_expect_eq(t.cells[0].number, 2200);
    cr_expect_eq(t.cells[1].number, 8);
    query_rows(s, &(store_query){.sort = "T_mae", .descending = true, .columns = "candidate"}, &t,
               &a);
    cr_expect_eq(t.cells[0].number, 9);
    query_rows(s, &(store_query){.sort = "T_mae", .state = "all", .columns = "candidate"}, &t, &a);
    cr_expect_eq(t.cells[10].number, 10, "those without the figure stand last");
    cr_expect_eq(query_rows(s, &(store_query){.front_only = true, .columns = "all"}, &t, &a), 10);

    static const struct {
        store_query q;
        const char *words;
    } wrong[] = {{{.columns = "size,T_ma"}, "did you mean 'T_mae'"},
                 {{.sort = "nobody"}, "sort: "},
                 {{.state = "finished"}, "unknown state"},
                 {{.columns = " , "}, "empty"},
                 {{.filter = "size <"}, "filter, column 7"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        err e = {0};
        cr_expect_eq(store_trials(s, &wrong[i].q, &a, &t, &e), ERR_INPUT);
        cr_expect_not_null(strstr(e.msg, wrong[i].words), "%s", e.msg);
    }
    arena_free(&a);
    store_close(s);
    fake_remove();
}

Test(store, whole_numbers_keep_all_their_digits)
{
    store *s = opened(fake_path(), STORE_WRITE);
    arena a = {0};
    table t;
    cr_assert_eq(store_sql(s, "SELECT 9007199254740993, 12, x'00', NULL, 'a'", &a, &t, NULL), OK);
    cr_expect_eq(t.cells[0].kind, CELL_TEXT);
    cr_expect_str_eq(t.cells[0].text, "9007199254740993");
    cr_expect_eq(t.cells[1].number, 12);
    cr_expect_str_eq(t.cells[2].text, "(1 bytes)");
    cr_expect_eq(t.cells[3].kind, CELL_NONE);
    arena_free(&a);
    store_close(s);
    fake_remove();
}

#define COUNTING "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c"

static status print_rows(const char *sql, table_format format, FILE *f, err *e)
{
    store *s = opened(fake_path(), STORE_WRITE);
    started(s, 1);
    status st = store_sql_print(s, sql, format, f, e);
    store_close(s);
    fake_remove();
    return st;
}

Test(store, a_result_without_end_is_written_until_nobody_takes_it)
{
    static char room[10000];
    err e = {0};
    FILE *f = fmemopen(room, sizeof room, "w");
    setvbuf(f, NULL, _IONBF, 0);
    cr_expect_eq(print_rows(COUNTING ") SELECT x FROM c", FORMAT_CSV, f, &e), ERR_IO, "%s", e.msg);
    fclose(f);
    cr_expect_eq(strncmp(room, "x\n1\n2\n3\n", 8), 0, "%.8s", room);
}

Test(store, an_aligned_table_has_a_largest_size)
{
    char *text = NULL;
    size_t n = 0;
    err e = {0};
    FILE *f = open_memstream(&text, &n);
    cr_expect_eq(print_rows(COUNTING " LIMIT 100001) SELECT x FROM c", FORMAT_TABLE, f, &e),
                 ERR_INPUT);
    cr_expect_not_null(strstr(e.msg, "--format csv"), "%s", e.msg);
    cr_expect_eq(print_rows(COUNTING " LIMIT 100000) SELECT x FROM c", FORMAT_TABLE, f, NULL), OK);
    fclose(f);
    cr_expect_not_null(strstr(text, "100000\n"));
    free(text);
}

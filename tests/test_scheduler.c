#include "search/scheduler.h"
#include "tests/support/fake_study.h"
#include "tests/support/fake_worker.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void run(fake_study *f, int n_workers)
{
    err e = {0};
    cr_assert(eq(int, study_run(f, n_workers, &e), OK), "%s", e.msg);
    cr_expect(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "a process was left behind");
}

static void expect_query(const fake_study *f, const char *sql, const char *want)
{
    const char *got = study_query(f, sql);
    cr_expect_str_eq(got, want, "%s\n  gives '%s', not '%s'", sql, got, want);
}

static void expect_equal_dumps(const fake_study *x, const fake_study *y)
{
    char *a = study_dump(x), *b = study_dump(y);
    cr_expect_str_eq(a, b, "the databases differ:\n%s\n---\n%s", a, b);
    free(a);
    free(b);
}

/* --- the plain way --- */

Test(scheduler, every_stage_is_built_once_and_every_trial_is_done)
{
    fake_study f;
    study_open(&f, 12, study_plain);
    run(&f, 2);
    cr_expect(eq(int, (int)f.end, SCHED_COMPLETE));
    cr_expect(eq(int, f.figures.trials_done, 12));
    cr_expect(eq(int, f.figures.stages_done, 1 + 3 + 12 + 12));
    expect_query(&f, "SELECT count(*) FROM stages WHERE state = 'done'", "28");
    expect_query(&f, "SELECT count(*) FROM trials WHERE state = 'done'", "12");
    expect_query(&f, "SELECT max(tries) FROM stages", "1");
    expect_query(&f, "SELECT count(*) FROM trial_metrics", "36");
    study_close(&f);
}

Test(scheduler, the_number_of_workers_changes_nothing)
{
    fake_study one, four;
    study_open(&one, 40, study_plain);
    study_open(&four, 40, study_plain);
    run(&one, 1);
    run(&four, 4);
    expect_equal_dumps(&one, &four);
    study_close(&one);
    study_close(&four);
}

Test(scheduler, a_second_run_builds_nothing)
{
    fake_study f;
    study_open(&f, 8, study_plain);
    run(&f, 2);
    char *before = study_dump(&f);
    run(&f, 2);
    cr_expect(eq(int, f.figures.stages, 0));
    cr_expect(eq(int, f.figures.trials_done, 8));
    expect_query(&f, "SELECT max(run_id) FROM trials", "1");
    char *after = study_dump(&f);
    cr_expect_str_eq(before, after);
    free(before);
    free(after);
    study_close(&f);
}

Test(scheduler, max_trials_ends_the_list_and_may_be_raised)
{
    fake_study f, whole;
    study_open(&f, 10, study_plain);
    f.options.max_trials = 3;
    run(&f, 2);
    cr_expect(eq(int, (int)f.end, SCHED_COMPLETE));
    expect_query(&f, "SELECT count(*) FROM trials", "3");
    f.options.max_trials = 0;
    run(&f, 2);
    study_open(&whole, 10, study_plain);
    run(&whole, 1);
    expect_equal_dumps(&f, &whole);
    study_close(&f);
    study_close(&whole);
}

/* --- failures --- */

/* Trial 2's training diverges; trials 1 and 3 have their own. */
static void one_diverges(int trial, stage_kind kind, char text[FAKE_PARAMS])
{
    bool bad = trial == 2 && kind == STAGE_TRAIN;
    snprintf(text, FAKE_PARAMS, "{\"do\":\"%s\",\"of\":%d}", bad ? "diverge" : "ok",
             kind == STAGE_DATA ? 0 : trial);
}

Test(scheduler, a_failing_stage_fails_its_trial_and_no_other)
{
    fake_study f;
    study_open(&f, 4, one_diverges);
    run(&f, 2);
    cr_expect(eq(int, (int)f.end, SCHED_COMPLETE));
    cr_expect(eq(int, f.figures.trials_done, 3));
    cr_expect(eq(int, f.figures.trials_failed, 1));
    expect_query(&f, "SELECT error_code FROM trials WHERE id = 3", "numeric");
    expect_query(&f,
                 "SELECT error_text LIKE 'train stage %: the loss is not a number' FROM trials"
                 " WHERE id = 3",
                 "1");
    expect_query(&f,
                 "SELECT group_concat(kind || ' ' || error_code, ', ') FROM stages"
                 " WHERE state = 'failed'",
                 "train numeric, export parent, score parent");
    expect_query(&f, "SELECT tries FROM stages WHERE error_code = 'numeric'", "1");
    expect_query(&f, "SELECT count(*) FROM stages WHERE state NOT IN ('done', 'failed')", "0");
    run(&f, 2); /* a failure is not tried again by itself */
    cr_expect(eq(int, f.figures.stages, 0));
    cr_expect(eq(int, f.figures.trials_failed, 1));
    study_close(&f);
}

static const char *first_trial_does;

/* Trial 0's training does what the test says, the rest is plain. */
static void first_is_special(int trial, stage_kind kind, char text[FAKE_PARAMS])
{
    bool special = trial == 0 && kind == STAGE_TRAIN;
    snprintf(text, FAKE_PARAMS, "{\"do\":\"%s\",\"n\":%d,\"of\":%d}",
             special ? first_trial_does : "ok", special ? 500 : 0, kind == STAGE_DATA ? 0 : trial);
}

static void open_special(fake_study *f, const char *what)
{
    first_trial_does = what;
    study_open(f, 3, first_is_special);
}

static void expect_one_failed(fake_study *f, const char *state, const char *code)
{
    run(f, 2);
    cr_expect(eq(int, (int)f->end, SCHED_COMPLETE));
    cr_expect(eq(int, f->figures.trials_done, 2));
    expect_query(f, "SELECT state FROM trials WHERE id = 1", state);
    expect_query(f, "SELECT error_code FROM trials WHERE id = 1", code);
    expect_query(f, "SELECT state FROM stages WHERE id = 2", state);
    study_close(f);
}

Test(scheduler, a_worker_that_keeps_dying_costs_its_tries_and_a_row)
{
    fake_study f;
    open_special(&f, "crash");
    f.options.retries = 2;
    run(&f, 2);
    expect_query(&f, "SELECT tries FROM stages WHERE id = 2", "3");
    study_close(&f);
    open_special(&f, "crash");
    expect_one_failed(&f, "failed", "died");
}

Test(scheduler, a_hanging_stage_is_a_timeout)
{
    fake_study f;
    open_special(&f, "hang");
    f.options.stage_seconds = 1;
    f.options.retries = 0;
    expect_one_failed(&f, "timeout", "timeout");
}

Test(scheduler, a_stage_over_the_memory_limit_is_a_row)
{
    if (!launch_can_limit_memory()) cr_skip("a sanitizer needs the whole address space");
    fake_study f;
    open_special(&f, "allocate");
    f.options.start.memory_bytes = 200 << 20;
    expect_one_failed(&f, "failed", "memory");
}

Test(scheduler, a_full_disk_is_a_row)
{
    fake_study f;
    open_special(&f, "fill-disk");
    run(&f, 1);
    expect_query(&f, "SELECT error_code FROM trials WHERE id = 1", "io");
    expect_query(&f, "SELECT error_text LIKE '%cannot write%' FROM trials WHERE id = 1", "1");
    study_close(&f);
}

static void expect_second_try_helps(const char *what, double stage_seconds)
{
    fake_study f, plain;
    open_special(&f, what);
    f.options.stage_seconds = stage_seconds;
    f.options.start.memory_bytes = launch_can_limit_memory() ? 200 << 20 : 0;
    run(&f, 2);
    cr_expect(eq(int, f.figures.trials_done, 3));
    expect_query(&f, "SELECT tries FROM stages WHERE id = 2", "2");
    study_open(&plain, 3, first_is_special); /* one retry is the same as none, tries aside */
    plain.options.stage_seconds = stage_seconds;
    plain.options.start.memory_bytes = f.options.start.memory_bytes;
    run(&plain, 1);
    expect_equal_dumps(&f, &plain);
    study_close(&f);
    study_close(&plain);
}

Test(scheduler, a_worker_that_died_is_replaced)
{
    expect_second_try_helps("crash-once", 60);
}

Test(scheduler, a_worker_that_hung_is_replaced)
{
    expect_second_try_helps("hang-once", 1);
}

Test(scheduler, a_worker_out_of_memory_is_replaced)
{
    if (!launch_can_limit_memory()) cr_skip("a sanitizer needs the whole address space");
    expect_second_try_helps("allocate-once", 60);
}

/* --- failures of the machine are tried again by the next run --- */

/* Trial 0 fails with `code` in the first run, which takes no second try; the second run, with what
 * helps it, must end like a study that nothing happened to. */
static void expect_second_run_helps(fake_study *f, const fake_study *plain, const char *code)
{
    f->options.retries = 0;
    run(f, 2);
    cr_expect(eq(int, f->figures.trials_failed, 1));
    expect_query(f, "SELECT error_code FROM stages WHERE id = 2", code);
    f->options.stage_seconds = 60;
    char room[200];
    snprintf(room, sizeof room, "touch %s/room", f->artifacts);
    cr_assert(zero(int, system(room)));
    run(f, 2);
    cr_expect(eq(int, f->figures.trials_failed, 0), "%s", code);
    cr_expect(eq(int, f->figures.stages_again, 3), "the training and what waits behind it");
    expect_query(f, "SELECT tries FROM stages WHERE id = 2", "1");
    expect_equal_dumps(f, plain);
}

Test(scheduler, what_the_machine_failed_at_is_tried_again_by_the_next_run)
{
    static const struct {
        const char *what, *code;
        double stage_seconds;
    } cases[] = {{"crash-once", "died", 60}, {"hang-once", "timeout", 1}};
    for (int i = 0; i < 2; i++) {
        fake_study f, plain;
        open_special(&plain, cases[i].what);
        plain.options.stage_seconds = cases[i].stage_seconds;
        run(&plain, 1); /* one retry is the same as none, tries aside */
        open_special(&f, cases[i].what);
        f.options.stage_seconds = cases[i].stage_seconds;
        expect_second_run_helps(&f, &plain, cases[i].code);
        study_close(&f);
        study_close(&plain);
    }
}

Test(scheduler, a_disk_that_has_room_again_is_used)
{
    fake_study f, plain;
    char room[200];
    open_special(&plain, "need-room");
    snprintf(room, sizeof room, "mkdir %s && touch %s/room", plain.artifacts, plain.artifacts);
    cr_assert(zero(int, system(room)));
    run(&plain, 2);
    open_special(&f, "need-room");
    expect_second_run_helps(&f, &plain, "io");
    study_close(&f);
    study_close(&plain);
}

/* Removes every data artifact as soon as an export is done. */
static void lose_data(void *user, const sched_event *ev)
{
    const fake_study *f = user;
    char line[200];
    if (ev->kind != SCHED_STAGE_DONE || strcmp(ev->stage, "export") != 0) return;
    snprintf(line, sizeof line, "rm -f %s/*/*.examples", f->artifacts);
    cr_assert(zero(int, system(line)));
}

Test(scheduler, an_artifact_lost_during_a_run_is_built_again_by_the_next)
{
    fake_study f, plain;
    study_open(&plain, 3, study_plain);
    run(&plain, 1);
    study_open(&f, 3, study_plain);
    f.options.watch = lose_data;
    f.options.watch_user = &f;
    run(&f, 1);
    expect_query(&f, "SELECT DISTINCT error_code FROM stages WHERE kind = 'score'", "lost");
    f.options.watch = NULL;
    run(&f, 1);
    cr_expect(eq(int, f.figures.trials_failed, 0));
    expect_equal_dumps(&f, &plain);
    study_close(&f);
    study_close(&plain);
}

Test(scheduler, workers_that_never_start_end_the_run)
{
    static const char *const words[] = {"false", NULL};
    fake_study f;
    err e = {0};
    study_open(&f, 3, study_plain);
    f.options.start = (launcher){words, 0};
    cr_expect(eq(int, study_run(&f, 2, &e), ERR_STATE));
    cr_expect_not_null(strstr(e.msg, "before their first word"), "%s", e.msg);
    study_close(&f);
}

Test(scheduler, a_worker_of_another_version_is_refused)
{
    fake_study f;
    err e = {0};
    study_open(&f, 3, study_plain);
    f.options.version = "9.9.9";
    cr_expect(eq(int, study_run(&f, 1, &e), ERR_STATE));
    cr_expect_not_null(strstr(e.msg, "9.9.9"), "%s", e.msg);
    study_close(&f);
}

/* --- what is there is looked at --- */

/* Runs `command PATH` on the artifact of the first stage of that kind. */
static void spoil(const fake_study *f, const char *command, const char *kind)
{
    char line[400], sql[100];
    stage_kind k;
    arena a;
    hash h = {0};
    arena_init(&a, 0);
    cr_assert(stage_kind_from_name(kind, &k));
    snprintf(sql, sizeof sql, "SELECT key FROM stages WHERE kind = '%s' ORDER BY id", kind);
    snprintf(h.text, sizeof h.text, "%s", study_query(f, sql));
    snprintf(line, sizeof line, "%s%s", command, stage_path(&a, f->artifacts, k, &h));
    cr_assert(zero(int, system(line)));
    arena_free(&a);
}

Test(scheduler, a_damaged_or_missing_export_is_built_again)
{
    static const char *const ways[] = {"rm ", "echo >> ",
                                       "printf X | dd conv=notrunc 2> /dev/null of="};
    for (int i = 0; i < 3; i++) {
        fake_study f;
        study_open(&f, 4, study_plain);
        run(&f, 2);
        char *before = study_dump(&f);
        spoil(&f, ways[i], "export");
        run(&f, 2);
        cr_expect(eq(int, f.figures.stages_done, 1), "%s", ways[i]);
        char *after = study_dump(&f);
        cr_expect_str_eq(before, after);
        free(before);
        free(after);
        study_close(&f);
    }
}

Test(scheduler, a_missing_training_is_built_again_only_when_it_is_read)
{
    fake_study f;
    study_open(&f, 4, study_plain);
    run(&f, 2);
    spoil(&f, "rm ", "train");
    run(&f, 2);
    cr_expect(eq(int, f.figures.stages_done, 0));
    spoil(&f, "rm ", "export");
    spoil(&f, "echo >> ", "data");
    run(&f, 2);
    cr_expect(eq(int, f.figures.stages_done, 3));
    study_close(&f);
}

Test(scheduler, what_a_killed_worker_left_half_written_is_removed)
{ /* 99999999 is above any process number that Linux gives */
    fake_study f;
    char line[400];
    study_open(&f, 1, study_plain);
    snprintf(line, sizeof line,
             "mkdir -p %s/5f && cd %s/5f && touch "
             "5f000000000000000000000000000000.checkpoint.99999999.tmp "
             "a.users.own.tmp",
             f.artifacts, f.artifacts);
    cr_assert(zero(int, system(line)));
    run(&f, 1);
    snprintf(line, sizeof line, "test \"$(cd %s/5f && echo *.tmp)\" = a.users.own.tmp",
             f.artifacts);
    cr_expect(zero(int, system(line)));
    study_close(&f);
}

/* --- stopping --- */

/* Sends this process a signal as soon as so many stages are running, once for each of `times`. */
typedef struct {
    sched_event_kind at;
    int times;
} interrupter;

static void interrupt(void *user, const sched_event *ev)
{
    interrupter *i = user;
    if (i->times == 0 || (ev->kind != i->at && ev->kind != SCHED_DRAINING)) return;
    i->times--;
    kill(getpid(), SIGINT);
}

static void all_sleep(int trial, stage_kind kind, char text[FAKE_PARAMS])
{
    snprintf(text, FAKE_PARAMS, "{\"do\":\"sleep\",\"n\":20,\"of\":%d}",
             kind == STAGE_DATA ? 0 : trial);
}

static void all_hang(int trial, stage_kind kind, char text[FAKE_PARAMS])
{
    (void)trial, (void)kind;
    snprintf(text, FAKE_PARAMS, "{\"do\":\"hang\"}");
}

Test(scheduler, an_interrupt_drains_and_the_next_run_goes_on)
{
    fake_study f, plain;
    interrupter once = {SCHED_STAGE_DONE, 1};
    study_open(&f, 6, all_sleep);
    f.options.watch = interrupt;
    f.options.watch_user = &once;
    run(&f, 2);
    cr_expect(eq(int, (int)f.end, SCHED_INTERRUPTED));
    cr_expect(f.figures.stages_done >= 1 && f.figures.stages_done < f.figures.stages);
    cr_expect(eq(int, f.figures.running, 0), "what runs may finish");
    expect_query(&f, "SELECT count(*) FROM stages WHERE state = 'running'", "0");
    run(&f, 2);
    cr_expect(eq(int, (int)f.end, SCHED_COMPLETE));
    study_open(&plain, 6, all_sleep);
    run(&plain, 2);
    expect_equal_dumps(&f, &plain);
    study_close(&f);
    study_close(&plain);
}

Test(scheduler, a_second_interrupt_does_not_wait)
{
    fake_study f;
    interrupter twice = {SCHED_STAGE_STARTED, 2};
    study_open(&f, 2, all_hang);
    f.options.watch = interrupt;
    f.options.watch_user = &twice;
    run(&f, 2);
    cr_expect(eq(int, (int)f.end, SCHED_INTERRUPTED));
    cr_expect(eq(int, f.figures.stages_done, 0));
    study_close(&f);
}

/* One interrupt at the first stage; when it is heeded, the workers are killed from outside. */
static void interrupt_and_kill_workers(void *user, const sched_event *ev)
{
    interrupt(user, ev);
    if (ev->kind != SCHED_DRAINING) return;
    char path[60];
    int pid;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)getpid(), (int)getpid());
    FILE *f = fopen(path, "r");
    cr_assert(f != NULL);
    while (fscanf(f, "%d", &pid) == 1) kill(pid, SIGKILL);
    fclose(f);
}

Test(scheduler, a_worker_lost_while_stopping_fails_nothing)
{
    fake_study f;
    interrupter once = {SCHED_TICK, 1}; /* after a second: the worker is at work */
    study_open(&f, 2, all_hang);
    f.options.watch = interrupt_and_kill_workers;
    f.options.watch_user = &once;
    f.options.retries = 0;
    run(&f, 1);
    cr_expect(eq(int, (int)f.end, SCHED_INTERRUPTED));
    expect_query(&f, "SELECT count(*) FROM stages WHERE state = 'failed'", "0");
    study_close(&f);
}

Test(scheduler, the_time_budget_drains_too)
{
    fake_study f;
    study_open(&f, 200, all_sleep);
    f.options.max_seconds = 0.2;
    run(&f, 1);
    cr_expect(eq(int, (int)f.end, SCHED_OUT_OF_TIME));
    cr_expect(f.figures.trials_done < 200);
    expect_query(&f, "SELECT count(*) FROM trials", "200");
    study_close(&f);
}

/* --- samplers that learn --- */

/* No two runs take equally long. Some trainings diverge, which is found out early or late. */
static void all_dither(int trial, stage_kind kind, char text[FAKE_PARAMS])
{
    int name = kind == STAGE_DATA ? 0 : kind == STAGE_TRAIN ? trial / 3 : trial;
    bool bad = kind == STAGE_TRAIN && name % 7 == 2;
    snprintf(text, FAKE_PARAMS, "{\"do\":\"%s\",\"n\":12,\"of\":%d}", bad ? "diverge" : "dither",
             name);
}

static void open_learning(fake_study *f, const char *by)
{
    study_open(f, 300, all_dither);
    f->sampler = sampler_find(by);
    cr_assert_not_null(f->sampler);
    f->options.max_trials = 90;
}

Test(scheduler, a_search_that_learns_is_the_same_with_any_number_of_workers)
{
    static const char *const samplers[] = {"random", "nsga2", "aging"};
    for (int i = 0; i < 3; i++) {
        fake_study one, four, many;
        open_learning(&one, samplers[i]);
        open_learning(&four, samplers[i]);
        open_learning(&many, samplers[i]);
        run(&one, 1);
        run(&four, 4);
        run(&many, 32);
        cr_expect(eq(int, (int)many.end, SCHED_COMPLETE));
        expect_query(&one, "SELECT count(*) FROM trials", "90");
        cr_expect(one.figures.trials_failed > 0 && one.figures.trials_done > 45);
        expect_equal_dumps(&one, &four);
        expect_equal_dumps(&one, &many);
        study_close(&one);
        study_close(&four);
        study_close(&many);
    }
}

Test(scheduler, trainings_are_stopped_alike_with_any_number_of_workers)
{
    fake_study one, four, many;
    fake_study *all[] = {&one, &four, &many};
    const int workers[] = {1, 4, 32};
    for (int i = 0; i < 3; i++) {
        open_learning(all[i], "nsga2");
        all[i]->stops = true;
        run(all[i], workers[i]);
        cr_expect(eq(int, (int)all[i]->end, SCHED_COMPLETE));
        expect_equal_dumps(&one, all[i]);
    }
    cr_expect(one.figures.trials_stopped > 15 && one.figures.trials_failed > 0);
    cr_expect(eq(
        int, one.figures.trials_stopped + one.figures.trials_done + one.figures.trials_failed, 90));
    expect_query(&one, "SELECT count(*) > 3 AND count(*) < 20 FROM trials WHERE audit IS NOT NULL",
                 "1");
    expect_query(&one,
                 "SELECT count(*) FROM trials WHERE state = 'stopped' AND NOT (stop_chance < 0.3)",
                 "0");
    expect_query(
        &one,
        "SELECT min(stopped_at) || ',' || max(stopped_at) FROM trials WHERE state = 'stopped'",
        "4,6");
    for (int i = 0; i < 3; i++) study_close(all[i]);
}

/* Saved are the epochs that nobody trained: of the stages in the store, those that are not done. */
Test(scheduler, what_stopping_early_saved_is_told)
{
    fake_study f;
    open_learning(&f, "random");
    f.params = study_plain;
    f.stops = true;
    run(&f, 4);
    char saved[40];
    snprintf(saved, sizeof saved, "%.17g", f.figures.epochs_saved);
    cr_expect(f.figures.epochs_saved > 0 && f.figures.epochs_saved < f.figures.epochs);
    expect_query(&f,
                 "SELECT sum(CASE params ->> 'to' WHEN 4 THEN 4 ELSE 2 END) FROM stages"
                 " WHERE kind = 'train' AND state = 'ready'",
                 saved);
    study_close(&f);
}

Test(scheduler, a_search_that_stops_trainings_goes_on_after_an_interrupt)
{
    fake_study f, plain;
    interrupter once = {SCHED_TRIAL_STOPPED, 1};
    open_learning(&f, "nsga2");
    open_learning(&plain, "nsga2");
    f.stops = plain.stops = true;
    f.options.watch = interrupt;
    f.options.watch_user = &once;
    run(&f, 3);
    cr_expect(eq(int, (int)f.end, SCHED_INTERRUPTED));
    run(&f, 3);
    cr_expect(eq(int, (int)f.end, SCHED_COMPLETE));
    run(&plain, 1);
    expect_equal_dumps(&f, &plain);
    run(&f, 3);
    cr_expect(eq(int, f.figures.stages, 0), "what was stopped is stopped again");
    expect_equal_dumps(&f, &plain);
    study_close(&f);
    study_close(&plain);
}

/* --- trials that are not begun --- */

/* Data of its own for every candidate: who is not begun needs none. */
static void own_data(int trial, stage_kind kind, char text[FAKE_PARAMS])
{
    (void)kind;
    snprintf(text, FAKE_PARAMS, "{\"do\":\"dither\",\"n\":12,\"of\":%d}", trial);
}

static void open_stopping_at_start(fake_study *f, const char *by, fake_params *params)
{
    open_learning(f, by);
    f->params = params;
    f->stops = f->stops_at_start = true;
}

Test(scheduler, what_is_not_begun_is_the_same_with_any_number_of_workers)
{
    fake_study one, four, many;
    fake_study *all[] = {&one, &four, &many};
    const int workers[] = {1, 4, 32};
    for (int i = 0; i < 3; i++) {
        open_stopping_at_start(all[i], "nsga2", all_dither);
        run(all[i], workers[i]);
        cr_expect(eq(int, (int)all[i]->end, SCHED_COMPLETE));
        expect_equal_dumps(&one, all[i]);
    }
    expect_query(&one,
                 "SELECT count(*) > 5 FROM trials WHERE state = 'stopped' AND"
                 " stopped_at = 0",
                 "1");
    expect_query(&one, "SELECT count(DISTINCT stopped_at) FROM trials WHERE state = 'stopped'",
                 "3");
    expect_query(
        &one, "SELECT count(*) FROM trials WHERE stopped_at = 0 AND NOT (stop_chance < 0.15)", "0");
    for (int i = 0; i < 3; i++) study_close(all[i]);
}

Test(scheduler, of_what_is_not_begun_nothing_is_built)
{
    fake_study f;
    open_stopping_at_start(&f, "random", own_data);
    run(&f, 4);
    expect_query(&f,
                 "SELECT count(*) FROM trial_stages WHERE trial_id IN (SELECT id FROM trials"
                 " WHERE state = 'stopped' AND stopped_at = 0)",
                 "0");
    expect_query(&f,
                 "SELECT (SELECT count(*) FROM stages WHERE kind = 'data' AND state = 'done') ="
                 " (SELECT count(*) FROM trials WHERE state = 'done' OR stopped_at > 0)",
                 "1");
    expect_query(&f, "SELECT count(*) > 0 FROM stages WHERE kind = 'data' AND state = 'ready'",
                 "1");
    expect_query(&f, "SELECT max(stopped_at IS 0 AND audit IS NOT NULL) FROM trials", "1");
    expect_query(&f, "SELECT count(*) FROM trials WHERE audit IS NOT NULL AND state <> 'done'",
                 "0");
    study_close(&f);
}

Test(scheduler, a_search_that_begins_not_everything_goes_on_after_an_interrupt)
{
    fake_study f, plain;
    interrupter once = {SCHED_TRIAL_STOPPED, 1};
    open_stopping_at_start(&f, "nsga2", all_dither);
    open_stopping_at_start(&plain, "nsga2", all_dither);
    f.options.watch = interrupt;
    f.options.watch_user = &once;
    run(&f, 3);
    cr_expect(eq(int, (int)f.end, SCHED_INTERRUPTED));
    run(&f, 3);
    run(&plain, 1);
    expect_equal_dumps(&f, &plain);
    run(&f, 3);
    cr_expect(eq(int, f.figures.stages, 0), "what was not begun is not begun again");
    cr_expect(eq(int, f.figures.trials_stopped, plain.figures.trials_stopped));
    expect_equal_dumps(&f, &plain);
    study_close(&f);
    study_close(&plain);
}

Test(scheduler, without_the_rule_what_was_not_begun_is_trained)
{
    fake_study f, plain;
    open_stopping_at_start(&f, "random", all_dither);
    open_stopping_at_start(&plain, "random", all_dither);
    run(&f, 4);
    cr_expect(gt(int, f.figures.trials_stopped, 0));
    f.has_no_rule = plain.has_no_rule = true;
    run(&f, 4);
    run(&plain, 4);
    cr_expect(eq(int, f.figures.trials_stopped, 0));
    expect_query(&f, "SELECT count(*) FROM trials WHERE stopped_at = 0 AND audit IS NULL", "0");
    cr_expect(eq(int, f.figures.trials_done, plain.figures.trials_done));
    expect_query(&plain, "SELECT count(*) FROM trial_stages",
                 study_query(&f, "SELECT count(*) FROM trial_stages"));
    study_close(&f);
    study_close(&plain);
}

/* --- how much is trained --- */

/* Groups of three share a training of eight epochs: what is saved depends on all of a group. */
Test(scheduler, max_epochs_is_the_same_with_any_number_of_workers)
{
    fake_study one, four, many;
    fake_study *all[] = {&one, &four, &many};
    const int workers[] = {1, 4, 32};
    for (int i = 0; i < 3; i++) {
        open_stopping_at_start(all[i], "random", all_dither);
        all[i]->n_trials = 60;
        all[i]->options.max_epochs = 140;
        run(all[i], workers[i]);
        cr_expect(eq(int, (int)all[i]->end, SCHED_COMPLETE));
        expect_equal_dumps(&one, all[i]);
        cr_expect(ieee_ulp_eq(dbl, all[i]->figures.epochs_saved, one.figures.epochs_saved, 1));
    }
    expect_query(&one, "SELECT count(*) > 20 AND count(*) < 60 FROM trials", "1");
    for (int i = 0; i < 3; i++) { /* a second run counts as the first did */
        run(all[i], 2);
        cr_expect(eq(int, all[i]->figures.stages, 0));
        expect_equal_dumps(&one, all[i]);
        cr_expect(ieee_ulp_eq(dbl, all[i]->figures.epochs_saved, one.figures.epochs_saved, 1));
    }
    for (int i = 0; i < 3; i++) study_close(all[i]);
}

/* What is suggested depends on figures: else the test above would show nothing. */
Test(scheduler, a_search_that_learns_does)
{
    fake_study f, random;
    open_learning(&f, "nsga2");
    open_learning(&random, "random");
    run(&f, 4);
    run(&random, 4);
    static const char query[] = "SELECT group_concat(value) FROM (SELECT value FROM trial_knobs"
                                " ORDER BY trial_id LIMIT %s)";
    char sql[200], first[1000];
    snprintf(sql, sizeof sql, query, "20");
    snprintf(first, sizeof first, "%s", study_query(&f, sql));
    expect_query(&random, sql, first);
    snprintf(sql, sizeof sql, query, "20, 60");
    snprintf(first, sizeof first, "%s", study_query(&f, sql));
    cr_expect(strcmp(study_query(&random, sql), first) != 0);
    study_close(&f);
    study_close(&random);
}

Test(scheduler, a_search_that_learns_goes_on_after_an_interrupt)
{
    fake_study f, plain;
    interrupter once = {SCHED_TRIAL_DONE, 1};
    open_learning(&f, "nsga2");
    open_learning(&plain, "nsga2");
    f.options.watch = interrupt;
    f.options.watch_user = &once;
    run(&f, 3);
    cr_expect(eq(int, (int)f.end, SCHED_INTERRUPTED));
    cr_expect(lt(int, f.figures.trials, 90));
    run(&f, 3);
    cr_expect(eq(int, (int)f.end, SCHED_COMPLETE));
    run(&plain, 1);
    expect_equal_dumps(&f, &plain);
    run(&f, 3);
    cr_expect(eq(int, f.figures.trials, 90));
    cr_expect(eq(int, f.figures.stages, 0), "all suggestions come again and are found built");
    expect_equal_dumps(&f, &plain);
    study_close(&f);
    study_close(&plain);
}

Test(scheduler, a_search_that_learns_can_be_given_more_trials)
{
    fake_study f, plain;
    open_learning(&f, "aging");
    open_learning(&plain, "aging");
    f.options.max_trials = 31;
    run(&f, 2);
    expect_query(&f, "SELECT count(*) FROM trials", "31");
    f.options.max_trials = 90;
    run(&f, 2);
    run(&plain, 2);
    expect_equal_dumps(&f, &plain);
    study_close(&f);
    study_close(&plain);
}

/* Exports are inspected when a trial comes, also when it was finished long ago. */
Test(scheduler, a_search_that_learns_mends_what_was_damaged)
{
    fake_study f;
    open_learning(&f, "nsga2");
    run(&f, 2);
    char *before = study_dump(&f);
    spoil(&f, "rm ", "export");
    spoil(&f, "echo >> ", "train");
    run(&f, 2);
    cr_expect(eq(int, f.figures.stages_done, 2));
    cr_expect(eq(int, f.figures.trials, 90));
    char *after = study_dump(&f);
    cr_expect_str_eq(before, after);
    free(before);
    free(after);
    study_close(&f);
}

/* Enough once so many trials may be known. */
static status enough_after(void *user, const history *h, const int64_t *trial, bool *enough, err *e)
{
    (void)e;
    for (int i = 0; i < h->n; i++) cr_expect(eq(int, (int)trial[i], i + 1));
    *enough = h->n_known >= *(int *)user;
    return OK;
}

Test(scheduler, a_search_ends_when_it_has_found_enough)
{
    for (int n_workers = 1; n_workers <= 16; n_workers *= 4) {
        fake_study f;
        int most = 20;
        open_learning(&f, "random");
        f.options.is_enough = enough_after;
        f.options.is_enough_user = &most;
        run(&f, n_workers);
        cr_expect(eq(int, (int)f.end, SCHED_COMPLETE));
        expect_query(&f, "SELECT count(*) FROM trials", "27"); /* 20 known, 7 in the window */
        cr_expect(eq(int, f.figures.trials_done + f.figures.trials_failed, 27));
        study_close(&f);
    }
}

Test(scheduler, a_search_ends_with_its_space)
{
    fake_study f;
    study_open(&f, 25, study_plain);
    f.sampler = sampler_find("aging");
    run(&f, 2);
    cr_expect(eq(int, (int)f.end, SCHED_COMPLETE));
    cr_expect(eq(int, f.figures.trials_done, 25));
    study_close(&f);
}

/* --- progress --- */

typedef struct {
    int n[SCHED_ENDED + 1];
    int most_running;
    bool eta_known;
} tally;

static void count(void *user, const sched_event *ev)
{
    tally *t = user;
    t->n[ev->kind]++;
    if (ev->now->running > t->most_running) t->most_running = ev->now->running;
    if (ev->kind == SCHED_STAGE_DONE) t->eta_known = !isnan(ev->now->eta_seconds);
}

Test(scheduler, every_step_is_told)
{
    fake_study f;
    tally t = {0};
    study_open(&f, 4, one_diverges);
    f.options.watch = count;
    f.options.watch_user = &t;
    run(&f, 2);
    cr_expect(eq(int, t.n[SCHED_STARTED], 1));
    cr_expect(eq(int, t.n[SCHED_STAGE_STARTED], 1 + 3 + 3 + 3 + 1));
    cr_expect(eq(int, t.n[SCHED_STAGE_DONE], 10));
    cr_expect(eq(int, t.n[SCHED_STAGE_FAILED], 1));
    cr_expect(eq(int, t.n[SCHED_TRIAL_DONE], 3));
    cr_expect(eq(int, t.n[SCHED_TRIAL_FAILED], 1));
    cr_expect(eq(int, t.n[SCHED_ENDED], 1));
    cr_expect(eq(int, t.most_running, 2));
    cr_expect(t.eta_known);
    study_close(&f);
}

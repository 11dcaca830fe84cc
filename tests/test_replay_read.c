#include "search/replay_table.h"
#include "search/sampler.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "search/replay.h"
#include "tests/support/data_files.h"
#include "tests/support/expect.h"

static const char good[] = "# made for a test\n"
                           "# objective accuracy maximize trained\n"
                           "# objective size minimize exact\n"
                           "# metric ms minimize exact\n"
                           "# version a: accuracy > 80, ms <= 3.5\n"
                           "# version b: size < 300\n"
                           "candidate,seed,knob.net,knob.width,accuracy,size,ms,seconds,first_rung,"
                           "prefix,prefix_epochs,epoch.1,epoch.2\n"
                           "0,1,\"a,\"\"b\",16,81,200,3,10,0,77,1,50,81\n"
                           "0,2,\"a,\"\"b\",16,83,200,3,12,0,78,1,52,83\n"
                           "4,1,\"a,\"\"b\",8,70,100,4,8,0,90,1,45,70\r\n"
                           "7,1,c,,90,400,5,20,2,77,1,50,90\n";

static status read_text(const char *text, arena *a, replay_table *t, err *e)
{
    arena_init(a, 0);
    char *path = data_file(a, "table", text, strlen(text));
    status s = replay_table_read(path, a, t, e);
    unlink(path);
    return s;
}

Test(replay_read, reads_points_knobs_figures_and_curves)
{
    arena a;
    replay_table t;
    err e = {0};
    cr_assert(eq(int, read_text(good, &a, &t, &e), OK), "%s", e.msg);
    const problem *p = &t.p;
    cr_assert(eq(int, p->n_points, 3));
    cr_assert(eq(int, p->n_metrics, 3));
    cr_assert(eq(int, p->n_objectives, 2));
    cr_assert(eq(int, p->n_knobs, 2));
    cr_assert(eq(int, t.n_epochs, 2));
    cr_expect(eq(int, p->n_seeds, 1), "only the first seed is there for all");
    cr_expect(eq(int, (int)p->candidate[2], 7));
    EXPECT_TEXT(p->knob[0].name, "net");
    cr_expect(p->knob[0].number == NULL);
    cr_expect(eq(dbl, p->knob[1].number[0], 8), "numbers are sorted");
    static const int level[] = {0, 1, 0, 0, 1, -1};
    for (int i = 0; i < 6; i++) cr_expect(eq(int, p->level[i], level[i]), "%d", i);
    cr_expect(eq(flt, t.truth[0], 82), "the mean of all seeds");
    cr_expect(eq(flt, t.recorded[0], 81));
    cr_expect(eq(flt, p->seconds[0], 11));
    cr_expect(eq(flt, t.curve[1], 81));
    cr_expect(eq(flt, t.curve[4], 50));
    cr_expect(eq(int, t.prefix[0], 0));
    cr_expect(eq(int, t.prefix[1], 1));
    cr_expect(eq(int, t.prefix[2], 0));
    cr_expect(eq(int, t.first_rung[2], 2));
    cr_expect(p->metric[0].known == NULL && p->metric[1].exact && p->metric[1].positive);
    cr_expect(eq(flt, p->metric[1].known[2], 400));
    arena_free(&a);
}

Test(replay_read, reads_versions_and_bounds_the_volume_by_them)
{
    arena a;
    replay_table t;
    err e = {0};
    cr_assert(eq(int, read_text(good, &a, &t, &e), OK), "%s", e.msg);
    cr_assert(eq(int, t.p.n_versions, 2));
    const problem_limit *l = t.p.version[0].limit;
    cr_expect(eq(int, t.p.version[0].n_limits, 2));
    cr_expect(eq(int, l[1].metric, 2));
    cr_expect(l[0].is_strict && !l[0].is_upper && !l[1].is_strict && l[1].is_upper);
    cr_expect(eq(dbl, l[1].bound, 3.5));
    cr_expect(epsilon_eq(dbl, t.reference[0], 68, 1e-6), "a tenth of the range beyond the front");
    cr_expect(epsilon_eq(dbl, t.reference[1], 430, 1e-3));
    replay_table_aim(&t, AIM_VERSIONS);
    cr_expect(epsilon_eq(dbl, t.reference[0], 68, 1e-6), "b does not limit it");
    replay_table_aim(&t, 0);
    cr_expect(eq(dbl, t.reference[0], 80));
    arena_free(&a);
}

/* A change of the good text, and what the message must name. */
Test(replay_read, says_what_is_wrong_and_where)
{
    static const char *const bad[][3] = {
        {"0,1,\"a,\"\"b\",16,81,200,3", "0,1,\"a,\"\"b\",16,x,200,3",
         ":8: accuracy: 'x' is not a number"},
        {"7,1,c,,90", "3,1,c,,90", ":11: candidates are not in ascending order"},
        {"0,2,", "0,1,", ":9: a training is there twice"},
        {"7,1,c,,", "7,1,c,", ":11: 12 cells"},
        {"maximize trained", "biggest trained", "maximize|minimize"},
        {"ms <= 3.5", "ms = 3.5", "should be a limit"},
        {"ms <= 3.5", "watts < 3.5", "'watts'"},
        {"# metric ms", "# objective ms2", "ms2 has no column"},
        {"candidate,seed", "candidat,seed", "no column 'candidate'"},
        {"epoch.1,epoch.2", "epoch.1,epoch.1", "two columns"},
        {"c,,90", "\"c,,90", "a quote is not closed"},
        {"7,1,c", "7,3,c", "no seed"},
        {"20,2,77,1,50", "20,-2,77,1,50", "first_rung: -2"},
        {"prefix_epochs", "something", "go together"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        arena a;
        replay_table t;
        err e = {0};
        char text[2000];
        const char *at = strstr(good, bad[i][0]);
        cr_assert(at != NULL, "%s", bad[i][0]);
        (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, bad[i][1],
                       at + strlen(bad[i][0]));
        cr_expect(eq(int, read_text(text, &a, &t, &e), ERR_INPUT), "%s", bad[i][1]);
        cr_expect(strstr(e.msg, bad[i][2]) != NULL, "%s: %s", bad[i][1], e.msg);
        arena_free(&a);
    }
}

/* Cut off anywhere it is read or refused, never more. */
Test(replay_read, survives_every_cut)
{
    for (size_t n = 0; n < sizeof good; n++) {
        arena a;
        replay_table t;
        err e = {0};
        char text[sizeof good];
        memcpy(text, good, n);
        text[n] = '\0';
        status s = read_text(text, &a, &t, &e);
        cr_expect(s == OK || s == ERR_INPUT, "%zu: %s", n, e.msg);
        arena_free(&a);
    }
}

/* The recorded study of the bench: its promises hold on the table that is kept. */
Test(replay_read, replays_the_recorded_keyword_study)
{
    arena a;
    replay_table t;
    err e = {0};
    replay_result r;
    int rung[STOP_MAX_RUNGS];
    arena_init(&a, 0);
    cr_assert(eq(int, replay_table_read("tests/tables/keyword-curves.csv", &a, &t, &e), OK), "%s",
              e.msg);
    cr_assert(le(int, 120, t.p.n_points));
    cr_assert(eq(int, t.n_epochs, 30));
    replay_options o = {.sampler = sampler_find("random"),
                        .options = {.seed = 1, .aim = AIM_VERSIONS},
                        .window = 4,
                        .n_workers = 4,
                        .n_trials = t.p.n_points,
                        .stop = stop_find("dominance"),
                        .stop_chance = 0.05,
                        .audit = 0.05,
                        .n_rungs = stop_rungs(30, 1.5, STOP_FEWEST_EPOCHS, rung),
                        .rung = rung};
    cr_assert(eq(int, replay_run(&t, &o, &a, &r, &e), OK), "%s", e.msg);
    cr_expect(gt(int, r.n_stopped, t.p.n_points / 3));
    cr_expect(le(int, 20 * r.n_stopped_falsely, r.n_stopped));
    cr_expect(lt(dbl, (double)r.n_epochs, 0.5 * (double)r.n_epochs_unstopped));
    arena_free(&a);
}

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/top_view.h"
#include "support/expect.h"
#include "support/fake_results.h"
#include "support/terminal.h"

/* --- the plot --- */

static const char_point points[] = {{1, 10, '.'}, {5, 5, 'o'}, {9, 0, 'A'}, {NAN, 3, 'X'}};
static const char_plot plot = {{"size", "B", false}, {"T_mae", "°C", false}, 4, points};

/* Lines, the widest of them in code points, and where a mark stands. */
typedef struct {
    int lines, width, row, column;
} extent;

static extent measure(const char *text, char mark)
{
    extent x = {.row = -1};
    for (int column = 0; *text; text++) {
        if (*text == mark && x.row < 0) x.row = x.lines, x.column = column;
        if (*text == '\n') {
            x.lines++;
            column = 0;
        } else if (((unsigned char)*text & 0xC0) != 0x80) {
            if (++column > x.width) x.width = column;
        }
    }
    return x;
}

Test(char_plot, points_stand_where_their_figures_are)
{
    buf b = {0};
    char_plot_draw(&plot, 60, 20, &b);
    const extent dot = measure(b.data, '.'), front = measure(b.data, 'o'),
                 chosen = measure(b.data, 'A');
    cr_expect(eq(int, dot.lines, 20));
    cr_expect(le(int, dot.width, 60));
    cr_expect(lt(int, dot.row, front.row), "%s", b.data);
    cr_expect(lt(int, front.row, chosen.row));
    cr_expect(lt(int, front.column, chosen.column));
    cr_expect(eq(int, measure(b.data, 'X').row, -1), "a point without a figure is drawn");
    buf_free(&b);
}

Test(char_plot, every_size_is_kept_to)
{
    for (int width = 1; width < 500; width += 7)
        for (int height = 1; height < 60; height += 5) {
            buf b = {0};
            char_plot_draw(&plot, width, height, &b);
            const extent x = measure(b.data, 'A');
            cr_assert(
                eq(int, x.lines, height < CHAR_PLOT_MIN_HEIGHT ? CHAR_PLOT_MIN_HEIGHT : height));
            cr_assert(le(int, x.width, width < CHAR_PLOT_MIN_WIDTH ? CHAR_PLOT_MIN_WIDTH : width),
                      "%d x %d:\n%s", width, height, b.data);
            cr_assert(ge(int, x.row, 0), "the last point is gone");
            buf_free(&b);
        }
}

Test(char_plot, no_points_and_equal_points_are_no_trouble)
{
    static const char_point same[] = {{3, 3, 'o'}, {3, 3, 'o'}};
    char_plot p = plot;
    buf b = {0};
    p.n = 0;
    char_plot_draw(&p, 40, 10, &b);
    cr_expect(strstr(b.data, "no finished trial yet") != NULL);
    buf_clear(&b);
    p.n = 2, p.point = same;
    char_plot_draw(&p, 40, 10, &b);
    cr_expect(ge(int, measure(b.data, 'o').row, 1));
    buf_free(&b);
}

/* --- the view --- */

static store_live live_study(void)
{
    store_live l = {.run = {.id = 3, .started = "", .ended = "", .ending = "", .workers = 2},
                    .has_writer = true,
                    .name = "fake",
                    .title = "Weather\033[31m, 6 steps",
                    .elapsed_seconds = 125,
                    .trials = {.done = 100, .running = 2, .ready = 280, .stopped = 16, .failed = 2},
                    .n_kinds = 4,
                    .n_running = 2,
                    .per_hour = 3000,
                    .eta_seconds = 340};
    static const char *const kinds[] = {"data", "train", "export", "score"};
    for (int i = 0; i < 4; i++) l.kind[i] = (live_kind){kinds[i], {.done = 100 - i, .ready = 5}, 1};
    for (int i = 0; i < 2; i++)
        l.running[i] = (live_stage){
            .kind = "train", .knobs = "alpha=0.1 storage=float32 name=é", .trial = 101 + i};
    return l;
}

static void compose(int width, int height, buf *b)
{
    static const double seconds[] = {12, 3};
    pick_limit limit = {.metric = "T_mae", .margin = -0.05, .validation_margin = 0.1};
    pick each[] = {{.version = "a",
                    .kind = PICK_CHOSEN,
                    .met = true,
                    .trial = 7,
                    .n_limits = 1,
                    .limit = &limit},
                   {.version = "b", .kind = PICK_NONE, .binding = -1}};
    const picks all = {.n = 2, .pick = each};
    const store_live live = live_study();
    const top_state t = {"study.db", &live, seconds, &all, plot};
    cr_assert(eq(int, top_compose(&t, width, height, b, NULL), OK));
}

Test(top, the_view_says_what_matters)
{
    static const char *const texts[] = {"study.db: Weather [31m, 6 steps\n",
                                        "run 3 going on for 2 min, 2 workers\n",
                                        "118/400 trials, 30 %\n",
                                        "50 trials/min, eta 6 min, 16 stopped early, 2 failed\n",
                                        "data 100/105  train 99/104",
                                        "train     12 s  trial 101: alpha=0.1",
                                        "a: met by trial 7; T_mae -5.0 %\n",
                                        "b: nothing yet\n",
                                        "o on the front"};
    buf b = {0};
    compose(80, TOP_NO_HEIGHT, &b);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect(strstr(b.data, texts[i]) != NULL, "without '%s':\n%s", texts[i], b.data);
    cr_expect(strchr(b.data, '\033') == NULL,
              "a control character of the study reaches the terminal");
    buf_free(&b);
}

Test(top, the_view_keeps_to_its_room)
{
    for (int width = 24; width < 200; width += 8)
        for (int height = 1; height < 60; height++) {
            buf b = {0};
            compose(width, height, &b);
            const extent x = measure(b.data, 'A');
            cr_assert(le(int, x.lines, height), "%d x %d:\n%s", width, height, b.data);
            cr_assert(le(int, x.width, width), "%d x %d:\n%s", width, height, b.data);
            if (height >= 24 && width >= 40)
                cr_assert(ge(int, x.row, 10), "no plot in %d x %d", width, height);
            buf_free(&b);
        }
}

/* --- a study, asked --- */

static void make_study(const char *path)
{
    store *s;
    store_space space = fake_space(1);
    store_run row = fake_run_row();
    int64_t run;
    cr_assert(eq(int, store_open(path, STORE_WRITE, &s, NULL), OK));
    cr_assert(eq(int, store_start_run(s, &space, &row, &run, NULL), OK));
    for (int i = 1; i <= 6; i++) fake_trial(s, i, &(fake_figures){0.2 * i, 1, 3000.0 / i, 0, 0});
    for (int i = 7; i <= 9; i++) fake_add(s, i, 1);
    const hash data = fake_hash("train", 700 + 1);
    cr_assert(eq(int, store_stage_running(s, &data, NULL), OK));
    cr_assert(eq(int, store_update_picks(s, NULL), OK));
    store_close(s);
}

Test(top, a_study_is_counted)
{
    arena a;
    store *s;
    store_live l;
    err e = {0};
    const char *path = fake_path();
    make_study(path);
    arena_init(&a, 0);
    cr_assert(eq(int, store_open(path, STORE_READ, &s, NULL), OK));
    cr_assert(eq(int, store_read_live(s, &a, &l, &e), OK), "%s", e.msg);
    cr_expect(eq(int, l.trials.done, 6));
    cr_expect(eq(int, l.trials.ready, 3));
    cr_expect(eq(int, l.n_kinds, 4));
    EXPECT_TEXT(l.kind[0].name, "data");
    cr_expect(eq(int, l.kind[1].count.done, 6));
    cr_expect(eq(int, l.kind[1].count.running, 1));
    cr_expect(eq(int, l.n_running, 1));
    cr_expect(eq(i64, l.running[0].trial, 7));
    EXPECT_TEXT(l.running[0].knobs, "alpha=0.7 storage=float16");
    cr_expect(not(l.has_writer));
    cr_expect(gt(dbl, l.eta_seconds, 0));
    store_close(s);
    arena_free(&a);
    fake_remove();
}

/* --- on a terminal --- */

static const char taken[] = "\033[?1049h", given_back[] = "\033[?25h\033[?1049l";

/* Starts `top` on a study and waits for its first whole frame; false when there is no program to start. */
static void start_top(terminal *t, const char *path, const char *every)
{
    const char *bin = getenv("PARETUNE_BIN");
    if (!bin || access(bin, X_OK) != 0) cr_skip_test("PARETUNE_BIN is not set");
    const char *const argv[] = {bin, "top", path, "--every", every, NULL};
    terminal_start(t, 80, 24, argv);
    cr_assert(terminal_wait(t, 0, taken), "the terminal is not taken: %s", t->text);
    cr_assert(terminal_wait(t, 0, "\033[J"), "no frame: %s", t->text);
}

/* The last whole frame without its codes, as lines. */
static void last_frame(const terminal *t, buf *b)
{
    const char *start = NULL, *end;
    for (const char *p = t->text; (p = strstr(p, "\033[H")) != NULL; p++)
        if (strstr(p, "\033[J")) start = p + 3;
    cr_assert(start != NULL);
    end = strstr(start, "\033[J");
    buf_clear(b);
    for (const char *p = start; p < end; p++) {
        if (strncmp(p, "\033[K", 3) == 0)
            p += 2;
        else if (*p != '\r')
            buf_char(b, *p);
    }
    buf_char(b, '\n');
}

static void expect_frame(const terminal *t, int columns, int rows)
{
    buf b = {0};
    last_frame(t, &b);
    const extent x = measure(b.data, 'o');
    cr_expect(le(int, x.lines, rows), "%s", b.data);
    cr_expect(le(int, x.width, columns), "%s", b.data);
    cr_expect(ge(int, x.lines, 5), "%s", b.data);
    cr_expect(strchr(b.data, '\033') == NULL);
    buf_free(&b);
}

static void expect_left(terminal *t, int want_code)
{
    bool back;
    const int code = terminal_end(t, &back);
    cr_expect(eq(int, code, want_code));
    cr_expect(back, "keys or echo are not as before");
    const char *restored = strstr(t->text, given_back);
    cr_expect(restored != NULL, "the screen is not given back");
    cr_expect(restored && !strstr(restored, "\033[H"), "something is drawn behind the end");
}

static terminal term; /* large; each test is a process of its own */

Test(top, q_and_signals_leave_the_terminal_as_it_was)
{
    static const struct {
        const char *keys;
        int signal, code;
    } ways[] = {
        {"q", 0, 0}, {"\003", 0, 0}, {"", SIGTERM, 128 + SIGTERM}, {"", SIGHUP, 128 + SIGHUP}};
    const char *path = fake_path();
    make_study(path);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        start_top(&term, path, "3600");
        expect_frame(&term, 80, 24);
        terminal_type(&term, ways[i].keys);
        if (ways[i].signal) kill(term.pid, ways[i].signal);
        expect_left(&term, ways[i].code);
    }
    fake_remove();
}

Test(top, resizing_is_followed)
{
    static const int sizes[][2] = {{40, 24}, {120, 50}, {24, 6}, {80, 24}};
    const char *path = fake_path();
    make_study(path);
    start_top(&term, path, "3600");
    for (int i = 0; i < 4; i++) {
        const size_t before = term.n;
        terminal_resize(&term, sizes[i][0], sizes[i][1]);
        cr_assert(terminal_wait(&term, before, "\033[H"), "no frame after resizing");
        cr_assert(terminal_wait(&term, before, "\033[J"));
        expect_frame(&term, sizes[i][0], sizes[i][1]);
    }
    terminal_type(&term, "q");
    expect_left(&term, 0);
    fake_remove();
}

Test(top, a_study_that_breaks_gives_the_terminal_back)
{
    sqlite3 *vandal;
    const char *path = fake_path();
    make_study(path);
    start_top(&term, path, "0.2");
    cr_assert(eq(int, sqlite3_open(path, &vandal), SQLITE_OK));
    cr_assert(eq(int, sqlite3_exec(vandal, "DROP TABLE trial_knobs", NULL, NULL, NULL), SQLITE_OK));
    sqlite3_close(vandal);
    bool back;
    const int code = terminal_end(&term, &back);
    cr_expect(code == 1 || code == 2, "exit %d", code);
    cr_expect(back);
    const char *restored = strstr(term.text, given_back);
    cr_assert(restored != NULL);
    cr_expect(strstr(restored, "paretune top: ") != NULL, "the reason is not on the usual screen");
    fake_remove();
}

Test(top, suspended_it_gives_the_terminal_back_and_takes_it_again)
{
    const char *path = fake_path();
    make_study(path);
    start_top(&term, path, "3600");
    size_t before = term.n;
    /* Of a session without a shell nobody could continue it: the system does not stop it, so it comes back at once. */
    kill(term.pid, SIGTSTP);
    cr_assert(terminal_wait(&term, before, given_back));
    cr_assert(terminal_wait(&term, before, taken), "the terminal is not taken again");
    before = (size_t)(strstr(term.text + before, taken) - term.text);
    cr_assert(terminal_wait(&term, before, "\033[J"));
    terminal_type(&term, "q");
    bool back;
    cr_expect(eq(int, terminal_end(&term, &back), 0));
    cr_expect(back);
    fake_remove();
}

Test(top, piped_it_is_plain_text_once)
{
    char command[300], text[6000];
    const char *bin = getenv("PARETUNE_BIN"), *path = fake_path();
    if (!bin || access(bin, X_OK) != 0) cr_skip_test("PARETUNE_BIN is not set");
    make_study(path);
    snprintf(command, sizeof command, "'%s' top '%s' 2>&1", bin, path);
    FILE *p = popen(command, "r");
    cr_assert(p != NULL);
    text[fread(text, 1, sizeof text - 1, p)] = '\0';
    cr_expect(eq(int, pclose(p), 0));
    cr_expect(strchr(text, '\033') == NULL);
    cr_expect(strstr(text, "6/9 trials, 67 %") != NULL, "%s", text);
    cr_expect(strstr(text, "was killed") != NULL, "%s", text);
    cr_expect(le(int, measure(text, 'o').width, 80));
    fake_remove();
}

#include "engine/base/file.h"
#include "engine/base/rng.h"
#include "report/axis.h"
#include "report/scatter.h"
#include "report/svg.h"
#include "support/fake_results.h"
#include "support/svg_check.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void expect_sound(const char *svg)
{
    const char *what = svg_problem(svg);
    cr_expect_null(what, "%s", what);
}

static int count_of(const char *text, const char *word)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, word)); p += strlen(word)) n++;
    return n;
}

/* --- svg --- */

Test(svg, text_is_escaped_and_cleaned)
{
    buf b = {0};
    svg_escape(&b, "a<b> & \"c\" \x01\xff\xed\xa0\x80 °");
    cr_expect_str_eq(b.data, "a&lt;b&gt; &amp; &quot;c&quot;  \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
                             "\xEF\xBF\xBD °");
    buf_free(&b);
}

Test(svg, numbers_are_short_and_finite)
{
    static const struct {
        double v;
        const char *text;
    } cases[] = {{1.5, "1.5"},   {2, "2"},        {-0.001, "0"}, {100, "100"}, {0.126, "0.13"},
                 {-3.1, "-3.1"}, {INFINITY, "0"}, {NAN, "0"},    {1e300, "0"}};
    buf b = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_clear(&b);
        svg_number(&b, cases[i].v);
        cr_expect_str_eq(b.data, cases[i].text);
    }
    buf_free(&b);
}

Test(svg, long_text_is_cut_between_characters)
{
    char text[64];
    svg_fit_text("°°°°°°°°°°", 10, 40, text, sizeof text);
    cr_expect_str_eq(text, "°°°°…");
    svg_fit_text("short", 10, 100, text, sizeof text);
    cr_expect_str_eq(text, "short");
    svg_fit_text("a text that is longer than its buffer of bytes", 1, 1000, text, 12);
    cr_expect_str_eq(text, "a text t…");
}

/* --- axis --- */

Test(axis, ticks_are_round_inside_and_few)
{
    for (uint64_t seed = 0; seed < 500; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 0);
        double low = pow(10, 8 * rng_double(&r) - 4), high = low * pow(10, 5 * rng_double(&r));
        if (seed % 3 == 0) low = -low;
        if (seed % 10 == 0) high = low;
        if (high < low) high = -low;
        axis x;
        axis_fit(&x, low, high, seed % 2 ? "B" : "");
        cr_expect(x.low < x.high && isfinite(x.low) && isfinite(x.high));
        cr_expect(axis_place(&x, low) >= 0 && axis_place(&x, high) <= 1, "seed %llu",
                  (unsigned long long)seed);
        cr_expect_eq(x.log, low > 0 && high / low > 20);
        int labelled = 0;
        for (int i = 0; i < x.n_ticks; i++) {
            labelled += x.tick[i].label[0] != '\0';
            cr_expect(axis_place(&x, x.tick[i].at) > -1e-6 &&
                      axis_place(&x, x.tick[i].at) < 1 + 1e-6);
            cr_expect(strlen(x.tick[i].label) <= 9, "'%s'", x.tick[i].label);
        }
        cr_expect(labelled >= 2 && labelled <= 20, "seed %llu: %d labels from %g to %g",
                  (unsigned long long)seed, labelled, low, high);
    }
}

Test(axis, large_figures_change_unit)
{
    axis x;
    char text[64];
    axis_fit(&x, 500, 30000, "B");
    axis_title(&x, "size", false, text, sizeof text);
    cr_expect_str_eq(text, "size (kB), less is better (log)");
    cr_expect_str_eq(x.tick[0].label, "0.5");
    axis_fit(&x, 500, 3000, "B");
    axis_title(&x, "size", false, text, sizeof text);
    cr_expect_str_eq(text, "size (B), less is better");
    axis_fit(&x, 0, 1, "");
    axis_title(&x, "n", true, text, sizeof text);
    cr_expect_str_eq(text, "n, more is better");
}

/* --- scatter --- */

enum { N_MAX = 10000 };
static cloud_point points[N_MAX];

static cloud_point point_at(double x, double y, int64_t trial, bool on_front)
{
    return (cloud_point){.x = x, .y = y, .trial = trial, .on_front = on_front};
}

static void draw_cloud(int n, uint64_t seed)
{
    rng r = rng_stream(seed, RNG_TEST, 0);
    for (int i = 0; i < n; i++) {
        double size = 400 * exp(4 * rng_double(&r));
        points[i] =
            point_at(size, 0.3 + 200 / size + 0.1 * rng_double(&r), i + 1, rng_below(&r, 10) == 0);
        if (i % 50 == 49) points[i].y = i % 100 == 99 ? NAN : INFINITY;
        if (i % 70 == 69) points[i].y = 1e5;
    }
}

static scatter plot_of(int n)
{
    return (scatter){.title = "a <title> & \"more\"",
                     .subtitle = "some trials",
                     .cloud = {.x = {"size", "B", false},
                               .y = {"T_mae", "°C", false},
                               .n_points = n,
                               .point = points}};
}

static const figure_style style = {.width_mm = FIGURE_TWO_MM};

static char *drawn(const scatter *s)
{
    arena a = {0};
    buf b = {0};
    err e = {0};
    cr_assert_eq(scatter_draw(s, &style, &a, &b, &e), OK, "%s", e.msg);
    arena_free(&a);
    return b.data;
}

Test(scatter, is_well_formed_from_one_trial_to_ten_thousand)
{
    for (int n = 1; n <= N_MAX; n *= 10) {
        draw_cloud(n, (uint64_t)n);
        scatter s = plot_of(n);
        char *svg = drawn(&s);
        expect_sound(svg);
        cr_expect_lt(strlen(svg), 400000u);
        free(svg);
    }
}

Test(scatter, odd_figures_and_texts_do_no_harm)
{
    static const double odd[] = {0, -1, 1e-300, 1e300, -1e300, 5, NAN, INFINITY};
    for (uint64_t seed = 0; seed < 300; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 1);
        int n = 1 + (int)rng_below(&r, 6);
        for (int i = 0; i < n; i++)
            points[i] = point_at(odd[rng_below(&r, 8)], odd[rng_below(&r, 8)], i, i % 2);
        points[0].x = points[0].y = 5;
        cloud_version v[] = {{.name = "<&\"'>",
                              .heading = "\x02<b>\xff",
                              .note = "&&",
                              .x = {true, LIMIT_LT, 1e300},
                              .y = {true, LIMIT_GE, 0},
                              .has_pick = true,
                              .met = true,
                              .pick_x = 5,
                              .pick_y = 5},
                             {.name = "",
                              .heading = "",
                              .note = "",
                              .y = {true, LIMIT_LT, -4},
                              .has_pick = true,
                              .pick_x = 5,
                              .pick_y = 5}};
        scatter s = plot_of(n);
        s.cloud.version = v;
        s.cloud.n_versions = 2;
        s.cloud.x.higher = seed % 2;
        s.cloud.y.higher = seed % 3 == 0;
        char *svg = drawn(&s);
        expect_sound(svg);
        free(svg);
    }
}

Test(scatter, every_front_point_is_drawn_and_the_rest_thinned)
{
    for (int i = 0; i < 2000; i++) points[i] = point_at(i % 2 ? 1000 : 1001, 2, i, false);
    for (int i = 0; i < 20; i++) points[2000 + i] = point_at(500 + 10 * i, 1 - 0.01 * i, i, true);
    scatter s = plot_of(2020);
    char *svg = drawn(&s);
    cr_expect_eq(count_of(svg, "class=\"best\""), 20 + 1, "and one in the legend");
    cr_expect_leq(count_of(svg, "h.01"), 3);
    free(svg);
}

Test(scatter, an_outlier_does_not_press_the_others_into_a_corner)
{
    draw_cloud(200, 3);
    points[0].y = 1e9;
    scatter s = plot_of(200);
    char *svg = drawn(&s);
    cr_expect_not_null(strstr(svg, "beyond the axes"));
    cr_expect_not_null(strstr(svg, ">0.8<"), "the y axis still resolves tenths");
    free(svg);
}

Test(scatter, nothing_to_draw_is_said)
{
    points[0] = point_at(NAN, 1, 1, false);
    scatter s = plot_of(1);
    arena a = {0};
    buf b = {0};
    err e = {0};
    cr_expect_eq(scatter_draw(&s, &style, &a, &b, &e), ERR_INPUT);
    cr_expect_str_eq(e.msg, "no finished trial has both size and T_mae");
    buf_free(&b);
    arena_free(&a);
}

Test(scatter, names_of_versions_never_overlap_and_stay_on_the_page)
{
    draw_cloud(50, 4);
    for (int n = 1; n <= 12; n++)
        for (int mm = FIGURE_ONE_MM; mm <= FIGURE_TWO_MM; mm += 92) {
            static const figure_style styles[] = {{.width_mm = FIGURE_ONE_MM},
                                                  {.width_mm = FIGURE_TWO_MM}};
            cloud_version v[12];
            for (int i = 0; i < n; i++)
                v[i] = (cloud_version){.name = i % 2 ? "b" : "a rather long name",
                                       .heading = "v: met, trial 17",
                                       .note = "x is < 17 kB: 12 kB on validation, 13 kB on test",
                                       .title = "what it is for, in as many words as it takes",
                                       .x = {i % 3 == 0, LIMIT_LT, 1000 + 100 * i},
                                       .y = {i % 2 == 0, LIMIT_LT, 0.6},
                                       .has_pick = i % 5 != 4,
                                       .pick_x = points[i % 2].x,
                                       .pick_y = points[i % 2].y};
            scatter s = plot_of(50);
            s.cloud.version = v;
            s.cloud.n_versions = n;
            arena a = {0};
            buf b = {0};
            err e = {0};
            cr_assert_eq(scatter_draw(&s, &styles[mm != FIGURE_ONE_MM], &a, &b, &e), OK);
            expect_sound(b.data);
            cr_expect_eq(count_of(b.data, ">v: met, trial 17<"), n + n - n / 5,
                         "each is told below, and its pick has a tip");
            buf_free(&b);
            arena_free(&a);
        }
}

/* --- the command --- */

/* Runs the program in the study's folder; its exit code. */
static int run_program(const char *path, const char *line)
{
    char command[512];
    const char *bin = getenv("PARETUNE_BIN");
    if (!bin || access(bin, X_OK) != 0) cr_skip_test("PARETUNE_BIN is not set");
    char *whole = realpath(bin, NULL);
    snprintf(command, sizeof command, "cd %.*s && %s %s > out.txt 2>&1",
             (int)(strrchr(path, '/') - path), path, whole, line);
    free(whole);
    int how = system(command);
    return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

static char *file_beside(arena *a, const char *path, const char *name)
{
    char *bytes = NULL;
    size_t n;
    err e = {0};
    cr_assert_eq(file_read(a, file_join(a, file_folder(a, path), name), 1 << 22, &bytes, &n, &e),
                 OK, "%s", e.msg);
    return bytes;
}

Test(report, writes_tables_and_plots_and_prints_the_picks)
{
    const char *path = fake_path();
    store *s;
    store_space space = fake_space(1);
    store_run run = fake_run_row();
    int64_t id;
    cr_assert_eq(store_open(path, STORE_WRITE, &s, NULL), OK);
    cr_assert_eq(store_start_run(s, &space, &run, &id, NULL), OK);
    for (int i = 0; i < 30; i++)
        fake_trial(s, i, &(fake_figures){0.3 + 0.02 * i, 1.7, 2500 - 40 * i, 0, 0});
    fake_add(s, 99, 1);
    store_close(s);
    arena a = {0};
    cr_expect_eq(run_program(path, "report study.db"), 0);
    expect_sound(file_beside(&a, path, "report-study/pareto-size-T_mae.svg"));
    expect_sound(file_beside(&a, path, "report-study/pareto-size-RH_mae.svg"));
    cr_expect_eq(count_of(file_beside(&a, path, "report-study/trials.csv"), "\n"), 32);
    cr_expect_eq(count_of(file_beside(&a, path, "report-study/front.csv"), "\n"), 31);
    cr_expect_eq(count_of(file_beside(&a, path, "report-study/picks.csv"), "\n"), 6);
    const char *said = file_beside(&a, path, "out.txt");
    cr_expect_not_null(strstr(said, "T_mae < 0.5 °C"), "%s", said);
    cr_expect_not_null(strstr(said, "wrote report-study/front.csv: 30 rows"), "%s", said);
    cr_expect_eq(run_program(path, "report study.db --out plots --x n_params --y T_mae"), 0);
    expect_sound(file_beside(&a, path, "plots/pareto-n_params-T_mae.svg"));
    cr_expect_eq(run_program(path, "report study.db --y T_ma"), 2);
    cr_expect_not_null(strstr(file_beside(&a, path, "out.txt"), "did you mean 'T_mae'"));
    cr_expect_eq(run_program(path, "query study.db 'size < 2 kB' --limit 3 --format csv"), 0);
    cr_expect_eq(count_of(file_beside(&a, path, "out.txt"), "\n"), 4);
    cr_expect_eq(run_program(path, "query study.db 'storage = flot16'"), 2);
    cr_expect_not_null(strstr(file_beside(&a, path, "out.txt"), "did you mean 'float16'"));
    cr_expect_eq(run_program(path, "query study.db 'alpha > 0.05 and state = done'"), 0);
    cr_expect_eq(run_program(path, "query study.db 'alpha = wide'"), 2);
    cr_expect_eq(run_program(path, "sql study.db 'delete from trials'"), 2);
    cr_expect_eq(run_program(path, "sql study.db 'select count(*) from trials' --format json"), 0);
    cr_expect_not_null(strstr(file_beside(&a, path, "out.txt"), "{\"count(*)\": 31}"));
    cr_expect_eq(run_program(path, "query nobody.db"), 2);
    arena_free(&a);
    fake_remove();
}

Test(report, labels_say_which_part_a_figure_is_of_and_keep_the_verdict)
{
    const char *path = fake_path();
    static const store_limit limit[] = {{"T_mae", LIMIT_LT, 0.5, "< 0.5 °C"}};
    static const store_version version[] = {
        {"a-version-with-a-name-that-goes-on-and-on-for-a-whole-line", "what it is for", 1, limit}};
    store *s;
    store_space space = fake_space(1);
    store_run run = fake_run_row();
    int64_t id;
    space.title = "A study with a title";
    space.version = version;
    space.n_versions = 1;
    cr_assert_eq(store_open(path, STORE_WRITE, &s, NULL), OK);
    cr_assert_eq(store_start_run(s, &space, &run, &id, NULL), OK);
    fake_trial(s, 0, &(fake_figures){0.45, 1.7, 100, 0.55, 1.8});
    fake_trial(s, 1, &(fake_figures){9.5, 1.8, 90, 9.5, 1.8});
    store_close(s);
    arena a = {0};
    cr_expect_eq(run_program(path, "report study.db"), 0);
    const char *svg = file_beside(&a, path, "report-study/pareto-size-T_mae.svg");
    cr_expect_not_null(strstr(svg, "T_mae &lt; 0.5 °C: 0.45 °C on validation, 0.55 °C on test"));
    cr_expect_not_null(strstr(svg, ": not met on test, trial 1<"), "%s", svg);
    cr_expect_not_null(strstr(svg, ">A study with a title: T_mae against size<"));
    cr_expect_not_null(strstr(svg, ">what it is for<"));
    cr_expect_not_null(strstr(svg, ">T_mae (°C), less is better (log)<"), "%s", svg);
    arena_free(&a);
    fake_remove();
}

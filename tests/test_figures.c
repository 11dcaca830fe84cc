#include "engine/base/file.h"
#include "engine/base/pareto.h"
#include "engine/base/rng.h"
#include "report/curves.h"
#include "report/figure.h"
#include "report/labels.h"
#include "report/paper_table.h"
#include "report/png.h"
#include "report/progress_volume.h"
#include "report/volume.h"
#include "support/fake_results.h"
#include "support/svg_check.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the checker of figures --- */

Test(svg_check, sees_what_it_looks_for)
{
    static const char
        head[] = "<svg viewBox=\"0 0 100 50\">",
        text[] = "<text class=\"soft\" text-anchor=\"start\" x=\"10\" y=\"20\">words</text>";
    static const struct {
        const char *body, *problem;
    } cases[] = {
        {"", NULL},
        {"<text class=\"soft\" text-anchor=\"start\" x=\"12\" y=\"22\">more</text>", "stands over"},
        {"<text class=\"soft\" text-anchor=\"start\" x=\"10\" y=\"40\">more</text>", NULL},
        {"<text class=\"soft\" text-anchor=\"end\" x=\"10\" y=\"40\">more</text>",
         "leaves the page"},
        {"<text class=\"soft\" text-anchor=\"start\" x=\"10\" y=\"40\">a & b</text>", "a text"},
        {"<g>", "an end tag"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char svg[600];
        snprintf(svg, sizeof svg, "%s%s%s</svg>", head, text, cases[i].body);
        const char *what = svg_problem(svg);
        bool found = what != NULL, wanted = cases[i].problem != NULL;
        cr_expect(found == wanted, "%zu: %s", i, what);
        if (what && cases[i].problem) cr_expect(strstr(what, cases[i].problem) != NULL, "%s", what);
    }
}

/* --- labels --- */

static bool touch(const rectangle *a, const rectangle *b)
{
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

Test(labels, are_inside_and_on_no_other)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 0);
        label l[20];
        int n = 1 + (int)rng_below(&r, 20), placed = 0;
        label_room room = {.frame = {0, 0, 200, 120}, .size = 7.5};
        for (int i = 0; i < n; i++)
            l[i] = (label){.x = 200 * rng_double(&r),
                           .y = 120 * rng_double(&r),
                           .r = 3,
                           .text = i % 3 ? "a" : "a longer name"};
        labels_place(l, n, &room);
        for (int i = 0; i < n; i++) {
            placed += l[i].placed;
            if (!l[i].placed) continue;
            const rectangle *at = &l[i].at;
            cr_expect(at->left >= 0 && at->right <= 200 && at->top >= 0 && at->bottom <= 120);
            for (int k = 0; k < n; k++) {
                const rectangle mark = {l[k].x - 3, l[k].y - 3, l[k].x + 3, l[k].y + 3};
                if (k != i && l[k].placed)
                    cr_expect(touch(at, &l[k].at) == 0, "seed %d", (int)seed);
                if (k != i) cr_expect(touch(at, &mark) == 0, "seed %d", (int)seed);
            }
        }
        cr_expect(placed >= (n + 1) / 2, "%d of %d", placed, n);
    }
}

Test(labels, avoid_points_where_they_can)
{
    const double point[] = {104, 55, 108, 55, 112, 55};
    label l = {.x = 100, .y = 60, .r = 3, .text = "name"};
    label_room room = {.frame = {0, 0, 200, 120}, .size = 7.5};
    labels_place(&l, 1, &room);
    cr_expect(l.placed && l.at.left > 100 && l.at.bottom < 60, "above, to the right");
    room.point = point;
    room.n_points = 3;
    labels_place(&l, 1, &room);
    cr_expect(l.placed && (l.at.right < 104 || l.at.top > 56), "elsewhere: the points are there");
}

/* --- sizes --- */

Test(figure, widths_are_columns_or_millimetres)
{
    static const struct {
        const char *text;
        double mm; /* 0: refused */
    } cases[] = {{"1", 88},  {"2", 180}, {"120", 120}, {"120 mm", 120}, {"85.5mm", 85.5},
                 {"3", 0},   {"", 0},    {"wide", 0},  {"120 cm", 0},   {"nan", 0},
                 {"1e9", 0}, {"59", 0},  {"-90", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double mm = 0;
        err e = {0};
        status s = figure_parse_width(cases[i].text, &mm, &e);
        cr_expect(eq(int, s, cases[i].mm > 0 ? OK : ERR_INPUT), "'%s'", cases[i].text);
        if (s == OK) cr_expect(eq(dbl, mm, cases[i].mm));
        if (s != OK) cr_expect(strstr(e.msg, "two columns") != NULL, "%s", e.msg);
    }
}

Test(figure, text_is_wrapped_at_words_and_cut_at_the_last_line)
{
    buf b = {0};
    cr_expect(eq(int, figure_lines(7.5, 60, 9, "some words that go on over lines"), 3));
    cr_expect(eq(int, figure_lines(7.5, 60, 2, "some words that go on over lines"), 2));
    cr_expect(eq(int, figure_lines(7.5, 30, 9, "Donaudampfschiff"), 3), "a word alone is cut");
    figure_wrap(&b, "soft", 7.5, 0, 10, 60, 2, "some words that go on over lines");
    cr_expect(strstr(b.data, ">some words<") != NULL, "%s", b.data);
    cr_expect(strstr(b.data, "\xE2\x80\xA6<") != NULL, "%s", b.data);
    buf_free(&b);
}

/* --- PNG --- */

/* What fontconfig keeps until the end it does not always keep a pointer to; read by the leak checker, which other
 * builds do not have. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig";
}

static uint32_t big_endian(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

Test(png, has_300_dots_per_inch)
{
    void *library = dlopen("librsvg-2.so.2", RTLD_LAZY);
    if (!library) cr_skip("librsvg is not installed");
    buf svg = {0}, png = {0};
    err e = {0};
    figure f;
    figure_begin(&f, &(figure_style){.width_mm = 88}, "a title", "more");
    cr_assert(eq(int, figure_end(&f, 100, &svg, &e), OK));
    cr_assert(eq(int, png_render(svg.data, svg.len, &png, &e), OK), "%s", e.msg);
    cr_assert(png.len > 1000 && memcmp(png.data, "\x89PNG\r\n\x1a\n", 8) == 0);
    cr_expect(eq(u32, big_endian(png.data + 16), 1039), "88 mm");
    cr_expect(eq(u32, big_endian(png.data + 20), 417), "100 points");
    cr_expect(eq(int, png_render("<svg", 4, &png, &e), ERR_INPUT));
    buf_free(&svg);
    buf_free(&png);
}

/* --- tables --- */

static char *printed(status print(const table *, const char *, const char *, FILE *, err *),
                     const table *t)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    cr_assert(eq(int, print(t, "name", "A caption with 100 % of a_b & c", f, NULL), OK));
    fclose(f);
    return text;
}

static table hostile_table(arena *a)
{
    table t;
    cr_assert(eq(int, table_init(&t, a, 3, NULL), OK));
    table_column(&t, 0, "a_b%$&#{}",
                 "\xC2\xB0"
                 "C");
    table_column(&t, 1, "x|y", NULL);
    table_column(&t, 2, "n", "B");
    cell *c = table_row(&t);
    c[0] = cell_text("\\~^ -- \x01\xff \xE6\xBC\xA2");
    c[1] = cell_text("[b] *c* `d` <i> $e$ |");
    c[2] = cell_shown(1.5, "1.50");
    c = table_row(&t);
    c[0] = cell_text("\"q\" 'r' \xE2\x86\x92 \xC3\x97");
    c[2] = cell_number(NAN);
    return t;
}

Test(paper_table, markdown_escapes_what_would_be_markup)
{
    arena a = {0};
    table t = hostile_table(&a);
    char *text = printed(paper_table_markdown, &t);
    static const char want[] =
        "A caption with 100 % of a\\_b &amp; c\n\n"
        "| a\\_b%\\$&amp;#{} (\xC2\xB0"
        "C) | x\\|y | n (B) |\n"
        "|---|---|---:|\n"
        "| \\\\\\~^ --  ? \xE6\xBC\xA2 | \\[b\\] \\*c\\* \\`d\\` &lt;i> \\$e\\$ \\| | 1.50 |\n"
        "| \"q\" 'r' \xE2\x86\x92 \xC3\x97 |  |  |\n";
    cr_expect(strcmp(text, want) == 0, "%s", text);
    free(text);
    arena_free(&a);
}

Test(paper_table, latex_escapes_every_special_character)
{
    arena a = {0};
    table t = hostile_table(&a);
    char *text = printed(paper_table_latex, &t);
    static const char *const parts[] = {
        "\\caption{A caption with 100 \\% of a\\_b \\& c}",
        "\\begin{tabular}{@{}llr@{}}",
        "a\\_b\\%\\$\\&\\#\\{\\} ($^{\\circ}$C) & x\\textbar{}y & n (B) \\\\",
        "\\textbackslash{}\\textasciitilde{}\\textasciicircum{} -{}-  ? ?",
        "{[}b{]} *c* \\`{}d\\`{} $<$i$>$ \\$e\\$ \\textbar{} & 1.50 \\\\",
        "\\symbol{34}q\\symbol{34} 'r' $\\rightarrow$ $\\times$ &  &  \\\\",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_expect(strstr(text, parts[i]) != NULL, "'%s' lacks '%s'", text, parts[i]);
    for (const char *p = text; *p; p++) cr_expect(1 < *p);
    free(text);
    arena_free(&a);
}

Test(paper_table, many_rows_go_on_over_pages)
{
    arena a = {0};
    table t;
    cr_assert(eq(int, table_init(&t, &a, 1, NULL), OK));
    table_column(&t, 0, "n", NULL);
    for (int i = 0; i < 41; i++) *table_row(&t) = cell_number(i);
    char *text = printed(paper_table_latex, &t);
    cr_expect(strstr(text, "\\begin{longtable}{@{}r@{}}") && strstr(text, "\\endhead"));
    free(text);
    arena_free(&a);
}

/* --- progress --- */

/* The share of the first n trials alone, from nothing, in the box of all. */
static double share_of_first(const store_points *p, int n, const front_volume *box)
{
    arena a = {0};
    double point[3 * 64], one[] = {1, 1, 1}, share = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 3; k++)
            point[3 * i + k] =
                (p->value[3 * i + k] - box->best[k]) / (box->worst[k] - box->best[k]);
    cr_assert(eq(int, pareto_hypervolume(point, n, 3, one, &share, &a, NULL), OK));
    arena_free(&a);
    return share;
}

Test(progress_volume, is_the_volume_of_what_was_there_by_then)
{
    static const char *const metric[] = {"T_mae", "RH_mae", "size"};
    enum { TRIALS = 40 };
    arena a = {0};
    store *s;
    store_space space = fake_space(1);
    store_run run = fake_run_row();
    int64_t id;
    rng r = rng_stream(1, RNG_TEST, 0);
    cr_assert(eq(int, store_open(fake_path(), STORE_WRITE, &s, NULL), OK));
    cr_assert(eq(int, store_start_run(s, &space, &run, &id, NULL), OK));
    for (int i = 0; i < TRIALS; i++)
        fake_trial(s, i,
                   &(fake_figures){rng_double(&r), rng_double(&r), 1000 * rng_double(&r), 0, 0});
    progress_volume v;
    front_volume box;
    store_points p;
    cr_assert(eq(int, progress_volume_read(s, &space, (progress_choice){0}, &a, &v, NULL), OK));
    cr_assert(eq(int, front_volume_read(s, &space, &a, &box, NULL), OK));
    cr_assert(eq(int, store_read_points(s, 3, metric, &a, &p, NULL), OK));
    cr_assert(v.n > 2 && v.n < TRIALS);
    cr_expect(eq(int, v.n_trials, TRIALS));
    cr_expect(epsilon_eq(dbl, v.cpu_seconds, 0.5 * (1 + 3 * TRIALS), 1e-9), "shared data once");
    cr_expect(epsilon_eq(dbl, v.step[v.n - 1].share, box.share, 1e-12));
    for (int i = 0; i < v.n; i++) {
        double want = share_of_first(&p, v.step[i].n_trials, &box);
        cr_expect(epsilon_eq(dbl, v.step[i].share, want, 1e-12), "step %d", i);
        cr_expect(epsilon_eq(dbl, v.step[i].cpu_seconds, 0.5 * (1 + 3 * v.step[i].n_trials), 1e-9));
        if (i) cr_expect(v.step[i].share > v.step[i - 1].share);
    }
    store_close(s);
    arena_free(&a);
    fake_remove();
}

/* --- learning curves --- */

static void add_training(store *s, hash *key, int i, const char *params, const char *detail)
{
    key[i] = fake_hash("part", i);
    store_stage stage = {.kind = "train",
                         .version = 1,
                         .params = params,
                         .key = key[i],
                         .n_parents = i > 0,
                         .parent = i > 0 ? &key[i - 1] : NULL};
    store_outcome o = {.run_id = 1, .artifact_hash = "00", .tries = 1, .detail = detail};
    cr_assert(eq(int, store_add_stage(s, &stage, NULL), OK));
    cr_assert(eq(int, store_stage_done(s, &key[i], &o, NULL), OK));
}

/* Two epochs; two more, noted with the first ones; one more, noted alone; fine-tuning for two. */
Test(curves, parts_of_a_chain_are_joined)
{
    arena a = {0};
    store *s;
    store_space space = fake_space(1);
    store_run run = fake_run_row();
    hash key[4];
    int64_t id, trial;
    cr_assert(eq(int, store_open(fake_path(), STORE_WRITE, &s, NULL), OK));
    cr_assert(eq(int, store_start_run(s, &space, &run, &id, NULL), OK));
    add_training(s, key, 0, "{\"from_epoch\":0,\"to_epoch\":2}",
                 "{\"curve\":[[9,1,0.1,0.1],[9,1,0.1,0.2]]}");
    add_training(
        s, key, 1,
        "{\"from_epoch\":2,\"to_epoch\":4,\"prune\":{\"unit\":\"epochs\",\"begin\":2,\"end\":3}}",
        "{\"curve\":[[9,1,0.1,0.1],[9,1,0.1,0.2],[9,1,0.1,0.3],[9,1,0.1,0.4]]}");
    add_training(s, key, 2, "{\"from_epoch\":4,\"to_epoch\":5}", "{\"curve\":[[9,1,0.1,0.5]]}");
    add_training(s, key, 3, "{\"start\":\"weights\",\"from_epoch\":0,\"to_epoch\":2}",
                 "{\"curve\":[[9,1,0.1,0.6],[9,1,0.1,0.7]]}");
    store_trial t = {.config_hash = fake_hash("config", 1),
                     .config = "{}",
                     .seed = 1,
                     .n_stages = 4,
                     .stage = key};
    cr_assert(eq(int, store_add_trial(s, &t, &trial, NULL), OK));
    cr_assert(eq(int, store_trial_done(s, trial, NULL), OK));
    learning_curves c;
    cr_assert(eq(int, learning_curves_read(s, 10, &trial, 1, &a, &c, NULL), OK));
    cr_assert(eq(int, c.n, 1));
    cr_assert(eq(int, c.curve[0].n, 7));
    cr_expect(c.is_accuracy);
    for (int i = 0; i < 7; i++)
        cr_expect(epsilon_eq(dbl, c.curve[0].value[i], 10 * (i + 1), 1e-9), "epoch %d", i);
    cr_expect(eq(int, c.curve[0].prune_begin, 2));
    cr_expect(eq(int, c.curve[0].prune_end, 3));
    cr_expect(eq(int, c.curve[0].fine_tune, 5));
    store_close(s);
    arena_free(&a);
    fake_remove();
}

Test(curves, of_many_trials_some_are_read_and_the_wanted_ones)
{
    arena a = {0};
    store *s;
    store_space space = fake_space(1);
    store_run run = fake_run_row();
    int64_t id, wanted[] = {7, 99};
    cr_assert(eq(int, store_open(fake_path(), STORE_WRITE, &s, NULL), OK));
    cr_assert(eq(int, store_start_run(s, &space, &run, &id, NULL), OK));
    store_begin(s, NULL);
    for (int i = 0; i < 100; i++) fake_trial(s, i, &(fake_figures){1, 1, 1, 0, 0});
    store_commit(s, NULL);
    learning_curves c;
    cr_assert(eq(int, learning_curves_read(s, 10, wanted, 2, &a, &c, NULL), OK));
    cr_expect(eq(int, c.n, 0), "none noted a curve");
    cr_expect(eq(int, c.n_trials, 100));
    table t;
    cr_assert(eq(int, store_curves(s, 10, wanted, 2, &a, &t, NULL), OK));
    cr_expect(eq(int, t.n_rows, 12), "ten, and two that are wanted");
    store_close(s);
    arena_free(&a);
    fake_remove();
}

/* --- whole reports --- */

static void fill_study(const char *path, int n)
{
    store *s;
    store_space space = fake_space(1);
    store_run run = fake_run_row();
    int64_t id;
    rng r = rng_stream((uint64_t)n, RNG_TEST, 0);
    cr_assert(eq(int, store_open(path, STORE_WRITE, &s, NULL), OK));
    cr_assert(eq(int, store_start_run(s, &space, &run, &id, NULL), OK));
    store_begin(s, NULL);
    for (int i = 0; i < n; i++) {
        double size = 400 * exp(4 * rng_double(&r)), luck = 0.1 * rng_double(&r);
        int candidate = i / 2;
        fake_finish(s, fake_add(s, candidate, 1 + (uint64_t)(i % 2)), candidate,
                    1 + (uint64_t)(i % 2),
                    &(fake_figures){0.3 + 200 / size + luck, 1.5 + luck, size, 0, 0});
    }
    store_commit(s, NULL);
    store_close(s);
}

/* Every SVG in the folder is sound; how many there are. */
static int check_folder(const char *folder)
{
    int n = 0;
    DIR *d = opendir(folder);
    cr_assert(d != NULL, "%s", folder);
    for (struct dirent *f; (f = readdir(d));) {
        arena a = {0};
        char *bytes;
        size_t length;
        if (!strstr(f->d_name, ".svg")) continue;
        cr_assert(
            eq(int, file_read(&a, file_join(&a, folder, f->d_name), 1 << 24, &bytes, &length, NULL),
               OK));
        const char *what = svg_problem(bytes);
        cr_expect(what == NULL, "%s/%s: %s", folder, f->d_name, what);
        arena_free(&a);
        n++;
    }
    closedir(d);
    return n;
}

Test(figure, of_any_study_and_width_is_sound)
{
    static const int sizes[] = {1, 2, 60, 2000};
    const char *bin = getenv("PARETUNE_BIN");
    if (!bin || access(bin, X_OK) != 0) cr_skip_test("PARETUNE_BIN is not set");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *path = fake_path();
        char command[600], folder[200];
        fill_study(path, sizes[i]);
        for (int width = 1; width <= 2; width++) {
            snprintf(folder, sizeof folder, "%s-%d", path, width);
            for (int k = 0; k < (sizes[i] > 60 ? 1 : 2); k++) {
                snprintf(command, sizeof command, "%s report %s --width %d --out %s %s >/dev/null",
                         bin, path, width, folder, k ? "--strategies" : "");
                cr_expect(eq(int, system(command), 0), "%s", command);
            }
            cr_expect(check_folder(folder) >= (sizes[i] <= 2 ? 3 : 6), "%d trials", sizes[i]);
        }
        fake_remove();
    }
}

#include "engine/base/node.h"
#include "report/progress_volume.h"
#include "report/page.h"
#include "report/page_file.h"
#include "report/study_json.h"
#include "report/volume.h"
#include "store/store.h"
#include "tests/support/fake_results.h"
#include "tests/support/made_study.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *path;
static store *s;
static arena a;

static void begin(void)
{
    path = fake_path();
    arena_init(&a, 0);
}

static void end(void)
{
    store_close(s);
    arena_free(&a);
    fake_remove();
}

TestSuite(page, .init = begin, .fini = end);

static void make(const made_study_plan *plan)
{
    err e = {0};
    cr_assert_eq(made_study_write(path, plan, &e), OK, "%s", e.msg);
    cr_assert_eq(store_open(path, STORE_READ, &s, &e), OK, "%s", e.msg);
}

static const made_study_plan usual = {
    .n_trials = 120, .n_seeds = 1, .n_versions = 5, .epochs = 9, .gaps = true};

static node *read_study(void)
{
    buf json = {0};
    err e = {0};
    node *tree = NULL;
    cr_assert_eq(study_json_write(s, path, "2026-01-02T03:04:05Z", &a, &json, &e), OK, "%s", e.msg);
    char *text = arena_copy(&a, json.data, json.len);
    cr_assert_eq(node_read_json(&a, text, json.len, &tree, &e), OK, "%s", e.msg);
    buf_free(&json);
    return tree;
}

static const node *at(const node *n, const char *key)
{
    const node *child = node_get(n, key);
    cr_assert_not_null(child, "no '%s'", key);
    return child;
}

static int count(const char *text, const char *word)
{
    int n = 0;
    for (const char *p = strstr(text, word); p; p = strstr(p + 1, word)) n++;
    return n;
}

static char *make_page(void)
{
    buf page = {0};
    err e = {0};
    cr_assert_eq(page_make(s, path, false, &page, &e), OK, "%s", e.msg);
    char *text = arena_copy(&a, page.data, page.len);
    buf_free(&page);
    return text;
}

Test(page, tells_the_study_as_the_store_does)
{
    picks p;
    make(&usual);
    const node *study = read_study(), *list = at(at(study, "picks"), "list");
    cr_assert_eq(picks_read(s, &a, &p, NULL), OK);
    cr_assert_eq(list->n, p.n);
    for (int i = 0; i < p.n; i++) {
        cr_expect_eq(at(list->item[i], "trial")->number, (double)p.pick[i].trial);
        cr_expect_eq(at(list->item[i], "feasible")->number, p.pick[i].n_feasible);
    }
    cr_expect_eq(at(study, "trials")->number, 120);
    cr_expect_str_eq(at(study, "db")->text, "study.db");
    cr_expect_str_eq(at(study, "made_at")->text, "2026-01-02T03:04:05Z");
    cr_expect_eq(at(at(study, "space"), "versions")->n, 5);
    cr_expect_eq(at(study, "importance")->n, 3, "one for each metric of objectives and limits");
}

Test(page, leaves_out_trials_that_are_not_over)
{
    store *w = NULL;
    cr_assert_eq(store_open(path, STORE_WRITE, &w, NULL), OK);
    store_space space = fake_space(1);
    store_run run = fake_run_row();
    int64_t id;
    cr_assert_eq(store_start_run(w, &space, &run, &id, NULL), OK);
    fake_trial(w, 3, &(fake_figures){0.4, 1.7, 1500, 0.41, 1.71});
    fake_add(w, 4, 1);
    store_close(w);
    cr_assert_eq(store_open(path, STORE_READ, &s, NULL), OK);
    const node *study = read_study();
    cr_expect_eq(at(study, "trials")->number, 1);
    const node *columns = at(study, "columns");
    for (int i = 0; i < columns->n; i++) /* but what occurs in them may be filtered by */
        if (strcmp(at(columns->item[i], "name")->text, "storage") == 0)
            cr_expect_eq(at(columns->item[i], "words")->n, 2);
}

Test(page, joins_each_trial_with_its_curves)
{
    make(&usual);
    const node *curves = at(read_study(), "curves"), *trial = at(curves, "trial"),
               *stage = at(curves, "stage");
    cr_expect_eq(trial->n, stage->n);
    int pruned = 0, stopped = 0;
    for (int i = 0; i < stage->n; i++) {
        const node *c = stage->item[i], *rows = at(c, "rows");
        cr_assert_eq(rows->n, 3);
        cr_expect_eq(rows->item[0]->n, (int)at(c, "length")->number);
        pruned += at(c, "prune")->item[0]->kind == NODE_NUMBER;
        stopped += at(c, "length")->number < 9;
    }
    cr_expect_gt(pruned, 0);
    cr_expect_gt(stopped, 0);
}

Test(page, thins_long_curves_and_keeps_their_ends)
{
    make(&(made_study_plan){.n_trials = 200, .n_seeds = 1, .n_versions = 1, .epochs = 1501});
    const node *curves = at(read_study(), "curves"), *stage = at(curves, "stage");
    double step = at(curves, "step")->number;
    cr_expect_gt(step, 1);
    cr_expect_eq(at(curves, "names")->n, 1, "one kind of three");
    const node *row = at(stage->item[0], "rows")->item[0];
    cr_expect_eq(row->n, (int)ceil(1501 / step));
}

Test(page, growth_ends_in_the_volume_of_the_whole_study)
{
    progress_volume g;
    front_volume v;
    store_space space;
    make(&usual);
    cr_assert_eq(store_last_space(s, &a, &space, NULL), OK);
    cr_assert_eq(progress_volume_read(s, &space, (progress_choice){.flat_too = true}, &a, &g, NULL),
                 OK);
    cr_assert_eq(front_volume_read(s, &space, &a, &v, NULL), OK);
    cr_assert_gt(g.n, 3);
    cr_expect_eq(g.step[g.n - 1].share, v.share);
    for (int i = 1; i < g.n; i++) {
        cr_expect_geq(g.step[i].share, g.step[i - 1].share);
        cr_expect_geq(g.step[i].cpu_seconds, g.step[i - 1].cpu_seconds);
    }
    cr_expect_leq(g.step[g.n - 1].cpu_seconds, g.cpu_seconds);
}

Test(page, shared_work_is_counted_once)
{
    table t;
    store *w = NULL;
    cr_assert_eq(store_open(path, STORE_WRITE, &w, NULL), OK);
    store_space space = fake_space(1);
    store_run run = fake_run_row();
    int64_t id;
    cr_assert_eq(store_start_run(w, &space, &run, &id, NULL), OK);
    for (int i = 1; i <= 3; i++) fake_trial(w, i, &(fake_figures){0.4, 1.7, 1500, 0.41, 1.71});
    cr_assert_eq(store_spending(w, &a, &t, NULL), OK);
    cr_assert_eq(t.n_rows, 3);
    cr_expect_eq(t.cells[2].number, 2, "four stages of half a second");
    cr_expect_eq(t.cells[5].number, 1.5, "the data was there");
    cr_expect_eq(t.cells[8].number, 1.5);
    store_close(w);
}

Test(page, no_text_of_a_study_leaves_its_place)
{
    make(&(made_study_plan){
        .n_trials = 30, .n_seeds = 1, .n_versions = 2, .epochs = 5, .hostile = true});
    const char *page = make_page();
    cr_expect_eq(count(page, "</script"), 2, "%d ends of scripts", count(page, "</script"));
    cr_expect_eq(count(page, "<!--"), 0);
    cr_expect_eq(count(page, "</title"), 1);
    cr_expect_not_null(strstr(page, "Title &lt;/title&gt;"));
    cr_expect_not_null(strstr(page, "\\u003c/script>\\u003cscript>alert(1)"));
}

Test(page, names_no_host)
{
    make(&usual);
    const char *page = make_page();
    int named = count(page, "http://") + count(page, "https://"),
        spaces = count(page, "http://www.w3.org/");
    cr_expect_eq(named, spaces, "%d addresses, %d of them namespaces", named, spaces);
    cr_expect_not_null(strstr(page, "default-src 'none'"));
    cr_expect_null(strstr(page, "<meta name=\"paretune-live\""));
}

Test(page, a_live_page_may_ask_its_server_only)
{
    buf page = {0};
    cr_assert_eq(page_put(&page, "t", "{}", true, NULL), OK);
    cr_expect_not_null(strstr(page.data, "<meta name=\"paretune-live\" content=\"data.json\">"));
    cr_expect_not_null(strstr(page.data, "connect-src 'self'"));
    buf_free(&page);
}

Test(page, goes_where_it_is_asked_to)
{
    const char *where = NULL;
    char folder[128], file[128];
    make(&usual);
    snprintf(folder, sizeof folder, "%.*s/out", (int)(strrchr(path, '/') - path), path);
    snprintf(file, sizeof file, "%.*s/x.html", (int)(strrchr(path, '/') - path), path);
    cr_assert_eq(page_write(path, folder, &a, &where, NULL), OK);
    cr_expect_not_null(strstr(where, "/out/study.html"));
    FILE *f = fopen(where, "r");
    cr_assert_not_null(f);
    fclose(f);
    cr_assert_eq(page_write(path, file, &a, &where, NULL), OK);
    cr_expect_str_eq(where, file);
}

Test(page, a_study_that_never_ran_has_none)
{
    err e = {0};
    store *w = NULL;
    cr_assert_eq(store_open(path, STORE_WRITE, &w, NULL), OK);
    store_close(w);
    const char *where = NULL;
    cr_expect_eq(page_write(path, NULL, &a, &where, &e), ERR_INPUT);
    cr_expect_not_null(strstr(e.msg, "nothing was run yet"), "%s", e.msg);
}

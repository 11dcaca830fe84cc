#include "store/explain.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <string.h>

#include "support/fake_results.h"

static store *s;
static arena scratch;
static store_space space;
static answer said;

static void set_up(void)
{
    space = fake_space(1);
    store_run run = fake_run_row();
    int64_t id;
    cr_assert(eq(int, store_open(fake_path(), STORE_WRITE, &s, NULL), OK));
    cr_assert(eq(int, store_start_run(s, &space, &run, &id, NULL), OK));
    said = (answer){.a = &scratch};
}

static void tear_down(void)
{
    store_close(s);
    arena_free(&scratch);
    fake_remove();
}

TestSuite(explain, .init = set_up, .fini = tear_down);

/* A trial as read, to which the test puts what its stages would have left. */
static explained read_trial(void)
{
    explained x;
    err e = {0};
    int64_t trial = fake_trial(s, 1, &(fake_figures){0.45, 1.7, 1500, 0.52, 1.75});
    cr_assert(eq(int, explain_read(s, &space, trial, &scratch, &x, &e), OK), "%s", e.msg);
    return x;
}

static node *json(const char *text)
{
    node *n;
    err e = {0};
    cr_assert(eq(int, node_read_json(&scratch, text, strlen(text), &n, &e), OK), "%s", e.msg);
    return n;
}

static void put(explained *x, const char *kind, const char *params, const char *detail)
{
    for (int i = 0; i < x->n_stages; i++)
        if (strcmp(x->stage[i].kind, kind) == 0) {
            x->stage[i].params = params ? json(params) : NULL;
            x->stage[i].detail = detail ? json(detail) : NULL;
        }
}

static const table *part(const char *name, bool for_people)
{
    for (int i = 0; i < said.n; i++)
        if (!said.item[i]->text && strcmp(said.item[i]->name, name) == 0 &&
            (for_people ? said.item[i]->for_people : said.item[i]->for_programs))
            return &said.item[i]->t;
    return NULL;
}

static const cell *at(const table *t, int row, int column)
{
    return t->cells + row * t->n_columns + column;
}

static bool says(const char *text)
{
    for (int i = 0; i < said.n; i++)
        if (said.item[i]->text && strstr(said.item[i]->text, text)) return true;
    return false;
}

Test(explain, the_head_tells_state_figures_and_versions)
{
    explained x = read_trial();
    cr_assert(eq(int, explain_trial(&x, &said, NULL), OK));
    cr_expect(says("configuration 1 with seed 1: done, on the front"));
    cr_expect(says("alpha=0.1 storage=float16"));
    cr_expect(says("It keeps the limits of a on validation figures, with 5.6 % of room"));
    cr_expect(says("It misses b by 350.0 % (T_mae < 0.1 °C)"));
    const table *t = part("versions", false);
    cr_assert(t && t->n_rows == 2);
    cr_expect(eq(dbl, at(t, 0, 1)->number, 1));
    cr_expect(epsilon_eq(dbl, at(t, 0, 2)->number, 0.1 / 1.8, 1e-12));
    cr_expect(epsilon_eq(dbl, at(t, 0, 4)->number, -0.04, 1e-12), "T_mae_test is over");
    t = part("figures", false);
    cr_assert(t && t->n_rows == 6);
}

static bool tells(const char *state, int stopped_at, double chance, const char *text)
{
    explained x = read_trial();
    x.state = state;
    x.stopped_at = stopped_at;
    x.stop_chance = chance;
    said = (answer){.a = &scratch};
    cr_assert(eq(int, explain_trial(&x, &said, NULL), OK));
    return says(text);
}

Test(explain, what_the_stop_rule_did_is_told)
{
    cr_expect(
        tells("stopped", 6, 0.021, "The stop rule ended it after 6 epochs, at a chance of 2.1 %"));
    cr_expect(
        tells("done", 6, 0.021, "The stop rule would have ended it after 6 epochs, at a chance"));
    cr_expect(tells("stopped", 0, 0.021,
                    "It was not begun: the stop rule ended it before the first epoch, at a chance "
                    "of 2.1 % to be worth having."));
    cr_expect(
        tells("done", 0, 0.021, "The stop rule would not have begun it, at a chance of 2.1 %"));
    cr_expect(tells("stopped", 6, 1e-7, "at a chance of under 0.1 % to be worth having"));
    cr_expect_not(tells("done", -1, 0.021, "stop rule"));
    explained x = read_trial();
    cr_expect(eq(int, x.stopped_at, -1));
}

Test(explain, stages_and_the_run_are_named)
{
    explained x = read_trial();
    cr_assert(eq(int, explain_stages(&x, &said, NULL), OK));
    const table *t = part("stages", false);
    cr_assert(t && t->n_rows == 4);
    cr_expect(strcmp(at(t, 3, 1)->text, "score") == 0);
    cr_expect(strcmp(at(t, 3, 3)->text, fake_hash("score", 101).text) == 0);
    cr_expect(eq(dbl, at(t, 3, 5)->number, 0.5));
    cr_expect(says("Run 1, from "));
    cr_expect(says("paretune 0.1, a cpu, avx2 kernels"));
}

static const char network[] =
    "{\"net\":{\"layers\":[{\"kind\":\"flatten\"},{\"kind\":\"dense\",\"units\":4},"
    "{\"kind\":\"dense\",\"units\":2}]}}";
static const char anatomy[] =
    "{\"tensors\":[{\"tensor\":1,\"type\":\"float32\",\"shape\":[4,2],\"bytes\":32,\"packed\":30,"
    "\"zlib_alone\":40},{\"tensor\":2,\"type\":\"float32\",\"shape\":[4],\"bytes\":16,\"packed\":"
    "10,"
    "\"zlib_alone\":20},{\"tensor\":4,\"type\":\"float32\",\"shape\":[2,4],\"bytes\":32,"
    "\"packed\":35,\"zlib_alone\":41}],\"container_bytes\":120,\"parts\":[{\"part\":\"head\","
    "\"bytes\":100,\"packed\":20},{\"part\":\"values\",\"bytes\":80,\"packed\":75},"
    "{\"part\":\"frame\",\"bytes\":0,\"packed\":5}]}";

/* Packed 30 + 10 + 35 + (20 + 5) = 100. */
Test(explain, packed_bytes_are_shared_among_layers_and_container)
{
    explained x = read_trial();
    put(&x, "train", network, NULL);
    put(&x, "export", "{\"pack\":\"zlib\"}", anatomy);
    cr_assert(eq(int, explain_size(&x, &said, NULL), OK));
    const table *t = part("size", false);
    cr_assert(t && t->n_rows == 4);
    cr_expect(strcmp(at(t, 0, 0)->text, "1 dense kernel") == 0);
    cr_expect(strcmp(at(t, 1, 0)->text, "1 dense bias") == 0);
    cr_expect(strcmp(at(t, 2, 0)->text, "2 dense kernel") == 0);
    cr_expect(strcmp(at(t, 0, 2)->text, "4x2") == 0);
    cr_expect(strcmp(at(t, 3, 0)->text, "container") == 0);
    const double shares[] = {0.3, 0.1, 0.35, 0.25};
    for (int i = 0; i < 4; i++) cr_expect(epsilon_eq(dbl, at(t, i, 6)->number, shares[i], 1e-12));
    t = part("size", true);
    cr_expect(strcmp(at(t, 0, 0)->text, "2 dense kernel") == 0, "the largest first");
    cr_expect(says("Values are 75 % of that"));
}

/* A network whose weights are not one kernel for each layer: nobody guesses which is whose. */
Test(explain, tensors_keep_their_numbers_where_layers_cannot_be_told)
{
    explained x = read_trial();
    put(&x, "train", "{\"net\":{\"layers\":[{\"kind\":\"lstm\"},{\"kind\":\"dense\"}]}}", NULL);
    put(&x, "export", "{\"pack\":\"zlib\"}", anatomy);
    cr_assert(eq(int, explain_size(&x, &said, NULL), OK));
    cr_expect(strcmp(at(part("size", false), 2, 0)->text, "tensor 4") == 0);
}

/* Flat bytes 32 + 16 + 32 + 120 = 200. */
Test(explain, flat_bytes_where_flat_files_count)
{
    explained x = read_trial();
    put(&x, "export", "{\"pack\":\"flat\"}", anatomy);
    cr_assert(eq(int, explain_size(&x, &said, NULL), OK));
    const table *t = part("size", false);
    cr_expect(strcmp(at(t, 0, 0)->text, "tensor 1") == 0, "no network is known");
    cr_expect(epsilon_eq(dbl, at(t, 0, 6)->number, 0.16, 1e-12));
    cr_expect(epsilon_eq(dbl, at(t, 3, 6)->number, 0.6, 1e-12));
}

/* Of 10 ms the network takes 2. */
Test(explain, milliseconds_are_split_at_the_networks_door)
{
    explained_figure figures[] = {
        {"total_ms", 10}, {"inference_ms", 2}, {"macs", 3594500}, {"arena", 4000}};
    explained_stage latency = {
        .kind = "latency",
        .detail = json("{\"resampling_and_features\":{\"runs\":200,\"least\":7900,\"median\":8000,"
                       "\"mean\":8100,\"most\":9000,\"deviation\":50},\"inference\":7}")};
    explained x = read_trial();
    x.figure = figures;
    x.n_figures = 4;
    x.stage = &latency;
    x.n_stages = 1;
    cr_assert(eq(int, explain_latency(&x, &said, NULL), OK));
    const table *t = part("latency", false);
    cr_assert(t && t->n_rows == 3);
    cr_expect(strcmp(at(t, 0, 1)->text, "before") == 0 && at(t, 0, 2)->number == 8);
    cr_expect(epsilon_eq(dbl, at(t, 1, 3)->number, 0.2, 1e-12));
    cr_expect(says("10 ms, 20.0 % of it in the network and 80.0 % before it."));
    cr_expect(says("3594500 multiply-adds"));
    t = part("timing", false);
    cr_assert(t && t->n_rows == 1, "a spread that is none is passed over");
    cr_expect(strcmp(at(t, 0, 1)->text, "features") == 0 && at(t, 0, 4)->number == 8000);
}

/* Ten clips of "no", of which 6 are found and 3 taken for "go"; of "go" 9 of 10. */
static const char heard[] = "{\"words\":[\"go\",\"no\",\"up\"],\"confusion\":{"
                            "\"val\":[[9,1,0],[3,6,1],[0,0,10]],"
                            "\"test\":[[10,0,0],[0,10,0],[5,0,5]]}}";

Test(explain, words_come_worst_first_with_what_is_heard_instead)
{
    explained x = read_trial();
    put(&x, "score", NULL, heard);
    cr_assert(eq(int, explain_words(&x, &said, NULL), OK));
    const table *t = part("classes", false);
    cr_assert(t && t->n_rows == 3);
    cr_expect(strcmp(at(t, 0, 0)->text, "no") == 0 && at(t, 0, 1)->number == 10);
    cr_expect(epsilon_eq(dbl, at(t, 0, 2)->number, 60, 1e-9));
    cr_expect(epsilon_eq(dbl, at(t, 0, 4)->number, 100, 1e-9));
    cr_expect(strcmp(at(t, 0, 5)->text, "go") == 0 && at(t, 0, 6)->number == 3);
    cr_expect(strcmp(at(t, 2, 0)->text, "up") == 0 && at(t, 2, 5)->kind == CELL_NONE);
    cr_expect(says("'no' and 'go' make 100 % of the mistakes"));
    t = part("confusion", false);
    cr_assert(t && t->n_rows == 18);
    cr_expect(strcmp(at(t, 15, 0)->text, "test") == 0 && at(t, 15, 3)->number == 5);
    cr_expect(eq(int, part("matrix", true)->n_columns, 4));
}

Test(explain, a_damaged_matrix_is_an_error_not_a_crash)
{
    static const char *const damaged[] = {
        "{\"words\":[\"go\",\"no\"],\"confusion\":{\"val\":[[1,0],[0]],\"test\":[[1,0],[0,1]]}}",
        "{\"words\":[\"go\",\"no\"],\"confusion\":{\"val\":[[1,0]],\"test\":[[1,0],[0,1]]}}",
        "{\"words\":[\"go\",\"no\"],\"confusion\":{\"val\":[[1,0],[0,1]]}}",
        "{\"words\":[\"go\",\"no\"],\"confusion\":{\"val\":[[1,0],7],\"test\":3}}"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        explained x = read_trial();
        put(&x, "score", NULL, damaged[i]);
        cr_expect(eq(int, explain_words(&x, &said, NULL), ERR_INPUT), "%s", damaged[i]);
    }
}

Test(explain, forecasts_tell_the_error_of_each_step)
{
    explained x = read_trial();
    put(&x, "score", NULL,
        "{\"mae_by_step\":{\"val\":{\"T\":[0.2,0.5],\"RH\":[1,2]},"
        "\"test\":{\"T\":[0.3,0.6],\"RH\":[1.5,2.5]}}}");
    cr_assert(eq(int, explain_forecast(&x, &said, NULL), OK));
    const table *t = part("steps", false);
    cr_assert(t && t->n_rows == 4);
    cr_expect(strcmp(at(t, 3, 0)->text, "RH") == 0 && at(t, 3, 1)->number == 2);
    cr_expect(at(t, 1, 2)->number == 0.5 && at(t, 1, 3)->number == 0.6);
    cr_expect(says("T: the error of step 2 is 2.5 times that of step 1"));
}

/* Five epochs, and two of fine-tuning behind them. */
Test(explain, curves_of_fine_tuning_follow_those_before)
{
    static const char first[] = "{\"curve\":[[9,8,0.1,0.5],[8,7,0.1,0.6],[7,6,0.1,0.7],"
                                "[6,5,0.1,0.9],[5,6,0.1,0.8]]}",
                      tuned[] = "{\"curve\":[[4,5.5,0.01,0.85],[3,2,0.01,0.88]],"
                                "\"earlier_epochs\":5}";
    explained x = read_trial();
    explained_stage chain[] = {{.kind = "train", .detail = json(first)},
                               {.kind = "train", .detail = json(tuned)}};
    x.stage = chain;
    x.n_stages = 2;
    cr_assert(eq(int, explain_curve(&x, &said, NULL), OK));
    const table *t = part("curve", false);
    cr_assert(t && t->n_rows == 7);
    cr_expect(at(t, 4, 0)->number == 5 && at(t, 4, 1)->number == 0 && at(t, 4, 3)->number == 6);
    cr_expect(at(t, 5, 0)->number == 6 && at(t, 5, 1)->number == 1);
    cr_expect(epsilon_eq(dbl, at(t, 6, 4)->number, 88, 1e-9));
    cr_expect(says("7 epochs; validation loss from 8 to 2, least 2 in epoch 7"));
    cr_expect(says("best in epoch 4, 90.00 %, and 88.00 % at the end"));
    cr_expect(says("The last 1 epochs still lowered the loss by 60.0 %"));
}

/* A stage that continues another has the whole curve: it replaces, and is not appended. */
Test(explain, a_continued_training_is_one_curve)
{
    explained x = read_trial();
    explained_stage chain[] = {
        {.kind = "train", .detail = json("{\"curve\":[[9,8,0.1]]}")},
        {.kind = "train", .detail = json("{\"curve\":[[9,8,0.1],[8,9,0.1]]}")}};
    x.stage = chain;
    x.n_stages = 2;
    cr_assert(eq(int, explain_curve(&x, &said, NULL), OK));
    cr_assert(eq(int, part("curve", false)->n_rows, 2));
    cr_expect(isnan(at(part("curve", false), 1, 4)->number), "a forecast has no accuracy");
}

Test(explain, details_of_an_unexpected_form_tell_nothing)
{
    static const char *const odd[] = {
        "{\"tensors\":7}",
        "{\"tensors\":[{}]}",
        "{\"tensors\":[{\"shape\":[]}]}",
        "[1]",
        "7",
        "{\"mae_by_step\":3}",
        "{\"mae_by_step\":{\"val\":[1],\"test\":[2]}}",
        "{\"mae_by_step\":{\"val\":{\"T\":3},\"test\":{}}}",
        "{\"mae_by_step\":{\"val\":{\"T\":[[1],2]},\"test\":{\"T\":[]}}}",
        "{\"curve\":[7,[],[1],{}]}",
        "{\"curve\":[[1,1]],\"earlier_epochs\":1e9}",
        "{\"curve\":[[1,1]],\"earlier_epochs\":\"x\"}",
        "{\"words\":[],\"confusion\":3}",
        "{\"words\":[[1],{}],\"confusion\":{\"val\":[[[1],{}],[1,2]],\"test\":[[1,2],[3,4]]}}"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        explained x = read_trial();
        said = (answer){.a = &scratch};
        put(&x, "score", NULL, odd[i]);
        put(&x, "train", odd[i], odd[i]);
        put(&x, "export", odd[i], odd[i]);
        cr_expect(eq(int, explain_size(&x, &said, NULL), OK), "%s", odd[i]);
        cr_expect(eq(int, explain_words(&x, &said, NULL), OK), "%s", odd[i]);
        cr_expect(eq(int, explain_forecast(&x, &said, NULL), OK), "%s", odd[i]);
        cr_expect(eq(int, explain_curve(&x, &said, NULL), OK), "%s", odd[i]);
    }
}

#include "engine/base/diag.h"
#include "tests/support/expect.h"

#include <criterion/new/assert.h>

#include <stdlib.h>

static arena a;
static diag d;

static void setup(void)
{
    arena_init(&a, 0);
    diag_init(&d, &a);
}

static void teardown(void)
{
    arena_free(&a);
}

TestSuite(diag, .init = setup, .fini = teardown);

static void expect_printed(const char *want)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    diag_print(&d, f);
    fclose(f);
    EXPECT_TEXT(text, want);
    free(text);
}

Test(diag, nothing_reported_is_ok)
{
    err e = {0};
    cr_expect(diag_status(&d, &e) == OK);
    cr_expect(diag_list(&d, &e) == OK);
    expect_printed("");
}

Test(diag, messages_come_in_the_order_of_their_places_and_once)
{
    err e = {0};
    diag_report(&d, "b.yaml", 2, 1, "six");
    diag_report(&d, "a.yaml", 10, 1, "four");
    diag_report(&d, "a.yaml", 9, 30, "three");
    diag_report(&d, "a.yaml", 9, 4, "two %d", 2);
    diag_report(&d, "a.yaml", 9, 4, "two %d", 2);
    diag_report(&d, "b.yaml", 1, 1, "five");
    diag_report(&d, "a.yaml", 0, 0, "one");
    diag_sort(&d);
    expect_printed("a.yaml: one\na.yaml:9:4: two 2\na.yaml:9:30: three\na.yaml:10:1: four\n"
                   "b.yaml:1:1: five\nb.yaml:2:1: six\n");
    cr_expect(diag_status(&d, &e) == ERR_INPUT);
    EXPECT_TEXT(e.msg, "a.yaml: one (and more)");
    e = (err){0};
    cr_expect(diag_list(&d, &e) == ERR_INPUT);
    EXPECT_TEXT(e.msg, "a.yaml: one\na.yaml:9:4: two 2\na.yaml:9:30: three\na.yaml:10:1: four\n"
                       "b.yaml:1:1: five\nb.yaml:2:1: six");
}

Test(diag, twenty_are_kept_and_the_rest_counted)
{
    char want[2000];
    size_t used = 0;
    for (int i = 1; i <= 25; i++) diag_report(&d, "f", i, 1, "wrong");
    for (int i = 1; i <= DIAG_MAX; i++)
        used += (size_t)snprintf(want + used, sizeof want - used, "f:%d:1: wrong\n", i);
    snprintf(want + used, sizeof want - used, "... and 5 more\n");
    expect_printed(want);
}

Test(diag, a_list_that_fills_the_record_says_how_many_are_left_out)
{
    err e = {0};
    for (int i = 1; i <= DIAG_MAX; i++) diag_report(&d, "f", i, 1, "%0300d", 0);
    cr_expect(diag_list(&d, &e) == ERR_INPUT);
    int whole = 0;
    for (const char *p = e.msg; (p = strstr(p, "f:")); p++) whole++;
    char want[40];
    snprintf(want, sizeof want, "\n... and %d more", DIAG_MAX - whole);
    cr_expect(whole == 6, "%d messages of 307 bytes in %zu", whole, sizeof e.msg);
    cr_expect(strcmp(e.msg + strlen(e.msg) - strlen(want), want) == 0, "%s", e.msg);
}

Test(diag, a_first_message_too_long_for_the_record_is_cut)
{
    char name[3000];
    err e = {0};
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    diag_report(&d, name, 1, 1, "wrong");
    cr_expect(diag_list(&d, &e) == ERR_INPUT);
    cr_expect(strlen(e.msg) > 1900 && strspn(e.msg, "n") == strlen(e.msg));
}

Test(diag, messages_without_memory_are_still_an_error)
{
    arena none;
    err e = {0};
    arena_init(&none, 1);
    diag_init(&d, &none);
    diag_report(&d, "f", 1, 1, "wrong");
    cr_expect(diag_status(&d, &e) == ERR_MEM);
    EXPECT_TEXT(e.msg, "out of memory for 1 messages");
    e = (err){0};
    cr_expect(diag_list(&d, &e) == ERR_MEM);
    expect_printed("... and 1 more\n");
}

Test(diag, suggestions_are_near_or_share_a_beginning)
{
    static const char *const words[] = {"epochs",        "batch", "alpha", "T_mae",
                                        "learning_rate", "a",     "mae"};
    static const struct {
        const char *word, *meant;
    } cases[] = {{"epoch", "epochs"},
                 {"epohcs", "epochs"},
                 {"bacth", "batch"},
                 {"Alpha", "alpha"},
                 {"T_MAE", NULL},
                 {"learning", "learning_rate"},
                 {"learn", "learning_rate"},
                 {"lea", NULL},
                 {"xyz", NULL},
                 {"b", NULL},
                 {"", NULL},
                 {"T_ma", "T_mae"},
                 {"mea", "mae"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = diag_did_you_mean(cases[i].word, words, sizeof words / sizeof *words);
        const char *want = cases[i].meant;
        cr_expect(got == want || (got && want && strcmp(got, want) == 0), "%s: %s instead of %s",
                  cases[i].word, got ? got : "nothing", want ? want : "nothing");
    }
    cr_expect(diag_did_you_mean("x", NULL, 0) == NULL);
}

Test(diag, very_long_words_are_no_problem)
{
    char word[5000];
    const char *words[] = {word};
    memset(word, 'w', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    cr_expect(diag_did_you_mean("wx", words, 1) == NULL);
    cr_expect(diag_did_you_mean(word, words, 1) == word);
}

#include "search/cmd_verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "engine/base/log.h"
#include "search/crew.h"
#include "search/progress.h"
#include "search/verify.h"

enum { EXIT_DIFFERS = 1, EXIT_INTERRUPTED = 130 };

static struct {
    const char *format, *data, *scratch;
    int workers;
    bool all_picks, quiet;
} given = {.format = "table", .workers = 1};

static const opt options[] = {
    {"all-picks", 'a', OPT_FLAG, NULL, "the pick or closest miss of every version", 0, 0,
     &given.all_picks},
    {"data", 0, OPT_STRING, "DIR",
     "folder that data.file is relative to; without it $PARETUNE_DATA, else data", 0, 0,
     &given.data},
    {"workers", 'j', OPT_INT, "N", "worker processes", 1, CREW_MAX, &given.workers},
    {"scratch", 0, OPT_STRING, "DIR",
     "build in this folder, which must be new or empty, and leave it; standard: a temporary one", 0,
     0, &given.scratch},
    {"quiet", 'q', OPT_FLAG, NULL, "no progress, only the result", 0, 0, &given.quiet},
    {"format", 0, OPT_STRING, "FORMAT", "table, csv or json", 0, 0, &given.format},
    {0},
};

static const opt_spec spec = {
    .name = "verify",
    .args = "DB [TRIAL...]",
    .summary = "build a trial again from its provenance and compare bits",
    .details =
        "Reads the space back from the database, builds every stage of the trial in an empty "
        "folder\n"
        "and compares keys, hashes of artifacts and metrics, bit for bit: of the data, of every "
        "part\n"
        "of the training, of the .tflite file, of its scores. The study is not changed and its\n"
        "artifacts are not read. What measures time is left out: a time is a fact of a moment.\n"
        "\n"
        "Equal bits are promised for the same program on a machine of the same kind. Where they\n"
        "differ the first stage that does is named, and what was another then: the version, the\n"
        "compiler, the CPU and its kernels. Exit status: 0 equal, 1 different, 130 interrupted.",
    .examples = "  paretune verify demo.db 38\n"
                "  paretune verify hw1.db --all-picks --workers 2",
    .args_min = 1,
    .args_max = 100,
    .options = options,
};

static status parse_numbers(char **text, int n, int64_t *out, err *e)
{
    for (int i = 0; i < n; i++) {
        char *end;
        errno = 0;
        long long v = strtoll(text[i], &end, 10);
        if (errno || end == text[i] || *end || v < 1)
            return FAIL(e, ERR_INPUT, "'%s' is not the number of a trial", text[i]);
        out[i] = v;
    }
    return OK;
}

static status add_picks(store *s, arena *a, int64_t *list, int most, int *n, err *e)
{
    picks all;
    TRY(picks_read(s, a, &all, e));
    for (int i = 0; i < all.n && *n < most; i++) {
        bool known = all.pick[i].trial == 0;
        for (int k = 0; k < *n; k++) known |= list[k] == all.pick[i].trial;
        if (!known) list[(*n)++] = all.pick[i].trial;
    }
    return OK;
}

static status choose(store *s, char **numbers, int n_numbers, arena *a, verify_options *o, err *e)
{
    enum { MOST = 200 };
    int64_t *list = ARENA_NEW(a, int64_t, MOST);
    if (!list) return FAIL(e, ERR_MEM, "out of memory");
    TRY(parse_numbers(numbers, n_numbers, list, e));
    o->n_trials = n_numbers;
    o->trial = list;
    if (given.all_picks) TRY(add_picks(s, a, list, MOST, &o->n_trials, e));
    if (o->n_trials > 0) return OK;
    return given.all_picks ? FAIL(e, ERR_INPUT, "no version has a pick or a closest miss yet")
                           : FAIL(e, ERR_INPUT, "give the number of a trial, or --all-picks");
}

/* --- the result --- */

static const char *outcome_text(const verify_row *r)
{
    return r->outcome == VERIFY_SAME    ? "same bits"
           : r->outcome == VERIFY_TIMES ? "times, not compared"
                                        : "differs";
}

static status list(const verify_report *r, bool for_people, arena *a, table *t, err *e)
{
    static const char *const columns[] = {"trial", "stage", "key", "result", "how", "why"};
    const int n = for_people ? 4 : 6;
    TRY(table_init(t, a, n, e));
    for (int i = 0; i < n; i++) table_column(t, i, columns[i], NULL);
    for (int i = 0; i < r->n; i++) {
        const verify_row *row = &r->row[i];
        cell *c = table_row(t);
        const char *key = for_people ? arena_printf(a, "%.8s", row->key.text) : row->key.text;
        if (!c || !key) return FAIL(e, ERR_MEM, "out of memory");
        c[0] = cell_number((double)row->trial);
        c[1] = cell_text(row->kind);
        c[2] = cell_text(key);
        c[3] = cell_text(outcome_text(row));
        if (for_people) continue;
        c[4] = cell_text(row->how);
        c[5] = cell_text(row->why);
    }
    return OK;
}

/* What came first is the cause of what differs behind it. */
static void say(const verify_report *r)
{
    int64_t told = 0;
    putchar('\n');
    for (int i = 0; i < r->n; i++) {
        const verify_row *row = &r->row[i];
        if (row->outcome != VERIFY_DIFFERS || row->trial == told) continue;
        told = row->trial;
        printf("trial %lld differs first in its %s stage %.8s: %s\n", (long long)row->trial,
               row->kind, row->key.text, row->how);
        if (row->why[0]) printf("    %s\n", row->why);
    }
    if (r->n_different == 0) printf("every stage has the bits that the study recorded\n");
}

static status show(const verify_report *r, table_format format, arena *a, err *e)
{
    table t;
    TRY(list(r, format == FORMAT_TABLE, a, &t, e));
    TRY(table_print(&t, format, stdout, e));
    if (format == FORMAT_TABLE) say(r);
    return OK;
}

static status verify(store *s, char **numbers, int n_numbers, table_format format, arena *a,
                     int *code, err *e)
{
    const char *data = given.data ? given.data : getenv("PARETUNE_DATA");
    verify_options o = {.study = s, .n_workers = given.workers, .scratch = given.scratch};
    progress shown;
    verify_report r;
    char *temporary = NULL;
    o.data = data && *data ? data : NULL;
    o.watch = progress_watch;
    o.watch_user = &shown;
    TRY(choose(s, numbers, n_numbers, a, &o, e));
    if (!given.scratch) {
        TRY(file_make_scratch(a, &temporary, e));
        o.scratch = temporary;
    }
    if (given.quiet) log_set_level(LOG_QUIET);
    progress_open(&shown, progress_choose(false, given.quiet), NULL);
    status st = verify_trials(&o, a, &r, e);
    progress_close(&shown);
    if (temporary) file_remove_folder(temporary);
    TRY(st);
    *code = r.interrupted ? EXIT_INTERRUPTED : r.n_different > 0 ? EXIT_DIFFERS : 0;
    return r.interrupted ? OK : show(&r, format, a, e);
}

/* New, or empty. */
static status prepare_scratch(err *e)
{
    if (!given.scratch) return OK;
    TRY(file_make_folder(given.scratch, e));
    if (rmdir(given.scratch) != 0)
        return FAIL(e, ERR_INPUT, "--scratch %s: %s", given.scratch,
                    errno == ENOTEMPTY || errno == EEXIST ? "must be new or empty"
                                                          : strerror(errno));
    return file_make_folder(given.scratch, e);
}

static status run(int n, char **argv, int *code, err *e)
{
    arena a;
    store *s;
    table_format format;
    TRY(table_format_parse(given.format, &format, e));
    TRY(store_open(argv[0], STORE_READ, &s, e));
    arena_init(&a, 0);
    status st = prepare_scratch(e);
    if (st == OK) st = verify(s, argv + 1, n - 1, format, &a, code, e);
    arena_free(&a);
    store_close(s);
    return st;
}

const command cmd_verify = {&spec, run, false};

#include "search/cmd_gc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "engine/base/quantity.h"
#include "search/sweep.h"

static struct {
    const char *format, *keep, *artifacts;
    bool dry, orphans;
} given = {.format = "table", .keep = "all"};

static const opt options[] = {
    {"keep", 'k', OPT_STRING, "WHAT",
     "models to keep: all, or a list of front, picks and numbers of trials", 0, 0, &given.keep},
    {"dry-run", 'n', OPT_FLAG, NULL, "remove nothing, say what would go", 0, 0, &given.dry},
    {"artifacts", 0, OPT_STRING, "DIR",
     "folder of artifacts, where it is another one than the last run's", 0, 0, &given.artifacts},
    {"orphans", 0, OPT_FLAG, NULL,
     "remove artifacts that this study does not know also from a folder that was given to run with "
     "--artifacts, which another study may use",
     0, 0, &given.orphans},
    {"format", 0, OPT_STRING, "FORMAT", "table, csv or json", 0, 0, &given.format},
    {0},
};

static const opt_spec spec = {
    .name = "gc",
    .args = "DB",
    .summary = "remove artifacts that nobody needs",
    .details =
        "Removes datasets and checkpoints of finished trials, models of trials that are not to be\n"
        "kept, artifacts that the study does not know, and what killed workers left half written.\n"
        "What unfinished and failed trials are built from stays. The database keeps every result:\n"
        "figures, curves and hashes stay, and anything removed can be built again bit for bit.\n"
        "\n"
        "That costs time: a later run builds what new trials share with finished ones, and with\n"
        "--keep front,picks a later run of the same space trains anew whatever has no model "
        "left.\n"
        "\n"
        "A study that is being run is refused. In the folder of artifacts nothing is touched but\n"
        "regular files named as artifacts are; links are not followed.",
    .examples = "  paretune gc hw1.db --dry-run\n"
                "  paretune gc hw1.db --keep front,picks",
    .args_min = 1,
    .args_max = 1,
    .options = options,
};

/* "front,picks,12" */
static status parse_keep(const char *text, arena *a, store_keep *out, err *e)
{
    int64_t *trial = ARENA_NEW(a, int64_t, strlen(text) + 1);
    if (!trial) return FAIL(e, ERR_MEM, "out of memory");
    *out = (store_keep){.trial = trial};
    for (const char *p = text; *p;) {
        const size_t n = strcspn(p, ",");
        char *end;
        errno = 0;
        const long long number = strtoll(p, &end, 10);
        if (n == 3 && memcmp(p, "all", n) == 0)
            out->all = true;
        else if (n == 5 && memcmp(p, "front", n) == 0)
            out->front = true;
        else if (n == 5 && memcmp(p, "picks", n) == 0)
            out->picks = true;
        else if (n > 0 && end == p + n && number > 0 && !errno)
            trial[out->n++] = number;
        else
            return FAIL(e, ERR_INPUT,
                        "--keep: '%.*s' is not all, front, picks or the number of a trial", (int)n,
                        p);
        p += n + (p[n] == ',');
    }
    return *text ? OK : FAIL(e, ERR_INPUT, "--keep: say all, front, picks or numbers of trials");
}

static status add_row(table *t, const char *what, int files, uint64_t bytes, bool goes, arena *a,
                      err *e)
{
    char shown[40];
    if (files == 0) return OK;
    cell *c = table_row(t);
    if (!c) return FAIL(e, ERR_MEM, "out of memory");
    quantity_format((double)bytes, "B", shown, sizeof shown);
    c[0] = cell_text(what);
    c[1] = cell_number(files);
    c[2] = cell_shown((double)bytes, arena_string(a, shown));
    c[3] = cell_text(!goes ? "kept" : given.dry ? "would go" : "removed");
    return OK;
}

static status list(const sweep_report *r, bool orphans, arena *a, table *t, err *e)
{
    static const char *const columns[] = {"artifacts", "files", "bytes", "action"};
    static const char *const kinds[N_STAGE_KINDS] = {
        "datasets not needed",     "checkpoints not needed",   "models not to be kept",
        "scores not to be kept",   "latencies not to be kept", "device times not to be kept",
        "gradings not to be kept",
    };
    TRY(table_init(t, a, 4, e));
    for (int i = 0; i < 4; i++) table_column(t, i, columns[i], NULL);
    for (int k = 0; k < N_STAGE_KINDS; k++)
        TRY(add_row(t, kinds[k], r->needless_files[k], r->needless_bytes[k], true, a, e));
    TRY(add_row(t, "unknown to the study", r->files[SWEEP_ORPHAN], r->bytes[SWEEP_ORPHAN], orphans,
                a, e));
    TRY(add_row(t, "half written", r->files[SWEEP_LEFTOVER], r->bytes[SWEEP_LEFTOVER], true, a, e));
    TRY(add_row(t, "being written", r->files[SWEEP_BUSY], r->bytes[SWEEP_BUSY], false, a, e));
    TRY(add_row(t, "needed", r->files[SWEEP_KEPT], r->bytes[SWEEP_KEPT], false, a, e));
    return add_row(t, "not paretune's", r->files[SWEEP_FOREIGN], r->bytes[SWEEP_FOREIGN], false, a,
                   e);
}

static void say(const sweep_report *r, const char *folder, bool orphans)
{
    char freed[40];
    quantity_format((double)r->freed, "B", freed, sizeof freed);
    printf("\n%s: %s %s\n", folder, freed, given.dry ? "would be freed" : "freed");
    if (!orphans && r->files[SWEEP_ORPHAN] > 0)
        printf("the folder was given to a run by hand and may serve another study: what this one "
               "does not know was left; --orphans includes it\n");
    if (r->needless_files[STAGE_EXPORT] > 0)
        printf("a later run of the space builds the %d model%s without a file again; 'query', "
               "'report' and the like need none\n",
               r->needless_files[STAGE_EXPORT], r->needless_files[STAGE_EXPORT] == 1 ? "" : "s");
}

static status collect(store *s, table_format format, arena *a, err *e)
{
    store_keep keep;
    sweep_report r;
    table t;
    sweep_options o = {.orphans = given.orphans || !store_artifacts_are_shared(s),
                       .dry = given.dry};
    const char *folder = given.artifacts ? given.artifacts : store_artifacts(s, a);
    if (!folder) return FAIL(e, ERR_MEM, "out of memory");
    if (given.artifacts) o.orphans = given.orphans;
    TRY(parse_keep(given.keep, a, &keep, e));
    TRY(store_needed(s, &keep, a, &o.n, &o.artifact, e));
    status swept = sweep_folder(folder, &o, &r, e);
    TRY(list(&r, o.orphans, a, &t, e));
    if (swept == OK) swept = table_print(&t, format, stdout, e);
    if (swept == OK && format == FORMAT_TABLE) say(&r, folder, o.orphans);
    return swept;
}

/* The lock keeps a run from starting meanwhile; a dry run may look on while one is on. */
static status run(int n, char **argv, int *code, err *e)
{
    (void)n, (void)code;
    arena a;
    store *s;
    table_format format;
    TRY(table_format_parse(given.format, &format, e));
    if (!file_exists(argv[0])) return FAIL(e, ERR_INPUT, "%s: no such study", argv[0]);
    TRY(store_open(argv[0], given.dry ? STORE_READ : STORE_WRITE, &s, e));
    arena_init(&a, 0);
    status st = collect(s, format, &a, e);
    arena_free(&a);
    store_close(s);
    return st;
}

const command cmd_gc = {&spec, run, false};

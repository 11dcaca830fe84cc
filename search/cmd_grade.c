#include "search/cmd_grade.h"

#include "engine/base/file.h"
#include "engine/base/log.h"
#include "search/crew.h"
#include "search/grade.h"
#include "search/space_args.h"

#include <string.h>
#include <unistd.h>

enum { EXIT_NOT_ALL = 3 };

static space_args args;
static const char *space_path, *format_word = "table";
static bool csv, json;
static grade_options given = {.seconds = 60};

static const opt options[] = {
    {"space", 's', OPT_STRING, "SPACE.yaml", "whose data and limits the files are judged by", 0, 0,
     &space_path},
    SPACE_OPTIONS(args),
    {"labels", 0, OPT_STRING, "WORDS",
     "the words that the files' outputs stand for, in order, with commas; without it data.words", 0,
     0, &given.labels},
    {"mean", 0, OPT_STRING, "T,RH",
     "with --std: what forecasting files expect their inputs normalised by, such as 9.1,75.9; "
     "without "
     "them the training part's (0,0 and 1,1: not at all)",
     0, 0, &given.mean},
    {"std", 0, OPT_STRING, "T,RH", "see --mean", 0, 0, &given.std},
    {"latency", 0, OPT_STRING, "PROTOCOL",
     "measure latency on this machine by protocol 2020 or 2024; without it as the space says", 0, 0,
     &given.protocol},
    {"time-limit", 0, OPT_DOUBLE, "SECONDS", "for each of the passes over a file", 0.1, 86400,
     &given.seconds},
    {"workers", 'j', OPT_INT, "N", "worker processes; 0 means one for each core", 0, CREW_MAX,
     &given.n_workers},
    {"artifacts", 0, OPT_STRING, "DIR",
     "folder of prepared examples, which later gradings and runs find again (default: "
     "SPACE.artifacts "
     "here)",
     0, 0, &given.artifacts},
    {"format", 0, OPT_STRING, "FORMAT", "table, csv or json", 0, 0, &format_word},
    {"csv", 0, OPT_FLAG, NULL, "short for --format csv", 0, 0, &csv},
    {"json", 0, OPT_FLAG, NULL, "short for --format json", 0, 0, &json},
    {"quiet", 'q', OPT_FLAG, NULL, "no progress, only the result", 0, 0, &given.is_quiet},
    {0},
};

static const opt_spec spec = {
    .name = "grade",
    .args = "FILE|FOLDER...",
    .summary = "judge .tflite files of other people by a space's data and limits",
    .details =
        "For each file, flat, zlib or zip, or all of a folder: errors or accuracy on the "
        "validation\n"
        "and the test part of the space's data, sizes, parameters, multiply-adds, latency, and "
        "for\n"
        "each version of the space whether its limits are met on test figures, by what margin, "
        "and\n"
        "which limit binds. The size counts as the space packs files; a file that came packed that "
        "way\n"
        "counts as it came.\n"
        "\n"
        "How the features of a keyword model are made is taken from the file's metadata "
        "(paretune's\n"
        "exports carry it), else it is the front end of the space that fits the file's input; "
        "where\n"
        "several do, --set data.KEY=VALUE decides.\n"
        "\n"
        "Files are not trusted: each is read and run in a worker process with limits of time and\n"
        "memory. One that cannot be graded gets a row with the reason. Exit status: 0 all were "
        "graded,\n"
        "2 a mistake in the space or the options, 3 some could not be graded.",
    .examples =
        "  paretune grade submissions/ --space spaces/hw2-2020-forecast.yaml\n"
        "  paretune grade a.tflite b.tflite.zlib --space words.yaml --csv > grades.csv\n"
        "  paretune grade g1.tflite --space words.yaml --set data.rate=8000 --labels no,yes",
    .args_min = 1,
    .args_max = 10000,
    .options = options,
};

static status choose_folder(arena *a, err *e)
{
    if (given.artifacts) return file_make_folder(given.artifacts, e);
    const char *name = file_name(space_path), *dot = strrchr(name, '.');
    given.artifacts =
        arena_printf(a, "%.*s.artifacts", (int)(dot ? (size_t)(dot - name) : strlen(name)), name);
    return given.artifacts ? file_make_folder(given.artifacts, e)
                           : FAIL(e, ERR_MEM, "out of memory");
}

static status print(const grade *g, table_format format, int *code, err *e)
{
    table t;
    int n_failed;
    TRY(grade_table(g, format == FORMAT_TABLE, &t, &n_failed, e));
    TRY(table_print(&t, format, stdout, e));
    if (n_failed > 0) *code = EXIT_NOT_ALL;
    if (n_failed > 0 && !given.is_quiet)
        log_say("grade", "%d of %d files could not be graded; their notes say why", n_failed, g->n);
    return OK;
}

static status grade_all(int n, char **argv, arena *a, int *code, err *e)
{
    space *s;
    plan *p;
    table_format format;
    TRY(table_format_parse(csv ? "csv" : json ? "json" : format_word, &format, e));
    TRY(space_args_read(&args, space_path, a, &s, e));
    TRY(plan_make(s, a, &p, e));
    TRY(choose_folder(a, e));
    if (given.n_workers == 0) {
        const long cores = sysconf(_SC_NPROCESSORS_ONLN);
        given.n_workers = cores < 1 ? 1 : cores > CREW_MAX ? CREW_MAX : (int)cores;
    }
    grade g = {.s = s, .p = p, .a = a, .o = &given};
    TRY(grade_find(&g, argv, n, e));
    TRY(grade_run(&g, e));
    return print(&g, format, code, e);
}

static status run(int n, char **argv, int *code, err *e)
{
    arena a;
    if (!space_path) return FAIL(e, ERR_INPUT, "say by which space: --space SPACE.yaml");
    arena_init(&a, 0);
    log_set_level(given.is_quiet ? LOG_QUIET : LOG_NORMAL);
    const status s = grade_all(n, argv, &a, code, e);
    arena_free(&a);
    return s;
}

const command cmd_grade = {&spec, run, false};

/* paretune, the whole of it. */
#include "program.h"

#include "engine/base/completion.h"
#include "engine/measure/cmd_bench.h"
#include "engine/measure/cmd_device.h"
#include "engine/tflite/cmd_inspect.h"
#include "engine/tflite/cmd_invoke.h"
#include "report/cmd_report.h"
#include "report/cmd_serve.h"
#include "report/cmd_top.h"
#include "search/cmd_check.h"
#include "search/cmd_export.h"
#include "search/cmd_gc.h"
#include "search/cmd_grade.h"
#include "search/cmd_plan.h"
#include "search/cmd_replay.h"
#include "search/cmd_run.h"
#include "search/cmd_status.h"
#include "search/cmd_verify.h"
#include "search/cmd_worker.h"
#include "store/cmd_compare.h"
#include "store/cmd_explain.h"
#include "store/cmd_front.h"
#include "store/cmd_importance.h"
#include "store/cmd_pick.h"
#include "store/cmd_query.h"
#include "store/cmd_retry.h"
#include "store/cmd_sql.h"
#include "store/cmd_why_not.h"

#include "search/sampler.h"

#include <stdio.h>
#include <string.h>

static const command cmd_completion;

static const command *const commands[] = {
    &cmd_run,    &cmd_check,      &cmd_plan,    &cmd_query,   &cmd_sql,        &cmd_front,
    &cmd_pick,   &cmd_why_not,    &cmd_explain, &cmd_compare, &cmd_importance, &cmd_report,
    &cmd_serve,  &cmd_export,     &cmd_grade,   &cmd_status,  &cmd_top,        &cmd_retry,
    &cmd_gc,     &cmd_verify,     &cmd_replay,  &cmd_inspect, &cmd_invoke,     &cmd_bench,
    &cmd_device, &cmd_completion, &cmd_worker,  NULL,
};

/* --- completion: here, where the table of commands is --- */

static const opt no_options[] = {{0}};

static const opt_spec completion_spec = {
    .name = "completion",
    .args = "bash|zsh",
    .summary = "print a completion script for a shell",
    .details = "Completes commands, options, values that are one of a few words, files by their "
               "ending, and,\n"
               "where a study stands on the command line, its versions, metrics and columns. 'make "
               "install'\n"
               "puts the scripts where both shells look for them.",
    .examples = "  . <(paretune completion bash)          # in ~/.bashrc\n"
                "  paretune completion zsh > ~/.zfunc/_paretune",
    .args_min = 1,
    .args_max = 1,
    .options = no_options,
};

static const char versions[] = "SELECT version FROM verdicts ORDER BY version";
static const char metrics[] = "SELECT name FROM metrics ORDER BY id";
static const char columns[] =
    "SELECT name FROM knobs WHERE space_id = (SELECT space_id FROM runs ORDER BY id DESC LIMIT 1)"
    " UNION SELECT name FROM metrics";

static status print_completion(int n, char **argv, int *code, err *e)
{
    char methods[200] = "grid";
    (void)n, (void)code;
    for (const sampler_row *row = sampler_rows(); row->name; row++) {
        const size_t used = strlen(methods);
        snprintf(methods + used, sizeof methods - used, " %s", row->name);
    }
    const completion_rule rules[] = {
        {.arg = "FORMAT", .words = "table csv json"},
        {.arg = "STATE", .words = "ready running done stopped failed timeout all"},
        {.arg = "METHOD", .words = methods},
        {.arg = "AIM", .words = "front versions", .sql = versions},
        {.arg = "VERSION", .sql = versions},
        {.arg = "METRIC", .sql = metrics},
        {.arg = "COLUMN", .words = "trial seed state", .sql = columns},
        {.arg = "A,B,...", .words = "all trial seed state", .sql = columns, .is_list = true},
        {.arg = "NAME", .command = "pick", .sql = versions},
        {.arg = "NAME", .command = "why-not", .sql = versions},
        {.arg = "NAME", .command = "replay", .words = methods},
        {.arg = "RULE", .command = "pick", .words = "margin smallest fastest most-accurate knee"},
        {.arg = "RULE", .command = "replay", .words = "none dominance asha hyperband"},
        {.arg = "PART",
         .command = "why-not",
         .words = "summary limits closest steps knobs untried"},
        {.arg = "PART",
         .command = "explain",
         .words = "trial figures versions size container latency timing classes confusion steps "
                  "curve stages runs"},
        {.arg = "PART", .command = "compare", .words = "rows dominance seeds"},
        {.arg = "PROTOCOL", .words = "2020 2024"},
        {.arg = "WHAT", .words = "all front picks", .is_list = true},
        {0},
    };
    return completion_print(argv[0], this_program.name, commands, rules, stdout, e);
}

static const command cmd_completion = {&completion_spec, print_completion, false};

const program this_program = {
    .name = "paretune",
    .purpose = "find the models nobody can beat on accuracy, size and latency at once",
    .start = "make demo",
    .command = commands,
};

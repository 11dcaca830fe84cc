#include "search/cmd_worker.h"

#include "search/worker.h"

static status run(int n, char **argv, int *code, err *e)
{
    (void)n, (void)argv, (void)code;
    return worker_main(stage_run, e);
}

static const opt options[] = {{0}};

static const opt_spec spec = {
    .name = "worker",
    .args = "",
    .summary = "build stages that come in on standard input (started by run)",
    .details = "Reads frames of jobs on standard input and writes frames of replies on standard\n"
               "output until the input ends. The format is described in search/wire.c.",
    .options = options,
};

const command cmd_worker = {&spec, run, true};

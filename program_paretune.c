/* paretune, the whole of it. */
#include "program.h"

#include "engine/measure/cmd_bench.h"
#include "engine/measure/cmd_device.h"
#include "engine/tflite/cmd_inspect.h"
#include "engine/tflite/cmd_invoke.h"
#include "report/cmd_report.h"
#include "report/cmd_serve.h"
#include "search/cmd_check.h"
#include "search/cmd_export.h"
#include "search/cmd_grade.h"
#include "search/cmd_plan.h"
#include "search/cmd_replay.h"
#include "search/cmd_run.h"
#include "search/cmd_status.h"
#include "search/cmd_worker.h"
#include "store/cmd_importance.h"
#include "store/cmd_query.h"
#include "store/cmd_sql.h"

#include <stddef.h>

static const command *const commands[] = {
    &cmd_run,     &cmd_check,  &cmd_plan,   &cmd_query,  &cmd_sql,    &cmd_importance,
    &cmd_report,  &cmd_serve,  &cmd_export, &cmd_grade,  &cmd_status, &cmd_replay,
    &cmd_inspect, &cmd_invoke, &cmd_bench,  &cmd_device, &cmd_worker, NULL,
};

const program this_program = {
    .name = "paretune",
    .purpose = "find the models nobody can beat on accuracy, size and latency at once",
    .start = "make demo",
    .command = commands,
};

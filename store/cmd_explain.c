#include "store/cmd_explain.h"

#include "store/ask.h"
#include "store/explain.h"

static const char *format = "table", *part;

static const opt options[] = {
    {"part", 0, OPT_STRING, "PART",
     "only this table: trial, figures, versions, size, container, latency, timing, classes, "
     "confusion, steps, curve, stages or runs (csv: size unless said)",
     0, 0, &part},
    {"format", 0, OPT_STRING, "FORMAT", "table, csv or json", 0, 0, &format},
    {0},
};

static const opt_spec spec = {
    .name = "explain",
    .args = "DB TRIAL",
    .summary = "show where a trial's bytes, milliseconds and errors are, and what built it",
    .details =
        "From what its stages recorded: the bytes of every tensor and of the file's container, "
        "flat\n"
        "and as they are in the packed file (packed) or when packed alone (zlib_alone); time "
        "before\n"
        "and in the network, measured or modelled; of words how many are found and which others\n"
        "are heard (the confusion matrix), of forecasts the error of each step; the learning "
        "curve;\n"
        "and the stages, runs and machine that made it. Nothing is computed anew: the file's\n"
        "operators and a layer's own figures are shown by 'paretune inspect'.",
    .examples = "  paretune explain hw2.db 92\n"
                "  paretune explain hw1.db 17 --part confusion --format csv > confusion.csv\n"
                "  paretune explain hw1.db 17 --format json",
    .args_min = 2,
    .args_max = 2,
    .options = options,
};

static status show(store *s, int n, char **argv, arena *a, int *code, err *e)
{
    store_space space;
    table_format form;
    explained x;
    int64_t trial;
    answer w = {.a = a};
    (void)n, (void)code;
    TRY(table_format_parse(format, &form, e));
    TRY(store_last_space(s, a, &space, e));
    TRY(ask_trial(s, argv[1], &trial, e));
    TRY(explain_read(s, &space, trial, a, &x, e));
    TRY(explain_trial(&x, &w, e));
    TRY(explain_size(&x, &w, e));
    TRY(explain_latency(&x, &w, e));
    TRY(explain_words(&x, &w, e));
    TRY(explain_forecast(&x, &w, e));
    TRY(explain_curve(&x, &w, e));
    TRY(explain_stages(&x, &w, e));
    return answer_print(&w, form, part ? part : form == FORMAT_CSV ? "size" : NULL, stdout, e);
}

static status run(int n, char **argv, int *code, err *e)
{
    return ask_run(show, n, argv, code, e);
}

const command cmd_explain = {.spec = &spec, .run = run};

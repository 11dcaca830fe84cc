#include "store/cmd_compare.h"

#include "store/ask.h"
#include "store/compare.h"

static const char *format = "table", *part;

static const opt options[] = {
    {"part", 0, OPT_STRING, "PART",
     "only this table: rows, dominance or seeds (csv: rows unless said)", 0, 0, &part},
    {"format", 0, OPT_STRING, "FORMAT", "table, csv or json", 0, 0, &format},
    {0},
};

static const opt_spec spec = {
    .name = "compare",
    .args = "DB TRIAL TRIAL ...",
    .summary = "show trials side by side, what differs and who dominates whom",
    .details =
        "Knobs, figures and the least room under each version's limits; 'best' names the trials\n"
        "with the best figure. What is equal is left out (csv and json have all of it, a row for\n"
        "each trial). Dominance is under the study's objectives, by validation figures. Where\n"
        "the configurations of two trials were trained with common seeds, their figures are\n"
        "compared seed by seed: an interval that holds 0 means that the difference may be luck.",
    .examples = "  paretune compare hw2.db 92 44\n"
                "  paretune compare hw1.db 3 17 40 --format csv",
    .args_min = 3,
    .args_max = 1 + COMPARE_MOST,
    .options = options,
};

static status show(store *s, int n, char **argv, arena *a, int *code, err *e)
{
    store_space space;
    table_format form;
    int64_t trial[COMPARE_MOST];
    answer w = {.a = a};
    const int n_trials = n - 1; /* behind the study */
    (void)code;
    TRY(table_format_parse(format, &form, e));
    TRY(store_last_space(s, a, &space, e));
    for (int i = 0; i < n_trials; i++) {
        TRY(ask_trial(s, argv[i + 1], &trial[i], e));
        for (int k = 0; k < i; k++)
            if (trial[k] == trial[i])
                return FAIL(e, ERR_INPUT, "trial %s is named twice", argv[i + 1]);
    }
    TRY(compare_trials(s, &space, trial, n_trials, &w, e));
    return answer_print(&w, form, part ? part : form == FORMAT_CSV ? "rows" : NULL, stdout, e);
}

static status run(int n, char **argv, int *code, err *e)
{
    return ask_run(show, n, argv, code, e);
}

const command cmd_compare = {.spec = &spec, .run = run};

#include "report/cmd_report.h"
#include "engine/base/quantity.h"
#include "report/figure_curves.h"
#include "report/figure_front.h"
#include "report/figure_importance.h"
#include "report/figure_progress.h"
#include "report/figure_sizes.h"
#include "report/job.h"
#include "report/output_strategies.h"
#include "report/output_tables.h"
#include "report/page_file.h"
#include "report/volume.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *out_folder, *x_metric, *y_metric, *width = "2", *filter;
static bool strategies_only, png, latex, markdown, json, untitled;
static bool as_page;

static const opt options[] = {
    {"out", 'o', OPT_STRING, "DIR",
     "folder for the files (default: report-NAME for NAME.db); with --html a folder or a file "
     "that ends in .html",
     0, 0, &out_folder},
    {"html", 0, OPT_FLAG, NULL, "write one interactive page, NAME.html, in place of the files", 0,
     0, &as_page},
    {"x", 'x', OPT_STRING, "METRIC", "draw one plot with this metric across (default: size)", 0, 0,
     &x_metric},
    {"y", 'y', OPT_STRING, "METRIC", "draw one plot with this metric upwards", 0, 0, &y_metric},
    {"filter", 'f', OPT_STRING, "FILTER",
     "only these trials in front, trials, Pareto figures and strategies, as in query", 0, 0,
     &filter},
    {"strategies", 0, OPT_FLAG, NULL,
     "compare strategies instead: what each knob costs and saves, alone and together", 0, 0,
     &strategies_only},
    {"width", 'w', OPT_STRING, "WIDTH",
     "of figures: 1 (a column, 88 mm), 2 (two columns, 180 mm) or millimetres", 0, 0, &width},
    {"untitled", 0, OPT_FLAG, NULL, "figures without titles, for documents with captions", 0, 0,
     &untitled},
    {"png", 0, OPT_FLAG, NULL, "figures as PNG of 300 dots per inch, too; needs librsvg", 0, 0,
     &png},
    {"latex", 0, OPT_FLAG, NULL, "tables for documents as LaTeX, too (booktabs)", 0, 0, &latex},
    {"markdown", 0, OPT_FLAG, NULL, "tables for documents as Markdown, too", 0, 0, &markdown},
    {"json", 0, OPT_FLAG, NULL, "all tables as JSON, too", 0, 0, &json},
    {0},
};

static const opt_spec spec = {
    .name = "report",
    .args = "DB",
    .summary = "write tables and figures of a study",
    .details =
        "Prints the picks: per version the trial chosen on validation figures, its test figures "
        "and\n"
        "the margin to every limit, or the closest miss and the limit that binds. Writes tables "
        "and\n"
        "figures into a folder:\n"
        "\n"
        "  front, trials, picks    for programs: CSV, a column per knob and metric\n"
        "  versions                for documents: a pick's figures beside its limits\n"
        "  hyperparameters         for documents: settings of the picks, values searched\n"
        "  pareto-X-Y              each objective against size: the front, what each version\n"
        "                          allows, its pick, intervals over seeds\n"
        "  pairs, slices           three objectives or more: every pair; two in bands of a third\n"
        "  curves                  learning curves, with pruning and early stops\n"
        "  progress                the share of the box that the front dominates, by CPU time\n"
        "  importance              what each knob explains\n"
        "  sizes                   where the bytes of the picks' files are\n"
        "\n"
        "Without versions, the best trial of each objective takes the place of the picks. Figures\n"
        "are SVG, sized for one or two columns of a paper with text of 7 to 9 points.\n"
        "\n"
        "--strategies compares instead what each knob does (Laboratory 4's questions): pairs of\n"
        "trials that differ in one knob only, their mean difference in accuracy, memory and\n"
        "latency, intervals that hold for all of them at once, and in two paragraphs what follows\n"
        "from that and what does not.\n"
        "\n"
        "--html writes a page that needs no network: fronts of any two figures, limits to move,\n"
        "filters, learning curves, what each knob bought, where the picked file's bytes are, and\n"
        "provenance. 'paretune serve' shows the same of a running study.",
    .examples = "  paretune report hw2.db\n"
                "  paretune report hw2.db --html\n"
                "  paretune report hw2.db --width 1 --png --latex --out paper\n"
                "  paretune report hw2.db --x macs --y T_mae --filter 'size < 2 kB'\n"
                "  paretune report lab4.db --strategies --markdown",
    .args_min = 1,
    .args_max = 1,
    .options = options,
};

/* --- figures --- */

static status draw_one_pair(job *j, err *e)
{
    const char *x = x_metric ? x_metric : "size", *y = y_metric;
    for (int i = 0; i < j->space.n_objectives && !y; i++)
        if (strcmp(j->space.objective[i].metric, x) != 0) y = j->space.objective[i].metric;
    if (!y) return FAIL(e, ERR_INPUT, "say with --y what to draw against %s", x);
    TRY(job_check_metric(j, x, e));
    TRY(job_check_metric(j, y, e));
    return figure_front_pair(j, x, y, e);
}

static status draw_figures(job *j, err *e)
{
    static status (*const figures[])(job *, err *) = {figure_front, figure_curves, figure_progress,
                                                      figure_importance, figure_sizes};
    if (x_metric || y_metric) return draw_one_pair(j, e);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) TRY(figures[i](j, e));
    return OK;
}

/* --- all of it --- */

/* "front: 17 of 58 trials dominate 0.913 of the box T_mae 0.439 .. 12.6 °C, size 548 B .. 6.9 kB". */
static status say_front(job *j, err *e)
{
    front_volume v;
    TRY(front_volume_read(j->s, &j->space, j->a, &v, e));
    if (!isfinite(v.share)) return OK;
    buf_printf(&j->said, "front: %d of %d trials; they dominate %.3f of the box", v.n_front,
               v.n_trials, v.share);
    for (int k = 0; k < j->space.n_objectives; k++) {
        char best[32], worst[32];
        const char *metric = j->space.objective[k].metric, *unit = job_axis(j, metric).unit;
        quantity_format(v.best[k], unit, best, sizeof best);
        quantity_format(v.worst[k], unit, worst, sizeof worst);
        buf_printf(&j->said, "%s %s %s .. %s", k ? "," : "", metric, best, worst);
    }
    buf_text(&j->said, " (hypervolume)\n");
    return OK;
}

static status write_report(job *j, err *e)
{
    TRY(say_front(j, e));
    TRY(output_tables(j, e));
    TRY(draw_figures(j, e));
    if (j->picks.n == 0) return OK;
    TRY(picks_print(&j->picks, j->db, stdout, j->a, e));
    printf("\n");
    return OK;
}

static status write_page(const char *db, err *e)
{
    const char *path = NULL;
    arena a = {0};
    status s = page_write(db, out_folder, &a, &path, e);
    if (s == OK) printf("wrote %s\n", path);
    arena_free(&a);
    return s;
}

static status run(int n, char **argv, int *code, err *e)
{
    (void)n;
    (void)code;
    if (as_page) return write_page(argv[0], e);
    arena a = {0};
    job j = {.a = &a,
             .db = argv[0],
             .folder = out_folder,
             .filter = filter,
             .style = {.untitled = untitled},
             .png = png,
             .latex = latex,
             .markdown = markdown,
             .json = json};
    TRY(figure_parse_width(width, &j.style.width_mm, e));
    status s = job_open(&j, e);
    if (s == OK) s = (strategies_only ? output_strategies : write_report)(&j, e);
    if (s == OK) s = buf_check(&j.said, e);
    if (s == OK) printf("%s", j.said.data);
    job_close(&j);
    arena_free(&a);
    return s;
}

const command cmd_report = {.spec = &spec, .run = run};

/* Where a trial's milliseconds are. */
#include "store/explain.h"

#include <math.h>
#include <string.h>

enum { N_SOURCES = 3 };
static const struct {
    const char *name, *said; /* in tables, in sentences */
    const char *inference, *total;
    const char *stage; /* whose detail has the spread of runs */
} sources[N_SOURCES] = {
    {"here", "measured here", "inference_ms", "total_ms", "latency"},
    {"device", "measured on the device", "device_inference_ms", "device_total_ms", "device"},
    {"model", "modelled", "modelled_inference_ms", "modelled_total_ms", NULL},
};

/* --- before the network and in it --- */

static status put_latency(table *t, const char *source, const char *part, double ms, double total,
                          arena *a, err *e)
{
    cell *r = table_row(t);
    if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
    r[0] = cell_text(source);
    r[1] = cell_text(part);
    r[2] = answer_quantity(ms, "ms", a);
    r[3] = cell_shown(ms / total, arena_printf(a, "%.1f %%", 100 * ms / total));
    return OK;
}

/* Of clips, what comes before the network are the features, and the greater part is where to save. */
static void tell_latency(const explained *x, const char *source, double inference, double total,
                         answer *w)
{
    const double before = total - inference;
    const char *advice = "";
    if (strcmp(x->space->task, "keywords") == 0)
        advice = before > inference
                     ? " (features): a smaller network saves little, cheaper features (rate, "
                       "hop, frame) more"
                     : " (features): the network is where to save";
    answer_say(w, "Latency, %s: %s, %.1f %% of it in the network and %.1f %% before it%s.", source,
               answer_figure(total, "ms", w->a), 100 * inference / total, 100 * before / total,
               advice);
}

static status put_sources(const explained *x, answer *w, err *e)
{
    static const char *const names[] = {"source", "part", "ms", "share"};
    table *t;
    TRY(answer_add(w, "latency", NULL, ANSWER_PROGRAMS, 4, &t, e));
    for (int k = 0; k < 4; k++) table_column(t, k, names[k], NULL);
    for (int i = 0; i < N_SOURCES; i++) {
        double inference = explain_figure(x, sources[i].inference),
               total = explain_figure(x, sources[i].total);
        if (!(total > 0) || isnan(inference)) continue;
        tell_latency(x, sources[i].said, inference, total, w);
        TRY(put_latency(t, sources[i].name, "before", total - inference, total, w->a, e));
        TRY(put_latency(t, sources[i].name, "inference", inference, total, w->a, e));
        TRY(put_latency(t, sources[i].name, "total", total, total, w->a, e));
    }
    return OK;
}

/* --- the spread of runs --- */

static status put_spread(table *t, const char *source, const char *part, const node *spread,
                         arena *a, err *e)
{
    static const char *const keys[] = {"least", "median", "mean", "most", "deviation"};
    cell *r = table_row(t);
    if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
    r[0] = cell_text(source);
    r[1] = cell_text(part);
    r[2] = cell_number(explain_number(spread, "runs"));
    for (int k = 0; k < 5; k++) {
        double us = explain_number(spread, keys[k]);
        if (!isnan(us)) r[3 + k] = cell_shown(us, arena_printf(a, "%.2f", us));
    }
    return OK;
}

/* A device's own script may record no spread. */
static status put_timing(const explained *x, answer *w, err *e)
{
    static const char *const names[] = {"source",    "part",    "runs",    "least_us",
                                        "median_us", "mean_us", "most_us", "deviation_us"};
    static const char *const keys[] = {"resampling", "resampling_and_features", "inference",
                                       "total"},
                             *const parts[] = {"resampling", "features", "inference", "total"};
    table *t;
    TRY(answer_add(w, "timing", "Its runs, in microseconds:", ANSWER_BOTH, 8, &t, e));
    for (int k = 0; k < 8; k++) table_column(t, k, names[k], NULL);
    for (int i = 0; i < N_SOURCES; i++) {
        const explained_stage *g = sources[i].stage ? explain_stage(x, sources[i].stage) : NULL;
        for (int k = 0; g && g->detail && k < 4; k++) {
            const node *spread = node_get(g->detail, keys[k]);
            if (spread && spread->kind == NODE_MAP)
                TRY(put_spread(t, sources[i].name, parts[k], spread, w->a, e));
        }
    }
    return OK;
}

status explain_latency(const explained *x, answer *w, err *e)
{
    const double macs = explain_figure(x, "macs"), bytes = explain_figure(x, "arena");
    TRY(put_sources(x, w, e));
    if (!isnan(macs) && !isnan(bytes))
        answer_say(w, "One inference takes %.0f multiply-adds and %s of activation memory.", macs,
                   answer_figure(bytes, "B", w->a));
    return put_timing(x, w, e);
}

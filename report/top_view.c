#include "report/top_view.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/utf8.h"

enum { BAR = 40, PLOT_STANDARD = 16, PLOT_MOST = 30 };

typedef struct {
    const top_state *t;
    int width, height;
    int n; /* lines put */
    buf *out;
} view;

/* A line, cut to the width; blanks for control characters. */
static void put_line(view *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put_line(view *v, const char *format, ...)
{
    char text[1000];
    va_list args;
    if (v->height != TOP_NO_HEIGHT && v->n >= v->height) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *p = text;
    for (int column = 0; *p && column < v->width; column++) {
        unsigned code;
        const int n = utf8_read(p, &code);
        if (code < 0x20 || (code >= 0x7f && code < 0xa0))
            buf_char(v->out, ' ');
        else if (n == 0)
            buf_text(v->out, UTF8_REPLACEMENT);
        else
            buf_put(v->out, p, (size_t)n);
        p += n > 0 ? n : 1;
    }
    buf_char(v->out, '\n');
    v->n++;
}

/* --- the head --- */

static void put_head(view *v)
{
    const store_live *l = v->t->live;
    char time[32];
    quantity_duration(l->elapsed_seconds, time, sizeof time);
    put_line(v, "%s%s%s", v->t->db, l->title[0] ? ": " : "", l->title);
    if (l->run.ending[0])
        put_line(v, "run %lld %s after %s, %d worker%s", l->run.id, l->run.ending, time,
                 l->run.workers, l->run.workers == 1 ? "" : "s");
    else if (l->has_writer)
        put_line(v, "run %lld going on for %s, %d worker%s", l->run.id, time, l->run.workers,
                 l->run.workers == 1 ? "" : "s");
    else
        put_line(v, "run %lld was killed: run the space again to go on", l->run.id);
}

static void put_bar(view *v)
{
    const live_counts *c = &v->t->live->trials;
    const int closed = c->done + c->stopped + c->failed, all = closed + c->running + c->ready;
    const double share = all ? (double)closed / all : 0;
    const int room = v->width - 30 < BAR ? v->width - 30 : BAR;
    char bar[BAR + 3] = "";
    if (room >= 5) {
        const int full = (int)(share * room);
        bar[0] = '[';
        memset(bar + 1, '#', (size_t)full);
        memset(bar + 1 + full, '.', (size_t)(room - full));
        memcpy(bar + 1 + room, "]", 2);
    }
    put_line(v, "%s%s%d/%d trials, %.0f %%", bar, *bar ? " " : "", closed, all, 100 * share);
}

static void put_speed(view *v)
{
    const store_live *l = v->t->live;
    char text[200] = "", eta[32];
    size_t n = 0;
    quantity_duration(l->eta_seconds, eta, sizeof eta);
    if (!isnan(l->per_hour))
        n += (size_t)snprintf(text + n, sizeof text - n, "%.3g trials/%s, ",
                              l->per_hour >= 120 ? l->per_hour / 60 : l->per_hour,
                              l->per_hour >= 120 ? "min" : "h");
    if (l->has_writer) n += (size_t)snprintf(text + n, sizeof text - n, "eta %s, ", eta);
    if (l->trials.stopped)
        n += (size_t)snprintf(text + n, sizeof text - n, "%d stopped early, ", l->trials.stopped);
    snprintf(text + n, sizeof text - n, "%d failed", l->trials.failed);
    put_line(v, "%s", text);
}

/* "data 1/1  train 40/120  export 38/120", in as many lines as it takes. */
static void put_kinds(view *v)
{
    char line[400] = "";
    for (int i = 0; i < v->t->live->n_kinds; i++) {
        const live_kind *k = &v->t->live->kind[i];
        char one[80];
        const int all = k->count.done + k->count.running + k->count.ready + k->count.failed;
        snprintf(one, sizeof one, "%.20s %d/%d", k->name, k->count.done, all);
        const size_t n = strlen(line);
        if (n > 0 && n + 2 + strlen(one) > (size_t)v->width) {
            put_line(v, "%s", line);
            line[0] = '\0';
        }
        const size_t used = strlen(line);
        snprintf(line + used, sizeof line - used, "%s%s", used ? "  " : "", one);
    }
    if (line[0]) put_line(v, "%s", line);
}

/* --- the parts that may be left out --- */

static int n_running(const view *v)
{
    const store_live *l = v->t->live;
    if (!l->has_writer) return 0; /* what a killed run left behind runs no more */
    return l->n_running < LIVE_MOST_RUNNING ? l->n_running : LIVE_MOST_RUNNING;
}

static void put_running(view *v, int n)
{
    if (n <= 0) return;
    put_line(v, "%s", "");
    for (int i = 0; i < n; i++) {
        const live_stage *r = &v->t->live->running[i];
        char time[32] = "";
        if (v->t->running_seconds) quantity_duration(v->t->running_seconds[i], time, sizeof time);
        put_line(v, "%-7.12s %6s  trial %lld: %s", r->kind, time, (long long)r->trial, r->knobs);
    }
    if (v->t->live->n_running > n) put_line(v, "and %d more", v->t->live->n_running - n);
}

/* Letters, as they stand in the plot. */
static void put_versions(view *v, int n)
{
    if (n <= 0) return;
    put_line(v, "%s", "");
    for (int i = 0; i < n; i++) {
        const pick *p = &v->t->picks->pick[i];
        const pick_limit *b = p->binding >= 0 ? &p->limit[p->binding] : NULL;
        char room[80] = "";
        if (b)
            snprintf(room, sizeof room, "; %s %+.1f %%", b->metric,
                     100 * (p->kind == PICK_CLOSEST ? b->validation_margin : b->margin));
        if (p->kind == PICK_NONE)
            put_line(v, "%s: nothing yet", p->version);
        else
            put_line(v, "%s: %s trial %lld%s", p->version,
                     p->met                   ? "met by"
                     : p->kind == PICK_CHOSEN ? "passes validation, not test:"
                                              : "closest miss",
                     (long long)p->trial, room);
    }
    if (v->t->picks->n > n) put_line(v, "and %d more", v->t->picks->n - n);
}

static void put_plot(view *v, int height)
{
    put_line(v, "%s", "");
    put_line(v, "o on the front   . other trials%s", v->t->picks->n ? "   A-Z picks" : "");
    char_plot_draw(&v->t->plot, v->width, height, v->out);
    v->n += height;
}

/* Lines of a list of `n` with a blank line before and a last one for what is left out. */
static int fit_list(int n, int shown, int left)
{
    if (shown == 0) return 0;
    while (shown > 0 && 1 + shown + (shown < n) > left) shown--;
    return shown;
}

status top_compose(const top_state *t, int width, int height, buf *out, err *e)
{
    view v = {t, width < TOP_LEAST_WIDTH ? TOP_LEAST_WIDTH : width, height, 0, out};
    put_head(&v);
    put_bar(&v);
    put_speed(&v);
    put_kinds(&v);
    const bool bounded = height != TOP_NO_HEIGHT;
    int running = n_running(&v), versions = t->picks->n;
    if (bounded) versions = fit_list(t->picks->n, versions, height - v.n);
    const int behind = versions ? 1 + versions + (versions < t->picks->n) : 0;
    if (bounded) running = fit_list(t->live->n_running, running, height - v.n - behind);
    put_running(&v, running);
    put_versions(&v, versions);
    int plot = bounded ? height - v.n - 2 : PLOT_STANDARD;
    if (plot > PLOT_MOST) plot = PLOT_MOST;
    if (plot >= CHAR_PLOT_MIN_HEIGHT) put_plot(&v, plot);
    return buf_check(out, e);
}

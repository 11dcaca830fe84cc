#include "search/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/base/log.h"
#include "engine/base/quantity.h"

enum { MOST_FAILURES_TOLD = 20, MOST_DAMAGES_TOLD = 3, NARROWEST = 20 };
static const double terminal_seconds = 1, line_seconds = 30, picks_seconds = 10;

progress_style progress_choose(bool json, bool quiet)
{
    if (json) return PROGRESS_JSON;
    if (quiet) return PROGRESS_QUIET;
    return isatty(STDERR_FILENO) ? PROGRESS_TERMINAL : PROGRESS_LINES;
}

void progress_open(progress *p, progress_style style, store *results)
{
    *p = (progress){.style = style, .colour = log_colour(stderr), .results = results};
    arena_init(&p->memory, 0);
}

/* --- versions --- */

static void describe_versions(progress *p, const picks *all)
{
    size_t at = 0;
    for (int i = 0; i < all->n && at + 1 < sizeof p->versions; i++) {
        const pick *k = &all->pick[i];
        const char *verdict = k->kind == PICK_CHOSEN ? "ok"
                              : k->kind == PICK_NONE ? "-"
                                                     : "not yet";
        at += (size_t)snprintf(p->versions + at, sizeof p->versions - at, ", %s %s", k->version,
                               verdict);
    }
}

/* What the finished trials mean for each version; a glance, so a failure to read is not told. */
static void refresh_versions(progress *p, double elapsed)
{
    if (!p->results || elapsed - p->last_picks < picks_seconds) return;
    p->last_picks = elapsed;
    arena_mark_t mark = arena_mark(&p->memory);
    picks all;
    if (picks_read(p->results, &p->memory, &all, NULL) == OK) describe_versions(p, &all);
    arena_release(&p->memory, mark);
}

/* --- the line --- */

static void describe(const progress *p, const sched_event *ev, char *text, size_t n)
{
    const sched_figures *f = ev->now;
    char eta[32], stopped[40] = "", failed[40] = "";
    if (ev->kind == SCHED_PLANNED) {
        snprintf(text, n, "%d trials planned so far", f->trials);
        return;
    }
    quantity_duration(f->eta_seconds, eta, sizeof eta);
    if (f->trials_stopped)
        snprintf(stopped, sizeof stopped, ", %d stopped early", f->trials_stopped);
    if (f->trials_failed) snprintf(failed, sizeof failed, ", %d failed", f->trials_failed);
    snprintf(text, n, "%d/%lld done%s%s, %d running, stage %d/%d, eta %s%s", f->trials_done,
             (long long)f->most_trials, stopped, failed, f->running,
             f->stages_done + f->stages_failed, f->stages, eta, p->versions);
}

static int terminal_width(void)
{
    struct winsize w;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0) return 80;
    return w.ws_col < NARROWEST ? NARROWEST : w.ws_col;
}

/* Cuts UTF-8 text to so many characters, between two of them. */
static void cut(char *text, int characters)
{
    for (char *c = text; *c; c++) {
        if (((unsigned char)*c & 0xc0) == 0x80) continue;
        if (characters-- > 0) continue;
        *c = '\0';
        return;
    }
}

static void clear_line(progress *p)
{
    if (p->drawn) fputs("\r\033[K", stderr);
    p->drawn = false;
}

static void draw(progress *p, char *line)
{
    static const char who[] = "run: ";
    /* the last column would wrap on some terminals */
    cut(line, terminal_width() - (int)sizeof who);
    fprintf(stderr, "\r%s%s%s%s\033[K", who, p->colour ? "\033[1m" : "", line,
            p->colour ? "\033[0m" : "");
    fflush(stderr);
    p->drawn = true;
}

static void show(progress *p, const sched_event *ev)
{
    double now = ev->now->elapsed_seconds;
    double every = p->style == PROGRESS_TERMINAL ? terminal_seconds : line_seconds;
    bool must = ev->kind == SCHED_STARTED || ev->kind == SCHED_ENDED;
    if (!must && now - p->last_line < every) return;
    char line[PROGRESS_LINE];
    p->last_line = now;
    refresh_versions(p, now);
    describe(p, ev, line, sizeof line);
    if (p->style == PROGRESS_TERMINAL)
        draw(p, line);
    else
        log_say("run", "%s", line);
}

/* --- what is told at once --- */

static void tell_trouble(progress *p, const sched_event *ev)
{
    if (ev->kind == SCHED_STAGE_FAILED && !*p->first_failure)
        snprintf(p->first_failure, sizeof p->first_failure, "%s", ev->text);
    clear_line(p);
    if (++p->n_reported > MOST_FAILURES_TOLD) {
        if (p->n_reported == MOST_FAILURES_TOLD + 1)
            log_say("run", "further failures are not shown here; 'paretune status' lists all");
        return;
    }
    const char *red = p->colour ? "\033[31m" : "", *plain = p->colour ? "\033[0m" : "";
    const char *what = ev->kind == SCHED_STAGE_RETRY ? "is tried again" : "failed";
    log_say("run", "%s%s stage %.8s of trial %lld %s%s: %s", red, ev->stage, ev->key.text,
            (long long)ev->trial, what, plain, ev->text);
}

static void tell_start(progress *p, const sched_figures *f)
{
    clear_line(p);
    char reused[60] = "", again[60] = "", more[60] = "";
    if (f->stages_reused)
        snprintf(reused, sizeof reused, ", %d taken over from before", f->stages_reused);
    if (f->stages_again)
        snprintf(again, sizeof again, ", %d that failed are tried again", f->stages_again);
    if (f->most_trials > f->trials)
        snprintf(more, sizeof more, "at most %lld; at first ", (long long)f->most_trials);
    log_say("run", "%s%d trials; %d stages to build%s%s", more, f->trials, f->stages, reused,
            again);
}

static void tell_draining(progress *p, const sched_event *ev)
{
    bool interrupted = strcmp(ev->code, "interrupted") == 0;
    clear_line(p);
    log_say("run", "%s: waiting for %d running stage%s%s", ev->text, ev->now->running,
            ev->now->running == 1 ? "" : "s", interrupted ? "; interrupt again to stop them" : "");
}

static void tell_damage(progress *p, const char *path)
{
    if (++p->n_damaged > MOST_DAMAGES_TOLD) return;
    clear_line(p);
    log_say("run", "%s is missing or damaged: building it again", path);
}

/* What tell_damage kept back, once something else happens. */
static void tell_more_damage(progress *p)
{
    if (p->n_damaged > MOST_DAMAGES_TOLD) {
        clear_line(p);
        log_say("run", "and %d more are missing or damaged", p->n_damaged - MOST_DAMAGES_TOLD);
    }
    p->n_damaged = 0;
}

static void talk(progress *p, const sched_event *ev)
{
    if (ev->kind != SCHED_DAMAGED) tell_more_damage(p);
    switch (ev->kind) {
    case SCHED_STARTED:
        tell_start(p, ev->now);
        break;
    case SCHED_DRAINING:
        tell_draining(p, ev);
        break;
    case SCHED_STAGE_RETRY:
    case SCHED_STAGE_FAILED:
        tell_trouble(p, ev);
        break;
    case SCHED_DAMAGED:
        tell_damage(p, ev->text);
        break;
    case SCHED_STAGE_STARTED:
        log_detail("run", "%s stage %.8s of trial %lld begins", ev->stage, ev->key.text,
                   (long long)ev->trial);
        break;
    case SCHED_STAGE_DONE:
        log_detail("run", "%s stage %.8s done in %.2f s", ev->stage, ev->key.text, ev->seconds);
        break;
    case SCHED_PLANNED:
    case SCHED_STAGE_PROGRESS:
    case SCHED_TRIAL_DONE:
    case SCHED_TRIAL_STOPPED:
    case SCHED_TRIAL_FAILED:
    case SCHED_TICK:
    case SCHED_ENDED:
        break;
    }
    if (p->style != PROGRESS_QUIET) show(p, ev);
}

/* --- json --- */

static const char *event_name(sched_event_kind kind)
{
    static const char *const names[] = {
        [SCHED_PLANNED] = "planned",
        [SCHED_STARTED] = "started",
        [SCHED_DAMAGED] = "damaged",
        [SCHED_STAGE_STARTED] = "stage_started",
        [SCHED_STAGE_PROGRESS] = "stage_progress",
        [SCHED_STAGE_DONE] = "stage_done",
        [SCHED_STAGE_RETRY] = "stage_retry",
        [SCHED_STAGE_FAILED] = "stage_failed",
        [SCHED_TRIAL_DONE] = "trial_done",
        [SCHED_TRIAL_STOPPED] = "trial_stopped",
        [SCHED_TRIAL_FAILED] = "trial_failed",
        [SCHED_DRAINING] = "draining",
        [SCHED_TICK] = "tick",
        [SCHED_ENDED] = "ended",
    };
    return names[kind];
}

static void put_number(buf *b, const char *name, double v)
{
    buf_printf(b, ",\"%s\":", name);
    buf_number(b, v);
}

static void put_string(buf *b, const char *name, const char *text)
{
    buf_printf(b, ",\"%s\":", name);
    buf_json_string(b, text);
}

/* A line that cannot be written shows when main.c flushes; one that found no memory is left out. */
static void put_line(buf *b)
{
    buf_text(b, "}\n");
    if (!b->failed) fwrite(b->data, 1, b->len, stdout);
    fflush(stdout);
    buf_free(b);
}

static void put_stage(buf *b, const sched_event *ev)
{
    put_string(b, "stage", ev->stage);
    put_string(b, "key", ev->key.text);
    if (ev->kind == SCHED_STAGE_PROGRESS) {
        put_number(b, "done", ev->done);
        put_number(b, "total", ev->total);
        put_number(b, "figure", ev->figure);
    }
    put_number(b, "seconds", ev->seconds);
}

void progress_put_event_json(const sched_event *ev)
{
    const sched_figures *f = ev->now;
    buf b = {0};
    buf_printf(&b, "{\"event\":\"%s\"", event_name(ev->kind));
    put_number(&b, "elapsed", f->elapsed_seconds);
    if (ev->stage[0]) put_stage(&b, ev);
    if (ev->trial) put_number(&b, "trial", (double)ev->trial);
    if (ev->code[0]) put_string(&b, "code", ev->code);
    if (ev->text[0]) put_string(&b, "text", ev->text);
    put_number(&b, "trials", f->trials);
    put_number(&b, "trials_done", f->trials_done);
    put_number(&b, "trials_stopped", f->trials_stopped);
    put_number(&b, "trials_failed", f->trials_failed);
    put_number(&b, "stages", f->stages);
    put_number(&b, "stages_done", f->stages_done);
    put_number(&b, "stages_failed", f->stages_failed);
    put_number(&b, "stages_again", f->stages_again);
    put_number(&b, "running", f->running);
    put_number(&b, "eta", f->eta_seconds);
    put_line(&b);
}

static const char *pick_word(pick_kind kind)
{
    return kind == PICK_CHOSEN ? "chosen" : kind == PICK_CLOSEST ? "closest" : "none";
}

void progress_put_pick_json(const pick *p)
{
    buf b = {0};
    buf_text(&b, "{\"event\":\"pick\"");
    put_string(&b, "version", p->version);
    put_string(&b, "kind", pick_word(p->kind));
    buf_printf(&b, ",\"met\":%s", p->met ? "true" : "false");
    put_number(&b, "trial", (double)p->trial);
    put_number(&b, "feasible", p->n_feasible);
    put_number(&b, "seeds", p->n_seeds);
    put_number(&b, "confidence", p->confidence);
    put_number(&b, "fresh_chance", p->fresh);
    put_number(&b, "file_chance", p->file);
    put_string(&b, "knobs", p->knobs);
    put_string(&b, "model", p->model);
    if (p->binding >= 0) {
        put_string(&b, "binding", p->limit[p->binding].metric);
        put_string(&b, "binds_on", p->kind == PICK_CLOSEST ? "validation" : "test");
    }
    buf_text(&b, ",\"limits\":[");
    for (int i = 0; i < p->n_limits; i++) {
        const pick_limit *l = &p->limit[i];
        buf_printf(&b, "%s{\"limit\":", i ? "," : "");
        buf_json_string(&b, l->text);
        put_string(&b, "metric", l->metric);
        put_number(&b, "value", l->value);
        put_number(&b, "reported", l->reported);
        put_number(&b, "margin", l->margin);
        put_number(&b, "validation_margin", l->validation_margin);
        buf_printf(&b, ",\"holds\":%s}", l->holds ? "true" : "false");
    }
    buf_char(&b, ']');
    put_line(&b);
}

void progress_watch(void *user, const sched_event *ev)
{
    progress *p = user;
    if (p->style == PROGRESS_JSON)
        progress_put_event_json(ev);
    else
        talk(p, ev);
}

void progress_close(progress *p)
{
    if (p->drawn) fputc('\n', stderr);
    p->drawn = false;
    arena_free(&p->memory);
}

#include "report/cmd_top.h"

#include <ctype.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/diag.h"
#include "report/screen.h"
#include "report/top_view.h"

enum { EXIT_SIGNAL = 128 };

static struct {
    const char *x, *y;
    double every;
    bool once;
} given = {.every = 1};

static const opt options[] = {
    {"x", 'x', OPT_STRING, "METRIC", "across the plot (default: size)", 0, 0, &given.x},
    {"y", 'y', OPT_STRING, "METRIC", "upwards (default: the first objective)", 0, 0, &given.y},
    {"every", 'e', OPT_DOUBLE, "SECONDS", "read the study so often", 0.1, 3600, &given.every},
    {"once", '1', OPT_FLAG, NULL, "print it once, as text; so it is without a terminal", 0, 0,
     &given.once},
    {0},
};

static const opt_spec spec = {
    .name = "top",
    .args = "DB",
    .summary = "watch a study run: progress, stages, picks, the front in characters",
    .details =
        "Shows how far the last run is, how fast it goes and what its workers do, the best for "
        "each\n"
        "version so far, and all finished trials as a plot: o on the front, letters for picks\n"
        "(A for version a). It only reads, and may be started and ended at any time; of a study\n"
        "that is over it shows the end. q or Ctrl-C leaves.\n"
        "\n"
        "The time to go is that of the trials known now; a search that learns asks for more.",
    .examples = "  paretune top demo.db\n"
                "  paretune top demo.db --once | less",
    .args_min = 1,
    .args_max = 1,
    .options = options,
};

/* When a running stage was first seen. */
typedef struct {
    hash key;
    double since;
} sighting;

typedef struct {
    store *s;
    const char *db;
    arena a; /* of one frame */
    int n_seen;
    sighting seen[LIVE_MOST_RUNNING];
    double running_seconds[LIVE_MOST_RUNNING];
} watch;

/* --- what the plot shows --- */

static const store_metric_info *find_metric(const store_space *space, const char *name)
{
    for (int i = 0; i < space->n_metrics; i++)
        if (strcmp(space->metric[i].name, name) == 0) return &space->metric[i];
    return NULL;
}

static status check_metric(const store_space *space, const char *name, arena *a, err *e)
{
    const char **names = ARENA_NEW(a, const char *, space->n_metrics + 1);
    if (!names) return FAIL(e, ERR_MEM, "out of memory");
    for (int i = 0; i < space->n_metrics; i++) names[i] = space->metric[i].name;
    if (find_metric(space, name)) return OK;
    const char *meant = diag_did_you_mean(name, names, (size_t)space->n_metrics);
    return FAIL(e, ERR_INPUT, "this study has no metric '%s'%s%s%s", name,
                meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
}

static char_axis axis_of(const store_space *space, const char *metric)
{
    const store_metric_info *m = find_metric(space, metric);
    bool higher = m && m->better == STORE_HIGHER;
    for (int i = 0; i < space->n_objectives; i++)
        if (strcmp(space->objective[i].metric, metric) == 0) higher = space->objective[i].maximize;
    return (char_axis){metric, m ? m->unit : "", higher};
}

/* The front behind the others, picks behind all: what comes later is seen. */
static status list_points(const store_points *from, const picks *all, arena *a, char_plot *plot,
                          err *e)
{
    char_point *point = ARENA_NEW(a, char_point, from->n + all->n + 1);
    int n = 0;
    if (!point) return FAIL(e, ERR_MEM, "out of memory");
    for (int front = 0; front < 2; front++)
        for (int i = 0; i < from->n; i++)
            if (from->on_front[i] == front)
                point[n++] =
                    (char_point){from->value[2 * i], from->value[2 * i + 1], front ? 'o' : '.'};
    for (int k = 0; k < all->n; k++)
        for (int i = 0; i < from->n; i++)
            if (from->trial[i] == all->pick[k].trial)
                point[n++] = (char_point){from->value[2 * i], from->value[2 * i + 1],
                                          (char)toupper((unsigned char)all->pick[k].version[0])};
    plot->point = point;
    plot->n = n;
    return OK;
}

static status read_plot(watch *w, const picks *all, char_plot *plot, err *e)
{
    store_space space;
    store_points points;
    TRY(store_last_space(w->s, &w->a, &space, e));
    const char *first = space.n_objectives ? space.objective[0].metric : "T_mae";
    const char *metric[] = {given.x ? given.x : "size", given.y ? given.y : first};
    for (int i = 0; i < 2; i++) TRY(check_metric(&space, metric[i], &w->a, e));
    TRY(store_read_points(w->s, 2, metric, &w->a, &points, e));
    plot->x = axis_of(&space, metric[0]);
    plot->y = axis_of(&space, metric[1]);
    return list_points(&points, all, &w->a, plot, e);
}

/* --- a frame --- */

/* The database does not say since when a stage runs. */
static void note_running(watch *w, const store_live *live)
{
    sighting now[LIVE_MOST_RUNNING];
    const int n = live->n_running < LIVE_MOST_RUNNING ? live->n_running : LIVE_MOST_RUNNING;
    for (int i = 0; i < n; i++) {
        now[i] = (sighting){live->running[i].key, clock_wall()};
        for (int k = 0; k < w->n_seen; k++)
            if (strcmp(w->seen[k].key.text, now[i].key.text) == 0) now[i].since = w->seen[k].since;
        w->running_seconds[i] = clock_wall() - now[i].since;
    }
    if (n) memcpy(w->seen, now, (size_t)n * sizeof *now);
    w->n_seen = n;
}

static status make_frame(watch *w, bool is_live, int width, int height, buf *out, err *e)
{
    store_live live;
    picks all;
    top_state t = {.db = w->db, .live = &live, .picks = &all};
    TRY(store_read_live(w->s, &w->a, &live, e));
    TRY(picks_read(w->s, &w->a, &all, e));
    TRY(read_plot(w, &all, &t.plot, e));
    note_running(w, &live);
    t.running_seconds = is_live ? w->running_seconds : NULL;
    return top_compose(&t, width, height, out, e);
}

static status show_once(watch *w, err *e)
{
    buf b = {0};
    status s = make_frame(w, false, 80, TOP_NO_HEIGHT, &b, e);
    if (s == OK) fwrite(b.data, 1, b.len, stdout);
    buf_free(&b);
    return s;
}

static status draw(watch *w, screen *on, buf *b, err *e)
{
    int width, height;
    arena_mark_t mark = arena_mark(&w->a);
    screen_size(on, &width, &height);
    buf_clear(b);
    status s = make_frame(w, true, width, height, b, e);
    if (s == OK) s = screen_draw(on, b->data, b->len, e);
    arena_release(&w->a, mark);
    return s;
}

static status watch_on(watch *w, screen *on, err *e)
{
    buf b = {0};
    status s = draw(w, on, &b, e);
    while (s == OK) {
        char key = 0;
        const screen_event what = screen_wait(on, given.every, &key);
        if (what == SCREEN_LEAVE || (what == SCREEN_KEY && (key == 'q' || key == 'Q'))) break;
        s = draw(w, on, &b, e);
    }
    buf_free(&b);
    return s;
}

static status show_live(watch *w, int *code, err *e)
{
    screen *on;
    TRY(screen_open(&on, e));
    status s = watch_on(w, on, e);
    const int signal = screen_signal(on);
    screen_close(on);
    /* Ctrl-C is the usual way out; another signal ends it as it would any program. */
    if (signal && signal != SIGINT) *code = EXIT_SIGNAL + signal;
    return s;
}

static status run(int n, char **argv, int *code, err *e)
{
    (void)n;
    watch w = {.db = argv[0]};
    TRY(store_open(argv[0], STORE_READ, &w.s, e));
    arena_init(&w.a, 0);
    status s = given.once || !isatty(STDOUT_FILENO) ? show_once(&w, e) : show_live(&w, code, e);
    arena_free(&w.a);
    store_close(w.s);
    return s;
}

const command cmd_top = {&spec, run, false};

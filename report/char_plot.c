/* From the top: the title of the y axis, the canvas with labels to its left, the x axis, its labels, its title. */
#include "report/char_plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/axis.h"

enum { GUTTER = 8, MOST_WIDTH = 400 };

typedef struct {
    const char_plot *p;
    int width, rows, columns; /* of the canvas */
    axis x, y;
    buf *out;
} drawing;

static bool is_drawn(const char_point *p)
{
    return isfinite(p->x) && isfinite(p->y);
}

/* False without a point. */
static bool fit_axes(drawing *d)
{
    double low[2] = {HUGE_VAL, HUGE_VAL}, high[2] = {-HUGE_VAL, -HUGE_VAL};
    for (int i = 0; i < d->p->n; i++) {
        const char_point *p = &d->p->point[i];
        if (!is_drawn(p)) continue;
        low[0] = fmin(low[0], p->x), high[0] = fmax(high[0], p->x);
        low[1] = fmin(low[1], p->y), high[1] = fmax(high[1], p->y);
    }
    if (low[0] > high[0]) return false;
    axis_fit(&d->x, low[0], high[0], d->p->x.unit);
    axis_fit(&d->y, low[1], high[1], d->p->y.unit);
    return true;
}

static int cell_at(const axis *a, double v, int n)
{
    const double at = axis_place(a, v) * n;
    return at < 0 ? 0 : at >= n ? n - 1 : (int)at;
}

/* The mark at a place of the canvas; a blank for none. */
static void fill_row(const drawing *d, int row, char *text)
{
    memset(text, ' ', (size_t)d->columns);
    text[d->columns] = '\0';
    for (int i = 0; i < d->p->n; i++) {
        const char_point *p = &d->p->point[i];
        if (is_drawn(p) && d->rows - 1 - cell_at(&d->y, p->y, d->rows) == row)
            text[cell_at(&d->x, p->x, d->columns)] = p->mark;
    }
    for (int n = d->columns; n > 0 && text[n - 1] == ' ';) text[--n] = '\0';
}

static const char *label_of_row(const drawing *d, int row)
{
    for (int i = 0; i < d->y.n_ticks; i++)
        if (d->y.tick[i].label[0] && d->rows - 1 - cell_at(&d->y, d->y.tick[i].at, d->rows) == row)
            return d->y.tick[i].label;
    return "";
}

static void put_canvas(const drawing *d)
{
    char text[MOST_WIDTH + 1];
    for (int row = 0; row < d->rows; row++) {
        fill_row(d, row, text);
        buf_printf(d->out, "%*.*s |%s\n", GUTTER - 2, GUTTER - 2, label_of_row(d, row), text);
    }
}

/* Labels that would touch the one before are left out. */
static void put_x_axis(const drawing *d)
{
    char line[MOST_WIDTH + 1], labels[MOST_WIDTH + 1];
    int free_from = 0;
    memset(line, '-', (size_t)d->columns);
    memset(labels, ' ', (size_t)d->columns);
    line[d->columns] = labels[d->columns] = '\0';
    for (int i = 0; i < d->x.n_ticks; i++) {
        const char *label = d->x.tick[i].label;
        const int n = (int)strlen(label), at = cell_at(&d->x, d->x.tick[i].at, d->columns);
        const int start = at - n / 2;
        if (n == 0 || start < free_from || start + n > d->columns) continue;
        line[at] = '+';
        memcpy(labels + start, label, (size_t)n);
        free_from = start + n + 1;
    }
    for (int n = d->columns; n > 0 && labels[n - 1] == ' ';) labels[--n] = '\0';
    buf_printf(d->out, "%*s+%s\n%*s%s\n", GUTTER - 1, "", line, GUTTER, "", labels);
}

/* As many columns of the title as fit: it is ASCII but for a unit such as °C. */
static void put_title(const drawing *d, const axis *a, const char_axis *what, int indent)
{
    char title[160];
    axis_title(a, what->name, what->higher, title, sizeof title);
    int n = 0, columns = indent;
    for (; title[n] && columns < d->width; columns++) do
            n++;
        while (((unsigned char)title[n] & 0xC0) == 0x80);
    buf_printf(d->out, "%*s%.*s\n", indent, "", n, title);
}

static void put_nothing(const drawing *d, int height)
{
    for (int i = 0; i < height; i++)
        buf_printf(d->out, "%s\n", i == height / 2 ? "  no finished trial yet" : "");
}

void char_plot_draw(const char_plot *p, int width, int height, buf *out)
{
    drawing d = {.p = p, .out = out};
    d.width = width < CHAR_PLOT_MIN_WIDTH ? CHAR_PLOT_MIN_WIDTH : width;
    if (d.width > MOST_WIDTH) d.width = MOST_WIDTH;
    if (height < CHAR_PLOT_MIN_HEIGHT) height = CHAR_PLOT_MIN_HEIGHT;
    d.columns = d.width - GUTTER;
    d.rows = height - 4;
    if (!fit_axes(&d)) {
        put_nothing(&d, height);
        return;
    }
    put_title(&d, &d.y, &p->y, 0);
    put_canvas(&d);
    put_x_axis(&d);
    put_title(&d, &d.x, &p->x, GUTTER);
}

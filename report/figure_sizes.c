#include "report/figure_sizes.h"

#include "engine/base/node.h"
#include "engine/base/quantity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FILES = 12, MOST_PIECES = 400, N_KINDS = 5 };
static const double BAR = 15, ROW = 34;

/* In the order in which they stand in a bar. */
typedef enum { KERNEL_FLOAT, KERNEL_HALF, KERNEL_INT, VECTOR, STRUCTURE } piece_kind;

typedef struct {
    piece_kind kind;
    double bytes;     /* as packed */
    const char *text; /* "32x3x3x1" */
} piece;

typedef struct {
    const job_choice *choice;
    int n;
    piece *piece;
    double total;
    bool has_limit;
    double limit;
} file_bar;

typedef struct {
    figure f;
    int n;
    file_bar file[MOST_FILES];
    axis x;
    double left, width;
    bool seen[N_KINDS], has_limit;
} drawing;

static double number_of(const node *map, const char *key)
{
    const node *n = node_get(map, key);
    return n && n->kind == NODE_NUMBER ? n->number : 0;
}

static const char *text_of(const node *map, const char *key)
{
    const node *n = node_get(map, key);
    return n && n->text ? n->text : "";
}

static const char *shape_text(const node *shape, arena *a)
{
    const char *text = "";
    for (int i = 0; shape && i < shape->n && text; i++)
        text = arena_printf(a, "%s%s%.8s", text, i ? "\xC3\x97" : "",
                            shape->item[i]->text ? shape->item[i]->text : "");
    return text;
}

/* Biases, scales and other short lists are vectors; all with more dimensions are kernels. */
static piece_kind kind_of(const node *tensor)
{
    const node *shape = node_get(tensor, "shape");
    const char *type = text_of(tensor, "type");
    if (!shape || shape->n < 2) return VECTOR;
    if (strcmp(type, "float32") == 0) return KERNEL_FLOAT;
    return strcmp(type, "float16") == 0 ? KERNEL_HALF : KERNEL_INT;
}

static int compare_pieces(const void *one, const void *two)
{
    const piece *a = one, *b = two;
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    return (a->bytes < b->bytes) - (a->bytes > b->bytes);
}

static void add_piece(file_bar *f, piece_kind kind, double bytes, const char *text)
{
    if (!(bytes > 0) || f->n == MOST_PIECES) return;
    f->piece[f->n++] = (piece){kind, bytes, text};
    f->total += bytes;
}

/* All parts but the values, which are told tensor by tensor. */
static void add_structure(file_bar *f, const node *parts)
{
    double bytes = 0;
    for (int i = 0; parts && i < parts->n; i++)
        if (strcmp(text_of(parts->item[i], "part"), "values") != 0)
            bytes += number_of(parts->item[i], "packed");
    add_piece(f, STRUCTURE, bytes, "structure");
}

static status read_file(job *j, const job_choice *choice, file_bar *f, err *e)
{
    const char *json;
    node *n = NULL;
    *f = (file_bar){.choice = choice, .piece = ARENA_NEW(j->a, piece, MOST_PIECES)};
    if (!f->piece) return FAIL(e, ERR_MEM, "no memory for a plot");
    TRY(store_trial_detail(j->s, choice->trial, "export", j->a, &json, e));
    if (!json[0]) return OK;
    TRY(node_read_json(j->a, json, strlen(json), &n, e));
    const node *tensors = node_get(n, "tensors");
    for (int i = 0; tensors && i < tensors->n; i++) {
        const char *text = shape_text(node_get(tensors->item[i], "shape"), j->a);
        add_piece(f, kind_of(tensors->item[i]), number_of(tensors->item[i], "packed"),
                  text ? text : "");
    }
    add_structure(f, node_get(n, "parts"));
    qsort(f->piece, (size_t)f->n, sizeof *f->piece, compare_pieces);
    return OK;
}

static void find_limit(job *j, file_bar *f)
{
    for (int i = 0; i < j->picks.n; i++) {
        const pick *p = &j->picks.pick[i];
        if (strcmp(p->version, f->choice->name) != 0) continue;
        for (int k = 0; k < p->n_limits; k++)
            if (strcmp(p->limit[k].metric, "size") == 0) {
                f->has_limit = true;
                f->limit = p->limit[k].bound;
            }
    }
}

static status read_files(job *j, drawing *d, err *e)
{
    int n;
    job_choice *choice;
    TRY(job_list_choices(j, &n, &choice, e));
    for (int i = 0; i < n && d->n < MOST_FILES; i++) {
        file_bar *f = &d->file[d->n];
        TRY(read_file(j, &choice[i], f, e));
        if (f->n == 0) continue;
        find_limit(j, f);
        d->has_limit |= f->has_limit;
        for (int k = 0; k < f->n; k++) d->seen[f->piece[k].kind] = true;
        d->n++;
    }
    return d->n ? OK : FAIL(e, ERR_INPUT, "no chosen trial has noted where its bytes are");
}

/* --- drawing --- */

static double px(const drawing *d, double bytes)
{
    return d->left + d->width * axis_place(&d->x, bytes);
}

/* Of the text in a piece. */
static const char *piece_class(piece_kind kind)
{
    if (kind == STRUCTURE) return "small";
    return kind == KERNEL_FLOAT ? "small ondark" : "small onlight";
}

static void draw_bar(drawing *d, const file_bar *f, double y)
{
    buf *b = &d->f.body;
    char class[32];
    double from = 0;
    for (int i = 0; i < f->n; i++) {
        const piece *p = &f->piece[i];
        double x = px(d, from), width = px(d, from + p->bytes) - x;
        snprintf(class, sizeof class, "piece s%d", (int)p->kind);
        svg_rect(b, class, x, y, width, BAR);
        if (svg_text_width(p->text, FIGURE_SMALL) * 0.95 < width - 3)
            svg_text(b, piece_class(p->kind), x + width / 2, y + BAR / 2 + 2.4, "middle", p->text);
        from += p->bytes;
    }
    if (f->has_limit && axis_place(&d->x, f->limit) <= 1)
        svg_line(b, "dotted", px(d, f->limit), y - 3, px(d, f->limit), y + BAR + 3);
}

static void draw_file(drawing *d, job *j, const file_bar *f, double y)
{
    char total[48], limit[48], text[200];
    quantity_format(f->total, "B", total, sizeof total);
    quantity_format(f->limit, "B", limit, sizeof limit);
    const char *line =
        arena_printf(j->a, "%s: trial %lld, %s%s%s", f->choice->name, (long long)f->choice->trial,
                     total, f->has_limit ? ", limit " : "", f->has_limit ? limit : "");
    svg_fit_text(line ? line : "", FIGURE_TEXT, figure_room(&d->f), text, sizeof text);
    svg_text(&d->f.body, "head", d->left + 2, y + 8, "start", text);
    draw_bar(d, f, y + 12);
}

static double draw_legend(drawing *d, double y)
{
    static const char *const words[N_KINDS] = {"kernels, float32", "kernels, float16",
                                               "kernels, int8", "biases and other vectors",
                                               "structure of the file"};
    legend_entry entry[N_KINDS + 1];
    int n = 0;
    for (int i = 0; i < N_KINDS; i++)
        if (d->seen[i]) entry[n++] = (legend_entry){(figure_mark)(MARK_SQUARE_0 + i), words[i]};
    if (d->has_limit) entry[n++] = (legend_entry){MARK_DOTTED, "limit of the version"};
    return figure_legend(&d->f, y, entry, n);
}

static status draw(job *j, drawing *d, buf *svg, err *e)
{
    TRY(read_files(j, d, e));
    const char *title = arena_printf(j->a, "%s: where the bytes are", job_title(j));
    if (!title) return FAIL(e, ERR_MEM, "no memory for a plot");
    double most = 0, y = figure_begin(&d->f, &j->style, title,
                                      "Bytes of the packed file by tensor, the largest first; its "
                                      "shape where there is room.");
    for (int i = 0; i < d->n; i++) most = fmax(most, d->file[i].total);
    for (int i = 0; i < d->n; i++)
        if (d->file[i].has_limit && d->file[i].limit < 2 * most)
            most = fmax(most, d->file[i].limit);
    y = draw_legend(d, y) + 2;
    d->left = FIGURE_MARGIN + 4;
    d->width = figure_room(&d->f) - 12;
    axis_fit_few(&d->x, 0, most, "B", panel_ticks_across(d->width));
    d->x.low = 0;
    panel p = {.left = d->left, .top = y, .width = d->width, .height = ROW * d->n, .x = d->x};
    char x_title[64];
    snprintf(x_title, sizeof x_title, "packed size (%s)", d->x.unit);
    panel_draw_axes(&d->f.body, &p, x_title, "", PANEL_X_LABELS | PANEL_X_TITLE);
    for (int i = 0; i < d->n; i++) draw_file(d, j, &d->file[i], y + ROW * i);
    svg_line(&d->f.body, "zero", d->left, y, d->left, y + ROW * d->n);
    return figure_end(&d->f, y + ROW * d->n + PANEL_BELOW, svg, e);
}

status figure_sizes(job *j, err *e)
{
    buf svg = {0};
    err why = {0};
    drawing *d = ARENA_NEW(j->a, drawing, 1);
    if (!d) return FAIL(e, ERR_MEM, "no memory for a plot");
    status s = draw(j, d, &svg, &why);
    figure_free(&d->f);
    return job_write_figure(j, "sizes", s, &why, &svg, e);
}

#include "report/figure.h"

#include "engine/base/diag.h"
#include "engine/base/quantity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* On dark ground the darker colours give way to lighter; librsvg, LaTeX and printers show the light form. */
static const char css[] =
    "text{font-family:Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif}\n"
    "text{font-size:7.5px;fill:#222}.title{font-size:9px}.title,.head{font-weight:bold}\n"
    ".small,.ticks{font-size:6.8px}.soft{fill:#555}.ticks{fill:#444}\n"
    ".halo{paint-order:stroke;stroke:#fff;stroke-width:2px;stroke-linejoin:round}\n"
    ".page{fill:#fff}.frame{fill:none;stroke:#777;stroke-width:.6}\n"
    ".grid{stroke:#e4e4e4;stroke-width:.5}.minor{stroke:#f1f1f1;stroke-width:.5}\n"
    ".zero{stroke:#555;stroke-width:.8}.stop{stroke:#b3001b;stroke-width:.9}\n"
    ".other,.faint{fill:none;stroke:#7d8790;stroke-linecap:round}\n"
    ".other{stroke-opacity:.5;stroke-width:2.4}.faint{stroke-opacity:.25;stroke-width:2}\n"
    ".steps{fill:none;stroke:#0072b2;stroke-width:1.1}\n"
    ".best{fill:#0072b2;stroke:#fff;stroke-width:.5}.best.crowd{stroke:none}\n"
    ".member{fill:#fff;fill-opacity:.7;stroke:#0072b2;stroke-width:.8}\n"
    ".bar,.wide{stroke:#0072b2;stroke-width:.8}.near{stroke:#0072b2;stroke-width:2.6}\n"
    ".box{stroke-width:1;fill-opacity:.06}.lead{fill:none;stroke:#777;stroke-width:.5}\n"
    ".pick{stroke-width:1.2}.miss{fill:#fff;stroke-width:1.4}\n"
    ".many{fill:none;stroke:#7d8790;stroke-opacity:.5;stroke-width:.6}\n"
    ".curve{fill:none;stroke-width:1.3}.band{fill:#7d8790;fill-opacity:.2}\n"
    ".dotted{fill:none;stroke:#222;stroke-width:.8;stroke-dasharray:1.5 2}\n"
    ".c0{stroke:#d55e00}.c1{stroke:#009e73}.c2{stroke:#cc79a7}\n"
    ".c3{stroke:#e69f00}.c4{stroke:#56b4e9}.c5{stroke:#000}\n"
    ".f0{fill:#d55e00}.f1{fill:#009e73}.f2{fill:#cc79a7}\n"
    ".f3{fill:#e69f00}.f4{fill:#56b4e9}.f5{fill:#000}\n"
    ".c1.box,.c4.box,.c1.curve,.c4.curve{stroke-dasharray:5 2}\n"
    ".c2.box,.c5.box,.c2.curve,.c5.curve{stroke-dasharray:1.5 2}\n"
    ".piece{stroke:#fff;stroke-width:.6}.onlight{fill:#111}.ondark{fill:#fff}\n"
    ".s0{fill:#0072b2}.s1{fill:#56b4e9}.s2{fill:#e69f00}.s3{fill:#f0e442}\n"
    ".s4{fill:#fff;stroke:#777}\n"
    "@media (prefers-color-scheme:dark){\n"
    "text{fill:#e6e6e6}.page{fill:#15181c}.grid{stroke:#2b3036}.minor{stroke:#20242a}\n"
    ".soft,.ticks{fill:#a8adb3}.halo,.piece{stroke:#15181c}.zero,.dotted{stroke:#bbb}\n"
    ".other,.many,.faint{stroke:#b4bcc5}.steps,.bar,.wide,.near{stroke:#56b4e9}\n"
    ".best{fill:#56b4e9;stroke:#15181c}.member{fill:#15181c;stroke:#56b4e9}\n"
    ".miss{fill:#15181c}.stop{stroke:#ff8a80}.onlight{fill:#111}.ondark{fill:#fff}\n"
    ".c4{stroke:#f0e442}.f4{fill:#f0e442}.c5{stroke:#fff}.f5{fill:#fff}\n"
    ".s0{fill:#2a7fb5}.s4{fill:#15181c;stroke:#999}}\n";

status figure_parse_width(const char *text, double *width_mm, err *e)
{
    if (strcmp(text, "1") == 0 || strcmp(text, "2") == 0) {
        *width_mm = text[0] == '1' ? FIGURE_ONE_MM : FIGURE_TWO_MM;
        return OK;
    }
    char *end;
    double v = strtod(text, &end);
    end += strspn(end, " ");
    if (end == text || (*end && strcmp(end, "mm") != 0) || !(v >= 60 && v <= 500))
        return FAIL(e, ERR_INPUT,
                    "--width %s: it is 1 (a column, %d mm), 2 (two columns, %d mm) or 60 to 500 mm",
                    text, FIGURE_ONE_MM, FIGURE_TWO_MM);
    *width_mm = v;
    return OK;
}

/* --- text --- */

/* svg_text_width is for any font; the style sheet's first ones, which nearly all readers have, are narrower. */
#define TIGHT 0.9

static double text_width(const char *text, double size)
{
    return TIGHT * svg_text_width(text, size);
}

/* Bytes of `text` that fit into `width`, up to a space where there is one; at least one character. */
static size_t line_length(double size, double width, const char *text)
{
    char part[256];
    size_t good = 0, n = 0;
    while (text[n] && n + 1 < sizeof part) {
        do n++;
        while (((unsigned char)text[n] & 0xC0) == 0x80);
        memcpy(part, text, n);
        part[n] = '\0';
        bool fits = text_width(part, size) <= width;
        if (!fits) return good ? good : n;
        if (text[n] == ' ' || text[n] == '\0') good = n;
    }
    return good ? good : n;
}

int figure_lines(double size, double width, int most, const char *text)
{
    int n = 0;
    while (*text && n < most) {
        text += line_length(size, width, text);
        text += strspn(text, " ");
        n++;
    }
    return n;
}

double figure_wrap(buf *b, const char *class, double size, double x, double y, double width,
                   int most, const char *text)
{
    char line[300];
    for (int i = 0; *text && i < most; i++) {
        size_t n = line_length(size, width, text);
        if (i == most - 1)
            svg_fit_text(text, size * TIGHT, width, line, sizeof line);
        else
            snprintf(line, sizeof line, "%.*s", (int)n, text);
        svg_text(b, class, x, y, "start", line);
        text += n;
        text += strspn(text, " ");
        y += FIGURE_LINE * size / FIGURE_TEXT;
    }
    return y;
}

/* --- the document --- */

double figure_room(const figure *f)
{
    return f->width - 2 * FIGURE_MARGIN;
}

bool figure_is_wide(const figure *f)
{
    return figure_room(f) > 400;
}

int figure_columns(const figure *f, int n)
{
    if (!figure_is_wide(f)) return 1;
    return n < 3 ? n : 3;
}

int figure_rows(int n, int columns)
{
    return (n + columns - 1) / columns;
}

double figure_begin(figure *f, const figure_style *style, const char *title, const char *subtitle)
{
    *f = (figure){
        .width = style->width_mm * 72 / 25.4, .title = title ? title : "", .subtitle = subtitle};
    if (style->untitled) return FIGURE_MARGIN;
    double y = FIGURE_MARGIN + FIGURE_TITLE;
    y = figure_wrap(&f->body, "title", FIGURE_TITLE * 1.1, FIGURE_MARGIN, y, figure_room(f), 3,
                    f->title);
    y = figure_wrap(&f->body, "soft", FIGURE_TEXT, FIGURE_MARGIN, y, figure_room(f), 4, subtitle);
    return y - FIGURE_TEXT + 3;
}

status figure_end(figure *f, double height, buf *out, err *e)
{
    svg_begin(out, f->width, height, f->title, f->subtitle, css);
    svg_rect(out, "page", 0, 0, f->width, height);
    status s = buf_check(&f->body, e);
    if (s == OK && f->body.len) buf_put(out, f->body.data, f->body.len);
    svg_end(out);
    figure_free(f);
    return s == OK ? buf_check(out, e) : s;
}

void figure_free(figure *f)
{
    buf_free(&f->body);
}

/* --- legend --- */

static void draw_dot(buf *b, double x, double y)
{
    svg_path_begin(b, "other");
    svg_path_dot(b, x, y);
    svg_path_end(b);
}

static void draw_bar_mark(buf *b, double x, double y)
{
    svg_line(b, "bar", x, y - 4, x, y + 4);
    svg_circle(b, "best", x, y, 2, NULL);
}

static void draw_cross(buf *b, double x, double y)
{
    svg_line(b, "stop", x - 2, y - 2, x + 2, y + 2);
    svg_line(b, "stop", x - 2, y + 2, x + 2, y - 2);
}

static void draw_mark(buf *b, figure_mark mark, double x, double y)
{
    char class[32];
    switch (mark) {
    case MARK_BEST:
        svg_circle(b, "best", x, y, 2.6, NULL);
        break;
    case MARK_MEMBER:
        svg_circle(b, "member", x, y, 2, NULL);
        break;
    case MARK_OTHER:
        draw_dot(b, x, y);
        break;
    case MARK_PICK:
        svg_diamond(b, "pick c5 f5", x, y, 3.2, NULL);
        break;
    case MARK_MISS:
        svg_diamond(b, "miss c5", x, y, 3.2, NULL);
        break;
    case MARK_BAR:
        draw_bar_mark(b, x, y);
        break;
    case MARK_THICK:
        svg_line(b, "near", x - 4, y, x + 4, y);
        break;
    case MARK_LINE:
        svg_line(b, "wide", x - 4, y, x + 4, y);
        break;
    case MARK_THIN:
        svg_line(b, "many", x - 4, y, x + 4, y);
        break;
    case MARK_DOTTED:
        svg_line(b, "dotted", x - 4, y, x + 4, y);
        break;
    case MARK_BAND:
        svg_rect(b, "band", x - 4, y - 3, 8, 6);
        break;
    case MARK_STOP:
        draw_cross(b, x, y);
        break;
    default:
        snprintf(class, sizeof class, "piece s%d", (int)mark - MARK_SQUARE_0);
        svg_rect(b, class, x - 3, y - 3, 6, 6);
    }
}

double figure_legend(figure *f, double y, const legend_entry *entry, int n)
{
    double x = FIGURE_MARGIN;
    y += 5;
    for (int i = 0; i < n; i++) {
        double width = 11 + text_width(entry[i].text, FIGURE_SMALL);
        if (x > FIGURE_MARGIN && x + width > f->width - FIGURE_MARGIN) {
            x = FIGURE_MARGIN;
            y += FIGURE_LINE;
        }
        draw_mark(&f->body, entry[i].mark, x + 4, y);
        svg_text(&f->body, "soft small", x + 11, y + 2.4, "start", entry[i].text);
        x += width + 8;
    }
    return n ? y + 8 : y - 5;
}

/* --- panels --- */

double panel_x(const panel *p, double v)
{
    return p->left + p->width * axis_place(&p->x, v);
}

double panel_y(const panel *p, double v)
{
    return p->top + p->height * (1 - axis_place(&p->y, v));
}

bool panel_has(const panel *p, double x, double y)
{
    double u = axis_place(&p->x, x), v = axis_place(&p->y, y);
    return u >= 0 && u <= 1 && v >= 0 && v <= 1;
}

int panel_ticks_across(double width)
{
    int n = (int)(width / 34);
    return n < 2 ? 2 : n > 8 ? 8 : n;
}

int panel_ticks_up(double height)
{
    int n = (int)(height / 24);
    return n < 2 ? 2 : n > 8 ? 8 : n;
}

/* A label that would touch the one before it is left out. */
static void draw_x_ticks(buf *b, const panel *p, bool labels)
{
    double end = -1e9, bottom = p->top + p->height;
    for (int i = 0; i < p->x.n_ticks; i++) {
        const char *label = p->x.tick[i].label;
        double x = panel_x(p, p->x.tick[i].at), half = svg_text_width(label, FIGURE_SMALL) / 2;
        svg_line(b, label[0] ? "grid" : "minor", x, p->top, x, bottom);
        if (!labels || !label[0] || x - half < end + 2) continue;
        svg_text(b, "ticks", x, bottom + 8.5, "middle", label);
        end = x + half;
    }
}

static void draw_y_ticks(buf *b, const panel *p, bool labels)
{
    double last = 1e9;
    for (int i = 0; i < p->y.n_ticks; i++) {
        const char *label = p->y.tick[i].label;
        double y = panel_y(p, p->y.tick[i].at);
        svg_line(b, label[0] ? "grid" : "minor", p->left, y, p->left + p->width, y);
        if (!labels || !label[0] || last - y < FIGURE_SMALL) continue;
        svg_text(b, "ticks", p->left - 4, y + 2.4, "end", label);
        last = y;
    }
}

static double x_title_room(const panel *p)
{
    return p->width + PANEL_LEFT;
}

static double y_title_room(const panel *p)
{
    return p->height + 24;
}

static void fit_title(const axis *a, const char *metric, bool higher, double room, char *text,
                      size_t n)
{
    axis_title(a, metric, higher, text, n);
    if (text_width(text, FIGURE_TEXT) <= room) return;
    snprintf(text, n, "%.80s%s%s%s%s", metric, a->unit[0] ? " (" : "", a->unit,
             a->unit[0] ? ")" : "", a->log ? ", log" : "");
}

void panel_x_title(const panel *p, const char *metric, bool higher, char *text, size_t n)
{
    fit_title(&p->x, metric, higher, x_title_room(p), text, n);
}

void panel_y_title(const panel *p, const char *metric, bool higher, char *text, size_t n)
{
    fit_title(&p->y, metric, higher, y_title_room(p), text, n);
}

void panel_draw_axes(buf *b, const panel *p, const char *x_title, const char *y_title, int what)
{
    char text[200];
    draw_x_ticks(b, p, what & PANEL_X_LABELS);
    draw_y_ticks(b, p, what & PANEL_Y_LABELS);
    if (what & PANEL_X_TITLE) {
        svg_fit_text(x_title, FIGURE_TEXT * TIGHT, x_title_room(p), text, sizeof text);
        double half = text_width(text, FIGURE_TEXT) / 2, end = p->left + p->width;
        svg_text(b, "axis", fmin(p->left + p->width / 2, end - half), p->top + p->height + 20,
                 "middle", text);
    }
    if (what & PANEL_Y_TITLE) {
        svg_fit_text(y_title, FIGURE_TEXT * TIGHT, y_title_room(p), text, sizeof text);
        svg_text_upwards(b, "axis", p->left - PANEL_LEFT + 9, p->top + p->height / 2, text);
    }
}

void panel_draw_frame(buf *b, const panel *p)
{
    svg_rect(b, "frame", p->left, p->top, p->width, p->height);
}

range range_empty(void)
{
    return (range){(double)INFINITY, (double)-INFINITY};
}

void range_widen(range *r, double v)
{
    if (!isfinite(v)) return;
    r->low = fmin(r->low, v);
    r->high = fmax(r->high, v);
}

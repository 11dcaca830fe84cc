/* What all figures have in common: their size on paper, one style sheet, titles, legends and panels with axes.
 *
 * Lengths are points (1/72 inch), so that a font of 7.5 is one of 7.5 points in a document that places the figure at
 * its own size; a file says its width in millimetres. Colours are Okabe and Ito's (jfly.uni-koeln.de/color), which people
 * with any common colour blindness tell apart; nothing is told by colour alone, so that a grey print tells it, too.
 *
 * A figure is laid out from top to bottom: figure_begin writes the titles and says where they end, the caller
 * draws downwards from there, and figure_end, which is told the height, puts the head of the file in front. */
#ifndef PARETUNE_REPORT_FIGURE_H
#define PARETUNE_REPORT_FIGURE_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "report/axis.h"
#include "report/svg.h"

#include <stdbool.h>

#define FIGURE_TITLE 9.0
#define FIGURE_TEXT 7.5
#define FIGURE_SMALL 6.8
#define FIGURE_LINE 9.5   /* from one line of text to the next */
#define FIGURE_MARGIN 6.0 /* around everything */
enum { FIGURE_COLOURS = 6, FIGURE_ONE_MM = 88, FIGURE_TWO_MM = 180 };

typedef struct {
    double width_mm;
    bool untitled; /* for documents whose captions say it */
} figure_style;

/* "1", "2" (columns) or millimetres such as "120" or "120 mm". */
status figure_parse_width(const char *text, double *width_mm, err *e);

typedef struct {
    double width; /* pt */
    const char *title, *subtitle;
    buf body; /* what the caller draws into; freed by figure_end and figure_free */
} figure;

/* Texts are borrowed until figure_end. Returns where the next thing may begin: y below the titles. */
double figure_begin(figure *f, const figure_style *style, const char *title, const char *subtitle);
/* Appends the document to `out`. */
status figure_end(figure *f, double height, buf *out, err *e);
void figure_free(figure *f); /* accepts a zeroed struct */
/* From both margins. */
double figure_room(const figure *f);

bool figure_is_wide(const figure *f); /* two columns of a paper, or nearly */
/* How many of n panels stand side by side: three where the figure is wide, one where it is narrow. */
int figure_columns(const figure *f, int n);
int figure_rows(int n, int columns);

/* Text on lines of at most `width`, beginning at baseline y; words that are wider alone are cut. Returns the
 * baseline of the next line. At most `most` lines. */
double figure_wrap(buf *b, const char *class, double size, double x, double y, double width,
                   int most, const char *text);
int figure_lines(double size, double width, int most, const char *text);

/* Marks with words behind them, on as many lines as they need. */
typedef enum {
    MARK_BEST,
    MARK_MEMBER,
    MARK_OTHER,
    MARK_PICK,
    MARK_MISS,
    MARK_BAR,
    MARK_THICK,
    MARK_LINE,
    MARK_THIN,
    MARK_DOTTED,
    MARK_BAND,
    MARK_STOP,
    MARK_SQUARE_0,
    MARK_SQUARE_1,
    MARK_SQUARE_2,
    MARK_SQUARE_3,
    MARK_SQUARE_4
} figure_mark;
typedef struct {
    figure_mark mark;
    const char *text;
} legend_entry;
/* Returns y below it. */
double figure_legend(figure *f, double y, const legend_entry *entry, int n);

/* A region with an axis along two of its sides. */
typedef struct {
    double left, top, width, height;
    axis x, y;
} panel;

double panel_x(const panel *p, double v);
double panel_y(const panel *p, double v);
bool panel_has(const panel *p, double x, double y);

enum {
    PANEL_X_LABELS = 1,
    PANEL_Y_LABELS = 2,
    PANEL_X_TITLE = 4,
    PANEL_Y_TITLE = 8,
    PANEL_ALL = 15
};
/* Grid, tick labels and the titles of both axes, as asked. What stands outside of the frame takes
 * PANEL_LEFT on the left and PANEL_BELOW below. */
#define PANEL_LEFT 44.0
#define PANEL_BELOW 28.0
void panel_draw_axes(buf *b, const panel *p, const char *x_title, const char *y_title, int what);
/* The titles of a metric's axis, in a shorter form where the longer one has no room; in `text` of n bytes. */
void panel_x_title(const panel *p, const char *metric, bool higher, char *text, size_t n);
void panel_y_title(const panel *p, const char *metric, bool higher, char *text, size_t n);
void panel_draw_frame(buf *b, const panel *p);

/* How many labels a length bears. */
int panel_ticks_across(double width);
int panel_ticks_up(double height);

typedef struct {
    double low, high;
} range;
range range_empty(void);
void range_widen(range *r, double v); /* by a finite v */

#endif

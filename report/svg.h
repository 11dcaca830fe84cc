/* Writing SVG by hand: elements appended to a buffer, text escaped, numbers short and always
 * finite.
 *
 * Coordinates are points, 1/72 inch; the document says its size in millimetres. Looks are CSS classes, given once at
 * the start, so that one file serves light and dark pages. */
#ifndef PARETUNE_REPORT_SVG_H
#define PARETUNE_REPORT_SVG_H

#include "engine/base/buf.h"

/* Opens the document. `title` and `description` are for screen readers. */
void svg_begin(buf *b, double width, double height, const char *title, const char *description,
               const char *css);
void svg_end(buf *b);

/* "12.34", without trailing zeros; 0 when v is not finite. */
void svg_number(buf *b, double v);
/* Text with & < > " escaped, control characters as spaces, broken UTF-8 as U+FFFD. */
void svg_escape(buf *b, const char *text);

void svg_line(buf *b, const char *class, double x1, double y1, double x2, double y2);
void svg_rect(buf *b, const char *class, double x, double y, double width, double height);
/* `tip` is shown when the pointer rests on it; NULL for none. */
void svg_circle(buf *b, const char *class, double x, double y, double r, const char *tip);
void svg_diamond(buf *b, const char *class, double x, double y, double r, const char *tip);
/* `anchor`: "start", "middle", "end". */
void svg_text(buf *b, const char *class, double x, double y, const char *anchor, const char *text);
void svg_text_upwards(buf *b, const char *class, double x, double y, const char *text);

/* A path is begun, given points and ended. */
void svg_path_begin(buf *b, const char *class);
void svg_path_move(buf *b, double x, double y);
void svg_path_line(buf *b, double x, double y);
void svg_path_dot(buf *b, double x, double y); /* shown by a round line cap */
void svg_path_end(buf *b);

/* Width of a text in a generic sans-serif, estimated from its characters. */
double svg_text_width(const char *text, double size);
/* The text, or as much of it as fits into `width` and an ellipsis; in `out` of n bytes. */
void svg_fit_text(const char *text, double size, double width, char *out, size_t n);

#endif

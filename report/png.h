/* SVG to PNG through librsvg and cairo, which are loaded when a picture is asked for: the program needs them for
 * nothing else, and runs without them. */
#ifndef PARETUNE_REPORT_PNG_H
#define PARETUNE_REPORT_PNG_H

#include "engine/base/buf.h"
#include "engine/base/err.h"

#include <stddef.h>

/* Dots per inch: what journals ask of line art in colour. */
enum { PNG_DPI = 300 };

/* Appends the picture, at PNG_DPI for the document's own size in millimetres. ERR_INPUT when the libraries are not
 * installed (the message names the package) or the document cannot be drawn. */
status png_render(const char *svg, size_t n, buf *out, err *e);

#endif

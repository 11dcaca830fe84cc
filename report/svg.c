#include "report/svg.h"

#include "engine/base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void svg_number(buf *b, double v)
{
    char text[32];
    if (!isfinite(v) || fabs(v) > 1e6) v = 0;
    snprintf(text, sizeof text, "%.2f", v);
    size_t n = strlen(text);
    while (text[n - 1] == '0') n--;
    if (text[n - 1] == '.') n--;
    if (n == 2 && strncmp(text, "-0", 2) == 0)
        buf_char(b, '0');
    else
        buf_put(b, text, n);
}

void svg_escape(buf *b, const char *text)
{
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        unsigned v;
        int n = utf8_read((const char *)s, &v);
        if (n == 0 || v == 0xFFFE || v == 0xFFFF) /* the latter two XML does not allow */
            buf_text(b, UTF8_REPLACEMENT);
        else if (*s == '&')
            buf_text(b, "&amp;");
        else if (*s == '<')
            buf_text(b, "&lt;");
        else if (*s == '>')
            buf_text(b, "&gt;");
        else if (*s == '"')
            buf_text(b, "&quot;");
        else if (*s < 0x20 || *s == 0x7F)
            buf_char(b, ' ');
        else
            buf_put(b, s, (size_t)n);
        s += n ? n : 1;
    }
}

#define MM_PER_POINT (25.4 / 72)

static void attribute(buf *b, const char *name, double v)
{
    buf_printf(b, " %s=\"", name);
    svg_number(b, v);
    buf_char(b, '"');
}

void svg_begin(buf *b, double width, double height, const char *title, const char *description,
               const char *css)
{
    buf_text(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"");
    svg_number(b, width * MM_PER_POINT);
    buf_text(b, "mm\" height=\"");
    svg_number(b, height * MM_PER_POINT);
    buf_printf(b, "mm\" viewBox=\"0 0 %.2f %.2f\">\n<title>", width, height);
    svg_escape(b, title);
    buf_text(b, "</title>\n<desc>");
    svg_escape(b, description);
    buf_printf(b, "</desc>\n<style>\n%s</style>\n", css);
}

void svg_end(buf *b)
{
    buf_text(b, "</svg>\n");
}

void svg_line(buf *b, const char *class, double x1, double y1, double x2, double y2)
{
    buf_printf(b, "<line class=\"%s\"", class);
    attribute(b, "x1", x1);
    attribute(b, "y1", y1);
    attribute(b, "x2", x2);
    attribute(b, "y2", y2);
    buf_text(b, "/>\n");
}

void svg_rect(buf *b, const char *class, double x, double y, double width, double height)
{
    buf_printf(b, "<rect class=\"%s\"", class);
    attribute(b, "x", x);
    attribute(b, "y", y);
    attribute(b, "width", fmax(width, 0));
    attribute(b, "height", fmax(height, 0));
    buf_text(b, "/>\n");
}

static void end_with_tip(buf *b, const char *element, const char *tip)
{
    if (!tip) {
        buf_text(b, "/>\n");
        return;
    }
    buf_text(b, "><title>");
    svg_escape(b, tip);
    buf_printf(b, "</title></%s>\n", element);
}

void svg_circle(buf *b, const char *class, double x, double y, double r, const char *tip)
{
    buf_printf(b, "<circle class=\"%s\"", class);
    attribute(b, "cx", x);
    attribute(b, "cy", y);
    attribute(b, "r", r);
    end_with_tip(b, "circle", tip);
}

void svg_diamond(buf *b, const char *class, double x, double y, double r, const char *tip)
{
    buf_printf(b, "<path class=\"%s\" d=\"M", class);
    svg_number(b, x - r);
    buf_char(b, ' ');
    svg_number(b, y);
    for (int i = 0; i < 3; i++) {
        buf_char(b, 'l');
        svg_number(b, i < 2 ? r : -r);
        buf_char(b, ' ');
        svg_number(b, i == 0 ? -r : r);
    }
    buf_text(b, "z\"");
    end_with_tip(b, "path", tip);
}

void svg_text(buf *b, const char *class, double x, double y, const char *anchor, const char *text)
{
    buf_printf(b, "<text class=\"%s\" text-anchor=\"%s\"", class, anchor);
    attribute(b, "x", x);
    attribute(b, "y", y);
    buf_char(b, '>');
    svg_escape(b, text);
    buf_text(b, "</text>\n");
}

void svg_text_upwards(buf *b, const char *class, double x, double y, const char *text)
{
    buf_printf(b, "<text class=\"%s\" text-anchor=\"middle\" transform=\"translate(", class);
    svg_number(b, x);
    buf_char(b, ' ');
    svg_number(b, y);
    buf_text(b, ") rotate(-90)\">");
    svg_escape(b, text);
    buf_text(b, "</text>\n");
}

void svg_path_begin(buf *b, const char *class)
{
    buf_printf(b, "<path class=\"%s\" d=\"", class);
}

static void path_step(buf *b, char letter, double x, double y)
{
    buf_char(b, letter);
    svg_number(b, x);
    buf_char(b, ' ');
    svg_number(b, y);
}

void svg_path_move(buf *b, double x, double y)
{
    path_step(b, 'M', x, y);
}

void svg_path_line(buf *b, double x, double y)
{
    path_step(b, 'L', x, y);
}

void svg_path_dot(buf *b, double x, double y)
{
    path_step(b, 'M', x, y);
    buf_text(b, "h.01");
}

void svg_path_end(buf *b)
{
    buf_text(b, "\"/>\n");
}

/* --- widths --- */

/* In ems, on the wide side: DejaVu Sans, which Linux shows as sans-serif, is wider than Helvetica.
 */
static double glyph_width(unsigned char c)
{
    if (strchr(" ilj.,:;'|!", c)) return 0.34;
    if (strchr("mwMW%@", c)) return 0.92;
    if (c >= 'A' && c <= 'Z') return 0.70;
    if (strchr("<>=+", c)) return 0.84;
    return 0.63;
}

double svg_text_width(const char *text, double size)
{
    double width = 0;
    for (const unsigned char *s = (const unsigned char *)text; *s; s++)
        if ((*s & 0xC0) != 0x80) width += glyph_width(*s);
    return width * size;
}

void svg_fit_text(const char *text, double size, double width, char *out, size_t n)
{
    static const char ellipsis[] = "\xE2\x80\xA6";
    snprintf(out, n, "%s", text);
    size_t length = strlen(out);
    if (strlen(text) == length && svg_text_width(text, size) <= width) return;
    while (length > 0) {
        do length--;
        while (length > 0 && ((unsigned char)out[length] & 0xC0) == 0x80);
        out[length] = '\0';
        if (length + sizeof ellipsis <= n && svg_text_width(out, size) + size <= width) break;
    }
    memcpy(out + length, ellipsis, sizeof ellipsis);
}

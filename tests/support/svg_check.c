#include "svg_check.h"

#include "report/svg.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MOST_TEXTS = 2000, MOST_DEPTH = 16 };

static char problem[400];

static const char *say(const char *what, const char *at)
{
    snprintf(problem, sizeof problem, "%s: %.120s", what, at);
    return problem;
}

/* --- well-formed XML, as far as our writer goes: elements, attributes, text, entities --- */

static const char *skip_name(const char *p)
{
    while (isalnum((unsigned char)*p) || *p == '-' || *p == ':') p++;
    return p;
}

/* NULL for what must not stand in a text. */
static const char *skip_text(const char *p, char end)
{
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
    for (; *p && *p != end; p++) {
        bool known = *p != '&';
        for (int i = 0; i < 4; i++) known |= strncmp(p, entities[i], strlen(entities[i])) == 0;
        if (*p == '<' || !known || ((unsigned char)*p < 0x20 && *p != '\n')) return NULL;
    }
    return p;
}

static const char *skip_attributes(const char *p)
{
    while (*p == ' ') {
        const char *name = ++p;
        p = skip_name(p);
        if (p == name || p[0] != '=' || p[1] != '"') return NULL;
        p = skip_text(p + 2, '"');
        if (!p || *p++ != '"') return NULL;
    }
    return p;
}

static const char *check_xml(const char *xml)
{
    const char *open[MOST_DEPTH];
    int depth = 0;
    for (const char *p = xml; *p;) {
        const char *start = p;
        if (*p != '<') {
            p = skip_text(p, '<');
            if (!p) return say("a text", start);
        } else if (p[1] == '/') {
            const char *end = skip_name(p + 2);
            size_t n = (size_t)(end - p - 2);
            if (depth == 0 || strncmp(open[depth - 1], p + 2, n) != 0 || *end != '>')
                return say("an end tag", start);
            depth--;
            p = end + 1;
        } else {
            if (depth == MOST_DEPTH) return say("too deep", start);
            open[depth++] = p + 1;
            p = skip_attributes(skip_name(p + 1));
            if (p && *p == '/') depth--, p++;
            if (!p || *p != '>') return say("a tag", start);
            p++;
        }
    }
    if (depth) return say("an element is not closed", open[depth - 1]);
    if (strstr(xml, "nan") || strstr(xml, "\"inf")) return say("a number", "nan or inf");
    return NULL;
}

/* --- texts --- */

typedef struct {
    double left, top, right, bottom;
    char text[200];
} placed;

static void unescape(char *text)
{
    static const char *const from[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
    for (char *p = text; *p; p++)
        for (int i = 0; i < 4; i++)
            if (strncmp(p, from[i], strlen(from[i])) == 0) {
                *p = "&<>\""[i];
                memmove(p + 1, p + strlen(from[i]), strlen(p + strlen(from[i])) + 1);
                break;
            }
}

static double size_of_class(const char *class)
{
    if (strstr(class, "title")) return 9;
    return strstr(class, "small") || strstr(class, "ticks") ? 6.8 : 7.5;
}

static bool read_text(const char *p, placed *out)
{
    char class[80], anchor[16], content[200] = "";
    double x = 0, y = 0;
    if (sscanf(p, "<text class=\"%79[^\"]\" text-anchor=\"%15[^\"]\"", class, anchor) != 2)
        return false;
    const char *end = strchr(p, '>'), *turned = strstr(p, "translate(");
    bool is_turned = turned && turned < end;
    if (is_turned ? sscanf(turned, "translate(%lf %lf)", &x, &y) != 2
                  : sscanf(strstr(p, " x=\""), " x=\"%lf\" y=\"%lf\"", &x, &y) != 2)
        return false;
    sscanf(end, ">%199[^<]", content);
    unescape(content);
    double size = size_of_class(class), width = 0.82 * svg_text_width(content, size);
    double before = strcmp(anchor, "start") == 0 ? 0
                    : strcmp(anchor, "end") == 0 ? width
                                                 : width / 2;
    *out = is_turned ? (placed){x - 0.7 * size, y - width / 2, x + 0.2 * size, y + width / 2, ""}
                     : (placed){x - before, y - 0.7 * size, x - before + width, y + 0.2 * size, ""};
    snprintf(out->text, sizeof out->text, "%s", content);
    return true;
}

static bool overlap(const placed *a, const placed *b)
{
    return a->text[0] && b->text[0] && a->left < b->right && b->left < a->right &&
           a->top < b->bottom && b->top < a->bottom;
}

static const char *check_texts(const char *svg)
{
    static placed text[MOST_TEXTS];
    double width, height;
    int n = 0;
    const char *box = strstr(svg, "viewBox=\"0 0 ");
    if (!box || sscanf(box, "viewBox=\"0 0 %lf %lf\"", &width, &height) != 2)
        return say("no view box", svg);
    for (const char *p = svg; (p = strstr(p, "<text ")) && n < MOST_TEXTS; p++) {
        placed *t = &text[n];
        if (!read_text(p, t)) return say("a text's attributes", p);
        if (t->left < 0 || t->top < 0 || t->right > width || t->bottom > height)
            return say("a text leaves the page", p);
        for (int i = 0; i < n; i++)
            if (overlap(t, &text[i])) {
                snprintf(problem, sizeof problem, "'%.100s' stands over '%.100s'", t->text,
                         text[i].text);
                return problem;
            }
        n++;
    }
    return NULL;
}

const char *svg_problem(const char *svg)
{
    const char *what = check_xml(svg);
    return what ? what : check_texts(svg);
}

/* The assembler copies each source into this object as it is. The document is page.html with its marks replaced:
 * <!--NAME--> by what is called so. */
#include "report/page.h"

#include "report/svg.h"

#include <string.h>

#define TEXT(name, file)                         \
    extern const char page_text_##name[];        \
    __asm__(".section .rodata\n"                 \
            "page_text_" #name ":\n"             \
            ".incbin \"report/page/" file "\"\n" \
            ".byte 0\n"                          \
            ".previous\n")

TEXT(html, "page.html");
TEXT(style, "page.css");
TEXT(dom, "dom.js");
TEXT(quantity, "quantity.js");
TEXT(study, "study.js");
TEXT(filter, "filter.js");
TEXT(choice, "choice.js");
TEXT(scale, "scale.js");
TEXT(chart, "chart.js");
TEXT(pareto, "pareto.js");
TEXT(versions, "versions.js");
TEXT(compare, "compare.js");
TEXT(parallel, "parallel.js");
TEXT(curves, "curves.js");
TEXT(growth, "growth.js");
TEXT(importance, "importance.js");
TEXT(file, "file.js");
TEXT(trials, "trials.js");
TEXT(provenance, "provenance.js");
TEXT(main, "main.js");

/* In the order in which they need each other. */
static const char *const scripts[] = {
    page_text_dom,        page_text_quantity,   page_text_study,    page_text_filter,
    page_text_choice,     page_text_scale,      page_text_chart,    page_text_pareto,
    page_text_versions,   page_text_compare,    page_text_parallel, page_text_curves,
    page_text_growth,     page_text_importance, page_text_file,     page_text_trials,
    page_text_provenance, page_text_main,
};

const char *page_policy(bool live)
{
    return live ? "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                  "img-src data:; "
                  "connect-src 'self'; base-uri 'none'; form-action 'none'"
                : "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                  "img-src data:; "
                  "base-uri 'none'; form-action 'none'";
}

/* JSON has `<` in strings only, so this changes no value. */
static void put_json(buf *out, const char *json)
{
    for (const char *p = json; *p;) {
        size_t n = strcspn(p, "<");
        buf_put(out, p, n);
        p += n;
        if (*p != '<') break;
        buf_text(out, "\\u003c");
        p++;
    }
}

typedef struct {
    const char *title, *json;
    bool live;
} contents;

static void put_mark(buf *out, const char *name, size_t n, const contents *c)
{
    if (n == 5 && memcmp(name, "title", n) == 0) {
        svg_escape(out, c->title);
    } else if (n == 6 && memcmp(name, "policy", n) == 0) {
        buf_text(out, page_policy(c->live));
    } else if (n == 4 && memcmp(name, "live", n) == 0) {
        buf_text(out, c->live ? "<meta name=\"paretune-live\" content=\"data.json\">" : "");
    } else if (n == 5 && memcmp(name, "style", n) == 0) {
        buf_text(out, page_text_style);
    } else if (n == 4 && memcmp(name, "data", n) == 0) {
        put_json(out, c->json);
    } else if (n == 6 && memcmp(name, "script", n) == 0) {
        for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) buf_text(out, scripts[i]);
    }
}

status page_put(buf *out, const char *title, const char *json, bool live, err *e)
{
    const contents c = {title, json, live};
    for (const char *p = page_text_html; *p;) {
        const char *mark = strstr(p, "<!--"), *end = mark ? strstr(mark, "-->") : NULL;
        if (!end) {
            buf_text(out, p);
            break;
        }
        buf_put(out, p, (size_t)(mark - p));
        put_mark(out, mark + 4, (size_t)(end - mark - 4), &c);
        p = end + 3;
    }
    return buf_check(out, e);
}

#include "report/http.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A piece of the request. */
typedef struct {
    const char *at;
    size_t n;
} text;

static bool is_word(text t, const char *word)
{
    return t.n == strlen(word) && strncasecmp(t.at, word, t.n) == 0;
}

static text trim(text t)
{
    while (t.n && (t.at[0] == ' ' || t.at[0] == '\t')) t.at++, t.n--;
    while (t.n && (t.at[t.n - 1] == ' ' || t.at[t.n - 1] == '\t')) t.n--;
    return t;
}

/* Takes the next line, without its CR LF; false when none is whole or one holds a control character. */
static bool next_line(text *rest, text *line)
{
    const char *end = memchr(rest->at, '\n', rest->n);
    if (!end || end == rest->at || end[-1] != '\r') return false;
    *line = (text){rest->at, (size_t)(end - rest->at) - 1};
    rest->n -= (size_t)(end - rest->at) + 1;
    rest->at = end + 1;
    for (size_t i = 0; i < line->n; i++)
        if ((unsigned char)line->at[i] < 0x20 && line->at[i] != '\t') return false;
    return true;
}

/* The name in front of a port. */
static bool is_own_name(text host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *colon = host.n && host.at[0] == '[' ? memchr(host.at, ']', host.n) : host.at;
    colon = colon ? memchr(colon, ':', host.n - (size_t)(colon - host.at)) : NULL;
    if (colon) {
        for (const char *p = colon + 1; p < host.at + host.n; p++)
            if (!isdigit((unsigned char)*p)) return false;
        host.n = (size_t)(colon - host.at);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_word(host, names[i])) return true;
    return false;
}

static int read_target(text t, http_request *out)
{
    const char *query = memchr(t.at, '?', t.n);
    size_t n = query ? (size_t)(query - t.at) : t.n;
    if (n == 0 || t.at[0] != '/') return 400;
    if (n >= sizeof out->path) return 404;
    memcpy(out->path, t.at, n);
    out->path[n] = '\0';
    return 200;
}

static int read_first_line(text line, http_request *out)
{
    const char *one = memchr(line.at, ' ', line.n);
    size_t n = one ? (size_t)(one - line.at) : 0;
    if (n == 0) return 400;
    text rest = {one + 1, line.n - n - 1};
    const char *two = memchr(rest.at, ' ', rest.n);
    if (!two) return 400;
    text target = {rest.at, (size_t)(two - rest.at)};
    text version = {two + 1, rest.n - target.n - 1};
    if (!is_word(version, "HTTP/1.1") && !is_word(version, "HTTP/1.0")) return 505;
    if (n != 3 || memcmp(line.at, "GET", 3) != 0) return 405;
    return read_target(target, out);
}

static int read_header(text line, int *hosts, http_request *out)
{
    const char *colon = memchr(line.at, ':', line.n);
    if (!colon || colon == line.at || line.at[0] == ' ' || line.at[0] == '\t') return 400;
    text name = {line.at, (size_t)(colon - line.at)};
    text value = trim((text){colon + 1, line.n - name.n - 1});
    if (is_word(name, "Host")) {
        if (++*hosts > 1) return 400;
        return is_own_name(value) ? 200 : 421;
    }
    if (is_word(name, "If-None-Match") && value.n < sizeof out->mark) {
        memcpy(out->mark, value.at, value.n);
        out->mark[value.n] = '\0';
    }
    /* A body would be taken for a second request by whoever stands between. */
    if (is_word(name, "Transfer-Encoding")) return 400;
    if (is_word(name, "Content-Length") && !is_word(value, "0")) return 400;
    return 200;
}

static bool is_whole(const char *bytes, size_t n)
{
    for (size_t i = 3; i < n; i++)
        if (memcmp(bytes + i - 3, "\r\n\r\n", 4) == 0) return true;
    return false;
}

int http_read(const char *bytes, size_t n, http_request *out)
{
    text rest = {bytes, n}, line;
    int hosts = 0;
    *out = (http_request){0};
    if (!is_whole(bytes, n)) return n >= HTTP_MOST_BYTES ? 431 : 0;
    int code = next_line(&rest, &line) ? read_first_line(line, out) : 400;
    while (code == 200) {
        if (!next_line(&rest, &line)) return 400;
        if (line.n == 0) return hosts == 1 ? 200 : 400;
        code = read_header(line, &hosts, out);
    }
    return code;
}

static const char *reason(int code)
{
    static const struct {
        int code;
        const char *words;
    } known[] = {{200, "OK"},
                 {304, "Not Modified"},
                 {400, "Bad Request"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"},
                 {408, "Request Timeout"},
                 {421, "Misdirected Request"},
                 {431, "Request Header Fields Too Large"},
                 {503, "Service Unavailable"},
                 {505, "HTTP Version Not Supported"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].code == code) return known[i].words;
    return "Error";
}

void http_put_head(buf *out, const http_answer *a)
{
    buf_printf(out, "HTTP/1.1 %d %s\r\n", a->status, reason(a->status));
    if (a->type) buf_printf(out, "Content-Type: %s\r\n", a->type);
    if (a->status != 304) buf_printf(out, "Content-Length: %zu\r\n", a->n);
    if (a->status == 405) buf_text(out, "Allow: GET\r\n");
    if (a->mark) buf_printf(out, "ETag: %s\r\n", a->mark);
    if (a->policy)
        buf_printf(out, "Content-Security-Policy: %s; frame-ancestors 'none'\r\n", a->policy);
    buf_text(out, "Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: "
                  "no-referrer\r\n"
                  "Cross-Origin-Resource-Policy: same-origin\r\nConnection: close\r\n\r\n");
}

void http_put_refusal(buf *out, int code)
{
    char line[80];
    int n = snprintf(line, sizeof line, "%d %s\n", code, reason(code));
    http_put_head(
        out, &(http_answer){.status = code, .type = "text/plain; charset=utf-8", .n = (size_t)n});
    buf_text(out, line);
}

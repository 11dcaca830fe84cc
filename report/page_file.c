#include "report/page_file.h"

#include "engine/base/file.h"
#include "report/page.h"
#include "report/study_json.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void tell_time(char *text, size_t n)
{
    struct tm tm;
    time_t now = time(NULL);
    strftime(text, n, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
}

status page_data(struct store *s, const char *db, buf *out, err *e)
{
    arena a;
    char when[32];
    tell_time(when, sizeof when);
    arena_init(&a, 0);
    status st = store_hold(s, e);
    if (st == OK) st = study_json_write(s, db, when, &a, out, e);
    store_let_go(s);
    arena_free(&a);
    return st;
}

status page_make(struct store *s, const char *db, bool live, buf *out, err *e)
{
    arena a;
    store_space space;
    buf json = {0};
    arena_init(&a, 0);
    status st = store_last_space(s, &a, &space, e);
    if (st == OK) st = page_data(s, db, &json, e);
    if (st == OK)
        st = page_put(out, space.title && space.title[0] ? space.title : space.name, json.data,
                      live, e);
    buf_free(&json);
    arena_free(&a);
    return st;
}

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

static const char *choose_path(const char *db, const char *out, arena *a)
{
    if (out && ends_in(out, ".html")) return out;
    const char *name = file_name(db);
    size_t n = strlen(name) - (ends_in(name, ".db") ? 3 : 0);
    char *page = arena_printf(a, "%.*s.html", (int)n, name);
    return page && out ? file_join(a, out, page) : page;
}

status page_write(const char *db, const char *out, arena *a, const char **path, err *e)
{
    store *s = NULL;
    buf page = {0};
    *path = choose_path(db, out, a);
    if (!*path) return FAIL(e, ERR_MEM, "no memory for a page");
    TRY(store_open(db, STORE_READ, &s, e));
    status st = page_make(s, db, false, &page, e);
    store_close(s);
    if (st == OK && out && *path != out) st = file_make_folder(out, e);
    if (st == OK) st = file_write(*path, page.data, page.len, e);
    buf_free(&page);
    return st;
}

/* What study_text (space.c) wrote, taken apart: behind the YAML come lines
 *
 *     # --set KEY=VALUE
 *     # data FILE HASH
 *     # architecture NAME     and its text
 *
 * each behind an empty line or the end of the text before. Comments of a space may begin like that; the record begins
 * where all that follows has this form. */
#include "search/recall.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/file.h"

enum { MOST_SETS = 256 };

static const char set_mark[] = "\n# --set ", data_mark[] = "\n# data ",
                  architecture_mark[] = "\n# architecture ";

typedef struct {
    size_t yaml; /* its length */
    int n_sets;
    const char *set[MOST_SETS];
    const char *architectures; /* from the first mark of one on; "" without any */
    const char *data;          /* from the first mark of a file on */
} record;

static bool begins(const char *text, const char *mark)
{
    return strncmp(text, mark, strlen(mark)) == 0;
}

/* The line behind a mark, in `a`; *text moves behind its end. */
static const char *take_line(const char **text, const char *mark, arena *a)
{
    const char *line = *text + strlen(mark);
    size_t n = strcspn(line, "\n");
    *text = line + n + (line[n] != '\0');
    return arena_copy(a, line, n);
}

static bool ends_with_hash(const char *line)
{
    const size_t digits = HASH_TEXT - 1, n = strlen(line);
    return n > digits + 1 && line[n - digits - 1] == ' ' &&
           strspn(line + n - digits, "0123456789abcdef") == digits;
}

/* Whether a record begins at `text`; *memory = false when there is no more. */
static bool read_record(const char *text, arena *a, record *r, bool *memory)
{
    const char *line = "";
    r->n_sets = 0;
    while (line && begins(text, set_mark) && r->n_sets < MOST_SETS)
        r->set[r->n_sets++] = line = take_line(&text, set_mark, a);
    r->data = text;
    while (line && begins(text, data_mark)) {
        line = take_line(&text, data_mark, a);
        if (line && !ends_with_hash(line)) return false;
    }
    *memory = line != NULL;
    r->architectures = text;
    return line && (*text == '\0' || begins(text, architecture_mark));
}

static status find_record(const char *text, arena *a, record *r, err *e)
{
    bool memory = true;
    for (const char *p = text; memory && (p = strstr(p, "\n# ")) != NULL; p++) {
        if (!begins(p, set_mark) && !begins(p, data_mark) && !begins(p, architecture_mark))
            continue;
        r->yaml = (size_t)(p - text);
        if (read_record(p, a, r, &memory)) return OK;
    }
    if (!memory) return FAIL(e, ERR_MEM, "out of memory");
    *r = (record){.yaml = strlen(text), .architectures = "", .data = ""};
    return OK;
}

/* An architecture called by its name becomes FOLDER/NAME.yaml; one called by a path is read from there. */
static status write_architectures(const record *r, const char *folder, arena *a, err *e)
{
    const char *text = r->architectures;
    while (begins(text, architecture_mark)) {
        const char *name = take_line(&text, architecture_mark, a);
        const char *end = strstr(text, architecture_mark);
        const size_t n = end ? (size_t)(end - text) : strlen(text);
        if (!name) return FAIL(e, ERR_MEM, "out of memory");
        if (!strchr(name, '/') && !strstr(name, ".yaml")) {
            const char *path = arena_printf(a, "%s/%s.yaml", folder, name);
            if (!path) return FAIL(e, ERR_MEM, "out of memory");
            TRY(file_write_cached(path, text, n, e));
        }
        text += n;
    }
    return OK;
}

/* The space was read, and is another one. */
static status say_difference(const record *then, const char *text, arena *a, err *e)
{
    record now;
    TRY(find_record(text, a, &now, e));
    const size_t n_then = (size_t)(then->architectures - then->data),
                 n_now = (size_t)(now.architectures - now.data);
    if (n_then != n_now || memcmp(then->data, now.data, n_now) != 0)
        return FAIL(e, ERR_INPUT,
                    "its data are not those that it was run on; --data says where these are");
    if (strcmp(then->architectures, now.architectures) != 0)
        return FAIL(e, ERR_INPUT, "an architecture that it names by a path has changed since");
    return FAIL(e, ERR_INPUT, "what is read from the database is not the space that was run");
}

status recall_space(const char *path, const char *text, const hash *text_hash, const char *data,
                    const char *folder, arena *a, space **out, err *e)
{
    record r;
    diag d;
    TRY(find_record(text, a, &r, e));
    TRY(write_architectures(&r, folder, a, e));
    const char **sets = ARENA_NEW(a, const char *, r.n_sets + 1); /* the space borrows them */
    if (!sets) return FAIL(e, ERR_MEM, "out of memory");
    if (r.n_sets) memcpy(sets, r.set, (size_t)r.n_sets * sizeof *sets);
    const space_options options = {data, folder, r.n_sets, sets};
    diag_init(&d, a);
    *out = space_parse(a, path, text, r.yaml, &options, &d);
    if (!*out) {
        diag_sort(&d);
        TRY(diag_list(&d, e));
        return FAIL(e, ERR_MEM, "out of memory reading %s", path);
    }
    const store_space *read = space_for_store(*out);
    return strcmp(read->text_hash.text, text_hash->text) == 0
               ? OK
               : say_difference(&r, read->text, a, e);
}

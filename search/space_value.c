/* Scalars of a space file, by the type of their setting. */
#include "search/space_parts.h"

#include "engine/base/file.h"
#include "engine/base/quantity.h"

#include <dirent.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- numbers, words, truth --- */

static bool parse_number(space *s, const setting_row *row, const node *n, value *out)
{
    if (n->kind != NODE_NUMBER) {
        document_wrong(&s->source, n, "%s is %s, not %s%s%s%s", row->path,
                       row->type == TYPE_INT ? "a whole number" : "a number",
                       n->text && *n->text ? "'" : "",
                       n->text && *n->text ? n->text : document_kind(n),
                       n->text && *n->text ? "'" : "", n->quoted ? "; drop the quotes" : "");
        return false;
    }
    if (row->type == TYPE_INT && n->number != floor(n->number)) {
        document_wrong(&s->source, n, "%s is a whole number, not %s", row->path, n->text);
        return false;
    }
    if (row->min == row->max && n->number != row->min) {
        document_wrong(&s->source, n, "%s is %s; it must be %.10g", row->path, n->text, row->min);
        return false;
    }
    if (n->number < row->min || n->number > row->max) {
        document_wrong(&s->source, n, "%s is %s; it must be from %.10g to %.10g", row->path,
                       n->text, row->min, row->max);
        return false;
    }
    *out = value_number(n->number);
    return true;
}

static bool parse_choice(space *s, const setting_row *row, const node *n, value *out)
{
    if (n->text && schema_allows(row, n->text, s->task)) {
        *out = value_text(n->text);
        return true;
    }
    char copy[200], list[200] = "", *names[16];
    size_t count = 0;
    snprintf(copy, sizeof copy, "%s", row->choices);
    for (char *save, *w = strtok_r(copy, "|", &save); w && count < 16;
         w = strtok_r(NULL, "|", &save)) {
        if (!schema_allows(row, w, s->task)) continue;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", count ? "|" : "", w);
        names[count++] = w;
    }
    const char *word = n->text && *n->text ? n->text : document_kind(n);
    const char *meant = diag_did_you_mean(word, (const char *const *)names, count);
    if (schema_among(row->choices, word))
        document_wrong(&s->source, n, "%s: '%s' is not for task %s; it is one of %s", row->path,
                       word, s->task, list);
    else if (meant)
        document_wrong(&s->source, n, "%s: unknown '%s'; did you mean '%s'?", row->path, word,
                       meant);
    else
        document_wrong(&s->source, n, "%s: unknown '%s'; it is one of %s", row->path, word, list);
    return false;
}

static bool parse_bool(space *s, const setting_row *row, const node *n, value *out)
{
    if (n->kind != NODE_BOOL) {
        document_wrong(&s->source, n, "%s is true or false, not %s", row->path,
                       n->text && *n->text ? n->text : document_kind(n));
        return false;
    }
    *out = value_bool(n->number != 0);
    return true;
}

static bool parse_text(space *s, const setting_row *row, const node *n, value *out)
{
    if (!n->text) {
        document_wrong(&s->source, n, "%s is a text, not %s", row->path, document_kind(n));
        return false;
    }
    *out = value_text(n->text);
    return true;
}

static bool parse_quantity(space *s, const setting_row *row, const node *n, value *out)
{
    err e = {0};
    double v;
    if (!n->text || !*n->text) {
        document_wrong(&s->source, n, "%s is written like %s", row->path, row->def);
        return false;
    }
    if (quantity_parse(n->text, row->unit, &v, &e) != OK) {
        document_wrong(&s->source, n, "%s: %s", row->path, e.msg);
        return false;
    }
    if (v < row->min || v > row->max) {
        document_wrong(&s->source, n, "%s is %s; it must be from %.10g to %.10g %s", row->path,
                       n->text, row->min, row->max, row->unit);
        return false;
    }
    *out = value_number(v);
    return true;
}

/* "5" and "5 epochs" are numbers; "20 %" is turned into epochs when the training's length is known;
 * "1000 steps" stays as it is, its count beside the text. */
static bool parse_period(space *s, const setting_row *row, const node *n, value *out)
{
    char number[32] = "", unit[16] = "", rest[2] = "";
    int got = n->text ? sscanf(n->text, "%31[0-9.eE+-] %15[a-z%%] %1s", number, unit, rest) : 0;
    double v;
    err e = {0};
    bool good = (got == 1 || got == 2) && quantity_parse(number, "", &v, &e) == OK;
    bool steps = strcmp(unit, "steps") == 0, percent = strcmp(unit, "%") == 0;
    if (!good || (got == 2 && !steps && !percent && strcmp(unit, "epochs") != 0)) {
        document_wrong(&s->source, n,
                       "%s: '%s' is no point of a training; write 5, \"5 epochs\", "
                       "\"20 %%\" or \"1000 steps\"",
                       row->path, n->text ? n->text : document_kind(n));
        return false;
    }
    double most = percent ? 100 : row->max;
    if (v < row->min || v > most || (steps && v != floor(v))) {
        document_wrong(&s->source, n, "%s is %s; it must be %s from %g to %g", row->path, n->text,
                       steps ? "a whole number of steps" : "a number", row->min, most);
        return false;
    }
    if (!steps && !percent) {
        *out = value_number(v);
        return true;
    }
    const char *text = arena_printf(s->a, "%.10g %s", v, unit);
    if (!text) return false;
    *out = value_text(text);
    out->number = v;
    return true;
}

/* --- files --- */

static bool add_file(space *s, const node *n, const char *path, value *out)
{
    err e = {0};
    if (s->n_files == SPACE_MAX_FILES) {
        document_wrong(&s->source, n, "more than %d data files", SPACE_MAX_FILES);
        return false;
    }
    data_file *f = &s->file[s->n_files];
    f->written = n->text;
    f->path = arena_string(s->a, path);
    if (!f->path || hash_file(path, &f->content, &e) != OK) {
        document_wrong(&s->source, n, "%s", e.msg);
        return false;
    }
    *out = value_index(n->text, f->content.text, s->n_files++);
    return true;
}

static bool parse_file(space *s, const setting_row *row, const node *n, value *out)
{
    if (n->kind != NODE_STRING || !*n->text) {
        document_wrong(&s->source, n, "%s is the name of a file, not %s", row->path,
                       document_kind(n));
        return false;
    }
    const char *folder = s->options.data ? s->options.data : "data";
    const char *pattern = file_join(s->a, folder, n->text);
    glob_t found = {0};
    bool good = false;
    int code = pattern ? glob(pattern, 0, NULL, &found) : GLOB_NOSPACE;
    if (code == GLOB_NOMATCH)
        document_wrong(&s->source, n,
                       "%s: no file matches %s; say where the data is with --data or "
                       "PARETUNE_DATA",
                       row->path, pattern);
    else if (code != 0)
        document_wrong(&s->source, n, "%s: cannot search for %s", row->path, n->text);
    else if (found.gl_pathc > 1)
        document_wrong(&s->source, n,
                       "%s: %s matches %zu files, such as %s and %s; exactly one is "
                       "needed",
                       row->path, pattern, (size_t)found.gl_pathc, found.gl_pathv[0],
                       found.gl_pathv[1]);
    else
        good = add_file(s, n, found.gl_pathv[0], out);
    globfree(&found);
    return good;
}

static bool parse_folder(space *s, const setting_row *row, const node *n, value *out)
{
    if (n->kind != NODE_STRING || !*n->text || strchr(n->text, '\n')) {
        document_wrong(&s->source, n, "%s is the name of a folder, not %s", row->path,
                       document_kind(n));
        return false;
    }
    const char *path = file_join(s->a, s->options.data ? s->options.data : "data", n->text);
    DIR *d = path ? opendir(path) : NULL;
    if (!d) {
        document_wrong(&s->source, n,
                       "%s: there is no folder %s; say where the data is with --data or "
                       "PARETUNE_DATA",
                       row->path, path ? path : n->text);
        return false;
    }
    closedir(d);
    *out = value_text(path);
    return true;
}

/* --- architectures --- */

enum { MOST_FOLDERS = 4 };

/* The folder that the program lies in; NULL when the system does not say. */
static const char *program_folder(arena *a)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) return NULL;
    path[n] = '\0';
    return file_folder(a, path);
}

/* Where architectures are looked for, in this order: the folder asked for alone; else beside the
 * space, in the clone that one stands in, where `make install` puts them, and in the clone that the
 * program was built in. Returns how many. */
static int architecture_folders(space *s, const char *folder[MOST_FOLDERS])
{
    if (s->options.architectures) {
        folder[0] = s->options.architectures;
        return 1;
    }
    int n = 0;
    const char *program = program_folder(s->a);
    folder[n++] = file_join(s->a, file_folder(s->a, s->path), "architectures");
    folder[n++] = "spaces/architectures";
    if (!program) return n;
    const char *above = file_folder(s->a, program);
    folder[n++] = file_join(s->a, above, "share/paretune/spaces/architectures");
    folder[n++] = file_join(s->a, file_folder(s->a, above), "spaces/architectures");
    return n;
}

/* The name in `folder` that may have been meant; NULL when there is none. */
static const char *similar_architecture(space *s, const char *folder, const char *name)
{
    enum { MOST = 200 };
    const char *names[MOST];
    size_t n = 0;
    DIR *d = opendir(folder);
    if (!d) return NULL;
    for (struct dirent *f; n < MOST && (f = readdir(d)) != NULL;) {
        size_t length = strlen(f->d_name);
        if (length > 5 && strcmp(f->d_name + length - 5, ".yaml") == 0)
            names[n] = arena_copy(s->a, f->d_name, length - 5), n += names[n] != NULL;
    }
    closedir(d);
    /* The folder's order is no order: sort, so that messages do not depend on it. */
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && strcmp(names[k - 1], names[k]) > 0; k--) {
            const char *t = names[k];
            names[k] = names[k - 1];
            names[k - 1] = t;
        }
    return diag_did_you_mean(name, names, n);
}

static void unknown_architecture(space *s, const setting_row *row, const node *n,
                                 const char *const *folder, int n_folders)
{
    const char *meant = NULL;
    char list[400] = "";
    for (int i = 0; i < n_folders; i++) {
        if (!meant) meant = similar_architecture(s, folder[i], n->text);
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", folder[i]);
    }
    if (meant)
        document_wrong(&s->source, n, "%s: unknown '%s'; did you mean '%s'?", row->path, n->text,
                       meant);
    else
        document_wrong(&s->source, n,
                       "%s: unknown '%s'; give its folder with --architectures, or a path that "
                       "ends in .yaml; looked in %s",
                       row->path, n->text, list);
}

static const char *find_architecture(space *s, const setting_row *row, const node *n)
{
    size_t length = strlen(n->text);
    if (length > 5 && strcmp(n->text + length - 5, ".yaml") == 0) {
        const char *path = file_join(s->a, file_folder(s->a, s->path), n->text);
        if (file_exists(path)) return path;
        document_wrong(&s->source, n, "%s: there is no file %s", row->path, path);
        return NULL;
    }
    const char *folder[MOST_FOLDERS], *name = arena_printf(s->a, "%s.yaml", n->text);
    int n_folders = architecture_folders(s, folder);
    for (int i = 0; i < n_folders && name && !strchr(name, '/'); i++) {
        const char *path = file_join(s->a, folder[i], name);
        if (file_exists(path)) return path;
    }
    unknown_architecture(s, row, n, folder, n_folders);
    return NULL;
}

static bool parse_architecture(space *s, const setting_row *row, const node *n, value *out)
{
    if (n->kind != NODE_STRING || !*n->text) {
        document_wrong(&s->source, n, "%s is a name such as mlp, not %s", row->path,
                       document_kind(n));
        return false;
    }
    for (int i = 0; i < s->n_architectures; i++) {
        if (strcmp(architecture_name(s->architecture[i]), n->text) != 0) continue;
        *out = value_index(n->text, n->text, i);
        return true;
    }
    if (s->n_architectures == SPACE_MAX_ARCHITECTURES) {
        document_wrong(&s->source, n, "more than %d architectures", SPACE_MAX_ARCHITECTURES);
        return false;
    }
    const char *path = find_architecture(s, row, n);
    const architecture *x =
        path ? architecture_read(s->a, n->text, path, s->task, s->source.d) : NULL;
    if (!x) {
        s->architecture_failed = true;
        return false;
    }
    s->architecture[s->n_architectures] = x;
    *out = value_index(n->text, n->text, s->n_architectures++);
    return true;
}

bool space_parse_value(space *s, const setting_row *row, const node *n, value *out)
{
    if (n->kind == NODE_NULL && !n->quoted) {
        document_wrong(&s->source, n, "%s: nothing is written; %s", row->path,
                       row->def ? "drop the key to have the default" : "write a value");
        return false;
    }
    switch (row->type) {
    case TYPE_INT:
    case TYPE_NUMBER:
        return parse_number(s, row, n, out);
    case TYPE_BOOL:
        return parse_bool(s, row, n, out);
    case TYPE_CHOICE:
        return parse_choice(s, row, n, out);
    case TYPE_TEXT:
        return parse_text(s, row, n, out);
    case TYPE_FILE:
        return parse_file(s, row, n, out);
    case TYPE_FOLDER:
        return parse_folder(s, row, n, out);
    case TYPE_PERIOD:
        return parse_period(s, row, n, out);
    case TYPE_QUANTITY:
        return parse_quantity(s, row, n, out);
    case TYPE_ARCHITECTURE:
        return parse_architecture(s, row, n, out);
    case TYPE_OTHER:
        break;
    }
    return false;
}

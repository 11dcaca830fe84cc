/* The parts of a space that are not settings: seeds, rules, versions, objectives. */
#include "search/candidate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- words --- */

static bool is_word(const node *n)
{
    if (n->kind != NODE_STRING || !*n->text || *n->text == '.' || *n->text == '_') return false;
    return strpbrk(n->text, "/\\\n\t") == NULL;
}

static void add_word(space *s, const node *n)
{
    if (!is_word(n)) {
        document_wrong(&s->source, n, "a word is the name of a folder, not %s",
                       n->text && *n->text ? n->text : document_kind(n));
        return;
    }
    for (int i = 0; i < s->n_words; i++) {
        if (strcmp(s->word[i], n->text) != 0) continue;
        document_wrong(&s->source, n, "word %s stands twice; keep one", n->text);
        return;
    }
    if (s->n_words == SPACE_MAX_WORDS)
        document_wrong(&s->source, n, "more than %d words", SPACE_MAX_WORDS);
    else
        s->word[s->n_words++] = n->text;
}

void space_read_words(space *s, const node *n)
{
    if (n->kind != NODE_LIST) {
        document_wrong(&s->source, n, "data.words is a list such as [go, stop], not %s",
                       document_kind(n));
        return;
    }
    if (!candidate_matters(s, s->base, SET_DATA_FOLDER) && n->n > 0)
        document_wrong(&s->source, n,
                       "data.words chooses among folders of recordings; the source "
                       "here has none");
    for (int i = 0; i < n->n; i++) add_word(s, n->item[i]);
    if (s->n_words == 1)
        document_wrong(&s->source, n,
                       "data.words names one word; at least two are needed to tell "
                       "apart");
}

/* --- seeds --- */

static void add_seed(space *s, const node *n)
{
    if (n->kind != NODE_NUMBER || n->number != floor(n->number) || n->number < 0 ||
        n->number > 9007199254740992.0) {
        document_wrong(&s->source, n, "a seed is a whole number from 0 to 2^53, not %s",
                       n->text && *n->text ? n->text : document_kind(n));
        return;
    }
    uint64_t seed = (uint64_t)n->number;
    for (int i = 0; i < s->n_seeds; i++) {
        if (s->seed[i] != seed) continue;
        document_wrong(&s->source, n, "seed %s stands twice; keep one", n->text);
        return;
    }
    if (s->n_seeds == SPACE_MAX_SEEDS)
        document_wrong(&s->source, n, "more than %d seeds", SPACE_MAX_SEEDS);
    else
        s->seed[s->n_seeds++] = seed;
}

void space_read_seeds(space *s, const node *n)
{
    if (n->kind != NODE_LIST) {
        add_seed(s, n);
    } else if (n->n == 0) {
        document_wrong(&s->source, n, "seeds: the list is empty; at least one is needed");
    } else {
        for (int i = 0; i < n->n; i++) add_seed(s, n->item[i]);
    }
}

/* --- rules --- */

void space_read_rules(space *s, const node *list)
{
    static const char *const keys[] = {"exclude", "because"};
    if (list->kind != NODE_LIST) {
        document_wrong(&s->source, list, "rules is a list; begin each with '- exclude: '");
        return;
    }
    for (int i = 0; i < list->n; i++) {
        const node *n = list->item[i], *exclude = node_get(n, "exclude");
        const node *because = node_get(n, "because");
        if (!exclude) {
            document_wrong(&s->source, n, "a rule is written as '- exclude: EXPRESSION'");
            continue;
        }
        document_check_keys(&s->source, n, "of a rule", keys, 2);
        if (because && !because->text)
            document_wrong(&s->source, because, "because is a text, not %s",
                           document_kind(because));
        if (s->n_rules == SPACE_MAX_RULES) {
            document_wrong(&s->source, n, "more than %d rules", SPACE_MAX_RULES);
            return;
        }
        expr *x = document_expr(&s->source, exclude, space_names(s), VALUE_BOOL);
        if (x) s->rule[s->n_rules++] = (rule){x, exclude, because ? because->text : NULL};
    }
}

/* --- versions and objectives --- */

static bool is_of_test(const char *metric)
{
    size_t n = strlen(metric);
    return n > 5 && strcmp(metric + n - 5, "_test") == 0;
}

/* zopfli is slow, so that its sizes are there only when export.pack asks for it. */
static bool lacks_zopfli(const space *s, const metric_row *m)
{
    const slot_info *pack = &s->slot[SET_PACK];
    if (strncmp(m->name, "size_zopfli", 11) != 0) return false;
    if (pack->axis < 0) return strncmp(pack->fixed.text, "zopfli", 6) != 0;
    const axis *x = &s->axis[pack->axis];
    for (int i = 0; i < x->n; i++)
        if (strncmp(x->values[i].text, "zopfli", 6) != 0) return true;
    return false;
}

/* The metric that `key` names, fit for the space's task; NULL when something was reported. */
static const metric_row *find_metric(space *s, const node *key)
{
    const char *names[100], *name = key->text;
    size_t n = 0, length = strlen(name);
    if (is_of_test(name)) {
        document_wrong(&s->source, key,
                       "'%s': models are chosen on the validation part and reported "
                       "on the test part; write %.*s",
                       name, (int)length - 5, name);
        return NULL;
    }
    const char *task = s->slot[SET_TASK].fixed.text;
    for (const metric_row *m = stage_metrics(); m->name && n < 100; m++) {
        bool fits = !*m->task || !*task || strcmp(m->task, task) == 0;
        if (fits && strcmp(m->name, name) == 0 && lacks_zopfli(s, m)) {
            document_wrong(&s->source, key,
                           "'%s' is there with export.pack: zopfli or zopfli-zip only", name);
            return NULL;
        }
        if (fits && strcmp(m->name, name) == 0) return m;
        if (fits && !is_of_test(m->name)) names[n++] = m->name;
    }
    const char *meant = diag_did_you_mean(name, names, n);
    if (meant) {
        document_wrong(&s->source, key, "unknown metric '%s'; did you mean '%s'?", name, meant);
        return NULL;
    }
    char list[600] = "";
    for (size_t i = 0; i < n; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", names[i]);
    document_wrong(&s->source, key, "unknown metric '%s'; known are %s", name, list);
    return NULL;
}

static bool read_limit(space *s, const node *key, const node *n, store_limit *l,
                       const metric_row **metric)
{
    *metric = find_metric(s, key);
    if (!*metric) return false;
    err e = {0};
    if (!n->text) {
        document_wrong(&s->source, n, "a limit is written like \"< 2 kB\", not %s",
                       document_kind(n));
        return false;
    }
    *l = (store_limit){.metric = (*metric)->name, .text = n->text};
    if (limit_parse(n->text, (*metric)->unit, &l->op, &l->bound, &e) != OK) {
        document_wrong(&s->source, n, "%s: %s", key->text, e.msg);
        return false;
    }
    bool upper = l->op == LIMIT_LT || l->op == LIMIT_LE;
    if ((*metric)->direction == (upper ? BETTER_HIGHER : BETTER_LOWER)) {
        document_wrong(&s->source, n, "%s is better when %s; a limit on it begins with %s",
                       key->text, upper ? "higher" : "lower", upper ? ">" : "<");
        return false;
    }
    /* No model file is so small: a unit was forgotten. */
    if (upper && strncmp(key->text, "size", 4) == 0 && l->bound < 100 &&
        n->text[strcspn(n->text, "Bb")] == '\0') {
        document_wrong(&s->source, n,
                       "%s: %s is in bytes, fewer than any model has; did you mean %.10g kB?",
                       key->text, n->text, l->bound);
        return false;
    }
    return true;
}

static void read_version(space *s, const node *name, const node *n)
{
    static const char *const keys[] = {"title", "limits"};
    const char *title = "";
    const node *limits = node_get(n, "limits");
    if (limits || node_get(n, "title")) {
        document_check_keys(&s->source, n, "of a version", keys, 2);
        const node *t = node_get(n, "title");
        if (t && t->text) title = t->text;
        if (!limits) limits = n; /* a map without any limit: reported below */
    } else {
        limits = n;
    }
    if (limits->kind != NODE_MAP || limits->n == 0 || node_get(limits, "title")) {
        document_wrong(&s->source, limits, "version %s needs limits, such as {size: \"< 2 kB\"}",
                       name->text);
        return;
    }
    if (limits->n > SPACE_MAX_LIMITS || s->n_versions == SPACE_MAX_VERSIONS) {
        document_wrong(&s->source, name, "at most %d versions of %d limits each",
                       SPACE_MAX_VERSIONS, SPACE_MAX_LIMITS);
        return;
    }
    store_limit *list = ARENA_NEW(s->a, store_limit, limits->n);
    const metric_row **metrics = ARENA_NEW(s->a, const metric_row *, limits->n);
    if (!list || !metrics) return;
    int count = 0;
    for (int i = 0; i < limits->n; i++)
        count += read_limit(s, limits->key[i], limits->item[i], &list[count], &metrics[count]);
    s->limit_metric[s->n_versions] = metrics;
    s->version[s->n_versions++] = (store_version){name->text, title, count, list};
}

void space_read_versions(space *s, const node *n)
{
    if (n->kind != NODE_MAP) {
        document_wrong(&s->source, n, "versions is a map of names, such as a: {size: \"< 2 kB\"}");
        return;
    }
    for (int i = 0; i < n->n; i++) read_version(s, n->key[i], n->item[i]);
}

static void read_objective(space *s, const node *key, const node *n)
{
    const metric_row *m = find_metric(s, key);
    if (!m) return;
    bool minimize = n->text && strcmp(n->text, "minimize") == 0;
    bool maximize = n->text && strcmp(n->text, "maximize") == 0;
    const char *natural = m->direction == BETTER_HIGHER ? "maximize" : "minimize";
    if (!minimize && !maximize) {
        document_wrong(&s->source, n, "%s: say which way is better: minimize or maximize",
                       key->text);
    } else if (m->direction != BETTER_NONE && strcmp(n->text, natural) != 0) {
        document_wrong(&s->source, n, "%s: %s would look for the worst; write %s", key->text,
                       n->text, natural);
    } else if (s->n_objectives < STAGE_MAX_METRICS) {
        s->objective[s->n_objectives++] = (store_objective){m->name, maximize};
    }
}

void space_read_objectives(space *s, const node *n)
{
    if (n->kind != NODE_MAP || n->n == 0) {
        document_wrong(&s->source, n,
                       "objectives is a map of metrics and directions, such as "
                       "{T_mae: minimize, size: minimize}");
        return;
    }
    for (int i = 0; i < n->n; i++) read_objective(s, n->key[i], n->item[i]);
}

/* Recursive descent that writes SQL as it reads. Each comparison is wrapped so that it is 0 or 1
 * and never NULL, which makes `not` mean what it says; depth and number of comparisons are bounded
 * well under SQLite's own limits. */
#include "store/filter.h"
#include "engine/base/buf.h"
#include "engine/base/diag.h"
#include "engine/base/quantity.h"
#include "store/db.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

typedef enum {
    T_END,
    T_OPEN,
    T_CLOSE,
    T_COMMA,
    T_OP,
    T_NUMBER,
    T_WORD,
    T_QUOTED,
    T_BAD
} token_kind;

typedef struct {
    token_kind kind;
    const char *start; /* in the filter's text */
    size_t n;
} token;

typedef struct {
    const char *text, *at; /* behind `now` */
    token now;
    const filter_name *names;
    int n_names, n_comparisons, depth;
    buf sql;
    filter *out;
    arena *a;
    err *e;
} parser;

/* --- words --- */

static bool is_word_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || (unsigned char)c >= 0x80;
}

static token read_token(const char *s)
{
    while (isspace((unsigned char)*s)) s++;
    token t = {.start = s, .n = 1};
    if (!*s) {
        t.kind = T_END;
        t.n = 0;
    } else if (strchr("(),", *s)) {
        t.kind = *s == '(' ? T_OPEN : *s == ')' ? T_CLOSE : T_COMMA;
    } else if (strchr("<>=!", *s)) {
        t.kind = T_OP;
        t.n = (s[1] == '=' || (*s == '<' && s[1] == '>')) ? 2 : 1;
        if (*s == '!' && t.n == 1) t.kind = T_BAD;
    } else if (*s == '"' || *s == '\'') {
        const char *end = strchr(s + 1, *s);
        t.kind = end ? T_QUOTED : T_BAD;
        if (end) t.n = (size_t)(end - s) + 1;
    } else if (quantity_number_length(s) > 0) {
        t.kind = T_NUMBER;
        t.n = quantity_number_length(s);
    } else if (is_word_byte(*s) || *s == '%') {
        t.kind = T_WORD;
        while (is_word_byte(s[t.n]) && *s != '%') t.n++;
    } else {
        t.kind = T_BAD;
    }
    return t;
}

static void advance(parser *p)
{
    p->now = read_token(p->at);
    p->at = p->now.start + p->now.n;
}

static bool is_keyword(const token *t, const char *word)
{
    return t->kind == T_WORD && t->n == strlen(word) && strncasecmp(t->start, word, t->n) == 0;
}

static bool is_any_keyword(const token *t)
{
    static const char *const words[] = {"and", "or", "not", "in", "between"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is_keyword(t, words[i])) return true;
    return false;
}

static bool accept(parser *p, const char *word)
{
    if (!is_keyword(&p->now, word)) return false;
    advance(p);
    return true;
}

/* --- mistakes --- */

static int column_of(const parser *p, const char *at)
{
    return (int)(at - p->text) + 1;
}

/* What stands at the present place, for messages. */
static const char *shown(const parser *p)
{
    if (p->now.kind == T_END) return "the end";
    size_t n = p->now.n < 40 ? p->now.n : 40;
    const char *s = arena_printf(p->a, "'%.*s'", (int)n, p->now.start);
    return s ? s : "something";
}

static status expected(parser *p, const char *what)
{
    return FAIL(p->e, ERR_INPUT, "filter, column %d: expected %s, found %s",
                column_of(p, p->now.start), what, shown(p));
}

/* A name stands bare, or in quotes when it holds other signs. */
static const filter_name *find_name(const parser *p, const token *t)
{
    bool quoted = t->kind == T_QUOTED;
    size_t n = t->n - 2 * (size_t)quoted;
    for (int i = 0; i < p->n_names; i++)
        if (strlen(p->names[i].name) == n && memcmp(p->names[i].name, t->start + quoted, n) == 0)
            return &p->names[i];
    return NULL;
}

static status unknown_name(parser *p, const char *what)
{
    const char *word = arena_copy(p->a, p->now.start, p->now.n), *meant = NULL;
    const char **names = ARENA_NEW(p->a, const char *, p->n_names + 1);
    if (!word || !names) return FAIL(p->e, ERR_MEM, "no memory for a filter");
    for (int i = 0; i < p->n_names; i++) names[i] = p->names[i].name;
    meant = diag_did_you_mean(word, names, (size_t)p->n_names);
    if (meant)
        return FAIL(p->e, ERR_INPUT, "filter, column %d: '%.60s' is %s; did you mean '%s'?",
                    column_of(p, p->now.start), word, what, meant);
    return FAIL(
        p->e, ERR_INPUT,
        "filter, column %d: '%.60s' is %s; 'paretune query DB --columns all --limit 1' shows "
        "all names",
        column_of(p, p->now.start), word, what);
}

/* --- SQL --- */

static status put_value(parser *p, filter_value v)
{
    filter *f = p->out;
    if (f->n_values % 64 == 0) {
        filter_value *more = ARENA_NEW(p->a, filter_value, f->n_values + 64);
        if (!more) return FAIL(p->e, ERR_MEM, "no memory for a filter");
        if (f->n_values) memcpy(more, f->value, (size_t)f->n_values * sizeof *more);
        f->value = more;
    }
    f->value[f->n_values++] = v;
    buf_printf(&p->sql, ":v%d", f->n_values);
    return OK;
}

/* Between a number and a text SQLite knows an order of its own; here such a comparison is false. */
static void put_guard(parser *p, const filter_name *left, bool is_number)
{
    if (left->is_number) return;
    buf_text(&p->sql, "typeof(");
    db_put_quoted(&p->sql, '"', left->name);
    buf_text(&p->sql, is_number ? ") <> 'text' AND " : ") = 'text' AND ");
}

/* --- values --- */

/* A number and, when one follows, its unit: any word but a keyword. */
static status read_quantity(parser *p, const filter_name *left, filter_value *v)
{
    const char *start = p->now.start, *end = p->at;
    advance(p);
    if (p->now.kind == T_WORD && !is_any_keyword(&p->now)) {
        end = p->at;
        advance(p);
    }
    char *text = arena_copy(p->a, start, (size_t)(end - start));
    if (!text) return FAIL(p->e, ERR_MEM, "no memory for a filter");
    err local = {0};
    v->is_number = true;
    if (quantity_parse(text, left->unit, &v->number, &local) == OK) return OK;
    return FAIL(p->e, ERR_INPUT, "filter, column %d: %s", column_of(p, start), local.msg);
}

/* The texts that occur, as many as a message holds: "float16, float32". */
static const char *list_words(const parser *p, const filter_name *name)
{
    enum { SHOWN = 8 };
    const char *text = name->n_words ? name->word[0] : "numbers";
    for (int i = 1; text && i < name->n_words && i < SHOWN; i++)
        text = arena_printf(p->a, "%s, %.40s", text, name->word[i]);
    if (text && name->n_words > SHOWN) text = arena_printf(p->a, "%s, ...", text);
    return text ? text : "";
}

static status check_occurs(parser *p, const filter_name *left, const filter_value *v,
                           const char *place)
{
    if (!left->is_listed || (v->is_number && left->has_numbers)) return OK;
    for (int i = 0; !v->is_number && i < left->n_words; i++)
        if (strcmp(left->word[i], v->text) == 0) return OK;
    if (v->is_number)
        return FAIL(p->e, ERR_INPUT, "filter, column %d: '%s' is a word, not a number; it has %s",
                    column_of(p, place), left->name, list_words(p, left));
    const char *meant = diag_did_you_mean(v->text, left->word, (size_t)left->n_words);
    if (meant)
        return FAIL(p->e, ERR_INPUT,
                    "filter, column %d: no trial has '%.60s' as %s; did you mean '%s'?",
                    column_of(p, place), v->text, left->name, meant);
    return FAIL(p->e, ERR_INPUT, "filter, column %d: no trial has '%.60s' as %s; it has %s",
                column_of(p, place), v->text, left->name, list_words(p, left));
}

/* A bare word that goes on with dashes, where what occurs is listed: cnn-1d. */
static void take_dashes(parser *p, const filter_name *left)
{
    if (!left->is_listed || p->now.kind != T_WORD) return;
    size_t n = p->now.n;
    while (is_word_byte(p->now.start[n]) || p->now.start[n] == '-') n++;
    p->now.n = n;
    p->at = p->now.start + n;
}

static status read_text(parser *p, const filter_name *left, filter_value *v)
{
    bool quoted = p->now.kind == T_QUOTED;
    take_dashes(p, left);
    if (left->is_number && !quoted) return unknown_name(p, "neither a number nor a name");
    if (left->is_number)
        return FAIL(p->e, ERR_INPUT, "filter, column %d: '%s' is a number and is compared with %s",
                    column_of(p, p->now.start), left->name, shown(p));
    v->is_number = false;
    v->text = arena_copy(p->a, p->now.start + quoted, p->now.n - 2 * (size_t)quoted);
    if (!v->text) return FAIL(p->e, ERR_MEM, "no memory for a filter");
    advance(p);
    return OK;
}

static status read_value(parser *p, const filter_name *left, filter_value *v)
{
    const char *place = p->now.start;
    *v = (filter_value){0};
    if (p->now.kind == T_NUMBER) {
        TRY(read_quantity(p, left, v));
        return check_occurs(p, left, v, place);
    }
    if (p->now.kind == T_QUOTED || (p->now.kind == T_WORD && !is_any_keyword(&p->now))) {
        TRY(read_text(p, left, v));
        return check_occurs(p, left, v, place);
    }
    return expected(p, "a value such as 0.5, 2 kB or \"text\"");
}

/* --- comparisons --- */

static status compare_names(parser *p, const filter_name *left, const char *op,
                            const filter_name *right)
{
    if (strcmp(left->unit, right->unit) != 0 && left->is_number && right->is_number)
        return FAIL(p->e, ERR_INPUT,
                    "filter, column %d: '%s' (%s) and '%s' (%s) have different units",
                    column_of(p, p->now.start), left->name, left->unit, right->name, right->unit);
    advance(p);
    if (!left->is_number || !right->is_number) {
        buf_text(&p->sql, "(typeof(");
        db_put_quoted(&p->sql, '"', left->name);
        buf_text(&p->sql, ") = 'text') = (typeof(");
        db_put_quoted(&p->sql, '"', right->name);
        buf_text(&p->sql, ") = 'text') AND ");
    }
    db_put_quoted(&p->sql, '"', left->name);
    buf_printf(&p->sql, " %s ", op);
    db_put_quoted(&p->sql, '"', right->name);
    return OK;
}

/* The operator as SQL has it; static storage. */
static const char *sql_op(const token *t)
{
    static const char *const ops[][2] = {{"<", "<"}, {"<=", "<="}, {">", ">"},   {">=", ">="},
                                         {"=", "="}, {"==", "="},  {"!=", "<>"}, {"<>", "<>"}};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strlen(ops[i][0]) == t->n && memcmp(ops[i][0], t->start, t->n) == 0) return ops[i][1];
    return NULL;
}

static status read_comparison(parser *p, const filter_name *left)
{
    const char *op = sql_op(&p->now), *place = p->now.start;
    if (!op) return expected(p, "a comparison");
    advance(p);
    const filter_name *right = p->now.kind == T_WORD ? find_name(p, &p->now) : NULL;
    if (right) return compare_names(p, left, op, right);
    filter_value v;
    bool has_order = op[0] != '=' && strcmp(op, "<>") != 0;
    if (!has_order || !left->is_listed || left->has_numbers)
        TRY(read_value(p, left, &v));
    else
        v.is_number = false;
    if (!v.is_number && has_order)
        return FAIL(p->e, ERR_INPUT, "filter, column %d: words have no order; use =, != or in",
                    column_of(p, place));
    put_guard(p, left, v.is_number);
    db_put_quoted(&p->sql, '"', left->name);
    buf_printf(&p->sql, " %s ", op);
    return put_value(p, v);
}

/* Equality with one of the list; `negated`: with none of them, for a figure that is there. */
static status read_in(parser *p, const filter_name *left, bool negated)
{
    if (p->now.kind != T_OPEN) return expected(p, "'(' and a list of values");
    db_put_quoted(&p->sql, '"', left->name);
    buf_text(&p->sql, negated ? " NOT IN (" : " IN (");
    for (int n = 0;; n++) {
        advance(p); /* over '(' or ',' */
        filter_value v;
        TRY(read_value(p, left, &v));
        if (n == FILTER_MAX_COMPARISONS)
            return FAIL(p->e, ERR_INPUT, "filter: a list of more than %d values", n);
        if (n) buf_char(&p->sql, ',');
        TRY(put_value(p, v));
        if (p->now.kind == T_CLOSE) break;
        if (p->now.kind != T_COMMA) return expected(p, "',' or ')'");
    }
    advance(p);
    buf_char(&p->sql, ')');
    return OK;
}

static status read_between(parser *p, const filter_name *left, bool negated)
{
    filter_value low, high;
    const char *place = p->now.start;
    TRY(read_value(p, left, &low));
    if (!accept(p, "and")) return expected(p, "'and' and the upper end");
    TRY(read_value(p, left, &high));
    if (!low.is_number || !high.is_number)
        return FAIL(p->e, ERR_INPUT, "filter, column %d: words have no order; use in (...)",
                    column_of(p, place));
    put_guard(p, left, true);
    db_put_quoted(&p->sql, '"', left->name);
    buf_text(&p->sql, negated ? " NOT BETWEEN " : " BETWEEN ");
    TRY(put_value(p, low));
    buf_text(&p->sql, " AND ");
    return put_value(p, high);
}

static status read_name_and_rest(parser *p)
{
    if ((p->now.kind != T_WORD && p->now.kind != T_QUOTED) || is_any_keyword(&p->now))
        return expected(p, "the name of a knob or metric");
    const filter_name *left = find_name(p, &p->now);
    if (!left) return unknown_name(p, "no knob or metric of this study");
    if (++p->n_comparisons > FILTER_MAX_COMPARISONS)
        return FAIL(p->e, ERR_INPUT, "filter: more than %d comparisons", FILTER_MAX_COMPARISONS);
    advance(p);
    buf_text(&p->sql, "ifnull(");
    bool negated = accept(p, "not");
    if (accept(p, "in"))
        TRY(read_in(p, left, negated));
    else if (accept(p, "between"))
        TRY(read_between(p, left, negated));
    else if (negated)
        return expected(p, "'in' or 'between'");
    else
        TRY(read_comparison(p, left));
    buf_text(&p->sql, ",0)");
    return OK;
}

/* --- and, or, not --- */

static status read_any(parser *p);

static status read_one(parser *p)
{
    if (p->depth >= FILTER_MAX_DEPTH)
        return FAIL(p->e, ERR_INPUT, "filter, column %d: nested deeper than %d",
                    column_of(p, p->now.start), FILTER_MAX_DEPTH);
    bool negated = is_keyword(&p->now, "not");
    if (!negated && p->now.kind != T_OPEN) return read_name_and_rest(p);
    advance(p);
    p->depth++;
    buf_text(&p->sql, negated ? "(NOT " : "(");
    if (negated)
        TRY(read_one(p));
    else
        TRY(read_any(p));
    p->depth--;
    buf_char(&p->sql, ')');
    if (negated) return OK;
    if (p->now.kind != T_CLOSE) return expected(p, "'and', 'or' or ')'");
    advance(p);
    return OK;
}

static status read_all(parser *p)
{
    TRY(read_one(p));
    while (accept(p, "and")) {
        buf_text(&p->sql, " AND ");
        TRY(read_one(p));
    }
    return OK;
}

static status read_any(parser *p)
{
    TRY(read_all(p));
    while (accept(p, "or")) {
        buf_text(&p->sql, " OR ");
        TRY(read_all(p));
    }
    return OK;
}

status filter_compile(const char *text, const filter_name *names, int n_names, arena *a,
                      filter *out, err *e)
{
    *out = (filter){0};
    if (strlen(text) > FILTER_MAX_BYTES)
        return FAIL(e, ERR_INPUT, "filter: longer than %d bytes", FILTER_MAX_BYTES);
    parser p = {
        .text = text, .at = text, .names = names, .n_names = n_names, .out = out, .a = a, .e = e};
    advance(&p);
    status s = read_any(&p);
    if (s == OK && p.now.kind != T_END) s = expected(&p, "'and', 'or' or the end");
    if (s == OK) s = buf_check(&p.sql, e);
    if (s == OK) {
        out->sql = arena_copy(a, p.sql.data, p.sql.len);
        if (!out->sql) s = FAIL(e, ERR_MEM, "no memory for a filter");
    }
    buf_free(&p.sql);
    return s;
}

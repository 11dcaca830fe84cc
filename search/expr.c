/* A recursive-descent parser that emits the program as it goes. The stack's depth after every
 * operation is known while compiling, so evaluation needs no checks but those of arithmetic. Each
 * operation remembers the byte it was compiled from, for messages. */
#include "search/expr.h"

#include "engine/base/diag.h"
#include "search/expr_parts.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { TOK_END, TOK_NUMBER, TOK_TEXT, TOK_NAME, TOK_SIGN } tok_kind;

typedef struct {
    tok_kind kind;
    int at, length;
    double number;
    char sign[3]; /* TOK_SIGN: "<=" */
} token;

typedef struct {
    arena *a;
    const expr_names *names;
    const char *text;
    int at;      /* where the next token is looked for */
    token tok;   /* the token looked at now */
    int nesting; /* of the parser's own calls */
    int stack;   /* values on the evaluator's stack here */
    op ops[EXPR_MAX_OPS];
    int n_ops;
    int slots[EXPR_MAX_OPS];
    int n_slots;
    int wrong_at;
    err *e;
} parser;

#define WRONG(p, place, ...) ((p)->wrong_at = (place), FAIL((p)->e, ERR_INPUT, __VA_ARGS__))

/* --- tokens --- */

static status read_number(parser *p, const char *s)
{
    int n = 0;
    while (isdigit((unsigned char)s[n])) n++;
    if (s[n] == '.') n++;
    while (isdigit((unsigned char)s[n])) n++;
    if (s[n] == 'e' || s[n] == 'E') {
        int m = n + 1 + (s[n + 1] == '-' || s[n + 1] == '+');
        if (isdigit((unsigned char)s[m])) {
            while (isdigit((unsigned char)s[m])) m++;
            n = m;
        }
    }
    char digits[64];
    if (n >= (int)sizeof digits) return WRONG(p, p->at, "the number is too long");
    memcpy(digits, s, (size_t)n);
    digits[n] = '\0';
    p->tok.kind = TOK_NUMBER;
    p->tok.length = n;
    p->tok.number = strtod(digits, NULL);
    if (!isfinite(p->tok.number)) return WRONG(p, p->at, "the number %s is out of range", digits);
    if (isalpha((unsigned char)s[n]) || s[n] == '_')
        return WRONG(p, p->at, "'%s%c...' is no number; numbers here have no units", digits, s[n]);
    return OK;
}

static status read_text(parser *p, const char *s)
{
    const char *end = strchr(s + 1, *s);
    if (!end) return WRONG(p, p->at, "the quote %c is not closed", *s);
    p->tok.kind = TOK_TEXT;
    p->tok.length = (int)(end - s) + 1;
    return OK;
}

static void read_name(parser *p, const char *s)
{
    int n = 1;
    while (isalnum((unsigned char)s[n]) || s[n] == '_' || s[n] == '.') n++;
    p->tok.kind = TOK_NAME;
    p->tok.length = n;
}

static status read_sign(parser *p, const char *s)
{
    static const char *const signs[] = {"<=", ">=", "==", "!=", "<", ">", "+", "-",
                                        "*",  "/",  "%",  "(",  ")", "[", "]", ","};
    p->tok.kind = TOK_SIGN;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t n = strlen(signs[i]);
        if (strncmp(s, signs[i], n) != 0) continue;
        p->tok.length = (int)n;
        memcpy(p->tok.sign, signs[i], n + 1);
        return OK;
    }
    if (*s == '=') return WRONG(p, p->at, "'=' compares nothing; write '=='");
    if (*s == '&') return WRONG(p, p->at, "'&' is not known here; write 'and'");
    if (*s == '|') return WRONG(p, p->at, "'|' is not known here; write 'or'");
    if (*s == '!') return WRONG(p, p->at, "'!' is not known here; write 'not' or '!='");
    if (isprint((unsigned char)*s))
        return WRONG(p, p->at, "'%c' means nothing in an expression", *s);
    return WRONG(p, p->at, "a character that means nothing in an expression");
}

static status advance(parser *p)
{
    while (isspace((unsigned char)p->text[p->at])) p->at++;
    const char *s = p->text + p->at;
    p->tok = (token){.kind = TOK_END, .at = p->at};
    if (isdigit((unsigned char)*s) || (*s == '.' && isdigit((unsigned char)s[1])))
        TRY(read_number(p, s));
    else if (*s == '"' || *s == '\'')
        TRY(read_text(p, s));
    else if (isalpha((unsigned char)*s) || *s == '_')
        read_name(p, s);
    else if (*s)
        TRY(read_sign(p, s));
    p->at += p->tok.length;
    return OK;
}

static bool is_sign(const parser *p, const char *sign)
{
    return p->tok.kind == TOK_SIGN && strcmp(p->tok.sign, sign) == 0;
}

static bool is_word(const parser *p, const char *word)
{
    return p->tok.kind == TOK_NAME && p->tok.length == (int)strlen(word) &&
           strncmp(p->text + p->tok.at, word, (size_t)p->tok.length) == 0;
}

static status expect(parser *p, const char *sign)
{
    if (!is_sign(p, sign)) {
        if (p->tok.kind == TOK_END) return WRONG(p, p->tok.at, "'%s' is missing at the end", sign);
        return WRONG(p, p->tok.at, "'%s' is missing before '%.*s'", sign, p->tok.length,
                     p->text + p->tok.at);
    }
    return advance(p);
}

/* --- emitting --- */

static status emit(parser *p, op_code code, int at, int pushed, op **out)
{
    if (p->n_ops == EXPR_MAX_OPS) return WRONG(p, at, "the expression is too long");
    p->stack += pushed;
    if (p->stack > STACK_MAX) return WRONG(p, at, "the expression is nested too deep");
    p->ops[p->n_ops] = (op){.code = code, .at = at};
    if (out) *out = &p->ops[p->n_ops];
    p->n_ops++;
    return OK;
}

static void note_slot(parser *p, int slot)
{
    for (int i = 0; i < p->n_slots; i++)
        if (p->slots[i] == slot) return;
    p->slots[p->n_slots++] = slot;
}

static const char *kind_name(value_kind k)
{
    static const char *const names[] = {"a number", "true or false", "a word"};
    return names[k];
}

static status want(parser *p, value_kind got, value_kind wanted, int at)
{
    if (got == wanted) return OK;
    return WRONG(p, at, "%s is needed here, this is %s", kind_name(wanted), kind_name(got));
}

/* --- grammar --- */

static status parse_or(parser *p, value_kind *kind);

static status parse_constant(parser *p, value_kind *kind)
{
    op *o = NULL;
    if (p->tok.kind == TOK_NUMBER) {
        TRY(emit(p, OP_NUMBER, p->tok.at, 1, &o));
        o->constant.number = p->tok.number;
        *kind = VALUE_NUMBER;
    } else {
        TRY(emit(p, OP_TEXT, p->tok.at, 1, &o));
        o->constant.text = arena_copy(p->a, p->text + p->tok.at + 1, (size_t)p->tok.length - 2);
        if (!o->constant.text) return FAIL(p->e, ERR_MEM, "out of memory");
        *kind = VALUE_TEXT;
    }
    return advance(p);
}

static const struct {
    const char *name;
    op_code code;
    int n_args;
} functions[] = {
    {"min", OP_MIN, 2},   {"max", OP_MAX, 2},     {"floor", OP_FLOOR, 1},
    {"ceil", OP_CEIL, 1}, {"round", OP_ROUND, 1}, {"abs", OP_ABS, 1},
};
enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

static status parse_call(parser *p, int f, value_kind *kind)
{
    int at = p->tok.at;
    TRY(advance(p));
    TRY(expect(p, "("));
    for (int i = 0; i < functions[f].n_args; i++) {
        if (i > 0 && !is_sign(p, ","))
            return WRONG(p, p->tok.at, "%s takes %d values", functions[f].name,
                         functions[f].n_args);
        if (i > 0) TRY(advance(p));
        int place = p->tok.at;
        TRY(parse_or(p, kind));
        TRY(want(p, *kind, VALUE_NUMBER, place));
    }
    if (is_sign(p, ","))
        return WRONG(p, p->tok.at, "%s takes %d value%s", functions[f].name, functions[f].n_args,
                     functions[f].n_args == 1 ? "" : "s");
    TRY(emit(p, functions[f].code, at, 1 - functions[f].n_args, NULL));
    return expect(p, ")");
}

static status unknown_name(parser *p, const char *name, int at)
{
    const char *meant = diag_did_you_mean(name, p->names->list, (size_t)p->names->n);
    if (meant) return WRONG(p, at, "unknown name '%s'; did you mean '%s'?", name, meant);
    return WRONG(p, at, "unknown name '%s'; words stand in quotes, names are axes and settings",
                 name);
}

static status parse_name(parser *p, value_kind *kind)
{
    int at = p->tok.at;
    char name[80];
    if (p->tok.length >= (int)sizeof name) return WRONG(p, at, "the name is too long");
    memcpy(name, p->text + at, (size_t)p->tok.length);
    name[p->tok.length] = '\0';
    for (int f = 0; f < N_FUNCTIONS; f++)
        if (strcmp(name, functions[f].name) == 0) return parse_call(p, f, kind);
    op *o = NULL;
    if (strcmp(name, "true") == 0 || strcmp(name, "false") == 0) {
        TRY(emit(p, OP_NUMBER, at, 1, &o));
        o->constant.number = name[0] == 't';
        *kind = VALUE_BOOL;
        return advance(p);
    }
    int slot;
    if (!p->names->find(p->names->user, name, &slot, kind)) return unknown_name(p, name, at);
    TRY(emit(p, *kind == VALUE_TEXT ? OP_SLOT_TEXT : OP_SLOT, at, 1, &o));
    o->target = slot;
    note_slot(p, slot);
    return advance(p);
}

static status parse_primary(parser *p, value_kind *kind)
{
    switch (p->tok.kind) {
    case TOK_NUMBER:
    case TOK_TEXT:
        return parse_constant(p, kind);
    case TOK_NAME:
        if (is_word(p, "and") || is_word(p, "or") || is_word(p, "in")) break;
        return parse_name(p, kind);
    case TOK_SIGN:
        if (!is_sign(p, "(")) break;
        TRY(advance(p));
        TRY(parse_or(p, kind));
        return expect(p, ")");
    case TOK_END:
        return WRONG(p, p->tok.at, "the expression ends where a value should follow");
    }
    return WRONG(p, p->tok.at, "a value is missing before '%.*s'", p->tok.length,
                 p->text + p->tok.at);
}

static status parse_unary(parser *p, value_kind *kind)
{
    if (!is_sign(p, "-") && !is_sign(p, "+")) return parse_primary(p, kind);
    if (++p->nesting > EXPR_MAX_DEPTH)
        return WRONG(p, p->tok.at, "the expression is nested too deep");
    bool minus = is_sign(p, "-");
    int at = p->tok.at;
    TRY(advance(p));
    int place = p->tok.at;
    TRY(parse_unary(p, kind));
    TRY(want(p, *kind, VALUE_NUMBER, place));
    p->nesting--;
    return minus ? emit(p, OP_NEG, at, 0, NULL) : OK;
}

typedef struct {
    const char *sign;
    op_code code;
} binary;

static const binary products[] = {{"*", OP_MUL}, {"/", OP_DIV}, {"%", OP_MOD}, {NULL, OP_POP}};
static const binary sums[] = {{"+", OP_ADD}, {"-", OP_SUB}, {NULL, OP_POP}};
static const binary comparisons[] = {{"<", OP_LT},  {"<=", OP_LE}, {">", OP_GT},  {">=", OP_GE},
                                     {"==", OP_EQ}, {"!=", OP_NE}, {NULL, OP_POP}};

static const binary *find_binary(const parser *p, const binary *table)
{
    for (; table->sign; table++)
        if (is_sign(p, table->sign)) return table;
    return NULL;
}

/* A left-associative chain of the operators in `table` over what `next` parses. */
static status parse_chain(parser *p, const binary *table, status (*next)(parser *, value_kind *),
                          value_kind *kind)
{
    int place = p->tok.at;
    TRY(next(p, kind));
    for (const binary *b; (b = find_binary(p, table)) != NULL;) {
        int at = p->tok.at;
        TRY(want(p, *kind, VALUE_NUMBER, place));
        TRY(advance(p));
        place = p->tok.at;
        TRY(next(p, kind));
        TRY(want(p, *kind, VALUE_NUMBER, place));
        TRY(emit(p, b->code, at, -1, NULL));
    }
    return OK;
}

static status parse_product(parser *p, value_kind *kind)
{
    return parse_chain(p, products, parse_unary, kind);
}

static status parse_sum(parser *p, value_kind *kind)
{
    return parse_chain(p, sums, parse_product, kind);
}

/* `x in ["a", "b"]`: x stays below a running answer while the list goes by. */
static status parse_in(parser *p, value_kind *kind)
{
    int at = p->tok.at;
    TRY(advance(p));
    TRY(expect(p, "["));
    if (is_sign(p, "]")) return WRONG(p, p->tok.at, "the list is empty; name at least one value");
    TRY(emit(p, OP_NUMBER, at, 1, NULL));
    while (true) {
        int place = p->tok.at;
        value_kind item;
        TRY(parse_sum(p, &item));
        TRY(want(p, item, *kind, place));
        TRY(emit(p, item == VALUE_TEXT ? OP_OR_TEXT : OP_OR_NUMBER, at, -1, NULL));
        if (!is_sign(p, ",")) break;
        TRY(advance(p));
    }
    TRY(emit(p, OP_DROP_UNDER, at, -1, NULL));
    *kind = VALUE_BOOL;
    return expect(p, "]");
}

static status emit_comparison(parser *p, op_code code, value_kind kind, int at)
{
    if (kind == VALUE_NUMBER || code == OP_EQ || code == OP_NE) {
        if (kind == VALUE_TEXT) code = code == OP_EQ ? OP_EQ_TEXT : OP_NE_TEXT;
        return emit(p, code, at, -1, NULL);
    }
    return WRONG(p, at, "only numbers have an order; compare words with == or !=");
}

static status parse_comparison(parser *p, value_kind *kind)
{
    TRY(parse_sum(p, kind));
    if (is_word(p, "in")) return parse_in(p, kind);
    const binary *b = find_binary(p, comparisons);
    if (!b) return OK;
    int at = p->tok.at;
    TRY(advance(p));
    int place = p->tok.at;
    value_kind right;
    TRY(parse_sum(p, &right));
    if (right != *kind)
        return WRONG(p, place, "%s cannot be compared with %s", kind_name(*kind), kind_name(right));
    TRY(emit_comparison(p, b->code, *kind, at));
    *kind = VALUE_BOOL;
    if (find_binary(p, comparisons))
        return WRONG(p, p->tok.at, "comparisons do not chain; write 'a < b and b < c'");
    return OK;
}

static status parse_not(parser *p, value_kind *kind)
{
    if (!is_word(p, "not")) return parse_comparison(p, kind);
    if (++p->nesting > EXPR_MAX_DEPTH)
        return WRONG(p, p->tok.at, "the expression is nested too deep");
    int at = p->tok.at;
    TRY(advance(p));
    int place = p->tok.at;
    TRY(parse_not(p, kind));
    TRY(want(p, *kind, VALUE_BOOL, place));
    p->nesting--;
    return emit(p, OP_NOT, at, 0, NULL);
}

/* `a and b`: when a is false it stays as the answer and b is skipped; else it is popped. */
static status parse_logic(parser *p, const char *word, op_code skip,
                          status (*next)(parser *, value_kind *), value_kind *kind)
{
    int place = p->tok.at;
    TRY(next(p, kind));
    while (is_word(p, word)) {
        TRY(want(p, *kind, VALUE_BOOL, place));
        int from = p->n_ops;
        TRY(emit(p, skip, p->tok.at, 0, NULL));
        TRY(emit(p, OP_POP, p->tok.at, -1, NULL));
        TRY(advance(p));
        place = p->tok.at;
        TRY(next(p, kind));
        TRY(want(p, *kind, VALUE_BOOL, place));
        p->ops[from].target = p->n_ops;
    }
    return OK;
}

static status parse_and(parser *p, value_kind *kind)
{
    return parse_logic(p, "and", OP_SKIP_IF_FALSE, parse_not, kind);
}

static status parse_or(parser *p, value_kind *kind)
{
    if (++p->nesting > EXPR_MAX_DEPTH)
        return WRONG(p, p->tok.at, "the expression is nested too deep");
    TRY(parse_logic(p, "or", OP_SKIP_IF_TRUE, parse_and, kind));
    p->nesting--;
    return OK;
}

static status parse_whole(parser *p, value_kind *kind)
{
    TRY(advance(p));
    if (p->tok.kind == TOK_END) return WRONG(p, 0, "the expression is empty");
    TRY(parse_or(p, kind));
    if (p->tok.kind != TOK_END)
        return WRONG(p, p->tok.at, "'%.*s' does not fit here; an operator is missing before it",
                     p->tok.length, p->text + p->tok.at);
    return OK;
}

status expr_compile(arena *a, const char *text, const expr_names *names, expr **out, int *at,
                    err *e)
{
    static const size_t most = EXPR_MAX_TEXT;
    *at = 0;
    *out = NULL;
    if (strlen(text) > most)
        return FAIL(e, ERR_INPUT, "the expression has over %zu characters", most);
    err own = {0};
    parser p = {.a = a, .names = names, .e = e ? e : &own};
    p.text = arena_string(a, text);
    expr *x = ARENA_NEW(a, expr, 1);
    if (!p.text || !x) return FAIL(e, ERR_MEM, "out of memory");
    status s = parse_whole(&p, &x->kind);
    *at = p.wrong_at;
    TRY(s);
    x->text = p.text;
    x->n_ops = p.n_ops;
    x->n_slots = p.n_slots;
    x->ops = ARENA_NEW(a, op, p.n_ops);
    x->slots = ARENA_NEW(a, int, p.n_slots);
    if (!x->ops || !x->slots) return FAIL(e, ERR_MEM, "out of memory");
    memcpy(x->ops, p.ops, (size_t)p.n_ops * sizeof *p.ops);
    memcpy(x->slots, p.slots, (size_t)p.n_slots * sizeof *p.slots);
    *out = x;
    return OK;
}

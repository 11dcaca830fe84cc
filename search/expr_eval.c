/* Runs a compiled expression. Types and the stack's depth were settled while compiling: what can
 * still go wrong is arithmetic. */
#include "search/expr.h"

#include "search/expr_parts.h"

#include <assert.h>
#include <math.h>
#include <string.h>

value_kind expr_kind(const expr *x)
{
    return x->kind;
}

int expr_n_slots(const expr *x)
{
    return x->n_slots;
}

int expr_slot(const expr *x, int i)
{
    return x->slots[i];
}

const char *expr_text(const expr *x)
{
    return x->text;
}

typedef union {
    double number;
    const char *text;
} cell;

/* Arithmetic on the two top cells; false when the divisor is zero. */
static bool arithmetic(op_code code, cell *top)
{
    double a = top[-1].number, b = top[0].number, y = 0;
    switch (code) {
    case OP_ADD:
        y = a + b;
        break;
    case OP_SUB:
        y = a - b;
        break;
    case OP_MUL:
        y = a * b;
        break;
    case OP_MIN:
        y = a < b ? a : b;
        break;
    case OP_MAX:
        y = a > b ? a : b;
        break;
    case OP_DIV:
    case OP_MOD:
        if (b == 0) return false;
        y = code == OP_DIV ? a / b : a - b * floor(a / b);
        break;
    default:
        break;
    }
    top[-1].number = y;
    return true;
}

static double compare(op_code code, double a, double b)
{
    switch (code) {
    case OP_LT:
        return a < b;
    case OP_LE:
        return a <= b;
    case OP_GT:
        return a > b;
    case OP_GE:
        return a >= b;
    case OP_EQ:
        return a == b;
    default:
        return a != b;
    }
}

static double rounded(op_code code, double v)
{
    switch (code) {
    case OP_FLOOR:
        return floor(v);
    case OP_CEIL:
        return ceil(v);
    case OP_ROUND:
        return nearbyint(v); /* halves to even, as Python's round */
    case OP_ABS:
        return fabs(v);
    case OP_NEG:
        return -v;
    default:
        return v == 0; /* OP_NOT */
    }
}

status expr_eval(const expr *x, const value *slots, value *out, int *at, err *e)
{
    cell stack[STACK_MAX + 1] = {{0}};
    cell *top = stack; /* the cell on top; stack[0] is below the first */
    for (int i = 0; i < x->n_ops; i++) {
        const op *o = &x->ops[i];
        switch (o->code) {
        case OP_NUMBER:
            (++top)->number = o->constant.number;
            break;
        case OP_TEXT:
            (++top)->text = o->constant.text;
            break;
        case OP_SLOT:
            (++top)->number = slots[o->target].number;
            break;
        case OP_SLOT_TEXT:
            (++top)->text = slots[o->target].text;
            break;
        case OP_ADD:
        case OP_SUB:
        case OP_MUL:
        case OP_DIV:
        case OP_MOD:
        case OP_MIN:
        case OP_MAX:
            if (!arithmetic(o->code, top)) {
                *at = o->at;
                return FAIL(e, ERR_INPUT, "division by zero");
            }
            top--;
            break;
        case OP_LT:
        case OP_LE:
        case OP_GT:
        case OP_GE:
        case OP_EQ:
        case OP_NE:
            top--;
            top->number = compare(o->code, top->number, top[1].number);
            break;
        case OP_EQ_TEXT:
        case OP_NE_TEXT:
            top--;
            top->number = (strcmp(top->text, top[1].text) == 0) == (o->code == OP_EQ_TEXT);
            break;
        case OP_OR_TEXT:
            top--;
            if (strcmp(top[-1].text, top[1].text) == 0) top->number = 1;
            break;
        case OP_OR_NUMBER:
            top--;
            if (top[-1].number == top[1].number) top->number = 1;
            break;
        case OP_DROP_UNDER:
            top--;
            *top = top[1];
            break;
        case OP_SKIP_IF_FALSE:
            if (top->number == 0) i = o->target - 1;
            break;
        case OP_SKIP_IF_TRUE:
            if (top->number != 0) i = o->target - 1;
            break;
        case OP_POP:
            top--;
            break;
        case OP_NEG:
        case OP_NOT:
        case OP_FLOOR:
        case OP_CEIL:
        case OP_ROUND:
        case OP_ABS:
            top->number = rounded(o->code, top->number);
            break;
        }
    }
    assert(top == stack + 1);
    out->kind = x->kind;
    out->text = x->kind == VALUE_TEXT ? top->text : NULL;
    out->number = x->kind == VALUE_TEXT ? 0 : top->number;
    if (!isfinite(out->number)) {
        *at = 0;
        return FAIL(e, ERR_INPUT, "the result is not a finite number");
    }
    return OK;
}

/* The program that an expression is compiled to, for expr.c (which writes it) and expr_eval.c (which runs
 * it). It is postfix over a stack: every operation takes its values from the top and puts its result
 * there. */
#ifndef PARETUNE_SEARCH_EXPR_PARTS_H
#define PARETUNE_SEARCH_EXPR_PARTS_H

#include "search/expr.h"

typedef enum {
    OP_NUMBER,
    OP_TEXT,
    OP_SLOT,
    OP_SLOT_TEXT,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD,
    OP_NEG,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_EQ,
    OP_NE,
    OP_EQ_TEXT,
    OP_NE_TEXT,
    OP_NOT,
    OP_OR_TEXT,    /* OP_OR_TEXT: (word, so far, candidate) -> (word, so far or equal) */
    OP_OR_NUMBER,  /* the same for numbers */
    OP_DROP_UNDER, /* (word, so far) -> (so far) */
    OP_SKIP_IF_FALSE,
    OP_SKIP_IF_TRUE,
    OP_POP,
    OP_MIN,
    OP_MAX,
    OP_FLOOR,
    OP_CEIL,
    OP_ROUND,
    OP_ABS
} op_code;

typedef struct {
    op_code code;
    int at;     /* byte of the source */
    int target; /* OP_SLOT: slot; OP_SKIP: operation to go on with */
    union {
        double number;
        const char *text;
    } constant;
} op;

/* Values that wait while others are made: about three for each level of parentheses. */
enum { STACK_MAX = 48 };

struct expr {
    const char *text;
    op *ops;
    int n_ops;
    int *slots;
    int n_slots;
    value_kind kind;
};

#endif

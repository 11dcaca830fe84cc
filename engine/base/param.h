/* Rows that describe a parameter once: readers, checks, "did you mean" and the documentation all come
 * from them. */
#ifndef PARETUNE_ENGINE_BASE_PARAM_H
#define PARETUNE_ENGINE_BASE_PARAM_H

typedef enum { PARAM_INT, PARAM_NUMBER, PARAM_BOOL, PARAM_CHOICE, PARAM_SHAPE } param_type;
typedef struct {
    const char *name;
    param_type type;
    double min, max;     /* inclusive; PARAM_INT, PARAM_NUMBER */
    const char *choices; /* PARAM_CHOICE: "relu|tanh|none" */
    const char *def;     /* default as text; NULL = must be written */
    const char *help;
} param_row;

typedef struct {
    const char *name; /* "dense" */
    const char *help;
    const param_row *params; /* ended by a row without a name */
} layer_row;

#endif

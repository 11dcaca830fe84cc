/* Numbers with units, as people write limits: "< 2 kB", "40 ms", "90 %", "0.5 °C", "2 h".
 *
 * Base units: bytes, milliseconds, percent, °C, seconds for budgets. kB = 1000 B, KiB = 1024 B (KB is
 * refused as ambiguous, with that explanation). A unit of another dimension than the metric's is an
 * error, no unit means the metric's base unit. */
#ifndef PARETUNE_ENGINE_BASE_QUANTITY_H
#define PARETUNE_ENGINE_BASE_QUANTITY_H

#include "engine/base/err.h"

#include <stddef.h>

typedef enum { LIMIT_LT, LIMIT_LE, LIMIT_GT, LIMIT_GE } limit_op;

/* "2 kB" -> 2000 for unit "B". The whole text must be used. `unit` is the base unit of what is
 * being measured: "B", "ms", "s", "%", "°C" or "" (a plain number). */
status quantity_parse(const char *text, const char *unit, double *out, err *e);
/* Bytes of the decimal number that `s` begins with, 0 when it does not begin with one. */
size_t quantity_number_length(const char *s);
/* "< 2 kB": an operator and a quantity. */
status limit_parse(const char *text, const char *unit, limit_op *op, double *bound, err *e);
const char *limit_op_text(limit_op op); /* "<", "<=", ">", ">=" */
int limit_holds(limit_op op, double value, double bound);
/* The value with a fitting unit for people: 1999 B -> "1999 B", 25412 B -> "25.4 kB",
 * 0.4567 °C -> "0.457 °C". */
void quantity_format(double value, const char *unit, char *text, size_t n);
/* "45 s", "6 min", "2 h 05 min", "3 d 4 h"; "?" for NaN. */
void quantity_duration(double seconds, char *text, size_t n);

#endif

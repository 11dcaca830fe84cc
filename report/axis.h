/* An axis of a plot: range, linear or logarithmic, and round ticks with their labels. */
#ifndef PARETUNE_REPORT_AXIS_H
#define PARETUNE_REPORT_AXIS_H

#include <stdbool.h>
#include <stddef.h>

enum { AXIS_MAX_TICKS = 40, AXIS_LOG_FACTOR = 20 };

typedef struct {
    double low, high; /* in the metric's unit, wider than the data by a margin */
    bool log;
    double scale;     /* shown value = value / scale */
    const char *unit; /* shown: "kB" for a metric in B that reaches 10 kB */
    int n_ticks;
    struct {
        double at;
        char label[16]; /* empty for a minor tick of a logarithmic axis */
    } tick[AXIS_MAX_TICKS];
} axis;

/* Fits an axis around finite `low` <= `high`. Logarithmic when both are above 0 and more than a
 * factor of AXIS_LOG_FACTOR apart. */
void axis_fit(axis *a, double low, double high, const char *unit);
/* The same with about `wanted` (2 or more) ticks that have a label, for a plot with little room. */
void axis_fit_few(axis *a, double low, double high, const char *unit, int wanted);
/* Where a value lies: 0 at the low end, 1 at the high one, beyond them outside. */
double axis_place(const axis *a, double v);
/* "T_mae (°C), less is better (log)"; `higher`: more is. */
void axis_title(const axis *a, const char *metric, bool higher, char *text, size_t n);

#endif

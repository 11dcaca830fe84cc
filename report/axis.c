#include "report/axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WANTED_TICKS = 6 };

double axis_place(const axis *a, double v)
{
    if (!a->log) return (v - a->low) / (a->high - a->low);
    return v > 0 ? log(v / a->low) / log(a->high / a->low) : -1;
}

static void choose_unit(axis *a, double high, const char *unit)
{
    static const struct {
        const char *base, *name;
        double from, scale;
    } larger[] = {{"B", "MB", 1e7, 1e6},  {"B", "kB", 1e4, 1e3},      {"ms", "s", 1e4, 1e3},
                  {"s", "h", 7200, 3600}, {"", "millions", 1e7, 1e6}, {"", "thousands", 1e5, 1e3}};
    a->unit = unit;
    a->scale = 1;
    for (size_t i = 0; i < sizeof larger / sizeof *larger; i++) {
        if (strcmp(larger[i].base, unit) != 0 || high < larger[i].from) continue;
        a->unit = larger[i].name;
        a->scale = larger[i].scale;
        return;
    }
}

static void add_tick(axis *a, double at, bool labelled)
{
    if (a->n_ticks == AXIS_MAX_TICKS) return;
    double place = axis_place(a, at);
    if (place < -1e-9 || place > 1 + 1e-9) return;
    a->tick[a->n_ticks].at = at;
    char *label = a->tick[a->n_ticks].label;
    label[0] = '\0';
    if (labelled) snprintf(label, sizeof a->tick->label, "%.6g", at / a->scale);
    a->n_ticks++;
}

/* Ticks at multiples of 1, 2 or 5 times a power of ten. */
static void linear_ticks(axis *a, int wanted)
{
    double rough = (a->high - a->low) / a->scale / wanted;
    double power = pow(10, floor(log10(rough))), ratio = rough / power;
    double step = power * (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10);
    double first = ceil(a->low / a->scale / step - 1e-9);
    for (int i = 0; i < AXIS_MAX_TICKS; i++) {
        double multiple = first + i;
        add_tick(a, (multiple == 0 ? 0 : multiple * step) * a->scale, true);
    }
}

static int count_labels(const axis *a)
{
    int n = 0;
    for (int i = 0; i < a->n_ticks; i++) n += a->tick[i].label[0] != '\0';
    return n;
}

/* Ticks at 1, 2, 5 of each decade, labels at those of `leads` in every `stride`-th one. */
static void decade_ticks(axis *a, const char *leads, int stride)
{
    int from = (int)floor(log10(a->low / a->scale)), to = (int)ceil(log10(a->high / a->scale));
    bool many = to - from > 5;
    a->n_ticks = 0;
    for (int decade = from; decade <= to; decade++)
        for (const char *lead = many ? "1" : "1235"; *lead; lead++) {
            bool labelled = strchr(leads, *lead) && (decade - from) % stride == 0;
            if (labelled || *lead != '3')
                add_tick(a, (*lead - '0') * pow(10, decade) * a->scale, labelled);
        }
}

/* As many labels as wanted, or few more, in the roundest places; two at the least. */
static void log_ticks(axis *a, int wanted)
{
    static const char *const leads[] = {"125", "13", "1"};
    int tries = (int)(sizeof leads / sizeof *leads);
    for (int i = 0; i < tries; i++) {
        decade_ticks(a, leads[i], 1);
        if (count_labels(a) <= wanted + 1) break;
    }
    for (int stride = 2; count_labels(a) > wanted + 2; stride++) decade_ticks(a, "1", stride);
    for (int i = tries - 2; i >= 0 && count_labels(a) < 2; i--) decade_ticks(a, leads[i], 1);
}

void axis_fit(axis *a, double low, double high, const char *unit)
{
    axis_fit_few(a, low, high, unit, WANTED_TICKS);
}

void axis_fit_few(axis *a, double low, double high, const char *unit, int wanted)
{
    *a = (axis){.log = low > 0 && high / low > AXIS_LOG_FACTOR};
    choose_unit(a, fmax(fabs(low), fabs(high)), unit);
    if (a->log) {
        double margin = pow(high / low, 0.05);
        a->low = low / margin;
        a->high = high * margin;
        log_ticks(a, wanted);
        return;
    }
    double margin = 0.06 * (high - low);
    if (margin <= fabs(high) * 1e-9) margin = high != 0 ? 0.1 * fabs(high) : 1;
    a->low = low >= 0 && low < margin ? 0 : low - margin;
    a->high = high + margin;
    linear_ticks(a, wanted);
}

void axis_title(const axis *a, const char *metric, bool higher, char *text, size_t n)
{
    bool unit = a->unit[0] != '\0';
    snprintf(text, n, "%.80s%s%s%s, %s is better%s", metric, unit ? " (" : "", a->unit,
             unit ? ")" : "", higher ? "more" : "less", a->log ? " (log)" : "");
}

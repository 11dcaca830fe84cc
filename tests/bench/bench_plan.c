/* What planning a large space takes: a grid of 1,200,000 candidates with every kind of sharing, a rule
 * and the static filter. To reach: under 2 s and 300 MB for a million. */
#include "search/space.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* An axis of n values: "from, from + step, ...". */
static void put_axis(buf *b, const char *name, double from, double step, int n)
{
    buf_printf(b, "%s: [", name);
    for (int i = 0; i < n; i++) buf_printf(b, "%s%.6g", i ? ", " : "", from + i * step);
    buf_text(b, "]\n");
}

static void put_space(buf *b)
{
    buf_text(b, "space: 1\ntask: forecast\n"
                "data: {source: synthetic-climate, steps_out: [3, 6, 9, 12]}\n"
                "model:\n  architecture: [mlp, cnn-1d]\n  ");
    put_axis(b, "alpha", 0.02, 0.01, 25);
    buf_text(b, "train:\n  epochs: [20, 40]\n  batch: [32, 64]\n  ");
    put_axis(b, "learning_rate", 0.001, 0.001, 25);
    buf_text(b, "prune:\n  begin: [5, 10]\n  ");
    put_axis(b, "final_sparsity", 0, 0.1, 10);
    buf_text(b, "export: {storage: [float32, float16, dynamic]}\n"
                "rules: [{exclude: architecture == \"cnn-1d\" and alpha > 0.2}]\n"
                "versions: {a: {T_mae: \"< 0.5\", size: \"< 2 kB\"}, b: {size: \"< 20 kB\"}}\n"
                "objectives: {T_mae: minimize, size: minimize}\n");
}

int main(void)
{
    arena a;
    diag d;
    err e = {0};
    buf text = {0};
    plan *p;
    plan_summary sum;
    space_options options = {.architectures = "spaces/architectures"};
    arena_init(&a, 0);
    diag_init(&d, &a);
    put_space(&text);
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    space *s = space_parse(&a, "bench.yaml", text.data, text.len, &options, &d);
    if (!s || plan_make(s, &a, &p, &e) != OK || plan_summarize(p, &sum, &e) != OK) {
        diag_print(&d, stderr);
        fprintf(stderr, "bench_plan: %s\n", e.msg);
        return 1;
    }
    wall = seconds(CLOCK_MONOTONIC) - wall;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("plan of %lld candidates, %lld to try, %lld training stages: %.2f s of CPU, %.2f s, "
           "%.0f MB\n",
           (long long)sum.candidates, (long long)sum.count[CAND_OK],
           (long long)sum.stages[STAGE_TRAIN], cpu, wall, (double)used.ru_maxrss * 1024 / 1e6);
    buf_free(&text);
    arena_free(&a);
    return 0;
}

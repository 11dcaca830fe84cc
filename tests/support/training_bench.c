#include "tests/support/training_bench.h"

#include "engine/base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static double step_seconds(const race *r, int blocks)
{
    double best = INFINITY;
    int steps = 5;
    for (int b = 0; b < blocks; b++) {
        double start = clock_cpu();
        for (int i = 0; i < steps; i++) r->step(r->trainer);
        best = fmin(best, (clock_cpu() - start) / steps);
        steps = (int)fmax(2, 0.1 / best);
    }
    return best;
}

static double rival_seconds(const race *r)
{
    char command[512], line[64];
    if (!r->rival) return (double)NAN;
    snprintf(command, sizeof command, "/usr/bin/python3 %s %s 2>/dev/null", r->rival, r->arguments);
    FILE *f = popen(command, "r");
    if (!f) return (double)NAN;
    double ms = fgets(line, sizeof line, f) ? strtod(line, NULL) : 0;
    return pclose(f) == 0 && ms > 0 ? ms * 1e-3 : (double)NAN;
}

race_result race_run(const race *r)
{
    double before = step_seconds(r, (r->blocks + 1) / 2), rival = rival_seconds(r);
    return (race_result){fmin(before, step_seconds(r, (r->blocks + 1) / 2)), rival};
}

const char *race_rival(const char *word)
{
    return strcmp(word, "-") == 0 || access(word, R_OK) != 0 ? NULL : word;
}

static double forward_macs(const net *n, int i)
{
    layer_plan plan = {0};
    layer_find(n->spec.layer[i].kind)->plan(&n->spec.layer[i], n->layout.shape_in[i], &plan, NULL);
    return plan.macs;
}

double layer_flops(const net *n, int i, int B)
{
    double macs = forward_macs(n, i), unneeded = macs;
    for (int j = 0; j < i; j++)
        if (forward_macs(n, j) > 0) unneeded = 0;
    if (n->spec.layer[i].kind == LAYER_LSTM) {
        double inputs = n->layout.shape_in[i].dim[1];
        unneeded *= inputs / (inputs + n->spec.layer[i].units);
    }
    return 2 * B * (3 * macs - unneeded);
}

double step_flops(const net *n, int B)
{
    double flops = 0;
    for (int i = 0; i < n->spec.n; i++) flops += layer_flops(n, i, B);
    return flops;
}

double peak_flops(const kernels *k)
{
    float sink = 0.5f;
    double best = 0;
    for (int block = 0; block < 10; block++) {
        double start = clock_cpu(), done = k->spin(2000000, &sink);
        best = fmax(best, done / (clock_cpu() - start));
    }
    return best;
}

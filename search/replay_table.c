#include "search/replay_table.h"

#include <math.h>
#include <string.h>

#include "engine/base/pareto.h"
#include "engine/base/rng.h"
#include "search/sampler.h"

void replay_observe(const replay_table *t, int point, int seed_index, uint64_t replica,
                    double *value)
{
    const int m = t->p.n_metrics;
    const size_t row = (size_t)point * (size_t)t->p.n_seeds + (size_t)seed_index;
    for (int i = 0; i < m; i++) {
        if (t->recorded) {
            value[i] = (double)t->recorded[row * (size_t)m + (size_t)i];
            continue;
        }
        value[i] = (double)t->truth[(size_t)point * (size_t)m + (size_t)i];
        if (t->noise[i] <= 0) continue;
        rng r = rng_stream(replica, RNG_TEST, row * (size_t)m + (size_t)i);
        value[i] += t->noise[i] * (double)rng_normal(&r);
    }
}

/* Made up: what is missing at the end decays with a power of the epoch, and epochs jitter. */
static void invent_curve(const replay_table *t, size_t row, uint64_t replica, double last,
                         float *curve)
{
    const int n = t->n_epochs;
    rng r = rng_stream(replica, RNG_TEST, ~(uint64_t)row);
    double missing = 10 + 30 * rng_double(&r), power = 0.6 + 0.6 * rng_double(&r);
    for (int i = 0; i < n; i++) {
        double jitter = i + 1 < n ? 1.5 * (double)rng_normal(&r) / sqrt(i + 1) : 0;
        curve[i] = (float)(last - missing * (pow(i + 1, -power) - pow(n, -power)) + jitter);
    }
}

void replay_curve(const replay_table *t, int point, int seed_index, uint64_t replica, double last,
                  float *curve)
{
    const size_t row = (size_t)point * (size_t)t->p.n_seeds + (size_t)seed_index;
    const size_t n = (size_t)t->n_epochs;
    if (t->curve)
        memcpy(curve, &t->curve[row * n], n * sizeof *curve);
    else
        invent_curve(t, row, replica, last, curve);
}

/* --- the invented space --- */

enum { N_KNOBS = 8, INVENTED_EPOCHS = 27 };
enum { ARCHITECTURE, WIDTH, SPARSITY, MEL, COEFFICIENTS, FRAME, RATE, BITS };
enum { ACCURACY, SIZE, LATENCY, WEIGHTS, N_METRICS };
enum { DS_CNN_2, DS_CNN_3, CNN, MLP };

static const double widths[] = {8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128},
                    sparsities[] = {0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95},
                    mels[] = {16, 24, 32, 40, 64}, coefficients[] = {10, 20, 40},
                    frames[] = {20, 32, 40}, rates[] = {8000, 16000}, bits[] = {8, 32};
static const problem_knob knobs[N_KNOBS] = {{"architecture", 4, NULL},
                                            {"width", 16, widths},
                                            {"final_sparsity", 10, sparsities},
                                            {"mel_bins", 5, mels},
                                            {"coefficients", 3, coefficients},
                                            {"frame_ms", 3, frames},
                                            {"rate", 2, rates},
                                            {"bits", 2, bits}};

typedef struct {
    double params, macs, ops;
} layers;

/* Of networks as the course has them: what counts is how figures depend on the knobs, not the figures. */
static layers build(int architecture, double c, double t, double f)
{
    const double pixels = t / 2 * f;
    switch (architecture) {
    case DS_CNN_2:
    case DS_CNN_3: {
        double blocks = architecture == DS_CNN_2 ? 2 : 3, block = 9 * c + c * c + 4 * c;
        return (layers){13 * c + blocks * block + 8 * c,
                        pixels * (9 * c + blocks * (9 * c + c * c)), 3 + 2 * blocks};
    }
    case CNN:
        return (layers){13 * c + 2 * (9 * c * c + 4 * c) + 8 * c,
                        pixels * (9 * c + 2 * 9 * c * c) / 2, 5};
    default: {
        double n = t * f * c + 2 * c * c + 8 * c;
        return (layers){n, n, 4};
    }
    }
}

static double packed_bytes(double params, double sparsity, double bits_per_weight)
{
    double bytes = params * bits_per_weight / 8;
    return 1200 + bytes * (0.92 * (1 - sparsity) + 0.04 * sparsity);
}

static double milliseconds(const layers *l, double t, double rate, double frame_ms, double mel,
                           double n_coefficients)
{
    double n = rate * frame_ms / 1000, transform = n * log2(n);
    return t * (2.2e-5 * transform + 3e-6 * n * mel / 16 + 8e-5 * n_coefficients) +
           4.5e-8 * l->macs + 0.03 * l->ops;
}

/* Points of accuracy: a ceiling of the architecture, what a small network loses, and what the rest of the
 * knobs costs. */
static double respond(int architecture, const layers *l, const int *at)
{
    static const double ceiling[] = {95.6, 96.1, 95.2, 89.0}, floor_bits[] = {8.2, 8.4, 9.4, 11.5},
                        scale[] = {1.5, 1.45, 1.6, 1.8};
    static const double of_mel[] = {-1.6, -0.7, -0.2, 0, -0.1}, of_coefficients[] = {-0.5, 0, -0.1},
                        of_frame[] = {-0.4, 0, -0.1}, of_rate[] = {-0.8, 0}, of_bits[] = {-0.4, 0};
    double s = sparsities[at[SPARSITY]], left = l->params * (1 - s);
    double lost = 20 * exp2(-(log2(left) - floor_bits[architecture]) / scale[architecture]);
    double crowded = s > 0.85 ? 90 * (s - 0.85) * (s - 0.85) : 0;
    return ceiling[architecture] - fmin(lost, 70) - crowded + of_mel[at[MEL]] +
           of_coefficients[at[COEFFICIENTS]] + of_frame[at[FRAME]] + of_rate[at[RATE]] +
           of_bits[at[BITS]];
}

static void invent_point(int i, const int *at, float *figure)
{
    double frame = frames[at[FRAME]], f = coefficients[at[COEFFICIENTS]];
    double t = floor(1000 / (frame / 2)) - 1;
    layers l = build(at[ARCHITECTURE], widths[at[WIDTH]], t, f);
    rng peculiarity = rng_stream(0, RNG_TEST, (uint64_t)i);
    figure[ACCURACY] =
        (float)(respond(at[ARCHITECTURE], &l, at) + 0.4 * (double)rng_normal(&peculiarity));
    figure[WEIGHTS] = (float)(l.params * (1 - sparsities[at[SPARSITY]]));
    figure[SIZE] = (float)packed_bytes(l.params, sparsities[at[SPARSITY]], bits[at[BITS]]);
    figure[LATENCY] = (float)milliseconds(&l, t, rates[at[RATE]], frame, mels[at[MEL]], f);
}

/* Met by 0.69 %, 0.93 % and 0.04 % of the points. */
static const problem_limit limits_a[] = {{ACCURACY, false, true, 91}, {SIZE, true, true, 6000}},
                           limits_b[] = {{ACCURACY, false, true, 92},
                                         {SIZE, true, true, 15000},
                                         {LATENCY, true, true, 6}},
                           limits_c[] = {{ACCURACY, false, true, 93},
                                         {SIZE, true, true, 8000},
                                         {LATENCY, true, true, 8}};
static const problem_version versions[] = {
    {"a", 2, limits_a}, {"b", 3, limits_b}, {"c", 3, limits_c}};

/* The knob that a large table has besides: it costs a little accuracy, least in its middle. */
static float repeat_cost(int i, int times)
{
    double from_middle = (double)(i % times) / times - 0.5;
    return (float)(2 * from_middle * from_middle);
}

static status take_columns(problem *p, problem_metric *metric, arena *a, err *e)
{
    int64_t *candidate = ARENA_NEW(a, int64_t, p->n_points);
    int *level = ARENA_NEW(a, int, (int64_t)p->n_points * p->n_knobs);
    float *seconds = ARENA_NEW(a, float, p->n_points);
    p->candidate = candidate;
    p->level = level;
    p->seconds = seconds;
    p->metric = metric;
    if (!candidate || !level || !seconds) return FAIL(e, ERR_MEM, "out of memory for a table");
    for (int i = 0; i < p->n_points; i++) {
        candidate[i] = i;
        seconds[i] = 1;
        for (int k = p->n_knobs - 1, rest = i; k >= 0; rest /= p->knob[k--].n_levels)
            level[(size_t)i * (size_t)p->n_knobs + (size_t)k] = rest % p->knob[k].n_levels;
    }
    return OK;
}

static status take_knobs(int times, problem *p, arena *a, err *e)
{
    problem_knob *list = ARENA_NEW(a, problem_knob, N_KNOBS + 1);
    if (!list) return FAIL(e, ERR_MEM, "out of memory for a table");
    memcpy(list, knobs, sizeof knobs);
    list[N_KNOBS] = (problem_knob){"repeat", times, NULL};
    p->knob = list;
    p->n_knobs = N_KNOBS + (times > 1);
    p->n_points = times;
    for (int k = 0; k < N_KNOBS; k++) p->n_points *= knobs[k].n_levels;
    return OK;
}

status replay_table_invent(arena *a, replay_table *out, err *e)
{
    return replay_table_invent_large(1, a, out, e);
}

status replay_table_invent_large(int times, arena *a, replay_table *out, err *e)
{
    if (times < 1 || times > 1000) return FAIL(e, ERR_ARG, "a table of %d times the space", times);
    *out = (replay_table){
        .p = {.n_metrics = N_METRICS,
              .n_objectives = WEIGHTS,
              .n_versions = 3,
              .version = versions,
              .n_seeds = 16},
        .noise = {[ACCURACY] = 0.6},
        .reference = {80, 60000, 20},
        .n_epochs = INVENTED_EPOCHS,
    };
    TRY(take_knobs(times, &out->p, a, e));
    const int n = out->p.n_points;
    problem_metric *metric = ARENA_NEW(a, problem_metric, N_METRICS);
    float *truth = ARENA_NEW(a, float, (int64_t)n *N_METRICS);
    float *size = ARENA_NEW(a, float, n), *latency = ARENA_NEW(a, float, n),
          *weights = ARENA_NEW(a, float, n);
    if (!metric || !truth || !size || !latency)
        return FAIL(e, ERR_MEM, "out of memory for a table");
    TRY(take_columns(&out->p, metric, a, e));
    for (int i = 0; i < n; i++) {
        invent_point(i, &out->p.level[(size_t)i * (size_t)out->p.n_knobs], &truth[i * N_METRICS]);
        if (times > 1) truth[i * N_METRICS] -= repeat_cost(i, times);
        size[i] = truth[i * N_METRICS + SIZE];
        weights[i] = truth[i * N_METRICS + WEIGHTS];
        latency[i] = truth[i * N_METRICS + LATENCY];
    }
    metric[ACCURACY] = (problem_metric){.name = "accuracy", .maximize = true, .most = 100};
    metric[SIZE] = (problem_metric){.name = "size", .exact = true, .positive = true, .known = size};
    metric[LATENCY] =
        (problem_metric){.name = "latency_ms", .exact = true, .positive = true, .known = latency};
    metric[WEIGHTS] =
        (problem_metric){.name = "weights", .exact = true, .positive = true, .known = weights};
    out->truth = truth;
    return OK;
}

/* --- how good a choice of points is --- */

/* The true figures of some points (NULL: all), turned so that less is better. */
static double *turn(const replay_table *t, const int *point, int n, arena *a)
{
    const int m = t->p.n_objectives;
    double *out = ARENA_NEW(a, double, (int64_t)n *m);
    for (int i = 0; out && i < n; i++) {
        const float *row = &t->truth[(size_t)(point ? point[i] : i) * (size_t)t->p.n_metrics];
        for (int k = 0; k < m; k++)
            out[i * m + k] = problem_minimised(&t->p.metric[k], (double)row[k]);
    }
    return out;
}

status replay_volume(const replay_table *t, const int *point, int n, arena *scratch, double *out,
                     err *e)
{
    arena_mark_t mark = arena_mark(scratch);
    double reference[PROBLEM_MAX_METRICS];
    const double *figures = turn(t, point, n, scratch);
    if (!figures) return FAIL(e, ERR_MEM, "out of memory for a front");
    for (int k = 0; k < t->p.n_objectives; k++)
        reference[k] = problem_minimised(&t->p.metric[k], t->reference[k]);
    status s = pareto_hypervolume(figures, n, t->p.n_objectives, reference, out, scratch, e);
    arena_release(scratch, mark);
    return s;
}

void replay_table_aim(replay_table *t, int aim)
{
    const problem *p = &t->p;
    for (int k = 0; k < p->n_objectives && aim != AIM_FRONT; k++) {
        double loosest = -HUGE_VAL;
        for (int v = 0; v < p->n_versions; v++) {
            double own = HUGE_VAL;
            if (aim != AIM_VERSIONS && aim != v) continue;
            for (int i = 0; i < p->version[v].n_limits; i++)
                if (p->version[v].limit[i].metric == k)
                    own = problem_minimised(&p->metric[k], p->version[v].limit[i].bound);
            loosest = fmax(loosest, own);
        }
        if (isfinite(loosest)) t->reference[k] = p->metric[k].maximize ? -loosest : loosest;
    }
}

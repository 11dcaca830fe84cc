/* Timings of the course's networks on a Raspberry Pi 4 (1.5 GHz Cortex-A72, governor "performance",
 * TensorFlow Lite's built-in kernels, one interpreter thread), as its laboratories and the reports of
 * its groups printed them. */
#include "engine/measure/device.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/tflite/tfl_schema.h"

#define LAB4 "Lab 4 discussion 2020-22, float32"
#define LAB3 "Lab 3 results 2020-22, float32"

typedef enum { DS_CNN, CNN, MLP, FORECAST_MLP, FORECAST_CNN } published_net;

static const struct {
    published_net net;
    bool is_mfcc; /* input 49x10; else 32x32 */
    double alpha, ms;
    const char *source;
} inferences[] = {
    {DS_CNN, true, 1, 4.92, LAB4},
    {DS_CNN, true, 0.75, 3.02, LAB4},
    {DS_CNN, true, 0.5, 1.65, LAB4},
    {DS_CNN, false, 1, 6.95, LAB4},
    {DS_CNN, false, 0.75, 4.32, LAB4},
    {DS_CNN, false, 0.5, 2.33, LAB4},
    {CNN, true, 1, 7.44, LAB4},
    {CNN, true, 0.75, 4.22, LAB4},
    {CNN, true, 0.5, 2.00, LAB4},
    {CNN, false, 1, 10.37, LAB4},
    {CNN, false, 0.75, 5.90, LAB4},
    {CNN, false, 0.5, 2.82, LAB4},
    {MLP, true, 1, 0.26, LAB4},
    {MLP, true, 0.75, 0.12, LAB4},
    {MLP, true, 0.5, 0.06, LAB4},
    {MLP, false, 1, 0.41, LAB4},
    {MLP, false, 0.75, 0.29, LAB4},
    {MLP, false, 0.5, 0.13, LAB4},
    {FORECAST_MLP, false, 1, 0.022, LAB3},
    {FORECAST_CNN, false, 1, 0.023, LAB3},
};
enum { N_INFERENCES = sizeof inferences / sizeof *inferences, N_CLASSES = 9 };

/* Totals of reports whose settings are known hold a DS-CNN of width alpha; its modelled inference is
 * taken off (where a report names a width and no network, a DS-CNN is taken). alpha 0: the front end alone
 * was published. */
static const struct {
    int rate, frame, hop, mel_bins; /* mel_bins 0: the magnitudes, resized to 32 x 32 */
    double alpha, ms;
    const char *source;
} front_ends[] = {
    {16000, 256, 128, 0, 0, 16.6, "Lab 3 and 4 discussions 2020-22"},
    {16000, 640, 320, 40, 0, 56.0, "Lab 3 and 4 discussions 2020-22"},
    {8000, 240, 120, 40, 0.5, 34.61, "2020-21 group 1, homework 2 c, total"},
    {16000, 256, 128, 0, 0.52, 25.60, "2020-21 group 5, homework 2 c, total"},
    {16000, 256, 128, 0, 0.4, 21.07, "2020-21 group 7, homework 2 c, total"},
    {16000, 256, 128, 0, 0.4, 20.85, "2020-21 group 18, homework 2 c, total"},
    {16000, 256, 128, 16, 0.8, 30.0, "2021-22, homework 2 b, total"},
    {16000, 256, 128, 16, 0.5, 25.41, "2021-22, homework 2 c, total"},
};
enum { N_FRONT_ENDS = sizeof front_ends / sizeof *front_ends };

/* --- work --- */

device_work device_work_of(const interpreter *it)
{
    device_work w = {0};
    for (int i = 0; i < interpreter_n_steps(it); i++) {
        const interpreter_step step = interpreter_get_step(it, i);
        if (step.code == OP_CONV_2D)
            w.conv_macs += step.macs;
        else if (step.code == OP_DEPTHWISE_CONV_2D)
            w.depthwise_macs += step.macs;
        else
            w.dense_macs += step.macs;
        w.n_ops += step.code != OP_RESHAPE;
    }
    return w;
}

/* DS-CNN on an image: a convolution 3x3, twice depthwise 3x3 and pointwise, mean, dense. */
static device_work ds_cnn_work(int H, int W, int filters)
{
    device_work w = {.n_ops = 7, .dense_macs = filters * N_CLASSES};
    w.conv_macs = H * W * 9.0 * filters;
    for (int block = 0; block < 2; block++) {
        H -= 2;
        W -= 2;
        w.depthwise_macs += H * W * 9.0 * filters;
        w.conv_macs += (double)H * W * filters * filters;
    }
    return w;
}

static device_work cnn_work(int H, int W, int filters)
{
    device_work w = {.n_ops = 5, .dense_macs = filters * N_CLASSES};
    w.conv_macs = H * W * 9.0 * filters;
    for (int layer = 0; layer < 2; layer++) {
        H -= 2;
        W -= 2;
        w.conv_macs += H * W * 9.0 * filters * filters;
    }
    return w;
}

static device_work published_work(published_net net, bool is_mfcc, double alpha)
{
    const int H = is_mfcc ? 24 : 15,
              W = is_mfcc ? 8 : 15; /* behind the first convolution's stride */
    const int n_in = is_mfcc ? 49 * 10 : 32 * 32, units = (int)(256 * alpha);
    switch (net) {
    case DS_CNN:
        return ds_cnn_work(H, W, (int)(256 * alpha));
    case CNN:
        return cnn_work(H, W, (int)(128 * alpha));
    case MLP:
        return (device_work){.n_ops = 4,
                             .dense_macs =
                                 n_in * (double)units + 2.0 * units * units + units * N_CLASSES};
    case FORECAST_MLP:
        return (device_work){.n_ops = 3, .dense_macs = 12 * 128 + 128 * 128 + 128 * 2};
    case FORECAST_CNN:
        return (device_work){
            .n_ops = 3, .conv_macs = 4 * 3 * 2 * 64, .dense_macs = 256 * 64 + 64 * 2};
    }
    return (device_work){0};
}

/* --- least squares --- */

enum { MOST_TERMS = 4, MOST_POINTS = N_INFERENCES };
typedef struct {
    int n_points, n_terms;
    double x[MOST_POINTS][MOST_TERMS]; /* divided by what was published, so that all y are 1 */
} relative_fit;

static void add_point(relative_fit *f, const double *x, double y)
{
    for (int k = 0; k < f->n_terms; k++) f->x[f->n_points][k] = x[k] / y;
    f->n_points++;
}

/* Coordinate descent: minimizes over one coefficient at a time, held at 0 or above, which for a
 * convex square sum ends at its minimum under these bounds. */
static void solve(const relative_fit *f, double *coefficient)
{
    double rest[MOST_POINTS];
    for (int k = 0; k < f->n_terms; k++) coefficient[k] = 0;
    for (int i = 0; i < f->n_points; i++) rest[i] = 1;
    for (int round = 0; round < 100000; round++)
        for (int k = 0; k < f->n_terms; k++) {
            double along = 0, square = 0;
            for (int i = 0; i < f->n_points; i++) {
                along += f->x[i][k] * rest[i];
                square += f->x[i][k] * f->x[i][k];
            }
            const double next = fmax(0, coefficient[k] + along / square);
            for (int i = 0; i < f->n_points; i++) rest[i] -= f->x[i][k] * (next - coefficient[k]);
            coefficient[k] = next;
        }
}

static double error_of(const relative_fit *f, const double *coefficient)
{
    double sum = 0;
    for (int i = 0; i < f->n_points; i++) {
        double y = 0;
        for (int k = 0; k < f->n_terms; k++) y += f->x[i][k] * coefficient[k];
        sum += (y - 1) * (y - 1);
    }
    return sqrt(sum / f->n_points);
}

/* --- the model --- */

static void work_terms(const device_work *w, double *x)
{
    x[0] = w->conv_macs;
    x[1] = w->depthwise_macs;
    x[2] = w->dense_macs;
    x[3] = w->n_ops;
}

double device_inference_ms(const device_model *m, const device_work *w)
{
    double x[DEVICE_INFERENCE_TERMS], ms = 0;
    work_terms(w, x);
    for (int k = 0; k < DEVICE_INFERENCE_TERMS; k++) ms += m->inference[k] * x[k];
    return ms;
}

static double mel_entries(const feature_settings *s)
{
    const bool has_mel = s->kind == FEATURE_LOG_MEL || s->kind == FEATURE_MFCC;
    return has_mel ? (s->fft / 2 + 1) * (double)s->mel_bins : 0;
}

double device_front_end_ms(const device_model *m, const feature_settings *s)
{
    return m->front_end[0] + m->front_end[1] * mel_entries(s);
}

static feature_settings published_front_end(int i)
{
    const bool has_mel = front_ends[i].mel_bins > 0;
    feature_settings s = feature_defaults(has_mel ? FEATURE_MFCC : FEATURE_STFT_RESIZED);
    s.rate = front_ends[i].rate;
    s.frame = s.fft = front_ends[i].frame;
    s.hop = front_ends[i].hop;
    s.mel_bins = front_ends[i].mel_bins;
    return s;
}

/* What remains of a published total without the inference inside it. */
static double published_front_end_ms(const device_model *m, int i)
{
    if (front_ends[i].alpha == 0) return front_ends[i].ms;
    device_work w = published_work(DS_CNN, front_ends[i].mel_bins > 0, front_ends[i].alpha);
    if (front_ends[i].mel_bins > 0) { /* other frames than 49: the image is as high as they are */
        const int n = 1 + (front_ends[i].rate - front_ends[i].frame) / front_ends[i].hop;
        w = ds_cnn_work((n - 1) / 2, 8, (int)(256 * front_ends[i].alpha));
    }
    return front_ends[i].ms - device_inference_ms(m, &w);
}

status device_fit(const char *name, device_model *out, err *e)
{
    if (strcmp(name, "raspberry-pi-4") != 0)
        return FAIL(e, ERR_INPUT, "device '%s' is not known; use raspberry-pi-4", name);
    *out = (device_model){.name = "raspberry-pi-4"};
    relative_fit f = {.n_terms = DEVICE_INFERENCE_TERMS};
    double x[MOST_TERMS];
    for (int i = 0; i < N_INFERENCES; i++) {
        const device_work w =
            published_work(inferences[i].net, inferences[i].is_mfcc, inferences[i].alpha);
        work_terms(&w, x);
        add_point(&f, x, inferences[i].ms);
    }
    solve(&f, out->inference);
    out->inference_error = error_of(&f, out->inference);
    f = (relative_fit){.n_terms = DEVICE_FRONT_END_TERMS};
    for (int i = 0; i < N_FRONT_ENDS; i++) {
        const feature_settings s = published_front_end(i);
        x[0] = 1;
        x[1] = mel_entries(&s);
        add_point(&f, x, published_front_end_ms(out, i));
    }
    solve(&f, out->front_end);
    out->front_end_error = error_of(&f, out->front_end);
    return OK;
}

/* --- showing it --- */

static status put_row(table *t, const char *what, double published, double modelled,
                      const char *source, err *e)
{
    cell *c = table_row(t);
    if (!c || !what) return FAIL(e, ERR_MEM, "out of memory for a table");
    const double residual = 100 * (modelled / published - 1);
    c[0] = cell_text(what);
    c[1] = cell_shown(published, arena_printf(t->a, "%.3f", published));
    c[2] = cell_shown(modelled, arena_printf(t->a, "%.3f", modelled));
    c[3] = cell_shown(residual, arena_printf(t->a, "%+.0f", residual));
    c[4] = cell_text(source);
    return OK;
}

static status put_inference(const device_model *m, int i, table *t, err *e)
{
    static const char *const names[] = {"DS-CNN", "CNN", "MLP", "forecasting MLP",
                                        "forecasting CNN"};
    const published_net net = inferences[i].net;
    const bool is_mfcc = inferences[i].is_mfcc;
    const device_work w = published_work(net, is_mfcc, inferences[i].alpha);
    const char *input = net >= FORECAST_MLP ? "6x2" : is_mfcc ? "49x10" : "32x32";
    return put_row(
        t,
        arena_printf(t->a, "inference, %s on %s, alpha %g", names[net], input, inferences[i].alpha),
        inferences[i].ms, device_inference_ms(m, &w), inferences[i].source, e);
}

static status put_front_end(const device_model *m, int i, table *t, err *e)
{
    const feature_settings s = published_front_end(i);
    const char *what = arena_printf(t->a, "front end, %s %d/%d at %d Hz", feature_kind_name(s.kind),
                                    s.frame, s.hop, s.rate);
    if (s.mel_bins) what = arena_printf(t->a, "%s, %d bands", what, s.mel_bins);
    return put_row(t, what, published_front_end_ms(m, i), device_front_end_ms(m, &s),
                   front_ends[i].source, e);
}

status device_table(const device_model *m, arena *a, table *out, err *e)
{
    static const char *const columns[][2] = {
        {"what", ""}, {"published", "ms"}, {"modelled", "ms"}, {"residual", "%"}, {"source", ""}};
    TRY(table_init(out, a, 5, e));
    for (int i = 0; i < 5; i++) table_column(out, i, columns[i][0], columns[i][1]);
    for (int i = 0; i < N_INFERENCES; i++) TRY(put_inference(m, i, out, e));
    for (int i = 0; i < N_FRONT_ENDS; i++) TRY(put_front_end(m, i, out, e));
    return OK;
}

/* How long a network would take on a device that is not here: a linear model fitted to published
 * timings. A model, not a measurement: its figures have names of their own (modelled_...) and never
 * stand in a column with measured ones.
 *
 *   inference ms = a1 * multiply-adds of convolutions + a2 * of depthwise ones
 *                + a3 * of dense and recurrent layers + a4 * operators
 *   front end ms = b1 + b2 * entries of the mel matrix (bins x bands; 0 without mel bands)
 *
 * by least squares over the relative errors (times span three orders of magnitude), coefficients
 * held at 0 or above. What the published front ends (Python, TensorFlow, resampling from 48 kHz
 * inside) spend is per call and per entry of the matrix; frames hardly count. */
#ifndef PARETUNE_ENGINE_MEASURE_DEVICE_H
#define PARETUNE_ENGINE_MEASURE_DEVICE_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/table.h"
#include "engine/signal/feature.h"
#include "engine/tflite/interpreter.h"

/* What one inference does, as the model counts it. */
typedef struct {
    double conv_macs, depthwise_macs, dense_macs, n_ops;
} device_work;
device_work device_work_of(const interpreter *it);

enum { DEVICE_INFERENCE_TERMS = 4, DEVICE_FRONT_END_TERMS = 2 };
typedef struct {
    const char *name;
    double inference[DEVICE_INFERENCE_TERMS]; /* ms for one of each, in the order of device_work */
    double front_end[DEVICE_FRONT_END_TERMS]; /* ms, ms for an entry */
    double inference_error, front_end_error;  /* root mean square of the relative residuals */
} device_model;

/* Fits the model of a device: "raspberry-pi-4". ERR_INPUT names the devices. */
status device_fit(const char *name, device_model *out, err *e);

double device_inference_ms(const device_model *m, const device_work *w);
double device_front_end_ms(const device_model *m, const feature_settings *s);

/* The published timings behind the fit: what, published ms, modelled ms, residual in percent,
 * source. The texts are in `a`. */
status device_table(const device_model *m, arena *a, table *out, err *e);

#endif

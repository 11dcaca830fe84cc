/* Every metric that a stage may report. Names carry no part for the validation figures, which choose;
 * "_test" marks the test figures, which are only reported. */
#include "engine/stage.h"

#include <string.h>

/* Published reports have the course's metric, which this is. */
#define BATCHES                                                                                  \
    ": the mean over batches of 32 windows, a smaller last one with equal weight (the course's " \
    "metric)"

static const metric_row metrics[] = {
    {"T_mae", "forecast", "°C", BETTER_LOWER, STAGE_SCORE, false,
     "mean absolute error of the temperature forecast, validation part" BATCHES},
    {"RH_mae", "forecast", "%", BETTER_LOWER, STAGE_SCORE, false,
     "mean absolute error of the relative humidity forecast, validation part" BATCHES},
    {"mse", "forecast", "", BETTER_LOWER, STAGE_SCORE, false,
     "mean squared error over all outputs in physical units, validation part"},
    {"T_mae_test", "forecast", "°C", BETTER_LOWER, STAGE_SCORE, false,
     "mean absolute error of the temperature forecast, test part" BATCHES},
    {"RH_mae_test", "forecast", "%", BETTER_LOWER, STAGE_SCORE, false,
     "mean absolute error of the relative humidity forecast, test part" BATCHES},
    {"mse_test", "forecast", "", BETTER_LOWER, STAGE_SCORE, false,
     "mean squared error over all outputs in physical units, test part"},
    {"accuracy", "keywords", "%", BETTER_HIGHER, STAGE_SCORE, false,
     "share of clips whose word is found, validation part"},
    {"loss", "keywords", "", BETTER_LOWER, STAGE_SCORE, false,
     "mean cross-entropy of the exported file, validation part"},
    {"accuracy_test", "keywords", "%", BETTER_HIGHER, STAGE_SCORE, false,
     "share of clips whose word is found, test part"},
    {"loss_test", "keywords", "", BETTER_LOWER, STAGE_SCORE, false,
     "mean cross-entropy of the exported file, test part"},
    {"size", "", "B", BETTER_LOWER, STAGE_EXPORT, false,
     "bytes of the model file as shipped: flat or packed, by export.pack"},
    {"size_flat", "", "B", BETTER_LOWER, STAGE_EXPORT, true, "bytes of the .tflite file"},
    {"size_zlib", "", "B", BETTER_LOWER, STAGE_EXPORT, false,
     "bytes of zlib.compress(file) at export.zlib_level, as a rule 6"},
    {"size_zip", "", "B", BETTER_LOWER, STAGE_EXPORT, false,
     "bytes of a ZIP archive that holds the file as model.tflite, deflated at export.zlib_level"},
    {"size_zopfli", "", "B", BETTER_LOWER, STAGE_EXPORT, false,
     "bytes of the zlib stream that zopfli makes; with export.pack zopfli or zopfli-zip only"},
    {"size_zopfli_zip", "", "B", BETTER_LOWER, STAGE_EXPORT, false,
     "the same as a ZIP archive; with export.pack zopfli or zopfli-zip only"},
    {"size_converter", "", "B", BETTER_LOWER, STAGE_EXPORT, true,
     "bytes of the file that TensorFlow's converter would write for the network, to compare with "
     "published sizes"},
    {"size_converter_zlib", "", "B", BETTER_LOWER, STAGE_EXPORT, false,
     "bytes of zlib.compress of that file"},
    {"n_params", "", "", BETTER_LOWER, STAGE_EXPORT, true,
     "trained parameters, four for each channel of a batch norm; where weights are clustered it is "
     "folded and counts one (`paretune grade` counts the numbers in a file)"},
    {"macs", "", "", BETTER_LOWER, STAGE_EXPORT, true, "multiply-adds of one inference"},
    {"arena", "", "B", BETTER_LOWER, STAGE_EXPORT, true,
     "activation memory that one inference holds at once"},
    {"sparsity", "", "%", BETTER_NONE, STAGE_EXPORT, false,
     "share of exact zeros among the weights that pruning may reach"},
    {"inference_ms", "", "ms", BETTER_LOWER, STAGE_LATENCY, false,
     "time of one inference on this machine, by the protocol asked for"},
    {"total_ms", "", "ms", BETTER_LOWER, STAGE_LATENCY, false,
     "time from a clip to the answer on this machine, by the protocol asked for"},
    {"device_inference_ms", "", "ms", BETTER_LOWER, STAGE_DEVICE, false,
     "time of one inference on the machine that `device.run` reaches"},
    {"device_total_ms", "", "ms", BETTER_LOWER, STAGE_DEVICE, false,
     "time from a clip to the answer on the machine that `device.run` reaches"},
    {"modelled_inference_ms", "", "ms", BETTER_LOWER, STAGE_EXPORT, true,
     "a model's figure, not a measurement: one inference on the device asked for"},
    {"modelled_total_ms", "", "ms", BETTER_LOWER, STAGE_EXPORT, true,
     "a model's figure, not a measurement: clip to answer on the device asked for"},
    {"train_loss", "", "", BETTER_NONE, STAGE_TRAIN, false, "training loss of the last epoch"},
    {"val_loss", "", "", BETTER_LOWER, STAGE_TRAIN, false,
     "validation loss of the weights kept, as trained (before storage)"},
    {"val_accuracy", "keywords", "%", BETTER_HIGHER, STAGE_TRAIN, false,
     "validation accuracy of the weights kept, as trained (before storage)"},
    {"epochs", "", "", BETTER_NONE, STAGE_TRAIN, false,
     "epochs trained, those of fine-tuning included"},
    {"best_epoch", "", "", BETTER_NONE, STAGE_TRAIN, false, "epoch whose weights were kept"},
    {.name = NULL},
};

const metric_row *stage_metrics(void)
{
    return metrics;
}

const metric_row *stage_metric_find(const char *name)
{
    for (const metric_row *m = metrics; m->name; m++)
        if (strcmp(m->name, name) == 0) return m;
    return NULL;
}

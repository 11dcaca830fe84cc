#include "search/schema.h"

#include <string.h>

#define DATA (1u << STAGE_DATA)
#define TRAIN (1u << STAGE_TRAIN)
#define EXPORT (1u << STAGE_EXPORT)
#define LATENCY (1u << STAGE_LATENCY)
#define DEVICE (1u << STAGE_DEVICE)

#define ADAM "optimizer == 'adam'"
#define SGD "optimizer == 'sgd'"
#define TO_A_FINAL_RATE "schedule in ['polynomial', 'cosine']"
#define EXPONENTIAL "schedule == 'exponential'"
#define SHARE "final_sparsity > 0"
#define PRUNED "(final_sparsity > 0 or pattern != 'unstructured')"
#define CLUSTERED "clusters > 0"
#define TUNED "fine_tune.epochs > 0"
#define FOLDERS "source == 'speech-folders'"
#define MADE_UP "source == 'synthetic-keywords'"
#define LISTS "split == 'lists'"
#define BY_SHARES "split in ['random', 'speaker-hash']"
#define NOISY "noise > 0"
#define RECORDED "noise > 0 and noise_kind == 'recordings'"
#define MEL "feature in ['mfcc', 'log-mel']"
#define SOME_INT8 "storage in ['dynamic', 'int8-weights']"
#define FULL_INT8 "storage == 'int8'"
#define CALIBRATED "storage == 'int8' and not aware"
#define BY_PERCENTILE "storage == 'int8' and calibration == 'percentile'"

/* clang-format off: one setting reads as one paragraph */
static const setting_row rows[N_SETTINGS] = {
    [SET_SPACE] = {"space", TYPE_INT, .min = 1, .max = 1, .help = "version of this format: 1"},
    [SET_TITLE] = {"title", TYPE_TEXT, .def = "\"\"", .help = "a line for reports"},
    [SET_TASK] =
        {"task", TYPE_CHOICE, .choices = "forecast|keywords",
         .help = "what the models are for: forecasts of the weather, or spotting spoken keywords"},

    [SET_DATA_SOURCE] =
        {"data.source", TYPE_CHOICE,
         .choices = "jena-csv|synthetic-climate|speech-folders|synthetic-keywords",
         .words = "speech-folders|synthetic-keywords", .param = "source", .stages = DATA,
         .axis = true,
         .help =
             "forecasts: `jena-csv`, the Jena weather records, or `synthetic-climate`, a made-up "
             "series that needs no download; keywords: `speech-folders`, a folder of recordings "
             "for each word, or `synthetic-keywords`, eight words from a small synthesiser"},
    [SET_DATA_FILE] =
        {"data.file", TYPE_FILE, .matters = "source == 'jena-csv'", .param = "file_hash",
         .stages = DATA, .axis = true, .task = "forecast",
         .help = "the CSV file: a glob that matches exactly one file, relative to `--data`, else "
                 "`$PARETUNE_DATA`, else `data`"},
    [SET_DATA_ROWS] = {"data.rows", TYPE_INT, .min = 100, .max = 1e7, .def = "20000",
                       .matters = "source == 'synthetic-climate'", .param = "rows", .stages = DATA,
                       .axis = true, .task = "forecast",
                       .help = "length of the series, one row for ten minutes"},
    [SET_DATA_SEED] = {"data.seed", TYPE_INT, .max = 9007199254740992.0, .def = "1",
                       .matters = "source != 'jena-csv'", .param = "seed", .stages = DATA,
                       .axis = true,
                       .help = "which series, which made-up speakers; of recordings, which random "
                               "split and order"},
    [SET_STEPS_IN] = {"data.steps_in", TYPE_INT, .min = 1, .max = 144, .def = "6",
                      .param = "steps_in", .stages = DATA, .axis = true, .task = "forecast",
                      .help = "steps that the model sees"},
    [SET_STEPS_OUT] = {"data.steps_out", TYPE_INT, .min = 1, .max = 24, .def = "6",
                       .param = "steps_out", .stages = DATA, .axis = true, .task = "forecast",
                       .help = "steps that it forecasts"},

    [SET_DATA_FOLDER] = {"data.folder", TYPE_FOLDER, .matters = FOLDERS, .stages = DATA,
                         .task = "keywords",
                         .help =
                             "folder of recordings, WAV or FLAC, with a folder for each word (or, "
                             "split as `archives`, for each part); "
                             "relative to `--data`, as `data.file` is"},
    [SET_WORDS] = {"data.words", TYPE_OTHER, .def = "[]", .stages = DATA, .task = "keywords",
                   .help =
                       "the words to tell apart, in the order of the classes; none: every folder, "
                       "in alphabetical order"},
    [SET_CLIPS] = {"data.clips", TYPE_INT, .min = 24, .max = 1e6, .def = "2000", .matters = MADE_UP,
                   .param = "clips", .stages = DATA, .axis = true, .task = "keywords",
                   .help = "how many recordings are made up"},
    [SET_SPEAKERS] = {"data.speakers", TYPE_INT, .min = 3, .max = 1e6, .def = "100",
                      .matters = MADE_UP, .param = "speakers", .stages = DATA, .axis = true,
                      .task = "keywords",
                      .help = "how many voices they have; each is in one part only"},
    [SET_SPLIT] = {"data.split", TYPE_CHOICE, .choices = "random|speaker-hash|lists|archives",
                   .def = "random", .matters = FOLDERS, .param = "split", .stages = DATA,
                   .axis = true, .task = "keywords",
                   .help =
                       "`random`: the same shares of every word; `speaker-hash`: as Speech "
                       "Commands splits itself, no speaker in two parts; `lists`: as three files "
                       "say; `archives`: as the folder is already, into three whose names end in "
                       "train, val and test (msc-train, ...), with files named `WORD_....wav`"},
    [SET_TRAIN_LIST] = {"data.train_list", TYPE_FILE, .matters = LISTS, .stages = DATA,
                        .task = "keywords",
                        .help = "the training part: a recording a line, of which the last two "
                                "parts, `WORD/FILE`, count"},
    [SET_VAL_LIST] = {"data.val_list", TYPE_FILE, .matters = LISTS, .stages = DATA,
                      .task = "keywords", .help = "the validation part"},
    [SET_TEST_LIST] = {"data.test_list", TYPE_FILE, .matters = LISTS, .stages = DATA,
                       .task = "keywords", .help = "the test part"},
    [SET_VAL_PERCENT] = {"data.val_percent", TYPE_NUMBER, .min = 1, .max = 90, .def = "10",
                         .matters = BY_SHARES, .param = "val_percent", .stages = DATA, .axis = true,
                         .task = "keywords", .unit = "%", .help = "size of the validation part"},
    [SET_TEST_PERCENT] = {"data.test_percent", TYPE_NUMBER, .min = 1, .max = 90, .def = "10",
                          .matters = BY_SHARES, .param = "test_percent", .stages = DATA,
                          .axis = true, .task = "keywords", .unit = "%",
                          .help = "size of the test part"},
    [SET_SHUFFLE] = {"data.shuffle", TYPE_BOOL, .def = "true", .matters = FOLDERS,
                     .param = "shuffle", .stages = DATA, .axis = true, .task = "keywords",
                     .help = "mix each part once, before batches are formed; without it lists keep "
                             "their order and folders come one word after the other"},
    [SET_MISSING_CLIPS] = {"data.missing_clips", TYPE_CHOICE, .choices = "error|skip",
                           .def = "error", .matters = LISTS, .param = "missing_clips",
                           .param_when = FOLDERS, .stages = DATA, .task = "keywords",
                           .help = "recordings that a list names and the folder does not have"},
    [SET_BAD_CLIPS] = {"data.bad_clips", TYPE_CHOICE, .choices = "error|skip", .def = "error",
                       .matters = FOLDERS, .param = "bad_clips", .stages = DATA, .axis = true,
                       .task = "keywords",
                       .help = "recordings that cannot be used: damaged, empty, of several "
                               "channels; `skip` leaves them out and names them in the record"},
    [SET_FEATURE] = {"data.feature", TYPE_CHOICE, .choices = "mfcc|log-mel|stft|stft-resized",
                     .def = "mfcc", .param = "kind", .stages = DATA, .axis = true,
                     .task = "keywords",
                     .help =
                         "what a network sees: cepstral coefficients, log-mel bands, magnitudes "
                         "of short transforms, or these as a small square image"},
    [SET_FULL_SCALE] = {"data.full_scale", TYPE_INT, .min = 32767, .max = 32768, .def = "32768",
                        .param = "full_scale", .stages = DATA, .axis = true, .task = "keywords",
                        .help = "what 16-bit samples are divided by: 32768, or 32767 as the course "
                                "did from 2023 on"},
    [SET_RATE] = {"data.rate", TYPE_INT, .min = 1000, .max = 48000, .def = "16000", .param = "rate",
                  .stages = DATA, .axis = true, .task = "keywords", .unit = "Hz",
                  .help = "clips are resampled to it; recordings have 16000"},
    [SET_FRAME] = {"data.frame_ms", TYPE_NUMBER, .min = 0.1, .max = 1000, .def = "40",
                   .param = "frame_ms", .stages = DATA, .axis = true, .task = "keywords",
                   .unit = "ms", .help = "length of a frame: a whole number of samples"},
    [SET_HOP] = {"data.hop_ms", TYPE_NUMBER, .min = 0.1, .max = 1000, .def = "20",
                 .param = "hop_ms", .stages = DATA, .axis = true, .task = "keywords", .unit = "ms",
                 .help = "from one frame to the next"},
    [SET_MEL_BINS] = {"data.mel_bins", TYPE_INT, .min = 1, .max = 256, .def = "40", .matters = MEL,
                      .param = "mel_bins", .stages = DATA, .axis = true, .task = "keywords",
                      .help = "bands of the mel scale"},
    [SET_MEL_LOW] = {"data.mel_low", TYPE_NUMBER, .min = 0, .max = 24000, .def = "20",
                     .matters = MEL, .param = "mel_low", .stages = DATA, .axis = true,
                     .task = "keywords", .unit = "Hz", .help = "where the lowest band begins"},
    [SET_MEL_HIGH] = {"data.mel_high", TYPE_NUMBER, .min = 1, .max = 24000, .def = "4000",
                      .matters = MEL, .param = "mel_high", .stages = DATA, .axis = true,
                      .task = "keywords", .unit = "Hz",
                      .help = "where the highest band ends: at most half of `data.rate`"},
    [SET_COEFFICIENTS] = {"data.coefficients", TYPE_INT, .min = 1, .max = 256, .def = "10",
                          .matters = "feature == 'mfcc'", .param = "coefficients", .stages = DATA,
                          .axis = true, .task = "keywords",
                          .help = "the first so many, at most `mel_bins`"},
    [SET_RESIZE] = {"data.resize", TYPE_INT, .min = 1, .max = 256, .def = "32",
                    .matters = "feature == 'stft-resized'", .param = "resize", .stages = DATA,
                    .axis = true, .task = "keywords", .help = "side of the image"},

    [SET_ARCHITECTURE] =
        {"model.architecture", TYPE_ARCHITECTURE, .stages = TRAIN | EXPORT, .axis = true,
         .help = "name of a file of `spaces/architectures`, or a path that ends in `.yaml`; every "
                 "other key of `model` is a knob that an architecture declares"},

    [SET_LOSS] = {"train.loss", TYPE_CHOICE, .choices = "mse|mae|huber|cross-entropy", .def = "mse",
                  .words = "cross-entropy", .words_def = "cross-entropy", .param = "loss",
                  .stages = TRAIN, .axis = true,
                  .help =
                      "what training makes small; forecasts: squared, absolute, or Huber's error "
                      "(quadratic below 1); keywords: cross-entropy"},
    [SET_LABELS] =
        {"train.labels", TYPE_CHOICE, .choices = "physical|standardized", .def = "physical",
         .param = "labels", .param_when = "true", .stages = TRAIN, .axis = true, .task = "forecast",
         .help = "train on °C and % as they are, or on labels of mean 0 and deviation 1 (the "
                 "scaling is "
                 "folded into the last layer at export, so the file still answers in °C and %)"},
    [SET_LABEL_SMOOTHING] = {"train.label_smoothing", TYPE_NUMBER, .min = 0, .max = 0.9, .def = "0",
                             .param = "label_smoothing", .stages = TRAIN, .axis = true,
                             .task = "keywords",
                             .help =
                                 "this share of each label's certainty is spread evenly over all "
                                 "words"},
    [SET_BATCH] = {"train.batch", TYPE_INT, .min = 1, .max = 4096, .def = "32", .param = "batch",
                   .stages = TRAIN, .axis = true, .help = "examples in one step"},
    [SET_OPTIMIZER] = {"train.optimizer", TYPE_CHOICE, .choices = "adam|sgd", .def = "adam",
                       .param = "optimizer.kind", .stages = TRAIN, .axis = true,
                       .help = "how weights follow the gradient"},
    [SET_BETA1] = {"train.beta1", TYPE_NUMBER, .min = 0, .max = 0.99999, .def = "0.9",
                   .matters = ADAM, .param = "optimizer.beta1", .stages = TRAIN, .axis = true,
                   .help = "Adam: decay of the gradient's running mean"},
    [SET_BETA2] = {"train.beta2", TYPE_NUMBER, .min = 0, .max = 0.9999999, .def = "0.999",
                   .matters = ADAM, .param = "optimizer.beta2", .stages = TRAIN, .axis = true,
                   .help = "Adam: decay of the squared gradient's running mean"},
    [SET_EPSILON] = {"train.epsilon", TYPE_NUMBER, .min = 1e-12, .max = 1, .def = "1e-07",
                     .matters = ADAM, .param = "optimizer.epsilon", .stages = TRAIN, .axis = true,
                     .help = "Adam: added to the root of the squared gradient"},
    [SET_MOMENTUM] = {"train.momentum", TYPE_NUMBER, .min = 0, .max = 0.99999, .def = "0.9",
                      .matters = SGD, .param = "optimizer.momentum", .stages = TRAIN, .axis = true,
                      .help = "SGD: how much of the last step is kept"},
    [SET_NESTEROV] = {"train.nesterov", TYPE_BOOL, .def = "false", .matters = SGD,
                      .param = "optimizer.nesterov", .stages = TRAIN, .axis = true,
                      .help = "SGD: look ahead along the momentum"},
    [SET_SCHEDULE] = {"train.schedule", TYPE_CHOICE,
                      .choices = "constant|exponential|polynomial|cosine", .def = "constant",
                      .param = "learning_rate.schedule", .stages = TRAIN, .axis = true,
                      .help = "how the learning rate changes over the training"},
    [SET_LEARNING_RATE] = {"train.learning_rate", TYPE_NUMBER, .min = 1e-8, .max = 10,
                           .def = "0.001", .param = "learning_rate.initial", .stages = TRAIN,
                           .axis = true, .help = "at the start"},
    [SET_FINAL_LEARNING_RATE] = {"train.final_learning_rate", TYPE_NUMBER, .min = 0, .max = 10,
                                 .def = "1e-05", .matters = TO_A_FINAL_RATE,
                                 .param = "learning_rate.final", .stages = TRAIN, .axis = true,
                                 .help = "polynomial, cosine: at the end"},
    [SET_DECAY_POWER] = {"train.decay_power", TYPE_NUMBER, .min = 0.01, .max = 10, .def = "1",
                         .matters = "schedule == 'polynomial'", .param = "learning_rate.power",
                         .stages = TRAIN, .axis = true,
                         .help = "polynomial: 1 falls in a straight line"},
    [SET_DECAY_AFTER] = {"train.decay_after_epoch", TYPE_INT, .min = 0, .max = 10000, .def = "12",
                         .matters = EXPONENTIAL, .param = "learning_rate.after_epoch",
                         .stages = TRAIN, .axis = true, .unit = "epochs",
                         .help = "exponential: constant up to this epoch"},
    [SET_DECAY_RATE] = {"train.decay_rate", TYPE_NUMBER, .min = 0, .max = 100, .def = "0.1",
                        .matters = EXPONENTIAL, .param = "learning_rate.rate", .stages = TRAIN,
                        .axis = true,
                        .help = "exponential: the rate falls by the factor exp(-decay_rate) with "
                                "every epoch from there"},
    [SET_EPOCHS] = {"train.epochs", TYPE_INT, .min = 1, .max = 10000, .def = "20",
                    .param = "learning_rate.epochs", .param_when = TO_A_FINAL_RATE, .stages = TRAIN,
                    .axis = true, .help = "passes over the training part"},
    [SET_SHUFFLE_BUFFER] =
        {"train.shuffle_buffer", TYPE_INT, .min = 0, .max = 1e6, .def = "100",
         .param = "shuffle_buffer", .stages = TRAIN, .axis = true, .unit = "batches",
         .help =
             "the order of batches is drawn from a buffer of so many; the members of a batch never "
             "change; 0 keeps the order of time"},
    [SET_KEEP] = {"train.keep", TYPE_CHOICE, .choices = "last|best", .def = "last", .param = "keep",
                  .stages = TRAIN, .axis = true,
                  .help =
                      "weights of the last epoch, or of the one with the best validation loss, for "
                      "keywords the best validation accuracy (with pruning: of those after its "
                      "end)"},
    [SET_EARLY_STOP] =
        {"train.early_stop", TYPE_INT, .min = 0, .max = 10000, .def = "0", .param = "early_stop",
         .stages = TRAIN, .axis = true, .unit = "epochs",
         .help = "stop after so many epochs without a better one, by the same figure; 0: never"},

    [SET_SHIFT] = {"augment.shift_ms", TYPE_NUMBER, .min = 0, .max = 1000, .def = "0",
                   .param = "augment.shift_ms", .param_when = "shift_ms > 0", .stages = TRAIN,
                   .axis = true, .task = "keywords", .unit = "ms",
                   .help = "training clips are heard up to so much earlier or later, anew in every "
                           "epoch; what is validated and tested is never augmented"},
    [SET_NOISE] = {"augment.noise", TYPE_NUMBER, .min = 0, .max = 1, .def = "0",
                   .param = "augment.noise", .param_when = NOISY, .stages = TRAIN, .axis = true,
                   .task = "keywords",
                   .help = "share of training clips that are heard with noise in the background"},
    [SET_NOISE_KIND] = {"augment.noise_kind", TYPE_CHOICE, .choices = "white|pink|recordings",
                        .def = "pink", .matters = NOISY, .param = "augment.noise_kind",
                        .stages = TRAIN, .axis = true, .task = "keywords",
                        .help = "made up, or cut from recordings"},
    [SET_NOISE_FOLDER] = {"augment.noise_folder", TYPE_FOLDER, .matters = RECORDED, .stages = TRAIN,
                          .task = "keywords",
                          .help =
                              "folder of recordings of noise, WAV or FLAC, of a second or more, "
                              "such as `_background_noise_` of Speech Commands"},
    [SET_SNR_LOW] = {"augment.snr_low", TYPE_NUMBER, .min = -100, .max = 100, .def = "5",
                     .matters = NOISY, .param = "augment.snr_low", .stages = TRAIN, .axis = true,
                     .task = "keywords", .unit = "dB",
                     .help =
                         "clip over noise, in power over the whole clip: drawn between this ..."},
    [SET_SNR_HIGH] = {"augment.snr_high", TYPE_NUMBER, .min = -100, .max = 100, .def = "25",
                      .matters = NOISY, .param = "augment.snr_high", .stages = TRAIN, .axis = true,
                      .task = "keywords", .unit = "dB", .help = "... and this"},
    [SET_GAIN] = {"augment.gain_db", TYPE_NUMBER, .min = 0, .max = 40, .def = "0",
                  .param = "augment.gain_db", .param_when = "gain_db > 0", .stages = TRAIN,
                  .axis = true, .task = "keywords", .unit = "dB",
                  .help = "training clips are heard up to so much louder or softer"},
    [SET_TIME_MASKS] = {"augment.time_masks", TYPE_INT, .min = 0, .max = 16, .def = "0",
                        .param = "augment.time_masks", .param_when = "time_masks > 0",
                        .stages = TRAIN, .axis = true, .task = "keywords",
                        .help =
                            "stretches of frames that are masked: every coefficient takes its mean "
                            "over the clip (SpecAugment)"},
    [SET_TIME_MASK_WIDTH] = {"augment.time_mask_width", TYPE_INT, .min = 1, .max = 1000, .def = "5",
                             .matters = "time_masks > 0", .param = "augment.time_mask_width",
                             .stages = TRAIN, .axis = true, .task = "keywords", .unit = "frames",
                             .help = "the most that one takes; drawn from 0 on"},
    [SET_FREQUENCY_MASKS] = {"augment.frequency_masks", TYPE_INT, .min = 0, .max = 16, .def = "0",
                             .param = "augment.frequency_masks",
                             .param_when = "frequency_masks > 0", .stages = TRAIN, .axis = true,
                             .task = "keywords",
                             .help = "stretches of bands or coefficients that are masked likewise"},
    [SET_FREQUENCY_MASK_WIDTH] = {"augment.frequency_mask_width", TYPE_INT, .min = 1, .max = 1000,
                                  .def = "4", .matters = "frequency_masks > 0",
                                  .param = "augment.frequency_mask_width", .stages = TRAIN,
                                  .axis = true, .task = "keywords", .unit = "bands",
                                  .help = "the most that one takes; drawn from 0 on"},

    [SET_PRUNE_PATTERN] = {"prune.pattern", TYPE_CHOICE, .quiet = true,
                           .choices = "unstructured|2:4|1:4", .def = "unstructured",
                           .stages = TRAIN, .axis = true,
                           .help =
                               "which weights become zero: the smallest of each tensor, as many as "
                               "`final_sparsity` says; or all but the 2 (1) largest of every four "
                               "consecutive ones along a layer's inputs (a shorter rest keeps as "
                               "many)"},
    [SET_FINAL_SPARSITY] = {"prune.final_sparsity", TYPE_NUMBER, .min = 0, .max = 0.999, .def = "0",
                            .matters = "pattern == 'unstructured'", .stages = TRAIN, .axis = true,
                            .help =
                                "share of the weights that are zero in the end, of every kernel "
                                "but depthwise ones; 0: "
                                "none are made zero, and only `channels` of this section matters"},
    [SET_PRUNE_DURING] =
        {"prune.during", TYPE_CHOICE, .quiet = true, .choices = "training|fine-tune",
         .def = "training", .matters = PRUNED, .stages = TRAIN, .axis = true,
         .help = "the training that the zeros come in, and that `begin` and `end` are "
                 "counted in: the first, or the fine-tuning of a trained network"},
    [SET_INITIAL_SPARSITY] = {"prune.initial_sparsity", TYPE_NUMBER, .min = 0, .max = 0.999,
                              .def = "0.3", .matters = SHARE, .stages = TRAIN, .axis = true,
                              .help = "share where pruning begins"},
    [SET_PRUNE_BEGIN] = {"prune.begin", TYPE_PERIOD, .min = 0, .max = 1e7, .def = "5",
                         .matters = PRUNED, .stages = TRAIN, .axis = true, .unit = "epochs",
                         .help = "when it begins: epochs (`5`, `5 epochs`), part of the training "
                                 "(`20 %`) or `1000 steps`"},
    [SET_PRUNE_END] = {"prune.end", TYPE_PERIOD, .min = 0, .max = 1e7, .def = "15",
                       .matters = PRUNED, .stages = TRAIN, .axis = true, .unit = "epochs",
                       .help =
                           "when it reaches its final share, in the same unit as `begin`; within "
                           "the training"},
    [SET_PRUNE_FREQUENCY] = {"prune.frequency", TYPE_INT, .min = 1, .max = 1e6, .def = "100",
                             .matters = PRUNED, .stages = TRAIN, .axis = true, .unit = "steps",
                             .help = "steps between two choices of the weights that are zero"},
    [SET_PRUNE_POWER] = {"prune.power", TYPE_NUMBER, .min = 0.1, .max = 10, .def = "3",
                         .matters = SHARE, .stages = TRAIN, .axis = true,
                         .help = "of the polynomial from the initial to the final share"},

    [SET_CHANNELS] = {"prune.channels", TYPE_NUMBER, .quiet = true, .name = "prune.channels",
                      .min = 0, .max = 0.95, .def = "0", .stages = TRAIN | EXPORT, .axis = true,
                      .help = "share of the channels that each layer but the last loses when its "
                              "training is over, filters and all, so that fine-tuning trains a "
                              "smaller network: size and multiply-adds are known before"},
    [SET_CHANNEL_NORM] = {"prune.channel_norm", TYPE_CHOICE, .choices = "l1|l2", .def = "l1",
                          .matters = "prune.channels > 0", .stages = TRAIN, .axis = true,
                          .help =
                              "the channels to lose are those with the smallest filters: by the "
                              "sum of magnitudes, or by the root of the sum of squares"},
    [SET_TUNE_EPOCHS] = {"fine_tune.epochs", TYPE_INT, .quiet = true, .name = "fine_tune.epochs",
                         .min = 0, .max = 10000, .def = "0", .stages = TRAIN, .axis = true,
                         .help =
                             "a second training, of the weights that the first one kept, with a "
                             "fresh optimizer; 0: none. All else is as in `train`; weights "
                             "pruned in the first stay zero"},
    [SET_TUNE_RATE] = {"fine_tune.learning_rate", TYPE_NUMBER, .name = "fine_tune.learning_rate",
                       .min = 1e-8, .max = 10, .def = "0.0001", .matters = TUNED, .stages = TRAIN,
                       .axis = true, .help = "its learning rate, which stays constant"},

    [SET_CLUSTERS] = {"cluster.clusters", TYPE_INT, .quiet = true, .min = 0, .max = 256, .def = "0",
                      .stages = TRAIN, .axis = true,
                      .help =
                          "values that the weights of each kernel (but depthwise ones) have in "
                          "common after fine-tuning, so that they pack better; 0: each its own. "
                          "The network is fine-tuned with its batch norms folded and without "
                          "dropout"},
    [SET_CLUSTER_INIT] = {"cluster.init", TYPE_CHOICE, .name = "cluster.init",
                          .choices = "kmeans++|linear|random|density", .def = "kmeans++",
                          .matters = CLUSTERED, .stages = TRAIN, .axis = true,
                          .help = "the first values: weights drawn far apart, values at equal "
                                  "distances, random ones, or as dense as the weights are"},
    [SET_CLUSTER_GRADIENT] = {"cluster.gradient", TYPE_CHOICE, .name = "cluster.gradient",
                              .choices = "sum|average", .def = "sum", .matters = CLUSTERED,
                              .stages = TRAIN, .axis = true,
                              .help = "what moves a common value: the sum or the mean of its "
                                      "weights' gradients"},
    [SET_CLUSTER_SPARSITY] = {"cluster.preserve_sparsity", TYPE_BOOL, .def = "true",
                              .matters = CLUSTERED " and " PRUNED, .stages = TRAIN, .axis = true,
                              .help = "one of the values is zero, and what pruning made zero stays "
                                      "so"},

    [SET_AWARE] =
        {"quantize.aware", TYPE_BOOL, .def = "false", .matters = TUNED " and " FULL_INT8,
         .stages = TRAIN, .axis = true, .strict = true,
         .help = "int8: the fine-tuning computes as the file will (fake quantization, batch norms "
                 "folded, no dropout), so that the weights adapt; ranges begin as calibrated and "
                 "follow the batches"},

    [SET_STORAGE] = {"export.storage", TYPE_CHOICE,
                     .choices = "float32|float16|dynamic|int8|int8-weights", .def = "float32",
                     .param = "storage", .stages = EXPORT, .axis = true,
                     .help = "how weights are stored; `dynamic`: int8 for large tensors "
                             "(dynamic-range quantization); `int8`: weights, activations and all "
                             "arithmetic (full-integer quantization, not for an LSTM); "
                             "`int8-weights`: int8 in the file, float32 in arithmetic"},
    [SET_DYNAMIC_MIN] =
        {"export.dynamic_min_elements", TYPE_INT, .min = 0, .max = 1e9, .def = "1024",
         .matters = SOME_INT8, .param = "dynamic_min_elements", .param_when = "true",
         .stages = EXPORT, .axis = true,
         .help =
             "dynamic, int8-weights: smaller tensors stay float32 (TensorFlow's converter: 1024)"},
    [SET_PER_CHANNEL] =
        {"export.per_channel", TYPE_BOOL, .def = "true", .matters = SOME_INT8,
         .param = "per_channel", .param_when = "true", .stages = EXPORT, .axis = true,
         .strict = true,
         .help = "dynamic: one scale for each output channel of a convolution, or one for all; "
                 "int8-weights: also for each unit of a dense layer"},
    [SET_CALIBRATION] =
        {"export.calibration", TYPE_CHOICE, .choices = "min-max|percentile", .def = "min-max",
         .matters = FULL_INT8, .param = "calibration.method", .param_when = CALIBRATED,
         .stages = EXPORT, .axis = true, .strict = true,
         .help =
             "int8: how far the steps of an activation reach, from what examples of the training "
             "part show: the least to the greatest value, or without the rarest ones"},
    [SET_CALIBRATION_PERCENTILE] =
        {"export.calibration_percentile", TYPE_NUMBER, .min = 50.1, .max = 100, .def = "99.9",
         .matters = BY_PERCENTILE, .param = "calibration.percentile",
         .param_when = CALIBRATED " and " BY_PERCENTILE, .stages = EXPORT, .axis = true,
         .unit = "%", .strict = true,
         .help = "percentile: 99.9 leaves 0.1 % of the values below the range and 0.1 % above"},
    [SET_CALIBRATION_EXAMPLES] =
        {"export.calibration_examples", TYPE_INT, .min = 1, .max = 1e6, .def = "500",
         .matters = FULL_INT8, .param = "calibration.examples", .param_when = CALIBRATED,
         .stages = EXPORT, .axis = true, .strict = true,
         .help = "int8: examples to look at, evenly spread over the training part"},
    [SET_IO] = {"export.io", TYPE_CHOICE, .choices = "float32|int8", .def = "float32",
                .matters = FULL_INT8, .param = "io", .param_when = "io != 'float32'",
                .stages = EXPORT, .axis = true, .strict = true,
                .help =
                    "int8: what the file takes and gives; `int8` leaves the conversion to whoever "
                    "runs it"},
    [SET_HEADS] =
        {"export.heads", TYPE_CHOICE, .choices = "joint|per-output", .def = "joint",
         .matters = FULL_INT8 " and io == 'float32'",
         .param = "heads", .param_when = "heads != 'joint'", .stages = EXPORT, .axis = true,
         .task = "forecast", .strict = true,
         .help = "int8: one scale for all forecasts, or temperature and humidity each on steps of "
                 "their own, which the file multiplies and shifts back in float32"},
    [SET_PACK] = {"export.pack", TYPE_CHOICE, .choices = "flat|zlib|zip|zopfli|zopfli-zip",
                  .def = "zlib", .param = "pack", .param_when = "true", .stages = EXPORT,
                  .axis = true,
                  .help = "which byte count the metric `size` is: of the file, of its zlib stream, "
                          "of a zip with it; `zopfli` and `zopfli-zip` are the same two by zopfli, "
                          "which finds shorter streams (any unzip reads them)"},
    [SET_ZLIB_LEVEL] = {"export.zlib_level", TYPE_INT, .min = 1, .max = 9, .def = "6",
                        .matters = "pack == 'zlib' or pack == 'zip'", .param = "zlib_level",
                        .param_when = "zlib_level != 6 and (pack == 'zlib' or pack == 'zip')",
                        .stages = EXPORT, .axis = true,
                        .help = "zlib's effort; 6 is that of Python's zlib.compress"},
    [SET_WRITER] = {"export.writer", TYPE_CHOICE, .choices = "minimal|converter-like",
                    .def = "minimal", .param = "writer", .param_when = "writer != 'minimal'",
                    .stages = EXPORT, .axis = true,
                    .help =
                        "`minimal`: no byte more than the format asks for; `converter-like`: with "
                        "the names, signature and padding of TensorFlow's converter"},

    [SET_DEVICE] = {"device.model", TYPE_CHOICE, .choices = "none|raspberry-pi-4", .def = "none",
                    .param = "device", .param_when = "device != 'none'", .stages = EXPORT,
                    .axis = true, .name = "device",
                    .help = "a device whose latency is modelled, not measured "
                            "(`modelled_inference_ms`, `modelled_total_ms`; `paretune device show` "
                            "tells how); `device: NAME` is short for `device: {model: NAME}`"},
    [SET_DEVICE_RUN] =
        {"device.run", TYPE_TEXT, .def = "\"\"", .param = "run", .param_when = "run != ''",
         .stages = DEVICE, .axis = true,
         .help =
             "a command that measures `device_inference_ms` and `device_total_ms` of every "
             "exported "
             "file on another machine, as `ssh pi paretune-bench` (`make bench-arm64` builds "
             "that). "
             "/bin/sh runs it, so quotes and `$` mean what they mean there, with the .tflite file "
             "as "
             "its standard input; ` bench - --record --protocol YEAR` is appended, and one JSON "
             "object "
             "as of `paretune bench --record` is expected. In a command with `{model}`, the file's "
             "path takes its place and `{protocol}` becomes the year, and nothing is appended. "
             "Another "
             "exit code than 0, no answer in 300 s or one that makes no sense fails the stage; the "
             "next run tries again"},
    [SET_DEVICE_PROTOCOL] = {"device.run_protocol", TYPE_CHOICE, .choices = "2020|2024",
                             .def = "2024", .matters = "run != ''", .param = "protocol",
                             .stages = DEVICE, .axis = true,
                             .help = "as `latency.protocol`, on that machine"},
    [SET_PROTOCOL] =
        {"latency.protocol", TYPE_CHOICE, .choices = "none|2020|2024", .def = "none",
         .param = "protocol", .param_when = "protocol != 'none'", .stages = LATENCY, .axis = true,
         .help =
             "measure `inference_ms` and `total_ms` of every exported file on this machine, when "
             "nothing else runs: `2020`, one second of noise at 48 kHz, mean of 100 runs; `2024`, "
             "the clips' own rate, median of 100 runs after 100 discarded. Times are facts of a "
             "machine "
             "and a moment: unlike all else they differ from run to run"},
    [SET_RUNTIME] = {"latency.runtime", TYPE_CHOICE, .choices = "paretune|tflite|tflite-xnnpack",
                     .def = "paretune", .matters = "protocol != 'none'", .param = "runtime",
                     .param_when = "protocol != 'none' and runtime != 'paretune'",
                     .stages = LATENCY, .axis = true,
                     .help = "what runs the network while it is timed: this interpreter, or the "
                             "real TensorFlow Lite "
                             "with its built-in kernels or XNNPACK; features are always ours. `run "
                             "--tflite-lib PATH` "
                             "[`--xnnpack`] sets it and the library"},
    [SET_LIBRARY] = {"latency.library", TYPE_FILE,
                     .matters = "protocol != 'none' and runtime != 'paretune'", .stages = LATENCY,
                     .axis = true,
                     .help = "TensorFlow Lite's libtensorflowlite_c.so: a glob that matches "
                             "exactly one file, relative "
                             "to `--data`; what it holds counts, not its name"},

    [SET_SEEDS] = {"seeds", TYPE_OTHER, .def = "[1]",
                   .help = "whole numbers; every candidate is trained once with each (they are no "
                           "axis: metrics of "
                           "one configuration can be averaged over them)"},

    [SET_METHOD] =
        {"search.method", TYPE_CHOICE, .choices = "greybox|grid|random|nsga2|motpe|aging",
         .def = "grid", .words_def = "greybox",
         .help =
             "which candidates are tried, and in which order: `grid`, all of them, one after the "
             "other; `random`, evenly spread over the space; `nsga2`, a genetic search for the "
             "front; `aging`, evolution by single changes of good, recent candidates; `greybox`, "
             "what a "
             "model of the trained figures expects most of, sizes and times being known; `motpe`, "
             "what "
             "looks like the best fifth so far. All but `grid` train with the first seed only"},
    [SET_AIM] = {"search.aim", TYPE_TEXT, .def = "auto",
                 .help = "what the search is after: `front`, the whole Pareto front; `versions`, a "
                         "pick for each of them; the name of one version; `auto`: versions when "
                         "the space has any, else the front. Candidates that cannot meet what is "
                         "aimed at are left out (`static_filter`)"},
    [SET_SEARCH_SEED] = {"search.seed", TYPE_INT, .max = 9007199254740992.0, .def = "1",
                         .name = "search_seed", .help = "of what a method decides by chance"},
    [SET_WINDOW] = {"search.window", TYPE_INT, .min = 1, .max = 1024, .def = "4",
                    .help =
                        "of methods that learn: how many workers can be kept busy. A candidate "
                        "is chosen without the results of the last so many trials, itself "
                        "included, so that the same ones are chosen with any number of workers"},
    [SET_MAX_TRIALS] = {"search.max_trials", TYPE_INT, .min = 0, .max = 1e9, .def = "0",
                        .help = "stop after so many trials; 0: no limit"},
    [SET_MAX_TIME] = {"search.max_time", TYPE_QUANTITY, .min = 0, .max = 1e9, .def = "0 s",
                      .unit = "s", .help = "stop after so long; 0: no limit"},
    [SET_CONFIDENCE] = {"search.confidence", TYPE_NUMBER, .min = 0, .max = 0.9999, .def = "0",
                        .help = "a pick passes only when it keeps its limits with this confidence "
                                "(0.95), which takes several seeds; 0: its figures decide"},
    [SET_MAX_SEEDS] = {"search.max_seeds", TYPE_INT, .min = 1, .max = 100, .def = "1",
                       .help = "samplers give candidates whose case further seeds can decide up to "
                               "so many; 1: none. `grid` trains every one of `seeds`"},
    [SET_MAX_EPOCHS] = {"search.max_epochs", TYPE_INT, .min = 0, .max = 1e9, .def = "0",
                        .help = "add no trial once the trainings of all come to so many epochs, "
                                "shared ones counted once; 0: no limit"},
    [SET_UNTIL] =
        {"search.until", TYPE_CHOICE, .choices = "exhausted|met", .def = "exhausted",
         .help = "`exhausted`: as far as limits and candidates reach; `met`: at the latest until "
                 "every version aimed at has a pick on validation figures (one that holds with "
                 "`confidence` by them, when that is asked for)"},
    [SET_MIN_GAIN] =
        {"search.min_gain", TYPE_QUANTITY, .min = 0, .max = 1e6, .def = "0 %", .unit = "%",
         .help = "of `greybox` with `aim: front`: ends the search when no training is expected to "
                 "add so much, of the hypervolume between the best and the worst figures, per hour "
                 "of CPU time; 0: never"},
    [SET_STOP] =
        {"search.stop", TYPE_CHOICE, .choices = "auto|none|dominance|asha|hyperband", .def = "auto",
         .help =
             "ends trainings early: `dominance`, when the chance that the final figures are worth "
             "having, beside the best that is no larger and no slower and under the limits aimed "
             "at, is below `stop_chance`, also before they begin; `asha`, successive halving: at "
             "each rung the better "
             "third goes on; `hyperband`, the same in brackets; `none`. `auto`: dominance for "
             "keywords unless the method is `grid`"},
    [SET_STOP_CHANCE] = {"search.stop_chance", TYPE_NUMBER, .min = 0, .max = 0.5, .def = "0.05",
                         .help = "of `dominance`"},
    [SET_AUDIT] = {"search.audit", TYPE_NUMBER, .min = 0, .max = 1, .def = "0.05",
                   .help = "share of the trainings to be stopped that are finished all the same, "
                           "which tells how often stopping them would have been wrong"},
    [SET_RUNG_FACTOR] =
        {"search.rung_factor", TYPE_NUMBER, .min = 1.1, .max = 10, .def = "1.5",
         .help =
             "a training may be stopped after epochs / factor, epochs / factor^2, ..., 5 at the "
             "least, and not before pruning has begun to bite"},
    [SET_STATIC_FILTER] =
        {"search.static_filter", TYPE_BOOL, .def = "true",
         .help = "leave out what cannot meet the limits of any version aimed at on what is known "
                 "before training"},
    [SET_STAGE_TIME] = {"limits.stage_time", TYPE_QUANTITY, .min = 1, .max = 1e9, .def = "30 min",
                        .unit = "s", .help = "a stage that takes longer is stopped"},
    [SET_WORKER_MEMORY] = {"limits.worker_memory", TYPE_QUANTITY, .min = 64e6, .max = 1e15,
                           .def = "2 GiB", .unit = "B", .help = "memory of one worker"},
    [SET_RETRIES] = {"limits.retries", TYPE_INT, .min = 0, .max = 100, .def = "1",
                     .help = "further tries after a worker died, hung or ran out of memory"},

    [SET_RULES] = {"rules", TYPE_OTHER, .def = "[]",
                   .help =
                       "a list of `exclude: EXPRESSION`, each with an optional `because: REASON`"},
    [SET_VERSIONS] =
        {"versions", TYPE_OTHER, .def = "{}",
         .help =
             "named sets of limits, all of which a pick must meet: `a: {T_mae: \"< 0.5 °C\", size: "
             "\"< 2 kB\"}`, or `a: {title: ..., limits: {...}}`"},
    [SET_OBJECTIVES] =
        {"objectives", TYPE_OTHER,
         .help = "metrics of the Pareto front, each with its direction: `{T_mae: minimize, size: "
                 "minimize}`"},
};
/* clang-format on */

const setting_row *schema_row(setting s)
{
    return &rows[s];
}

static const char *last_part(const setting_row *row)
{
    const char *dot = strrchr(row->path, '.');
    return row->name ? row->name : dot ? dot + 1 : row->path;
}

int schema_find(const char *name)
{
    int found = -1;
    for (int i = 0; i < N_SETTINGS; i++) {
        if (strcmp(rows[i].path, name) == 0) return i;
        if (strcmp(last_part(&rows[i]), name) == 0) found = found == -1 ? i : -2;
    }
    return found < 0 ? -1 : found;
}

const char *schema_short_name(setting s)
{
    const char *last = last_part(&rows[s]);
    return schema_find(last) == (int)s ? last : rows[s].path;
}

bool schema_has(const setting_row *row, const char *task)
{
    return !row->task || !task || strcmp(row->task, task) == 0;
}

bool schema_allows(const setting_row *row, const char *choice, const char *task)
{
    if (!schema_among(row->choices, choice)) return false;
    if (!row->words || !task) return true;
    return schema_among(row->words, choice) == (strcmp(task, "keywords") == 0);
}

const char *schema_default(const setting_row *row, const char *task)
{
    bool words = task && strcmp(task, "keywords") == 0;
    return words && row->words_def ? row->words_def : row->def;
}

bool schema_among(const char *choices, const char *word)
{
    size_t n = strlen(word);
    for (const char *s = choices; s; s = strchr(s, '|') ? strchr(s, '|') + 1 : NULL)
        if (strcspn(s, "|") == n && strncmp(s, word, n) == 0) return true;
    return false;
}

int schema_sections(const char **names, int most)
{
    static const char *const sections[] = {"data",      "model",   "train",    "augment", "prune",
                                           "fine_tune", "cluster", "quantize", "export",  "device",
                                           "latency",   "search",  "limits"};
    int n = (int)(sizeof sections / sizeof *sections);
    for (int i = 0; i < n && i < most; i++) names[i] = sections[i];
    return n < most ? n : most;
}

/* --- the reference page --- */

static void put_range(buf *b, const setting_row *r)
{
    switch (r->type) {
    case TYPE_INT:
    case TYPE_NUMBER:
        buf_text(b, r->type == TYPE_INT ? "whole number " : "number ");
        buf_number(b, r->min);
        buf_text(b, " to ");
        buf_number(b, r->max);
        if (r->unit) buf_printf(b, " (%s)", r->unit);
        break;
    case TYPE_BOOL:
        buf_text(b, "`true`, `false`");
        break;
    case TYPE_CHOICE:
        for (const char *s = r->choices; s; s = strchr(s, '|') ? strchr(s, '|') + 1 : NULL)
            buf_printf(b, "%s`%.*s`", s == r->choices ? "" : ", ", (int)strcspn(s, "|"), s);
        break;
    case TYPE_TEXT:
        buf_text(b, "text");
        break;
    case TYPE_FILE:
        buf_text(b, "file");
        break;
    case TYPE_FOLDER:
        buf_text(b, "folder");
        break;
    case TYPE_PERIOD:
        buf_text(b, "epochs, % or steps");
        break;
    case TYPE_QUANTITY:
        buf_text(b, strcmp(r->unit, "B") == 0 ? "bytes" : "time");
        break;
    case TYPE_ARCHITECTURE:
        buf_text(b, "name or path");
        break;
    case TYPE_OTHER:
        buf_text(b, "see below");
        break;
    }
}

/* A table's cell must not hold a bar. */
static void put_cell(buf *b, const char *text)
{
    for (; *text; text++) {
        if (*text == '|') buf_char(b, '\\');
        buf_char(b, *text);
    }
}

static void put_settings(buf *b)
{
    buf_text(b, "| setting | task | value | default | matters when | list? | meaning |\n"
                "|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < N_SETTINGS; i++) {
        const setting_row *r = &rows[i];
        buf_printf(b, "| `%s` | %s | ", r->path, r->task ? r->task : "");
        put_range(b, r);
        buf_text(b, " | ");
        if (r->def)
            buf_printf(b, "`%s`", r->def);
        else
            buf_text(b, "must be written");
        if (r->words_def) buf_printf(b, "; keywords: `%s`", r->words_def);
        buf_text(b, " | ");
        if (r->matters) buf_printf(b, "`%s`", r->matters);
        buf_text(b, r->axis ? " | yes | " : " |  | ");
        put_cell(b, r->help);
        buf_text(b, " |\n");
    }
}

static void put_layers(buf *b)
{
    buf_text(b, "| layer | parameter | value | default | meaning |\n|---|---|---|---|---|\n");
    static const char *const types[] = {"whole number", "number", "`true`, `false`", "",
                                        "list of whole numbers"};
    for (const layer_row *l = stage_layers(); l->name; l++) {
        buf_printf(b, "| `%s` |  |  |  | ", l->name);
        put_cell(b, l->help);
        buf_text(b, " |\n");
        for (const param_row *p = l->params; p && p->name; p++) {
            buf_printf(b, "|  | `%s` | ", p->name);
            bool layer = strcmp(p->name, "from") == 0; /* see architecture.h */
            put_cell(b, layer                     ? "name of an earlier layer, `input`"
                        : p->type == PARAM_CHOICE ? p->choices
                                                  : types[p->type]);
            buf_printf(b, " | %s | ", p->def ? p->def : "must be written");
            put_cell(b, p->help);
            buf_text(b, " |\n");
        }
    }
}

static void put_metrics(buf *b)
{
    static const char *const directions[] = {"lower", "higher", ""};
    buf_text(b, "| metric | task | unit | better | known before training | meaning |\n"
                "|---|---|---|---|---|---|\n");
    for (const metric_row *m = stage_metrics(); m->name; m++) {
        buf_printf(b, "| `%s` | %s | %s | %s | %s | ", m->name, m->task, m->unit,
                   directions[m->direction], m->known_before ? "yes" : "");
        put_cell(b, m->help);
        buf_text(b, " |\n");
    }
}

void schema_put_markdown(buf *b)
{
    buf_text(
        b, "# Search spaces\n\n"
           "<!-- Made by `paretune check --schema`. -->\n\n"
           "A search space is a YAML file. Wherever the column *list?* says yes, a list of values "
           "may stand in place of one: it becomes an axis, and the candidates are all combinations "
           "of the axes. An axis that makes sense only sometimes is written "
           "`{values: [0, 0.9], when: 'alpha >= 0.1', otherwise: 0}`.\n\n"
           "In expressions and with `--set`, a setting goes by its path or, when no other ends "
           "so, by the last part of it: `train.epochs` or `epochs`.\n\n## Settings\n\n");
    put_settings(b);
    buf_text(
        b,
        "\n## Metrics\n\nFor limits of versions and for objectives. Errors and accuracies are of "
        "the validation part when models are chosen and of the test part when they are "
        "reported.\n\n");
    put_metrics(b);
    buf_text(
        b,
        "\n## Architectures\n\n"
        "An architecture file lists knobs and layers. A layer's numbers may be expressions over "
        "the knobs and, for forecasts, `steps_in`, `features` (2), `steps_out`, `outputs` (2), "
        "for keywords `in_h` (frames), `in_w`, `in_c` (1) and `classes`; whole numbers are made "
        "by truncation and are at least 1. A list holds one number for each dimension: "
        "`stride: [2, 1]`. A layer with `when: depth >= 2` is left out otherwise. A layer may "
        "carry a `name`, and `add` says `from: NAME`, an earlier layer's, or `from: input`.\n\n");
    put_layers(b);
    buf_text(b,
             "\n## Expressions\n\n"
             "Numbers, `\"words\"`, `true`, `false`, names of axes and settings; `+ - * / %`, "
             "parentheses; `< <= > >= == !=`; `and`, `or`, `not`; `x in [\"a\", \"b\"]`; "
             "`min(a, b)`, `max(a, b)`, `floor`, `ceil`, `round`, `abs`. `%` has the sign of the "
             "divisor. A division by zero is an error.\n");
}

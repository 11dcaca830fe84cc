/* The two kinds of scoring, private to engine/stage_score*.c. */
#ifndef PARETUNE_ENGINE_STAGE_SCORE_H
#define PARETUNE_ENGINE_STAGE_SCORE_H

#include "engine/stage_kinds.h"
#include "engine/tflite/interpreter.h"

/* Accuracy, cross-entropy and confusion of a classifier whose ports fit the examples. */
status stage_score_words(const stage_job *job, const file_map *model, interpreter *it,
                         const stage_examples *data, stage_result *out, err *e);

#endif

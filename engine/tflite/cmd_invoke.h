/* `paretune invoke`: runs a .tflite file on raw tensors. */
#ifndef PARETUNE_ENGINE_TFLITE_CMD_INVOKE_H
#define PARETUNE_ENGINE_TFLITE_CMD_INVOKE_H

#include "engine/base/command.h"

extern const command cmd_invoke;

#endif

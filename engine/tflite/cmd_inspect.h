/* `paretune inspect`: what is in .tflite files, and why they are as large as they are. */
#ifndef PARETUNE_ENGINE_TFLITE_CMD_INSPECT_H
#define PARETUNE_ENGINE_TFLITE_CMD_INSPECT_H

#include "engine/base/command.h"

extern const command cmd_inspect;

#endif

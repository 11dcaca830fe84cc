/* paretune export: the .tflite file of a trial, copied out of the folder of artifacts. */
#ifndef PARETUNE_SEARCH_CMD_EXPORT_H
#define PARETUNE_SEARCH_CMD_EXPORT_H

#include "engine/base/command.h"

extern const command cmd_export;

#endif

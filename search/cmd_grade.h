/* `paretune grade`: judges .tflite files by a space's data and limits. */
#ifndef PARETUNE_SEARCH_CMD_GRADE_H
#define PARETUNE_SEARCH_CMD_GRADE_H

#include "engine/base/command.h"

extern const command cmd_grade;

#endif

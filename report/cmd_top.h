/* paretune top: a study as it runs, in a terminal. */
#ifndef PARETUNE_REPORT_CMD_TOP_H
#define PARETUNE_REPORT_CMD_TOP_H

#include "engine/base/command.h"

extern const command cmd_top;

#endif

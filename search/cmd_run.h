/* `paretune run SPACE.yaml`: search a space and fill its results database. */
#ifndef PARETUNE_SEARCH_CMD_RUN_H
#define PARETUNE_SEARCH_CMD_RUN_H

#include "engine/base/command.h"

extern const command cmd_run;

#endif

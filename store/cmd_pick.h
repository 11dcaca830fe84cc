/* `paretune pick`: the trial that answers a version's limits. */
#ifndef PARETUNE_STORE_CMD_PICK_H
#define PARETUNE_STORE_CMD_PICK_H

#include "engine/base/command.h"

extern const command cmd_pick;

#endif

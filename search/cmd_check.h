/* `paretune check SPACE.yaml`: is a search space in order? */
#ifndef PARETUNE_SEARCH_CMD_CHECK_H
#define PARETUNE_SEARCH_CMD_CHECK_H

#include "engine/base/command.h"

extern const command cmd_check;

#endif

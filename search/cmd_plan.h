/* `paretune plan SPACE.yaml`: what would running a search space take? */
#ifndef PARETUNE_SEARCH_CMD_PLAN_H
#define PARETUNE_SEARCH_CMD_PLAN_H

#include "engine/base/command.h"

extern const command cmd_plan;

#endif

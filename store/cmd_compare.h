/* `paretune compare`: trials side by side. */
#ifndef PARETUNE_STORE_CMD_COMPARE_H
#define PARETUNE_STORE_CMD_COMPARE_H

#include "engine/base/command.h"

extern const command cmd_compare;

#endif

/* `paretune why-not`: what stands between a study and a version. */
#ifndef PARETUNE_STORE_CMD_WHY_NOT_H
#define PARETUNE_STORE_CMD_WHY_NOT_H

#include "engine/base/command.h"

extern const command cmd_why_not;

#endif

/* `paretune front`: trials that no other beats. */
#ifndef PARETUNE_STORE_CMD_FRONT_H
#define PARETUNE_STORE_CMD_FRONT_H

#include "engine/base/command.h"

extern const command cmd_front;

#endif

/* `paretune importance`: what each knob bought. */
#ifndef PARETUNE_STORE_CMD_IMPORTANCE_H
#define PARETUNE_STORE_CMD_IMPORTANCE_H

#include "engine/base/command.h"

extern const command cmd_importance;

#endif

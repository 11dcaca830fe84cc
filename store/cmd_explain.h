/* `paretune explain`: where a trial's bytes, milliseconds and errors are. */
#ifndef PARETUNE_STORE_CMD_EXPLAIN_H
#define PARETUNE_STORE_CMD_EXPLAIN_H

#include "engine/base/command.h"

extern const command cmd_explain;

#endif

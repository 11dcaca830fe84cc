/* `paretune worker`: hidden, for the coordinator to start. */
#ifndef PARETUNE_SEARCH_CMD_WORKER_H
#define PARETUNE_SEARCH_CMD_WORKER_H

#include "engine/base/command.h"

extern const command cmd_worker;

#endif

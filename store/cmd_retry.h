/* paretune retry: failed trials are ready again. */
#ifndef PARETUNE_STORE_CMD_RETRY_H
#define PARETUNE_STORE_CMD_RETRY_H

#include "engine/base/command.h"

extern const command cmd_retry;

#endif

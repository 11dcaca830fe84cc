/* `paretune status DB`: how far a study has come, also while it runs. */
#ifndef PARETUNE_SEARCH_CMD_STATUS_H
#define PARETUNE_SEARCH_CMD_STATUS_H

#include "engine/base/command.h"

extern const command cmd_status;

#endif

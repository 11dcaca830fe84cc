/* paretune verify: a trial is built again and compared bit for bit. */
#ifndef PARETUNE_SEARCH_CMD_VERIFY_H
#define PARETUNE_SEARCH_CMD_VERIFY_H

#include "engine/base/command.h"

extern const command cmd_verify;

#endif

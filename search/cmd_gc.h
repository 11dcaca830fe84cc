/* paretune gc: artifacts that nobody needs are removed. */
#ifndef PARETUNE_SEARCH_CMD_GC_H
#define PARETUNE_SEARCH_CMD_GC_H

#include "engine/base/command.h"

extern const command cmd_gc;

#endif

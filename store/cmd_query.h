/* paretune query: trials of a study, filtered, sorted, as a table, CSV or JSON. */
#ifndef PARETUNE_STORE_CMD_QUERY_H
#define PARETUNE_STORE_CMD_QUERY_H

#include "engine/base/command.h"

extern const command cmd_query;

#endif

/* paretune sql: one reading SQL statement on a study, as a table, CSV or JSON. */
#ifndef PARETUNE_STORE_CMD_SQL_H
#define PARETUNE_STORE_CMD_SQL_H

#include "engine/base/command.h"

extern const command cmd_sql;

#endif

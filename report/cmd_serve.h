/* paretune serve: the page of a study, live. */
#ifndef PARETUNE_REPORT_CMD_SERVE_H
#define PARETUNE_REPORT_CMD_SERVE_H

#include "engine/base/command.h"

extern const command cmd_serve;

#endif

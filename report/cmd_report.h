/* paretune report: tables and plots of a study as files. */
#ifndef PARETUNE_REPORT_CMD_REPORT_H
#define PARETUNE_REPORT_CMD_REPORT_H

#include "engine/base/command.h"

extern const command cmd_report;

#endif

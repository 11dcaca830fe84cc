/* How a study came along: the share of its box that the front dominates, against processor time. */
#ifndef PARETUNE_REPORT_FIGURE_PROGRESS_H
#define PARETUNE_REPORT_FIGURE_PROGRESS_H

#include "report/job.h"

status figure_progress(job *j, err *e);

#endif

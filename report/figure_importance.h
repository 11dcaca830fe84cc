/* What each knob bought: the shares of variance of store/importance.h as bars, a panel for each objective. */
#ifndef PARETUNE_REPORT_FIGURE_IMPORTANCE_H
#define PARETUNE_REPORT_FIGURE_IMPORTANCE_H

#include "report/job.h"

status figure_importance(job *j, err *e);

#endif

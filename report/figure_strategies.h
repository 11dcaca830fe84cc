/* Figures of strategies: the effect of each on each metric with its intervals; and what it costs against what it
 * saves. */
#ifndef PARETUNE_REPORT_FIGURE_STRATEGIES_H
#define PARETUNE_REPORT_FIGURE_STRATEGIES_H

#include "report/strategies.h"

status figure_strategies(job *j, const strategies *s, err *e);

#endif

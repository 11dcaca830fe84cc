/* Learning curves of a study: the chosen trials by name, the others as a band or thin lines; where pruning and
 * fine-tuning began is marked. */
#ifndef PARETUNE_REPORT_FIGURE_CURVES_H
#define PARETUNE_REPORT_FIGURE_CURVES_H

#include "report/job.h"

status figure_curves(job *j, err *e);

#endif

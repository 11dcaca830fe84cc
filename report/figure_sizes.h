/* Where the bytes of the chosen trials' files are: a bar each, tensor by tensor, as their export stages noted them. */
#ifndef PARETUNE_REPORT_FIGURE_SIZES_H
#define PARETUNE_REPORT_FIGURE_SIZES_H

#include "report/job.h"

status figure_sizes(job *j, err *e);

#endif

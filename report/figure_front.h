/* Figures of a study's front: each objective against size; every pair of three or more objectives side by side; and
 * slices, that is two objectives in bands of a third.
 *
 * A point is a configuration. Trained with several seeds it stands at its mean, and has the 95 % interval of the mean
 * (Student's t, the spread of single trainings pooled over all configurations: store/verdict.h). A pick is one file
 * and stands at its own figures. */
#ifndef PARETUNE_REPORT_FIGURE_FRONT_H
#define PARETUNE_REPORT_FIGURE_FRONT_H

#include "report/job.h"

status figure_front(job *j, err *e);
/* One pair alone, of metrics that the study has. */
status figure_front_pair(job *j, const char *x, const char *y, err *e);

#endif

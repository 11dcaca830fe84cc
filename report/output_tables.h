/* The tables of a report: front, trials and picks for programs; versions and hyper-parameters for documents. */
#ifndef PARETUNE_REPORT_OUTPUT_TABLES_H
#define PARETUNE_REPORT_OUTPUT_TABLES_H

#include "report/job.h"

status output_tables(job *j, err *e);

/* A row per version: its pick's reported figures beside the limits, and whether all are met. */
status versions_table(job *j, table *out, err *e);
/* A row per setting, a column per chosen trial, and the values that were searched. */
status hyperparameters_table(job *j, table *out, err *e);

#endif

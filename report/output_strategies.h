/* paretune report --strategies: tables, figures and the two paragraphs. */
#ifndef PARETUNE_REPORT_OUTPUT_STRATEGIES_H
#define PARETUNE_REPORT_OUTPUT_STRATEGIES_H

#include "report/strategies.h"

status output_strategies(job *j, err *e);

/* A row for each strategy and metric, and for each two strategies together. */
status strategies_table(const strategies *s, arena *a, table *out, err *e);
/* A row for each strategy, for documents. */
status strategies_paper_table(const strategies *s, arena *a, table *out, err *e);
/* A row for each budget and aim. */
status strategies_mix_table(const strategies *s, arena *a, table *out, err *e);

#endif

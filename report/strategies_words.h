/* What the numbers of strategies.h say, in two paragraphs: the answers, then combinations and what is not shown. A
 * sentence claims no more than the joint intervals do; where they tell nothing, it says so. */
#ifndef PARETUNE_REPORT_STRATEGIES_WORDS_H
#define PARETUNE_REPORT_STRATEGIES_WORDS_H

#include "report/strategies.h"

/* Each paragraph is one line; an empty line stands between them. */
status strategies_words(const strategies *s, buf *out, err *e);

/* "-0.57 points [-1.2, 0.1]", "saves 74 % [70, 78]"; joint intervals. Without a unit: "-0.57 [-1.2, 0.1]". */
void strategy_put_effect(buf *b, const strategy_metric *m, const strategy_effect *f);
/* The same for a cell: a quality's change, or the percentage saved. */
void strategy_put_cell(buf *b, const strategy_metric *m, const strategy_effect *f);
/* The effect as it is reported: a change of the figure, or a saved share in percent. `low` <= `high` after turning. */
void strategy_reported(const strategy_metric *m, double mean, double low, double high,
                       double out[3]);
const char *strategy_unit(const strategy_metric *m);

#endif

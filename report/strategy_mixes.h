/* Which of the configurations that were tried combine strategies best: the smallest and the fastest within a budget of
 * quality, measured against the reference without any of them. */
#ifndef PARETUNE_REPORT_STRATEGY_MIXES_H
#define PARETUNE_REPORT_STRATEGY_MIXES_H

#include "report/strategy_study.h"

/* Fills the reference, the mixes and n_configs; all else of `t` is known. */
status strategy_mixes_list(const strategy_study *s, strategies *t, err *e);

#endif

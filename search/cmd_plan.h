/* `paretune plan SPACE.yaml`: what would running a search space take? */
#ifndef PARETUNE_SEARCH_CMD_PLAN_H
#define PARETUNE_SEARCH_CMD_PLAN_H

#include "engine/base/command.h"
#include "search/space.h"

extern const command cmd_plan;

/* What the command prints, for a plan that is made already: `run --dry-run`. */
status cmd_plan_show(const space *s, const plan *p, int n_workers, arena *a, err *e);

/* Warns that nothing is left to try: what no candidate can meet, and how many fail at which limit.
 */
void cmd_plan_warn_hopeless(const space *s, const plan *p);

#endif

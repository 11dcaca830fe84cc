/* What commands that answer questions share: names looked up with "did you mean", trials chosen by a filter, limits
 * from the command line. All mistakes are ERR_INPUT. */
#ifndef PARETUNE_STORE_ASK_H
#define PARETUNE_STORE_ASK_H

#include "engine/base/opt.h"
#include "store/store.h"

/* What a command shows of an open study, for its arguments behind the study's path. */
typedef status ask_show(store *s, int n, char **argv, arena *a, int *code, err *e);
/* Opens the study argv[0] for one question: whatever a run writes meanwhile, all of `show` comes from one state. */
status ask_run(ask_show *show, int n, char **argv, int *code, err *e);

const store_metric_info *ask_find_metric(const store_space *space, const char *name); /* or NULL */
/* `what` begins the message: "--objectives". */
status ask_metric(const store_space *space, const char *name, const char *what, arena *a,
                  const store_metric_info **out, err *e);
/* "" for a metric that the space does not describe. */
const char *ask_unit(const store_space *space, const char *metric);

status ask_version(const store_space *space, const char *name, arena *a, const store_version **out,
                   err *e);

/* The limits of `from` (NULL: none) and those given, such as "size < 20 kB": a given one replaces those of its metric
 * that bound the same side. The name is that of `from`, or "given". */
status ask_limits(const store_space *space, const store_version *from, const opt_list *given,
                  arena *a, store_version *out, err *e);

/* The finished trials that meet a filter (filter.h), by number; *trial = NULL without one: all. */
status ask_filter(store *s, const char *filter, arena *a, int64_t **trial, int *n, err *e);

/* The number of a trial of the last run's space, in any state. */
status ask_trial(store *s, const char *text, int64_t *out, err *e);

/* Objectives from "T_mae,size,macs:min". The direction is the metric's own unless :min or :max follows. NULL: the
 * study's. */
status ask_objectives(const store_space *space, const char *list, arena *a,
                      const store_objective **out, int *n, err *e);

#endif

/* The stop rules that stop.c lists, and what they share. */
#ifndef PARETUNE_SEARCH_STOP_KINDS_H
#define PARETUNE_SEARCH_STOP_KINDS_H

#include "search/stop.h"

status stop_dominance(const stop_rule *self, const history *h, const stop_case *c, arena *scratch,
                      stop_answer *out, err *e);
status stop_asha(const stop_rule *self, const history *h, const stop_case *c, arena *scratch,
                 stop_answer *out, err *e);
status stop_hyperband(const stop_rule *self, const history *h, const stop_case *c, arena *scratch,
                      stop_answer *out, err *e);

#endif

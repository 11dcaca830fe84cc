/* The samplers behind sampler_rows, one file each. */
#ifndef PARETUNE_SEARCH_SAMPLER_KINDS_H
#define PARETUNE_SEARCH_SAMPLER_KINDS_H

#include "search/sampler.h"

status sampler_random_open(const problem *p, const sampler_options *o, arena *a, sampler **out,
                           err *e);
status sampler_nsga2_open(const problem *p, const sampler_options *o, arena *a, sampler **out,
                          err *e);
status sampler_aging_open(const problem *p, const sampler_options *o, arena *a, sampler **out,
                          err *e);
status sampler_greybox_open(const problem *p, const sampler_options *o, arena *a, sampler **out,
                            err *e);
status sampler_motpe_open(const problem *p, const sampler_options *o, arena *a, sampler **out,
                          err *e);

#endif

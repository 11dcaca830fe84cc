/* Measuring on a machine that is not this one: a command that takes a model and answers with the record
 * of its latency. Whatever fails here is the machine's fault, so that a study tries it again. */
#ifndef PARETUNE_ENGINE_MEASURE_REMOTE_H
#define PARETUNE_ENGINE_MEASURE_REMOTE_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/measure/latency.h"

#include <stddef.h>

/* The command for a model, in `a`; NULL when out of memory. Where `words` has {model}, the file's path
 * (in quotes for the shell) takes its place and {protocol} becomes the protocol's name; without
 * {model}, " bench - --record --protocol YEAR" is appended, which is what paretune and
 * paretune-bench understand. */
const char *remote_command(const char *words, const char *model, latency_protocol p, arena *a);

/* Runs `command` by /bin/sh with the file `input` as its standard input, and appends what it prints to
 * `out`. ERR_IO when it cannot start, ends with another code than 0 (with what it said on standard
 * error), does not end within `seconds` (it is then killed with all it started in its process group),
 * or prints over `most` bytes. */
status remote_run(const char *command, const char *input, double seconds, size_t most, buf *out,
                  err *e);

#endif

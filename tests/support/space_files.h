/* Search spaces for tests, from text. */
#ifndef PARETUNE_TESTS_SUPPORT_SPACE_FILES_H
#define PARETUNE_TESTS_SUPPORT_SPACE_FILES_H

#include "search/space.h"

/* Reads `yaml` as if it were a file, with the architectures of spaces/; asserts that it is in order.
 * `sets` are n overrides. */
space *space_of(arena *a, const char *yaml, int n_sets, const char *const *sets);
/* The same, giving what is wrong: all messages, a line each, in `a`; "" when nothing is. Candidates are
 * enumerated, too. */
const char *space_mistakes(arena *a, const char *path, const space_options *options);

#endif

/* Files for tests of data readers. */
#ifndef PARETUNE_TESTS_SUPPORT_DATA_FILES_H
#define PARETUNE_TESTS_SUPPORT_DATA_FILES_H

#include "engine/base/arena.h"

#include <stddef.h>

/* Writes the bytes to a new file in the folder for temporary files and returns its path, in `a`.
 * The test removes it. Aborts when it cannot: a test without its input proves nothing. */
char *data_file(arena *a, const char *stem, const void *bytes, size_t n);

/* The real table under $PARETUNE_DATA/jena, in `a`; NULL when the variable is not set. */
char *real_climate(arena *a);

#endif

/* A folder for the files of one test. */
#ifndef PARETUNE_TESTS_SUPPORT_SCRATCH_H
#define PARETUNE_TESTS_SUPPORT_SCRATCH_H

enum { SCRATCH_PATH = 64 };

/* Makes an empty folder of a new name. */
void scratch_make(char folder[SCRATCH_PATH]);
/* Removes it with all that it holds. */
void scratch_remove(const char *folder);

#endif

#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void scratch_make(char folder[SCRATCH_PATH])
{
    snprintf(folder, SCRATCH_PATH, "/tmp/paretune-test-XXXXXX");
    cr_assert(mkdtemp(folder));
}

void scratch_remove(const char *folder)
{
    char command[SCRATCH_PATH + 10];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert(system(command) == 0);
}

/* Half-written artifacts: FOLDER/ab/ab....KIND.PID.tmp, stage_path's name with what file_write puts
 * behind it. Nothing else is touched, since the folder may be one that people use, and nothing of a
 * process that lives, which may be a worker of another study with the same folder. */
#include "engine/stage.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_SUBFOLDERS = 256, KEY_DIGITS = HASH_TEXT - 1 };

/* True for ....KIND.PID.tmp of a process that is gone. */
static bool is_leftover(const char *name)
{
    if (strspn(name, "0123456789abcdef") != KEY_DIGITS || name[KEY_DIGITS] != '.') return false;
    const char *kind_end = strchr(name + KEY_DIGITS + 1, '.');
    if (!kind_end) return false;
    char *end;
    long pid = strtol(kind_end + 1, &end, 10);
    if (pid < 1 || strcmp(end, ".tmp") != 0) return false;
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static void clean(const char *folder)
{
    DIR *d = opendir(folder);
    if (!d) return;
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;)
        if (is_leftover(entry->d_name)) unlinkat(dirfd(d), entry->d_name, 0);
    closedir(d);
}

void stage_remove_leftovers(const char *folder)
{
    for (unsigned i = 0; i < N_SUBFOLDERS; i++) {
        char path[4096];
        int n = snprintf(path, sizeof path, "%s/%02x", folder, i);
        if (n > 0 && (size_t)n < sizeof path) clean(path);
    }
}

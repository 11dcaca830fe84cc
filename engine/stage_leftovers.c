/* Half-written artifacts: FOLDER/ab/ab....KIND.PID.tmp, stage_path's name with what file_write puts
 * behind it. Nothing else is touched, since the folder may be one that people use. */
#include "engine/stage.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { N_SUBFOLDERS = 256, KEY_DIGITS = HASH_TEXT - 1 };

static bool is_leftover(const char *name)
{
    size_t n = strlen(name);
    return strspn(name, "0123456789abcdef") == KEY_DIGITS && name[KEY_DIGITS] == '.' && n > 4 &&
           strcmp(name + n - 4, ".tmp") == 0;
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

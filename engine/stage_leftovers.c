/* Half-written artifacts: FOLDER/ab/ab....KIND.PID.tmp, stage_path's name with what file_write puts
 * behind it. Nothing else is touched, since the folder may be one that people use, and nothing of a
 * process that lives, which may be a worker of another study with the same folder. */
#include "engine/stage.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { N_SUBFOLDERS = 256 };

/* A process that was killed and not yet waited for writes no more: Linux shows it as Z or X. */
bool stage_writer_lives(long pid)
{
    char path[40], line[400];
    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH) return false;
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f) return true;
    size_t n = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    line[n] = '\0';
    const char *state = strrchr(line, ')'); /* behind the name, which may hold anything */
    return !state || state[1] == '\0' || !strchr("ZX", state[2]);
}

static bool is_leftover(const char *name)
{
    stage_kind kind;
    hash key;
    long pid;
    return stage_read_name(name, &kind, &key, &pid) && pid > 0 && !stage_writer_lives(pid);
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

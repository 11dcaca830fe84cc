#include "tests/support/curve_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/file.h"

enum { MOST_SEEDS = 16 };

/* Of a line "candidate,seed,..." the seed; -1 of notes and of the names. */
static int seed_of(const char *line)
{
    const char *comma = strchr(line, ',');
    if (*line < '0' || *line > '9' || !comma) return -1;
    return atoi(comma + 1);
}

/* The number of a seed among those seen so far, which it joins. */
static int number_of(int seed, int *seen, int *n_seen)
{
    int i = 0;
    while (i < *n_seen && seen[i] != seed) i++;
    if (i == *n_seen && i < MOST_SEEDS) seen[(*n_seen)++] = seed;
    return i;
}

/* Copies what is of the n-th seed or of none. */
static void filter(char *text, int n, FILE *to, bool *is_there)
{
    int seen[MOST_SEEDS], n_seen = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        int seed = seed_of(line);
        bool is_wanted = seed < 0 || number_of(seed, seen, &n_seen) == n;
        if (is_wanted) fprintf(to, "%s\n", line);
    }
    *is_there = n < n_seen;
}

status curve_table_read(const char *path, int n, arena *a, replay_table *out, bool *is_there,
                        err *e)
{
    char *text, copy[] = "/tmp/paretune-curves-XXXXXX";
    size_t length;
    TRY(file_read(a, path, (size_t)1 << 30, &text, &length, e));
    int fd = mkstemp(copy);
    FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!to) return FAIL(e, ERR_IO, "cannot write %s", copy);
    filter(text, n, to, is_there);
    status s = fclose(to) == 0 ? OK : FAIL(e, ERR_IO, "cannot write %s", copy);
    if (s == OK && *is_there) s = replay_table_read(copy, a, out, e);
    (void)unlink(copy);
    return s;
}

/* Two passes: all files are looked at before the first is removed, so that a folder in which somebody works stays as
 * it is. Folders are opened by descriptor and names resolved below it, never through a link. */
#include "search/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    const char *folder;
    const sweep_options *o;
    sweep_report *out;
    bool removing; /* the second pass */
    err *e;
} sweep;

static int by_key(const void *key, const void *artifact)
{
    return strcmp(((const hash *)key)->text, ((const store_artifact *)artifact)->key.text);
}

static sweep_kind judge_artifact(const sweep *w, stage_kind kind, const hash *key)
{
    const store_artifact *known =
        bsearch(key, w->o->artifact, (size_t)w->o->n, sizeof *w->o->artifact, by_key);
    if (!known || strcmp(known->kind, stage_kind_name(kind)) != 0) return SWEEP_ORPHAN;
    return known->needed ? SWEEP_KEPT : SWEEP_NEEDLESS;
}

/* An artifact lies in the folder of its key's first two digits; elsewhere it is somebody's copy. */
static sweep_kind judge(const sweep *w, const char *pair, const char *name, const struct stat *st,
                        stage_kind *kind)
{
    hash key;
    long pid;
    if (!S_ISREG(st->st_mode) || !stage_read_name(name, kind, &key, &pid) ||
        memcmp(key.text, pair, 2) != 0)
        return SWEEP_FOREIGN;
    if (pid > 0) return stage_writer_lives(pid) ? SWEEP_BUSY : SWEEP_LEFTOVER;
    return judge_artifact(w, *kind, &key);
}

static void count(sweep_report *r, sweep_kind what, stage_kind kind, const struct stat *st)
{
    const uint64_t bytes = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
    r->files[what]++;
    r->bytes[what] += bytes;
    if (what != SWEEP_NEEDLESS) return;
    r->needless_files[kind]++;
    r->needless_bytes[kind] += bytes;
}

static bool is_to_go(const sweep *w, sweep_kind what)
{
    return what == SWEEP_NEEDLESS || what == SWEEP_LEFTOVER ||
           (what == SWEEP_ORPHAN && w->o->orphans);
}

static status sweep_file(sweep *w, int pair_fd, const char *pair, const char *name)
{
    struct stat st;
    stage_kind kind = STAGE_DATA;
    if (fstatat(pair_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return OK; /* gone meanwhile */
    const sweep_kind what = judge(w, pair, name, &st, &kind);
    if (!w->removing) count(w->out, what, kind, &st);
    if (!is_to_go(w, what)) return OK;
    const bool removes = w->removing && !w->o->dry;
    if (removes && unlinkat(pair_fd, name, 0) != 0)
        return FAIL(w->e, ERR_IO, "%s/%s/%s: cannot remove: %s", w->folder, pair, name,
                    strerror(errno));
    if (w->removing && st.st_nlink == 1) w->out->freed += (uint64_t)st.st_size;
    return OK;
}

static status sweep_names(sweep *w, DIR *d, const char *pair)
{
    for (const struct dirent *x; (x = readdir(d)) != NULL;)
        if (strcmp(x->d_name, ".") != 0 && strcmp(x->d_name, "..") != 0)
            TRY(sweep_file(w, dirfd(d), pair, x->d_name));
    return OK;
}

/* What is no folder, or a link to one, is not entered. */
static status sweep_pair(sweep *w, int folder_fd, const char *pair)
{
    int fd = openat(folder_fd, pair, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return OK;
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return FAIL(w->e, ERR_IO, "%s/%s: cannot read: %s", w->folder, pair, strerror(errno));
    }
    status s = sweep_names(w, d, pair);
    closedir(d);
    /* An empty folder goes, unless another study may be about to write there. */
    if (s == OK && w->removing && !w->o->dry && w->o->orphans)
        unlinkat(folder_fd, pair, AT_REMOVEDIR);
    return s;
}

static status sweep_all(sweep *w, int folder_fd)
{
    for (unsigned i = 0; i < 256; i++) {
        char pair[3];
        snprintf(pair, sizeof pair, "%02x", i);
        TRY(sweep_pair(w, folder_fd, pair));
    }
    return OK;
}

status sweep_folder(const char *folder, const sweep_options *o, sweep_report *out, err *e)
{
    *out = (sweep_report){0};
    sweep w = {.folder = folder, .o = o, .out = out, .e = e};
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return OK;
    if (fd < 0) return FAIL(e, ERR_INPUT, "%s: cannot read: %s", folder, strerror(errno));
    status s = sweep_all(&w, fd);
    if (s == OK && out->files[SWEEP_BUSY] > 0 && !o->dry)
        s = FAIL(e, ERR_STATE,
                 "%s: a process is writing there, perhaps of another study with the same folder; "
                 "nothing was removed",
                 folder);
    w.removing = true;
    if (s == OK) s = sweep_all(&w, fd);
    close(fd);
    return s;
}

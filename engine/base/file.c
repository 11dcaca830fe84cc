#include "engine/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/buf.h"

status file_failed(const char *path, const char *verb, int number, err *e)
{
    bool users = number == ENOENT || number == EISDIR || number == ENOTDIR;
    return FAIL(e, users ? ERR_INPUT : ERR_IO, "%s: cannot %s: %s", path, verb, strerror(number));
}

static status read_stream(FILE *f, const char *path, size_t most, buf *b, err *e)
{
    char piece[1 << 14];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) {
        buf_put(b, piece, n);
        if (b->len > most)
            return FAIL(e, ERR_INPUT, "%s: larger than the limit of %zu bytes", path, most);
    }
    if (ferror(f)) return file_failed(path, "read", errno, e);
    return buf_check(b, e);
}

status file_read(arena *a, const char *path, size_t most, char **bytes, size_t *n, err *e)
{
    bool from_stdin = strcmp(path, "-") == 0;
    FILE *f = from_stdin ? stdin : fopen(path, "rb");
    if (!f) return file_failed(path, "read", errno, e);
    buf b = {0};
    status s = read_stream(f, path, most, &b, e);
    if (!from_stdin) fclose(f);
    if (s == OK) {
        *bytes = arena_copy(a, b.data ? b.data : "", b.len);
        *n = b.len;
        if (!*bytes) s = FAIL(e, ERR_MEM, "%s: out of memory reading %zu bytes", path, b.len);
    }
    buf_free(&b);
    return s;
}

static status write_all(int fd, const char *path, const char *p, size_t n, err *e)
{
    while (n > 0) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR) continue;
        if (w <= 0) return FAIL(e, ERR_IO, "%s: cannot write: %s", path, strerror(errno));
        p += w;
        n -= (size_t)w;
    }
    return OK;
}

/* A rename is durable only once the folder that names the file is. */
static status sync_folder(const char *path, err *e)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 1;
    if (n >= sizeof folder) return FAIL(e, ERR_ARG, "%s: path too long", path);
    memcpy(folder, slash ? path : ".", n);
    folder[n] = '\0';
    int fd = open(n ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return FAIL(e, ERR_IO, "%s: cannot open: %s", folder, strerror(errno));
    int r = fsync(fd);
    close(fd);
    if (r != 0 && errno != EINVAL)
        return FAIL(e, ERR_IO, "%s: cannot sync: %s", folder, strerror(errno));
    return OK;
}

/* Into what is there and keeps nothing: a device, a pipe. */
static status write_straight(const char *path, const void *bytes, size_t n, err *e)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return FAIL(e, ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    status s = write_all(fd, path, bytes, n, e);
    if (close(fd) != 0 && s == OK)
        s = FAIL(e, ERR_IO, "%s: cannot close: %s", path, strerror(errno));
    return s;
}

static status write_whole(const char *path, const void *bytes, size_t n, bool durable, err *e)
{
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return write_straight(path, bytes, n, e);
    char temporary[4096];
    int len = snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid());
    if (len < 0 || (size_t)len >= sizeof temporary)
        return FAIL(e, ERR_ARG, "%s: path too long", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return FAIL(e, ERR_IO, "%s: cannot create: %s", path, strerror(errno));
    status s = write_all(fd, path, bytes, n, e);
    if (s == OK && durable && fsync(fd) != 0)
        s = FAIL(e, ERR_IO, "%s: cannot sync: %s", path, strerror(errno));
    if (close(fd) != 0 && s == OK)
        s = FAIL(e, ERR_IO, "%s: cannot close: %s", path, strerror(errno));
    if (s == OK && rename(temporary, path) != 0)
        s = FAIL(e, ERR_IO, "%s: cannot rename into place: %s", path, strerror(errno));
    if (s != OK) {
        unlink(temporary);
        return s;
    }
    return durable ? sync_folder(path, e) : OK;
}

status file_write(const char *path, const void *bytes, size_t n, err *e)
{
    return write_whole(path, bytes, n, true, e);
}

status file_write_cached(const char *path, const void *bytes, size_t n, err *e)
{
    return write_whole(path, bytes, n, false, e);
}

status file_map_open(file_map *m, const char *path, err *e)
{
    *m = (file_map){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return file_failed(path, "read", errno, e);
    struct stat st;
    status s = OK;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        s = FAIL(e, ERR_INPUT, "%s: not a regular file", path);
    } else if (st.st_size > 0) {
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            s = FAIL(e, ERR_IO, "%s: cannot map: %s", path, strerror(errno));
        else
            *m = (file_map){p, (size_t)st.st_size};
    }
    close(fd);
    return s;
}

void file_unmap(file_map *m)
{
    void *mapped; /* munmap takes what mmap gave, before callers were promised not to write */
    memcpy(&mapped, &m->bytes, sizeof mapped);
    if (mapped) munmap(mapped, m->n);
    *m = (file_map){0};
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

status file_make_folder(const char *path, err *e)
{
    char part[4096];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof part) return FAIL(e, ERR_ARG, "%s: path too long or empty", path);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return FAIL(e, ERR_IO, "%s: cannot make the folder: %s", part, strerror(errno));
    }
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return FAIL(e, ERR_IO, "%s: is there, but not as a folder", path);
    return OK;
}

status file_make_scratch(arena *a, char **out, err *e)
{
    const char *where = getenv("TMPDIR");
    *out = arena_printf(a, "%s/paretune-XXXXXX", where && *where ? where : "/tmp");
    if (!*out) return FAIL(e, ERR_MEM, "out of memory");
    return mkdtemp(*out) ? OK
                         : FAIL(e, ERR_IO, "%s: cannot make a folder: %s", *out, strerror(errno));
}

/* Takes the descriptor over. */
static void empty_folder(int fd)
{
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d && fd >= 0) close(fd);
    if (!d) return;
    for (const struct dirent *x; (x = readdir(d)) != NULL;) {
        if (strcmp(x->d_name, ".") == 0 || strcmp(x->d_name, "..") == 0) continue;
        if (unlinkat(fd, x->d_name, 0) == 0) continue;
        empty_folder(openat(fd, x->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        unlinkat(fd, x->d_name, AT_REMOVEDIR);
    }
    closedir(d);
}

void file_remove_folder(const char *path)
{
    empty_folder(open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    rmdir(path);
}

char *file_join(arena *a, const char *folder, const char *name)
{
    if (name[0] == '/' || folder[0] == '\0') return arena_string(a, name);
    size_t n = strlen(folder);
    return arena_printf(a, "%s%s%s", folder, folder[n - 1] == '/' ? "" : "/", name);
}

char *file_folder(arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return arena_string(a, ".");
    return arena_copy(a, path, slash == path ? 1 : (size_t)(slash - path));
}

const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

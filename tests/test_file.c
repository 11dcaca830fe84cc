#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "tests/support/expect.h"

#include <criterion/new/assert.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static arena a;
static char folder[200];

static void setup(void)
{
    const char *tmp = getenv("TMPDIR");
    arena_init(&a, 0);
    snprintf(folder, sizeof folder, "%s/paretune-file-XXXXXX", tmp ? tmp : "/tmp");
    cr_assert(mkdtemp(folder) != NULL);
}

/* Removes the folder and what lies in it; returns how many files there were. */
static int clear_folder(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;
    for (struct dirent *x; d && (x = readdir(d));) {
        if (x->d_name[0] == '.') continue;
        n++;
        remove(file_join(&a, path, x->d_name));
    }
    if (d) closedir(d);
    rmdir(path);
    return n;
}

static void teardown(void)
{
    clear_folder(folder);
    arena_free(&a);
}

TestSuite(file, .init = setup, .fini = teardown);

static void expect_content(const char *path, const char *want)
{
    char *bytes;
    size_t n;
    err e = {0};
    cr_assert(file_read(&a, path, 1 << 20, &bytes, &n, &e) == OK, "%s", e.msg);
    cr_expect(eq(sz, n, strlen(want)));
    EXPECT_TEXT(bytes, want);
}

Test(file, what_is_written_is_read_and_mapped)
{
    char *path = file_join(&a, folder, "x");
    err e = {0};
    file_map m;
    cr_assert(file_write(path, "first", 5, &e) == OK, "%s", e.msg);
    cr_assert(file_write(path, "second text", 11, &e) == OK, "%s", e.msg);
    expect_content(path, "second text");
    cr_assert(file_map_open(&m, path, &e) == OK, "%s", e.msg);
    cr_expect(m.n == 11 && memcmp(m.bytes, "second text", 11) == 0);
    file_unmap(&m);
    cr_expect(file_exists(path));
    cr_expect(eq(int, clear_folder(folder), 1), "a temporary file was left");
}

Test(file, an_empty_file_is_no_error)
{
    char *path = file_join(&a, folder, "empty");
    err e = {0};
    file_map m;
    cr_assert(file_write(path, "", 0, &e) == OK, "%s", e.msg);
    expect_content(path, "");
    cr_assert(file_map_open(&m, path, &e) == OK, "%s", e.msg);
    cr_expect(eq(sz, m.n, 0));
    file_unmap(&m);
}

Test(file, reading_what_is_not_there_or_too_large_says_so)
{
    char *path = file_join(&a, folder, "big"), *bytes;
    size_t n;
    err e = {0};
    file_map m;
    cr_expect(file_read(&a, "no/such/file", 10, &bytes, &n, &e) == ERR_INPUT);
    EXPECT_TEXT(e.msg, "no/such/file: cannot read: No such file or directory");
    e = (err){0};
    cr_expect(file_map_open(&m, "no/such/file", &e) == ERR_INPUT);
    EXPECT_TEXT(e.msg, "no/such/file: cannot read: No such file or directory");
    e = (err){0};
    cr_assert(file_write(path, "12345678901", 11, &e) == OK);
    cr_expect(file_read(&a, path, 10, &bytes, &n, &e) == ERR_INPUT);
    EXPECT_TEXT(e.msg, arena_printf(&a, "%s: larger than the limit of 10 bytes", path));
    e = (err){0};
    cr_expect(file_read(&a, folder, 10, &bytes, &n, &e) == ERR_INPUT);
    EXPECT_TEXT(e.msg, arena_printf(&a, "%s: cannot read: Is a directory", folder));
    e = (err){0};
    cr_expect(file_map_open(&m, folder, &e) == ERR_INPUT);
    EXPECT_TEXT(e.msg, arena_printf(&a, "%s: not a regular file", folder));
}

Test(file, a_wrong_path_is_the_users_mistake_and_all_else_the_machines)
{
    static const struct {
        int number;
        status want;
    } rows[] = {{ENOENT, ERR_INPUT}, {EISDIR, ERR_INPUT}, {ENOTDIR, ERR_INPUT},
                {EMFILE, ERR_IO},    {EACCES, ERR_IO},    {EIO, ERR_IO}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        err e = {0};
        cr_expect(file_failed("x", "read", rows[i].number, &e) == rows[i].want, "%s", e.msg);
        EXPECT_TEXT(e.msg, arena_printf(&a, "x: cannot read: %s", strerror(rows[i].number)));
    }
}

Test(file, too_many_open_files_are_the_machines_trouble)
{
    char *path = file_join(&a, folder, "x"), *bytes;
    size_t n;
    err e = {0};
    file_map m;
    hash h;
    struct rlimit old, none = {0};
    cr_assert(file_write(path, "x", 1, &e) == OK);
    cr_assert(getrlimit(RLIMIT_NOFILE, &old) == 0);
    none.rlim_max = old.rlim_max;
    cr_assert(setrlimit(RLIMIT_NOFILE, &none) == 0);
    status read = file_read(&a, path, 10, &bytes, &n, &e), map = file_map_open(&m, path, NULL);
    status hashed = hash_file(path, &h, NULL);
    cr_assert(setrlimit(RLIMIT_NOFILE, &old) == 0);
    cr_expect(read == ERR_IO && map == ERR_IO && hashed == ERR_IO, "%d %d %d", read, map, hashed);
    EXPECT_TEXT(e.msg, arena_printf(&a, "%s: cannot read: Too many open files", path));
}

Test(file, writing_into_a_missing_folder_says_so)
{
    char *path = file_join(&a, folder, "none/x");
    err e = {0};
    cr_expect(file_write(path, "x", 1, &e) == ERR_IO);
    EXPECT_TEXT(e.msg, arena_printf(&a, "%s: cannot create: No such file or directory", path));
}

Test(file, a_folder_in_the_way_is_left_alone)
{
    char *path = file_join(&a, folder, "sub");
    err e = {0};
    cr_assert(mkdir(path, 0777) == 0);
    cr_expect(file_write(path, "x", 1, &e) == ERR_IO);
    EXPECT_TEXT(e.msg, arena_printf(&a, "%s: cannot rename into place: Is a directory", path));
    cr_expect(eq(int, clear_folder(folder), 1), "a temporary file was left");
}

Test(file, a_write_that_fails_leaves_the_old_bytes_and_nothing_else)
{
    char *path = file_join(&a, folder, "x");
    err e = {0};
    char big[5000] = {0};
    struct rlimit old, little = {1000, 1000};
    cr_assert(file_write(path, "old", 3, &e) == OK, "%s", e.msg);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert(getrlimit(RLIMIT_FSIZE, &old) == 0);
    little.rlim_max = old.rlim_max;
    cr_assert(setrlimit(RLIMIT_FSIZE, &little) == 0);
    cr_expect(file_write(path, big, sizeof big, &e) == ERR_IO);
    cr_assert(setrlimit(RLIMIT_FSIZE, &old) == 0);
    EXPECT_TEXT(e.msg, arena_printf(&a, "%s: cannot write: File too large", path));
    expect_content(path, "old");
    cr_expect(eq(int, clear_folder(folder), 1), "a temporary file was left");
}

/* Through a link, so that a mistake takes the link's place and not the device's. */
Test(file, a_device_is_written_to_and_stays)
{
    char *path = file_join(&a, folder, "full");
    struct stat st;
    err e = {0};
    cr_assert(symlink("/dev/full", path) == 0);
    cr_expect(file_write(path, "x", 1, &e) == ERR_IO);
    EXPECT_TEXT(e.msg, arena_printf(&a, "%s: cannot write: No space left on device", path));
    cr_assert(lstat(path, &st) == 0);
    const bool is_link = S_ISLNK(st.st_mode);
    cr_expect(is_link);
    cr_expect(eq(int, clear_folder(folder), 1), "a temporary file was left");
}

Test(file, a_pipe_is_written_to_and_stays)
{
    char *path = file_join(&a, folder, "pipe"), got[4] = "";
    struct stat st;
    err e = {0};
    cr_assert(mkfifo(path, 0666) == 0);
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    cr_assert(fd >= 0);
    cr_expect(file_write_cached(path, "abc", 3, &e) == OK, "%s", e.msg);
    cr_expect(read(fd, got, 3) == 3);
    EXPECT_TEXT(got, "abc");
    cr_assert(lstat(path, &st) == 0);
    const bool is_pipe = S_ISFIFO(st.st_mode);
    cr_expect(is_pipe);
    close(fd);
}

Test(file, folders_are_made_with_those_above)
{
    char *deep = file_join(&a, folder, "p/q//r"), *path = file_join(&a, deep, "x");
    err e = {0};
    cr_assert(file_make_folder(deep, &e) == OK, "%s", e.msg);
    cr_assert(file_make_folder(deep, &e) == OK, "%s", e.msg);
    cr_assert(file_make_folder("/", &e) == OK, "%s", e.msg);
    cr_assert(file_write(path, "x", 1, &e) == OK, "%s", e.msg);
    cr_expect(file_make_folder(path, &e) == ERR_IO);
    EXPECT_TEXT(e.msg, arena_printf(&a, "%s: is there, but not as a folder", path));
    e = (err){0};
    cr_expect(file_make_folder("", &e) == ERR_ARG);
    EXPECT_TEXT(e.msg, ": path too long or empty");
    e = (err){0};
    cr_expect(file_make_folder(file_join(&a, path, "y"), &e) == ERR_IO);
    EXPECT_TEXT(e.msg, arena_printf(&a, "%s/y: cannot make the folder: Not a directory", path));
    remove(path);
    rmdir(deep);
    rmdir(file_join(&a, folder, "p/q"));
    rmdir(file_join(&a, folder, "p"));
}

Test(file, paths_too_long_for_the_system_are_refused)
{
    char longest[5000];
    err e = {0};
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    cr_expect(file_write(longest, "x", 1, &e) == ERR_ARG);
    e = (err){0};
    cr_expect(file_make_folder(longest, &e) == ERR_ARG);
}

Test(file, paths_are_joined_and_taken_apart)
{
    EXPECT_TEXT(file_join(&a, "a", "b"), "a/b");
    EXPECT_TEXT(file_join(&a, "a/", "b"), "a/b");
    EXPECT_TEXT(file_join(&a, "", "b"), "b");
    EXPECT_TEXT(file_join(&a, "a", "/b"), "/b");
    EXPECT_TEXT(file_folder(&a, "a/b/c"), "a/b");
    EXPECT_TEXT(file_folder(&a, "c"), ".");
    EXPECT_TEXT(file_folder(&a, "/c"), "/");
    EXPECT_TEXT(file_name("a/b/c"), "c");
    EXPECT_TEXT(file_name("c"), "c");
    EXPECT_TEXT(file_name("a/"), "");
}

/* Every file of tests/bad_spaces must fail, with exactly the messages of the .expected beside it. BLESS=1
 * writes those files anew: read the difference before keeping it. */
#include "engine/base/file.h"
#include "tests/support/space_files.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "tests/bad_spaces"

static void compare(const char *path)
{
    arena a;
    arena_init(&a, 0);
    space_options o = {.data = FOLDER "/data", .architectures = "spaces/architectures"};
    const char *got = space_mistakes(&a, path, &o);
    cr_expect(*got, "%s was accepted", path);
    char *expected = arena_printf(&a, "%.*s.expected", (int)strlen(path) - 5, path);
    err e = {0};
    if (getenv("BLESS")) cr_assert_eq(file_write(expected, got, strlen(got), &e), OK, "%s", e.msg);
    char *want;
    size_t n;
    cr_expect_eq(file_read(&a, expected, 1 << 20, &want, &n, &e), OK, "%s", e.msg);
    if (e.code == OK) cr_expect_str_eq(got, want, "%s\ngot:\n%s\nwant:\n%s", path, got, want);
    arena_free(&a);
}

Test(bad_spaces, each_gives_exactly_its_messages)
{
    glob_t found;
    cr_assert_eq(glob(FOLDER "/*.yaml", 0, NULL, &found), 0);
    cr_assert_gt(found.gl_pathc, 20);
    for (size_t i = 0; i < found.gl_pathc; i++) compare(found.gl_pathv[i]);
    globfree(&found);
}

Test(bad_spaces, a_huge_file_is_refused_by_its_size)
{
    arena a;
    arena_init(&a, 0);
    size_t n = NODE_MAX_BYTES + 1;
    char *text = arena_take(&a, n, 1);
    memset(text, '#', n);
    const char *path = arena_printf(&a, "/tmp/paretune-huge-%d.yaml", (int)getpid());
    err e = {0};
    cr_assert_eq(file_write(path, text, n, &e), OK, "%s", e.msg);
    const char *got = space_mistakes(&a, path, NULL);
    unlink(path);
    cr_expect(strstr(got, "4194304"), "%s", got);
    arena_free(&a);
}

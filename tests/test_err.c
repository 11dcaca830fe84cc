#include "engine/base/err.h"
#include "tests/support/expect.h"

#include <criterion/new/assert.h>

Test(err, the_first_failure_is_kept)
{
    err e = {0};
    cr_expect(FAIL(&e, ERR_IO, "disk %d", 1) == ERR_IO);
    cr_expect(FAIL(&e, ERR_NUM, "later") == ERR_NUM);
    cr_expect(e.code == ERR_IO);
    EXPECT_TEXT(e.msg, "disk 1");
    EXPECT_TEXT(e.file, "tests/test_err.c");
    cr_expect(FAIL(NULL, ERR_MEM, "nobody listens") == ERR_MEM);
}

Test(err, wrapping_puts_the_context_in_front)
{
    err e = {0};
    FAIL(&e, ERR_INPUT, "bad %s", "row");
    cr_expect(err_wrap(&e, "stage %d", 3) == ERR_INPUT);
    EXPECT_TEXT(e.msg, "stage 3: bad row");
}

Test(err, wrapping_a_message_that_fills_the_record_cuts_its_end)
{
    err e = {0};
    FAIL(&e, ERR_INPUT, "%0*d", (int)sizeof e.msg - 1, 7);
    cr_expect(eq(sz, strlen(e.msg), sizeof e.msg - 1));
    err_wrap(&e, "here");
    cr_expect(eq(sz, strlen(e.msg), sizeof e.msg - 1));
    cr_expect(strncmp(e.msg, "here: 0000", 10) == 0, "%s", e.msg);
    err_wrap(&e, "%0*d", 3 * (int)sizeof e.msg, 7);
    cr_expect(eq(sz, strlen(e.msg), sizeof e.msg - 1));
}

Test(err, words_and_codes_are_one_to_one)
{
    for (int code = OK; code <= ERR_STATE; code++)
        cr_expect(err_from_word(err_word((status)code)) == (status)code, "code %d", code);
    EXPECT_TEXT(err_word((status)99), "unknown");
    cr_expect(err_from_word("nonsense") == ERR_STATE);
}

/* Comparisons that Criterion's eq(str, ...) makes only for strings that may be written to. */
#ifndef PARETUNE_TESTS_SUPPORT_EXPECT_H
#define PARETUNE_TESTS_SUPPORT_EXPECT_H

#include <criterion/criterion.h>
#include <string.h>

#define EXPECT_TEXT(got, want)                                                                 \
    do {                                                                                       \
        const char *got_ = (got), *want_ = (want);                                             \
        cr_expect(got_ &&strcmp(got_, want_) == 0, "got:  %s\nwant: %s", got_ ? got_ : "NULL", \
                  want_);                                                                      \
    } while (0)

#endif

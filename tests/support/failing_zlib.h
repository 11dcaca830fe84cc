/* A zlib that runs out of memory when a test asks for it: deflate() of the test program stands before the
 * library's. */
#ifndef PARETUNE_TESTS_SUPPORT_FAILING_ZLIB_H
#define PARETUNE_TESTS_SUPPORT_FAILING_ZLIB_H

/* After so many further calls, deflate() fails once; below 0: never. */
void zlib_fail_after(int calls);

#endif

#define _GNU_SOURCE /* RTLD_NEXT */
#include "tests/support/failing_zlib.h"

#include <dlfcn.h>
#include <string.h>
#include <zlib.h>

static int calls_left = -1;

void zlib_fail_after(int calls)
{
    calls_left = calls;
}

int deflate(z_streamp z, int flush)
{
    int (*real)(z_streamp, int);
    void *found = dlsym(RTLD_NEXT, "deflate");
    memcpy(&real, &found, sizeof real);
    if (calls_left >= 0 && calls_left-- == 0) return Z_MEM_ERROR;
    return real(z, flush);
}

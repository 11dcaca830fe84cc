/* Any bytes as a request: an answer, and texts that end. */
#include "report/http.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    http_request r;
    int code = http_read((const char *)data, n, &r);
    if (!memchr(r.path, 0, sizeof r.path) || !memchr(r.mark, 0, sizeof r.mark)) abort();
    if (code == 200 && r.path[0] != '/') abort();
    return 0;
}

/* PACK: input k of n becomes slice k of a new axis; `run` bytes lie behind it, `bytes` in an input. */
static void pack(void *y, const void *x, int k, int n, size_t run, size_t bytes)
{
    char *to = (char *)y + (size_t)k * run;
    for (size_t at = 0; at < bytes; at += run, to += (size_t)n * run)
        memcpy(to, (const char *)x + at, run);
}

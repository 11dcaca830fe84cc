#include "tests/support/space_files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

space *space_of(arena *a, const char *yaml, int n_sets, const char *const *sets)
{
    diag d;
    diag_init(&d, a);
    space_options o = {.architectures = "spaces/architectures", .n_sets = n_sets, .sets = sets};
    space *s = space_parse(a, "test.yaml", yaml, strlen(yaml), &o, &d);
    if (!s) diag_print(&d, stderr);
    cr_assert(s, "the space has mistakes");
    return s;
}

const char *space_mistakes(arena *a, const char *path, const space_options *options)
{
    diag d;
    diag_init(&d, a);
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    cr_assert(f);
    space *s = space_read(a, path, options, &d);
    err e = {0};
    plan *p;
    if (!s) {
        diag_sort(&d);
        diag_print(&d, f);
    } else if (plan_make(s, a, &p, &e) != OK) {
        fprintf(f, "%s\n", e.msg);
    } else {
        plan_summary sum;
        plan_summarize(p, &sum, &e);
        if (sum.count[CAND_EXCLUDED] == sum.candidates)
            fprintf(f, "%s: the rules exclude every candidate (%lld)\n", path,
                    (long long)sum.candidates);
    }
    fclose(f);
    const char *kept = arena_string(a, text);
    free(text);
    return kept;
}

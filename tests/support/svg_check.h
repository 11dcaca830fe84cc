/* What every figure must keep: well-formed XML, all texts on the page, none over another. */
#ifndef PARETUNE_TESTS_SUPPORT_SVG_CHECK_H
#define PARETUNE_TESTS_SUPPORT_SVG_CHECK_H

/* NULL when all is well, else what is not, in static storage. Widths of texts are those of Helvetica, estimated. */
const char *svg_problem(const char *svg);

#endif

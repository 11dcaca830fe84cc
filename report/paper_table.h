/* Tables for documents: Markdown, and LaTeX with booktabs. The same cells as every table's (engine/base/table.h), as
 * people see them; names and texts are escaped, whatever they hold. */
#ifndef PARETUNE_REPORT_PAPER_TABLE_H
#define PARETUNE_REPORT_PAPER_TABLE_H

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/table.h"

#include <stdio.h>

/* A table of GitHub's dialect below its caption; pipes, backslashes and what would be markup are escaped. */
status paper_table_markdown(const table *t, const char *name, const char *caption, FILE *f, err *e);

/* A table environment with caption and label "tab:NAME", or a longtable for more rows than a page holds. Its first line
 * says which packages it needs: booktabs, graphicx where it is shrunk to the width of a line, longtable.
 * Characters outside of ASCII that reports have (° µ × → ≤ ...) become commands, others "?", so that the file
 * compiles with any engine. */
status paper_table_latex(const table *t, const char *name, const char *caption, FILE *f, err *e);

/* Appends text as LaTeX shows it. */
void paper_put_latex(buf *b, const char *text);
void paper_put_markdown(buf *b, const char *text);

#endif

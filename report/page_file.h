/* The page of a study (page.h), made from its file. */
#ifndef PARETUNE_REPORT_PAGE_FILE_H
#define PARETUNE_REPORT_PAGE_FILE_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

#include <stdbool.h>

struct store;

/* The data of the page: study_json.h with the present time. */
status page_data(struct store *s, const char *db, buf *out, err *e);
/* The whole document. */
status page_make(struct store *s, const char *db, bool live, buf *out, err *e);

/* Writes the page of the study at `db` to `out`, a file that ends in .html or a folder (NULL: the present one) for
 * NAME.html. *path, in `a`, is where it went. */
status page_write(const char *db, const char *out, arena *a, const char **path, err *e);

#endif

/* The page: one HTML document with all of a study, its styles and its program inside, that needs no network. Its sources
 * are report/page/, which the program holds as text; what it shows is study_json.h.
 *
 * Data is put where no parser of HTML can be led astray by it: `<` is written as its escape in the JSON, which stands in a
 * <script type="application/json">; texts outside of it are escaped as HTML. */
#ifndef PARETUNE_REPORT_PAGE_H
#define PARETUNE_REPORT_PAGE_H

#include "engine/base/buf.h"
#include "engine/base/err.h"

#include <stdbool.h>

/* Appends the document. `json` is the study; `live`: the page asks its server for news, at data.json. */
status page_put(buf *out, const char *title, const char *json, bool live, err *e);

/* Its headers' Content-Security-Policy, also in the page itself: nothing from elsewhere, nothing sent. */
const char *page_policy(bool live);

#endif

/* The page of a study over HTTP, for the browser of this machine: loopback only, read-only.
 *
 * GET / is the page, which asks for GET /data.json every two seconds; that has an ETag, so what has not changed is not
 * sent again. One thread serves all; connections that are slow, silent or too many are closed. */
#ifndef PARETUNE_REPORT_SERVE_H
#define PARETUNE_REPORT_SERVE_H

#include "engine/base/err.h"

#include <stdint.h>

struct store;

typedef struct server server; /* opaque: a listening socket, connections, the data last made */

/* Listens at 127.0.0.1; port 0: any that is free. `s` and `db` (its path) are borrowed until server_close. ERR_INPUT for a
 * port that is taken. */
status server_open(struct store *s, const char *db, int port, server **out, err *e);
int server_port(const server *v);
/* Serves what comes within `wait_ms` and what is under way; the caller repeats it. A request that fails is answered with
 * 503 and is no failure here. */
status server_step(server *v, int wait_ms, err *e);
void server_close(server *v); /* NULL is accepted */

#endif

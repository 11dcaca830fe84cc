/* As much of HTTP/1.1 (RFC 9112) as a page for one's own browser needs: one GET a connection, nothing in it.
 *
 * The Host header must name this machine as its own browser does (localhost, 127.0.0.1 or [::1], any port: there may be
 * a tunnel). A page elsewhere whose name has been pointed at the loopback address (DNS rebinding) asks with its own name
 * and is turned away. */
#ifndef PARETUNE_REPORT_HTTP_H
#define PARETUNE_REPORT_HTTP_H

#include "engine/base/buf.h"

#include <stddef.h>

enum { HTTP_MOST_BYTES = 8192 };

typedef struct {
    char path[64]; /* without query */
    char mark[64]; /* of If-None-Match; "" without */
} http_request;

/* What to do with the n bytes that have come so far: 0: wait for more; 200: the request is whole, in `out`; else the
 * status to refuse it with. */
int http_read(const char *bytes, size_t n, http_request *out);

typedef struct {
    int status;
    const char *type;   /* of the body; NULL: no body */
    const char *policy; /* Content-Security-Policy */
    const char *mark;   /* ETag; NULL for none */
    size_t n;           /* bytes of the body */
} http_answer;

/* The head of an answer; the body follows it. */
void http_put_head(buf *out, const http_answer *a);
/* A whole answer that refuses: the status and one line for people. */
void http_put_refusal(buf *out, int code);

#endif

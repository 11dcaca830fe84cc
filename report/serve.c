#include "report/serve.h"

#include "engine/base/arena.h"
#include "report/http.h"
#include "report/page.h"
#include "report/page_file.h"
#include "store/store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CONNECTIONS = 32, PATIENCE_MS = 10000, LEAST_AGE_MS = 1000 };

typedef struct {
    int socket; /* -1: free */
    int64_t since;
    char request[HTTP_MOST_BYTES];
    size_t n_request;
    buf answer;
    size_t n_sent;
} connection;

struct server {
    arena a;
    struct store *s;
    const char *db;
    int listener, port;
    connection connection[MOST_CONNECTIONS];
    buf data;
    int64_t change, made_at, took_ms; /* of data: the store's mark, when and how long it was made */
    int n_made;
    char mark[48];
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- what is served --- */

/* Made anew after the study has changed, though never so often that this is all the server does. */
static status refresh(server *v, err *e)
{
    int64_t change = 0, start = now_ms();
    TRY(store_change_mark(v->s, &change, e));
    bool old =
        v->n_made == 0 || (change != v->change && start - v->made_at >= LEAST_AGE_MS + v->took_ms);
    if (!old) return OK;
    buf fresh = {0};
    status s = page_data(v->s, v->db, &fresh, e);
    if (s != OK) {
        buf_free(&fresh);
        return s;
    }
    buf_free(&v->data);
    v->data = fresh;
    v->change = change;
    v->made_at = now_ms();
    v->took_ms = v->made_at - start;
    snprintf(v->mark, sizeof v->mark, "\"%lld-%d\"", (long long)getpid(), ++v->n_made);
    return OK;
}

static status answer_data(server *v, const http_request *r, buf *out, err *e)
{
    TRY(refresh(v, e));
    bool same = strcmp(r->mark, v->mark) == 0;
    http_answer a = {.status = same ? 304 : 200,
                     .type = same ? NULL : "application/json",
                     .mark = v->mark,
                     .n = v->data.len};
    http_put_head(out, &a);
    if (!same) buf_put(out, v->data.data, v->data.len);
    return buf_check(out, e);
}

static status answer_page(server *v, buf *out, err *e)
{
    buf page = {0};
    status s = page_make(v->s, v->db, true, &page, e);
    if (s == OK) {
        http_put_head(out, &(http_answer){.status = 200,
                                          .type = "text/html; charset=utf-8",
                                          .policy = page_policy(true),
                                          .n = page.len});
        buf_put(out, page.data, page.len);
        s = buf_check(out, e);
    }
    buf_free(&page);
    return s;
}

static void answer(server *v, int code, const http_request *r, buf *out)
{
    err e = {0};
    status s = OK;
    if (code != 200)
        http_put_refusal(out, code);
    else if (strcmp(r->path, "/") == 0)
        s = answer_page(v, out, &e);
    else if (strcmp(r->path, "/data.json") == 0)
        s = answer_data(v, r, out, &e);
    else
        http_put_refusal(out, 404);
    if (s == OK) return;
    buf_clear(out);
    http_put_refusal(out, 503);
}

/* --- connections --- */

static void hang_up(connection *c)
{
    if (c->socket >= 0) close(c->socket);
    buf_free(&c->answer);
    *c = (connection){.socket = -1};
}

static void welcome(server *v)
{
    int socket = accept(v->listener, NULL, NULL);
    if (socket < 0) return;
    for (int i = 0; i < MOST_CONNECTIONS; i++) {
        connection *c = &v->connection[i];
        if (c->socket >= 0) continue;
        fcntl(socket, F_SETFL, O_NONBLOCK);
        fcntl(socket, F_SETFD, FD_CLOEXEC);
        c->socket = socket;
        c->since = now_ms();
        return;
    }
    close(socket);
}

static void hear(server *v, connection *c)
{
    http_request r;
    ssize_t n = recv(c->socket, c->request + c->n_request, sizeof c->request - c->n_request, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        hang_up(c);
        return;
    }
    c->n_request += (size_t)n;
    int code = http_read(c->request, c->n_request, &r);
    if (code == 0) return;
    answer(v, code, &r, &c->answer);
    c->since = now_ms();
    if (c->answer.failed) hang_up(c);
}

static void speak(connection *c)
{
    ssize_t n =
        send(c->socket, c->answer.data + c->n_sent, c->answer.len - c->n_sent, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n > 0) {
        c->n_sent += (size_t)n;
        c->since = now_ms();
    }
    if (n <= 0 || c->n_sent == c->answer.len) hang_up(c);
}

/* Who is patient with us is served, who only holds a place is not. */
static void serve_one(server *v, connection *c, short events)
{
    bool broken = events & (POLLERR | POLLNVAL),
         late = !events && now_ms() - c->since > PATIENCE_MS;
    if (broken || late)
        hang_up(c);
    else if (events & POLLOUT)
        speak(c);
    else if (events)
        hear(v, c);
}

status server_step(server *v, int wait_ms, err *e)
{
    struct pollfd wanted[MOST_CONNECTIONS + 1] = {{.fd = v->listener, .events = POLLIN}};
    for (int i = 0; i < MOST_CONNECTIONS; i++) {
        const connection *c = &v->connection[i];
        wanted[i + 1] =
            (struct pollfd){.fd = c->socket, .events = c->answer.len ? POLLOUT : POLLIN};
    }
    if (poll(wanted, MOST_CONNECTIONS + 1, wait_ms) < 0 && errno != EINTR)
        return FAIL(e, ERR_IO, "cannot wait for browsers: %s", strerror(errno));
    for (int i = 0; i < MOST_CONNECTIONS; i++)
        if (wanted[i + 1].fd >= 0) serve_one(v, &v->connection[i], wanted[i + 1].revents);
    if (wanted[0].revents & POLLIN) welcome(v);
    return OK;
}

/* --- life --- */

static status take_port(server *v, int port, err *e)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int yes = 1;
    v->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (v->listener < 0) return FAIL(e, ERR_IO, "cannot make a socket: %s", strerror(errno));
    setsockopt(v->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(v->listener, (const struct sockaddr *)&at, n) != 0 ||
        listen(v->listener, MOST_CONNECTIONS) != 0)
        return FAIL(e, errno == EADDRINUSE || errno == EACCES ? ERR_INPUT : ERR_IO,
                    "port %d: %s; choose another with --port N, or --port 0 for any that is free",
                    port, strerror(errno));
    if (getsockname(v->listener, (struct sockaddr *)&at, &n) != 0)
        return FAIL(e, ERR_IO, "cannot tell the port: %s", strerror(errno));
    v->port = ntohs(at.sin_port);
    return OK;
}

status server_open(struct store *s, const char *db, int port, server **out, err *e)
{
    arena a;
    arena_init(&a, 0);
    server *v = ARENA_NEW(&a, server, 1);
    if (!v) return FAIL(e, ERR_MEM, "no memory for a server");
    *v = (server){.a = a, .s = s, .db = db, .listener = -1};
    for (int i = 0; i < MOST_CONNECTIONS; i++) v->connection[i].socket = -1;
    status st = take_port(v, port, e);
    if (st == OK) st = refresh(v, e);
    if (st != OK) {
        server_close(v);
        return st;
    }
    *out = v;
    return OK;
}

int server_port(const server *v)
{
    return v->port;
}

void server_close(server *v)
{
    if (!v) return;
    for (int i = 0; i < MOST_CONNECTIONS; i++) hang_up(&v->connection[i]);
    if (v->listener >= 0) close(v->listener);
    buf_free(&v->data);
    arena a = v->a;
    arena_free(&a);
}

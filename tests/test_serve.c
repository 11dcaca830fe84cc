#include "engine/base/node.h"
#include "report/serve.h"
#include "store/store.h"
#include "tests/support/fake_results.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static store *w, *s;
static server *v;

static void begin(void)
{
    const char *path = fake_path();
    store_space space = fake_space(1);
    store_run run = fake_run_row();
    int64_t id;
    err e = {0};
    cr_assert_eq(store_open(path, STORE_WRITE, &w, &e), OK, "%s", e.msg);
    cr_assert_eq(store_start_run(w, &space, &run, &id, &e), OK, "%s", e.msg);
    fake_trial(w, 3, &(fake_figures){0.4, 1.7, 1500, 0.41, 1.71});
    cr_assert_eq(store_open(path, STORE_READ, &s, &e), OK, "%s", e.msg);
    cr_assert_eq(server_open(s, path, 0, &v, &e), OK, "%s", e.msg);
}

static void end(void)
{
    server_close(v);
    store_close(s);
    store_close(w);
    fake_remove();
}

TestSuite(serve, .init = begin, .fini = end);

static int dial(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)server_port(v)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* What the server says until it hangs up, in `out`. */
static void listen_to(int fd, char *out, size_t most)
{
    size_t n = 0;
    for (;;) {
        cr_assert_eq(server_step(v, 10, NULL), OK);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 0) <= 0) continue;
        ssize_t got = recv(fd, out + n, most - 1 - n, 0);
        if (got <= 0) break;
        n += (size_t)got;
    }
    out[n] = '\0';
    close(fd);
}

static void ask(const char *text, char *out, size_t most)
{
    int fd = dial();
    cr_assert_eq(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
    listen_to(fd, out, most);
}

enum { MOST = 1 << 20 };
static char answer[MOST];

static void mark_of(const char *text, char *mark, size_t n)
{
    const char *at = strstr(text, "ETag: ");
    cr_assert_not_null(at);
    snprintf(mark, n, "%.*s", (int)strcspn(at + 6, "\r"), at + 6);
}

Test(serve, gives_the_page_and_its_data)
{
    ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", answer, MOST);
    cr_expect_eq(strncmp(answer, "HTTP/1.1 200 OK\r\n", 17), 0);
    cr_expect_not_null(strstr(answer, "paretune-live"));
    cr_expect_not_null(strstr(answer, "Content-Security-Policy: default-src 'none'"));
    ask("GET /data.json HTTP/1.1\r\nHost: localhost\r\n\r\n", answer, MOST);
    cr_expect_not_null(strstr(answer, "\r\n\r\n{\"program\":\"paretune "));
    cr_expect_not_null(strstr(answer, "Content-Type: application/json\r\n"));
}

Test(serve, sends_data_again_only_when_it_is_new)
{
    char mark[64], again[160], later[64];
    ask("GET /data.json HTTP/1.1\r\nHost: localhost\r\n\r\n", answer, MOST);
    mark_of(answer, mark, sizeof mark);
    snprintf(again, sizeof again,
             "GET /data.json HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: %s\r\n\r\n", mark);
    usleep(1500000); /* news are looked for once a second */
    ask(again, answer, MOST);
    cr_expect_eq(strncmp(answer, "HTTP/1.1 304 ", 13), 0, "%.40s", answer);
    fake_trial(w, 4, &(fake_figures){0.3, 1.7, 1600, 0.31, 1.71});
    for (int i = 0; i < 400; i++) {
        usleep(10000);
        ask(again, answer, MOST);
        if (strncmp(answer, "HTTP/1.1 200 ", 13) == 0) break;
    }
    mark_of(answer, later, sizeof later);
    cr_expect_str_neq(later, mark);
    cr_expect_not_null(strstr(answer, "\"trials\":2"));
}

Test(serve, a_request_may_come_in_pieces)
{
    const char *text = "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n";
    int fd = dial();
    for (const char *p = text; *p; p++) {
        cr_assert_eq(send(fd, p, 1, 0), 1);
        cr_assert_eq(server_step(v, 0, NULL), OK);
    }
    listen_to(fd, answer, MOST);
    cr_expect_eq(strncmp(answer, "HTTP/1.1 404 ", 13), 0, "%.40s", answer);
}

Test(serve, more_browsers_than_places_do_not_break_it)
{
    int fd[80];
    for (int i = 0; i < 80; i++) {
        fd[i] = dial();
        cr_assert_eq(server_step(v, 10, NULL), OK);
    }
    for (int i = 0; i < 80; i++) close(fd[i]);
    for (int i = 0; i < 100; i++) cr_assert_eq(server_step(v, 1, NULL), OK);
    ask("GET /data.json HTTP/1.1\r\nHost: localhost\r\n\r\n", answer, MOST);
    cr_expect_eq(strncmp(answer, "HTTP/1.1 200 ", 13), 0, "%.40s", answer);
}

Test(serve, a_browser_that_goes_away_is_forgotten)
{
    for (int i = 0; i < 100; i++) {
        int fd = dial();
        const char *text = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        cr_assert_eq(send(fd, text, (size_t)i % strlen(text), 0),
                     (ssize_t)((size_t)i % strlen(text)));
        close(fd);
        cr_assert_eq(server_step(v, 1, NULL), OK);
    }
    ask("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", answer, MOST);
    cr_expect_eq(strncmp(answer, "HTTP/1.1 404 ", 13), 0, "%.40s", answer);
}

Test(serve, a_port_that_is_taken_is_said_to_be)
{
    server *other = NULL;
    err e = {0};
    cr_expect_eq(server_open(s, "x.db", server_port(v), &other, &e), ERR_INPUT);
    cr_expect_not_null(strstr(e.msg, "--port"), "%s", e.msg);
}

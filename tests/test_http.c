#include "engine/base/rng.h"
#include "report/http.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    char text[120];
    int want;
} request;

static request requests[] = {
    {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
    {"GET / HTTP/1.0\r\nhost:127.0.0.1:7878\r\n\r\n", 200},
    {"GET /data.json HTTP/1.1\r\nAccept: */*\r\nHOST: LocalHost:1 \r\n\r\n", 200},
    {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 421},
    {"GET / HTTP/1.1\r\nHost: [::2]\r\n\r\n", 421},
    {"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421},
    {"GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 421},
    {"GET / HTTP/1.1\r\nHost: localhost:80:evil\r\n\r\n", 421},
    {"GET / HTTP/1.1\r\nHost: evil@localhost\r\n\r\n", 421},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 421},
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"GET / HTTP/1.1\nHost: localhost\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: local\thost\r\n\r\n", 421},
    {"GET / HTTP/1.1\r\nHost: local\001host\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
    {"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
    {"get / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
    {"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"GET  HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
    {"GET /\r\nHost: localhost\r\n\r\n", 400},
    {"GET / HTTP/2\r\nHost: localhost\r\n\r\n", 505},
    {"\r\n\r\n", 400},
    {" \r\n\r\n", 400},
};

ParameterizedTestParameters(http, answers_with)
{
    return cr_make_param_array(request, requests, sizeof requests / sizeof *requests);
}

ParameterizedTest(request *r, http, answers_with)
{
    http_request got;
    cr_expect_eq(http_read(r->text, strlen(r->text), &got), r->want, "%s: %d", r->text,
                 http_read(r->text, strlen(r->text), &got));
}

Test(http, waits_for_the_whole_request)
{
    const char *text = requests[2].text;
    http_request got;
    for (size_t n = 0; n < strlen(text); n++)
        cr_expect_eq(http_read(text, n, &got), 0, "%zu bytes", n);
    cr_expect_eq(http_read(text, strlen(text), &got), 200);
}

Test(http, reads_the_path_without_its_query_and_the_mark)
{
    http_request got;
    const char *text =
        "GET /data.json?x=/y HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \"12-3\"\r\n\r\n";
    cr_assert_eq(http_read(text, strlen(text), &got), 200);
    cr_expect_str_eq(got.path, "/data.json");
    cr_expect_str_eq(got.mark, "\"12-3\"");
}

Test(http, refuses_what_does_not_end)
{
    char text[HTTP_MOST_BYTES];
    http_request got;
    memset(text, 'a', sizeof text);
    cr_expect_eq(http_read(text, sizeof text - 1, &got), 0);
    cr_expect_eq(http_read(text, sizeof text, &got), 431);
}

Test(http, long_paths_are_unknown_and_long_marks_no_marks)
{
    char text[600];
    http_request got;
    int n = snprintf(text, sizeof text, "GET /%0100d HTTP/1.1\r\nHost: localhost\r\n\r\n", 0);
    cr_expect_eq(http_read(text, (size_t)n, &got), 404);
    n = snprintf(text, sizeof text,
                 "GET / HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: %0100d\r\n\r\n", 0);
    cr_expect_eq(http_read(text, (size_t)n, &got), 200);
    cr_expect_str_eq(got.mark, "");
}

/* Requests with a few bytes changed: an answer of the known ones, and strings that end. */
Test(http, any_bytes_are_answered)
{
    for (uint64_t seed = 0; seed < 20000; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 0);
        char text[sizeof requests->text];
        http_request got;
        strcpy(text, requests[rng_below(&r, sizeof requests / sizeof *requests)].text);
        size_t n = strlen(text);
        for (uint64_t i = 1 + rng_below(&r, 4); i > 0; i--)
            text[rng_below(&r, n)] = (char)rng_below(&r, 256);
        int code = http_read(text, n, &got);
        cr_assert(code == 0 || code == 200 || code == 400 || code == 404 || code == 405 ||
                      code == 421 || code == 505,
                  "seed %llu: %d", (unsigned long long)seed, code);
        cr_assert(memchr(got.path, 0, sizeof got.path) && memchr(got.mark, 0, sizeof got.mark));
        cr_assert(code != 200 || got.path[0] == '/');
    }
}

#include "report/cmd_serve.h"

#include "report/serve.h"
#include "store/store.h"

#include <stdio.h>

static int port = 7878;

static const opt options[] = {
    {"port", 'p', OPT_INT, "N", "port to listen at; 0: any that is free", 0, 65535, &port},
    {0},
};

static const opt_spec spec = {
    .name = "serve",
    .args = "DB",
    .summary = "show a study in a browser, live while it runs",
    .details =
        "The page is the one of 'paretune report DB --html'; it asks for news every two seconds.\n"
        "Only browsers of this machine reach it (127.0.0.1), and nothing can be changed by it.\n"
        "From another machine: ssh -L 7878:localhost:7878 HOST, and open the same address there.\n"
        "Ctrl-C ends it.",
    .examples = "  paretune serve hw2.db\n"
                "  paretune serve hw2.db --port 0",
    .args_min = 1,
    .args_max = 1,
    .options = options,
};

/* Ctrl-C ends the process; nothing needs to be put in order then, since nothing is written. */
static status run(int n, char **argv, int *code, err *e)
{
    (void)n, (void)code;
    store *s = NULL;
    server *v = NULL;
    status st = store_open(argv[0], STORE_READ, &s, e);
    if (st == OK) st = server_open(s, argv[0], port, &v, e);
    if (st == OK)
        printf("%s is shown at http://127.0.0.1:%d/ until Ctrl-C\n", argv[0], server_port(v));
    if (st == OK && fflush(stdout) != 0) st = FAIL(e, ERR_IO, "cannot write to standard output");
    while (st == OK) st = server_step(v, 1000, e);
    server_close(v);
    store_close(s);
    return st;
}

const command cmd_serve = {.spec = &spec, .run = run};

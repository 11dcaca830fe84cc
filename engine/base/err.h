/* Status codes and the error record that travels beside them.
 *
 * Every function that can fail returns a `status` and takes an `err *` last (it may be NULL).
 * The first failure wins: a later FAIL on the same record keeps the first message, so clean-up code
 * cannot bury the cause. Nothing below main.c prints an error or calls exit. */
#ifndef PARETUNE_ENGINE_BASE_ERR_H
#define PARETUNE_ENGINE_BASE_ERR_H

typedef enum {
    OK = 0,
    ERR_ARG,   /* a caller's mistake: an argument out of its documented range */
    ERR_INPUT, /* the user's to fix: a file, an option, a space; the message says how */
    ERR_IO,    /* the machine's: a full disk, a missing permission */
    ERR_MEM,   /* out of memory, or over a memory limit */
    ERR_NUM,   /* numbers went wrong: NaN, infinity, divergence */
    ERR_STATE, /* the operation does not fit the present state */
    ERR_LOST   /* an artifact that was built is gone or damaged: to be built again */
} status;

typedef struct {
    status code;
    const char *file; /* where FAIL stood: static storage */
    int line;
    char msg[2000]; /* one sentence as a rule; a list of mistakes takes a line each */
} err;

/* Fills `e` unless it already holds a failure; returns `code`. */
status err_set_at(err *e, status code, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Puts "context: " in front of the message of a failure that `e` holds; returns its code. */
status err_wrap(err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A short lower-case word for a code: "input", "io", ... Static storage. */
const char *err_word(status code);

/* The code named by such a word; ERR_STATE for an unknown one. */
status err_from_word(const char *word);

/* `code` itself, so that a compiler or analyzer sees that a FAIL is never OK. (FAIL evaluates its
 * `code` twice: keep it free of effects.) */
static inline status err_code(status set, status code)
{
    (void)set;
    return code;
}

#define FAIL(e, code, ...) \
    err_code(err_set_at((e), (code), __FILE__, __LINE__, __VA_ARGS__), (code))
#define TRY(call)                        \
    do {                                 \
        status try_s_ = (call);          \
        if (try_s_ != OK) return try_s_; \
    } while (0)

#endif

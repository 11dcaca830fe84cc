/* Messages between the coordinator and its workers, framed so that they can travel over a pipe.
 *
 *   coordinator -> worker   job       a stage to build
 *   worker -> coordinator   hello     first message: who it is and what makes its numbers
 *                           progress  how far the job is; any number of them
 *                           result    the job succeeded, or
 *                           failure   the job failed: a status and a sentence
 *
 * A job carries a ticket that the replies to it repeat. The layout stands in wire.c. Whatever the
 * bytes are, reading them ends in a message or in ERR_INPUT; nothing is allocated for a length that
 * has not arrived. */
#ifndef PARETUNE_SEARCH_WIRE_H
#define PARETUNE_SEARCH_WIRE_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/stage.h"

#include <stdbool.h>
#include <stdint.h>

enum { WIRE_VERSION = 1, WIRE_HEADER = 16, WIRE_MAX_PAYLOAD = 16 << 20 };

typedef enum {
    WIRE_HELLO = 1,
    WIRE_JOB,
    WIRE_PROGRESS,
    WIRE_RESULT,
    WIRE_FAILURE,
    WIRE_TYPES_END
} wire_type;

typedef struct {
    uint64_t pid;
    stage_provenance made_by;
} wire_hello;

typedef struct {
    uint64_t ticket;
    stage_request request;
} wire_job;

typedef struct {
    uint64_t ticket;
    double done, total, figure; /* as in stage_progress */
} wire_progress;

typedef struct {
    uint64_t ticket;
    stage_result result;
} wire_result;

typedef struct {
    uint64_t ticket;
    status code;
    char text[sizeof((err *)0)->msg];
} wire_failure;

/* Append one whole frame. A buffer that ran out of memory says so by its `failed`. */
void wire_put_hello(buf *b, const wire_hello *m);
void wire_put_job(buf *b, const wire_job *m);
void wire_put_progress(buf *b, const wire_progress *m);
void wire_put_result(buf *b, const wire_result *m);
void wire_put_failure(buf *b, const wire_failure *m);

/* A frame whose header was found good. `bytes` is borrowed until the next call on its reader. */
typedef struct {
    wire_type type;
    const char *bytes;
    size_t n;
} wire_frame;

/* ERR_INPUT when the frame is of another type, too short, too long or holds a value that its field
 * cannot have. A job's strings live in `a`; a result's `detail` is the caller's to free. */
status wire_get_hello(const wire_frame *f, wire_hello *out, err *e);
status wire_get_job(const wire_frame *f, arena *a, wire_job *out, err *e);
status wire_get_progress(const wire_frame *f, wire_progress *out, err *e);
status wire_get_result(const wire_frame *f, wire_result *out, err *e);
status wire_get_failure(const wire_frame *f, wire_failure *out, err *e);

/* Bytes that came in and are not used up. Starts zeroed. */
typedef struct {
    buf pending;
    size_t taken;
} wire_reader;

void wire_reader_free(wire_reader *r);
/* The next whole frame among the bytes read so far; *have = false when there is none yet. */
status wire_next(wire_reader *r, wire_frame *out, bool *have, err *e);
/* One read(2) from `fd`, to be called when wire_next has no more. *end at the end of the stream; an
 * end inside a frame is ERR_INPUT. A descriptor without O_NONBLOCK waits. */
status wire_fill(wire_reader *r, int fd, bool *end, err *e);

/* Writes b from *sent on: all of it, or what a descriptor with O_NONBLOCK takes now. When all is
 * written, the buffer is cleared and *sent is 0 again. SIGPIPE should be ignored; then a reader
 * that is gone gives ERR_IO. */
status wire_write(int fd, buf *b, size_t *sent, err *e);

#endif

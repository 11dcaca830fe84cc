/* Stages that do what a test asks for, built by real worker processes.
 *
 * The test program starts itself as a worker: a constructor looks at its first argument before
 * Criterion does. A stage's parameters are {"do":WORD,...}:
 *   nothing                       success without artifact and metrics
 *   ok                            an artifact and two metrics that follow from the key
 *   sleep, "n" ms                 the same after a while
 *   dither, "n" ms                the same after a while that no two runs agree on, at most so long
 *   spin, "n" (rounds)            the same after so much arithmetic
 *   hang                          nothing, for ever
 *   crash                         dies of SIGSEGV
 *   exit                          ends with code 3
 *   allocate, "n" (MiB)           takes memory until it has so much, else ERR_MEM
 *   diverge                       ERR_NUM
 *   fill-disk                     may write no file over 4 KiB, and tries to
 *   need-room                     "fill-disk" until there is a file FOLDER/room, then "ok"
 *   "to": N besides               a learning curve of N epochs in the detail
 *   hang-once, crash-once, allocate-once   as above, but "ok" from the second try on */
#ifndef PARETUNE_TESTS_SUPPORT_FAKE_WORKER_H
#define PARETUNE_TESTS_SUPPORT_FAKE_WORKER_H

#include "search/launch.h"

extern const char *const fake_worker_words[];

#endif

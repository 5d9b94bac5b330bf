/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes to cgroup files that may block: memory.max when it is lowered (the kernel reclaims inside the
 * write, before 6.16 also with O_NONBLOCK) and memory.reclaim. They happen in a thread, each with a
 * deadline at which a signal ends it (the kernel's loops look for signals). While one is held up,
 * another thread serves the others, so that one blocked pool never delays another. There is no thread
 * before there is work, and one when all is done.
 */
#ifndef FAASMAT_GOVERNOR_WRITER_H
#define FAASMAT_GOVERNOR_WRITER_H

#include "common/util.h"

/* Writes that may be held up at a time; more are refused. */
#define WRITER_THREADS_MAX 16

struct writer;
struct writer_job;

typedef ssize_t (*writer_write)(int fd, const void *text, size_t size);

/*
 * `deadline_ns`: for one write; `event`: an eventfd that is
 * written whenever a job has ended (borrowed), -1: none. `write` replaces write(2), for tests; NULL.
 */
int writer_open(int64_t deadline_ns, int event, writer_write write, struct writer **ret);
/* Jobs that have not begun are dropped; threads that are stuck are left behind. NULL is allowed. */
void writer_close(struct writer *w);

/* Queues one write of `text` (copied) to `fd` (owned from here on, closed when it is done). `quiet`: its
 * end is only worth an event after a writer_end() that did not see it. -ENOMEM, -EAGAIN; -EBUSY: too
 * many threads are stuck. */
int writer_begin(struct writer *w, int fd, const char *text, bool quiet, struct writer_job **ret);

/* Waits at most so long for it to end: 0 or its negative errno (-EINTR: the deadline), and the job is
 * freed; -EINPROGRESS: it goes on. */
int writer_end(struct writer *w, struct writer_job *job, int64_t wait_ns);

/* Frees a job that nobody will ask for again, once it has ended. */
void writer_forget(struct writer *w, struct writer_job *job);

/* Writes that have not ended though their deadline is long over. */
int writer_stuck(struct writer *w);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --on-change CMD: a command that is told what each pool is to hold from now on, so that a platform can
 * start containers before they are needed (section 5.1 of the paper). Docs: docs/operations.md.
 *
 * CMD is run by /bin/sh with one JSON object a line on its standard input, a line a function that
 * changed. One run at a time, at most one a second, each for a limited time; what changes meanwhile
 * waits, the latest for each function. Nothing here blocks, and only processes started here are ended.
 */
#ifndef FAASMAT_GOVERNOR_ON_CHANGE_H
#define FAASMAT_GOVERNOR_ON_CHANGE_H

#include "common/util.h"

struct on_change;

/* What one function's pool is to hold. Texts are copied. */
struct wanted {
	const char *function;
	const char *pool;
	int64_t minute;
	int64_t containers;
	int64_t bytes;
	const char *reason; /* "plan", "next minute's plan", "borrow" */
	bool applied;	    /* false in shadow mode */
};

/* Adds itself to the epoll instance; `command` is borrowed. limit_ns: a run that takes longer is ended.
 * Negative errno. */
int on_change_open(const char *command, int64_t limit_ns, int epoll, struct on_change **ret);
/* Ends a command that runs. NULL is allowed. */
void on_change_close(struct on_change *o);

/* Keeps what is to be told; NULL is allowed. -ENOMEM: it will not be. */
int on_change_note(struct on_change *o, const struct wanted *w);
/* Runs the command when there is something to tell and none runs. Failures are logged, the first of
 * a row. NULL is allowed. */
void on_change_run(struct on_change *o);
/* What came of its last run that has ended. NULL is allowed. */
enum on_change_state {
	ON_CHANGE_NEVER_RUN,
	ON_CHANGE_WORKS,
	ON_CHANGE_FAILS,
};
enum on_change_state on_change_state(const struct on_change *o);
/* For an epoll event; false when it is someone else's. NULL is allowed. */
bool on_change_event(struct on_change *o, void *ptr);

#endif

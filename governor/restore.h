/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts back every limit file that the governor ever touched, from the journal. */
#ifndef FAASMAT_GOVERNOR_RESTORE_H
#define FAASMAT_GOVERNOR_RESTORE_H

#include <sys/types.h>

#include "store/ledger.h"

enum restore_outcome {
	RESTORE_DONE,	 /* it has its first value again */
	RESTORE_CHANGED, /* someone else has changed it since: left, no longer ours */
	RESTORE_GONE,	 /* the cgroup is no more */
	RESTORE_UNSAFE,	 /* the first value would kill (memory.current + margin is above): kept */
	RESTORE_FAILED,	 /* could not be read or written: kept */
};

struct restore_result {
	const char *path; /* below the cgroup2 mount */
	const char *file;
	enum restore_outcome outcome;
	int64_t first_value, last_value, found; /* bytes; INT64_MAX is "max" */
	int error;				/* negative errno of RESTORE_FAILED */
};

struct restore_options {
	const char *mount;     /* of cgroup2 */
	const char *state_dir; /* of the governor's leases */
	const char *socket;    /* of the governor's; the table beside it goes */
	int64_t margin; /* bytes: a limit closer than this to memory.current is not put back */
};

/*
 * Works through the journal; calls fn for every file. What is done, changed or gone leaves the journal.
 * A file holds our value when it holds the last one we wrote or what the end of a lease leaves there.
 * Ends the lease first (its state files in state_dir), so that no watchdog comes after us; last, removes
 * the admission table that the governor published, unless another governor answers at its socket: nobody
 * is to place containers by it any more. -EBUSY when a governor runs on one of the roots (*ret_pid:
 * which), before anything is touched.
 */
int restore_all(struct store *s, const struct restore_options *o,
		void (*fn)(const struct restore_result *result, void *arg), void *arg,
		pid_t *ret_pid);

/* "restored", "changed", ... */
const char *restore_outcome_name(enum restore_outcome outcome);

/* Is `found`, the value of a journalled file, ours: the last that we wrote, the one before (a governor killed
 * between writing down and writing), or what the end of a lease leaves? */
bool restore_is_ours(struct store *s, const struct journal_row *row, int64_t found);

/* Process that holds the flock on this open file, from /proc/locks; 0 when it cannot be told. */
pid_t restore_lock_holder(int fd);

#endif

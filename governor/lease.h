/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lease on the limits below one root: a small file that says until when they hold, renewed by the
 * governor, and a program of its own (faasmat-watchdog) that lifts them when it ends. So a governor
 * that is killed, hangs or is stopped leaves no limit behind.
 */
#ifndef FAASMAT_GOVERNOR_LEASE_H
#define FAASMAT_GOVERNOR_LEASE_H

#include <sys/types.h>

#include "governor/cgroup_dir.h"

struct lease {
	char state[CGROUP_PATH_MAX]; /* the file: STATE_DIR/lease-ID of the root's cgroup */
	char root[CGROUP_PATH_MAX];  /* the root's directory */
	char watchdog[CGROUP_PATH_MAX];
	int64_t length_ns;
	int64_t expires_ns; /* CLOCK_BOOTTIME; 0: not taken yet */
	bool owns_root_low; /* the root's memory.low is the governor's: it ends with the lease, too */
};

/* Where the watchdog program is: beside this program or in ../libexec/faasmat. -ENOENT. */
int lease_find_watchdog(char *ret, size_t size);

/* Only names things. -ENAMETOOLONG. */
int lease_init(struct lease *l, const char *state_dir, const char *root, uint64_t root_id,
	       const char *watchdog, int64_t length_ns);

/* Takes or renews the lease (written beside and renamed) and starts a watchdog when none runs. */
int lease_renew(struct lease *l);
/* True when it was taken and has run out: the limits are being lifted, or have been. */
bool lease_ended(const struct lease *l);
/* Gives it up: removes the file and ends the watchdog. */
void lease_drop(struct lease *l);

/* What a lease file says, for people. */
struct lease_info {
	char root[CGROUP_PATH_MAX];
	int64_t expires_ns; /* CLOCK_BOOTTIME */
	pid_t governor;	    /* who took it; alive or not */
	pid_t watchdog;	    /* who watches it, 0: nobody */
};
/* Calls fn for every lease in the directory. -ENOENT when there is no such directory. */
int lease_each(const char *state_dir, void (*fn)(const struct lease_info *info, void *arg),
	       void *arg);

/* Process that watches this lease, 0 when none does. */
pid_t lease_watchdog_pid(const struct lease *l);

#endif

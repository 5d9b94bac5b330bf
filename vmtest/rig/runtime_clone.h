/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The light way to start a container: the proxy in a cgroup of its own, nothing else of a container
 * around it. For loads that start more containers than crun could on an emulated CPU. */
#ifndef FAASMAT_RIG_RUNTIME_CLONE_H
#define FAASMAT_RIG_RUNTIME_CLONE_H

struct clone_start {
	int cgroup;  /* directory descriptor of the container's cgroup */
	int program; /* descriptor of the proxy's executable */
	char *const *argv;
	int null;   /* becomes stdin, and stdout and stderr unless log is one */
	int log;    /* or -1 */
	int notify; /* becomes descriptor 3 */
};

/*
 * Starts the program directly in the cgroup (clone3 with CLONE_INTO_CGROUP, so that not a page is
 * charged elsewhere after exec) and dies with the caller. The process's pidfd or negative errno; exec's
 * failure shows as exit status 127.
 */
int runtime_clone_start(const struct clone_start *s);

#endif

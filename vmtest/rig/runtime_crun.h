/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The full way to start a container: an OCI runtime (crun, or the rig's own `bare`) on an OCI bundle, perhaps
 * with a wrapper in front. Each of its processes is watched by its pidfd, nobody waits for it. */
#ifndef FAASMAT_RIG_RUNTIME_CRUN_H
#define FAASMAT_RIG_RUNTIME_CRUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crun {
	char dir[64];	     /* bundles, rootfs and crun's state; made by crun_open() */
	bool memory;	     /* the memory controller is there: containers die as a group */
	const char *program; /* what is run: crun, bare, or a wrapper that knows which */
	bool keeps_state;    /* it wants `delete` */
	bool limits;	     /* bundles have the declared bytes as their limit */
};

struct crun_start {
	const char *id;	      /* one path component */
	const char *function; /* the annotation faasmat.function */
	const char *cgroup;   /* path from the cgroup2 mount */
	int64_t bytes;	      /* declared */
	char *const *argv;
	int notify; /* becomes descriptor 3 */
	int log;    /* or -1 */
};

/* Makes the directory with the rootfs that all containers share: the proxy and nothing else. */
int crun_open(struct crun *c, const char *proxy, bool memory);
/* Removes it. */
void crun_close(struct crun *c);

/* Writes the bundle and starts `crun run --detach`: the pidfd of crun, or negative errno. */
int crun_run(struct crun *c, const struct crun_start *s);
/* After crun has ended well: a pidfd of the container's process, or negative errno. */
int crun_container_pidfd(const struct crun *c, const char *id);
/* Where the container is, as its bundle says by then: a wrapper may have chosen another place. -EBADMSG
 * and the like: no such bundle; `out` is left alone then. */
int crun_container_cgroup(const struct crun *c, const char *id, char *out, size_t size);
/* The last line that crun run has logged. A static buffer. */
const char *crun_last_words(const struct crun *c);
/* Removes the bundle, and starts `crun delete -f` where the runtime keeps state: its pidfd, else -ENOENT. */
int crun_delete(struct crun *c, const char *id);

#endif

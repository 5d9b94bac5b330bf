/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds a container's files on this node: the OCI bundle in containerd's, podman's, crun's or runc's
 * state, docker's config.v2.json. Below each engine's own directory no symbolic link is followed, only
 * regular files of at most FACTS_FILE_MAX bytes are read, and ids that could be paths are refused.
 */
#ifndef FAASMAT_IDENTITY_LOOK_UP_H
#define FAASMAT_IDENTITY_LOOK_UP_H

#include "identity/facts.h"

struct places {
	char docker[FACTS_PATH_MAX]; /* its data root */
	const char *prefix;	     /* before every path; "" but in tests */
};

/* Where this node's engines keep their state: docker's data-root is read from daemon.json. `prefix`
 * is borrowed. */
void places_find(struct places *p, const char *prefix);

/* Fills in what can be found for f->id; afterwards f->files_read is set. Never fails: what is not
 * there or not readable is not known. */
void look_up(const struct places *p, struct facts *f);

/* docker's config.v2.json of the container whose bundle is in `f`, in the directory that the bundle
 * itself names (its /etc/hostname). For the wrapper, which is called before docker's cgroup exists. */
void look_up_docker_of_bundle(const struct places *p, struct facts *f);

/*
 * Reads a whole regular file. `path` is relative to directory `at`; no component of it may be a
 * symbolic link. *ret is NUL-terminated and the caller's. -EFBIG beyond FACTS_FILE_MAX.
 */
int read_file_at(int at, const char *path, char **ret, size_t *size);

#endif

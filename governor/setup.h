/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding the cgroup2 hierarchy and making our cgroups in it (libcgroup). */
#ifndef FAASMAT_GOVERNOR_SETUP_H
#define FAASMAT_GOVERNOR_SETUP_H

#include "governor/cgroup_dir.h"

/* The mount point of cgroup2 that has the memory controller, from /proc/self/mountinfo. -ENOENT:
 * none is mounted; -EOPNOTSUPP: the memory controller is not on it. */
int setup_find_mount(char *ret, size_t size);

/* Whether memory.low of a cgroup protects what is below it, too (mount option memory_recursiveprot).
 * True for what is no cgroup2 mount. */
bool setup_protects_recursively(const char *mount);

/*
 * A cgroup as people give it ("/sys/fs/cgroup/x", "/x", "x") as its path below the mount ("/x", no
 * slash at the end). -EINVAL for the root cgroup, "..", control characters or a path too long.
 */
int setup_cgroup_path(const char *mount, const char *given, char *ret, size_t size);

/*
 * Makes cgroup `path` (below the mount) with the memory controller enabled all the way down and for
 * its own children (a slice is started in systemd instead). One that exists already is only prepared. Existing files' limits are not touched.
 */
int setup_make(const char *mount, const char *path);

#endif

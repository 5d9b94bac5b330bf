/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where cgroup v2 is mounted, and what people mean by the name of a cgroup. */
#ifndef FAASMAT_COMMON_CGROUPFS_H
#define FAASMAT_COMMON_CGROUPFS_H

#include <stddef.h>
#include <stdint.h>

/* Directory of the cgroup2 mount, from /proc/self/mountinfo. -ENOENT when there is none. */
int cgroup_mount(char *out, size_t size);

/*
 * The directory of cgroup `name`: an absolute path below the mount as it is, anything else ("/faas",
 * "faas") below the mount. Existence is not checked. -ENOENT without cgroup v2, -ENAMETOOLONG,
 * -EINVAL for a name with ".." in it.
 */
int cgroup_directory(const char *name, char *out, size_t size);

/* The kernel's id of an open cgroup directory (name_to_handle_at); never used twice in a boot. */
int cgroup_id_of(int dir_fd, uint64_t *ret);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cgroup files, by paths relative to the cgroup2 mount that begin with a slash. */
#ifndef FAASMAT_RIG_CGROUP_H
#define FAASMAT_RIG_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/* A directory descriptor of the cgroup2 mount; -ENOENT without one. */
int cgroup_open_mount(void);

/*
 * Makes the cgroup and its parents as needed, with the memory controller for its children wherever
 * there is one. *made (may be NULL) tells whether the last one is new. 0 or negative errno.
 */
int cgroup_make(int mount, const char *path, bool *made);
/* -EBUSY while something is in it, -ENOENT when there is none. */
int cgroup_remove(int mount, const char *path);

/* Is the memory controller there for the cgroup? */
bool cgroup_has_memory(int mount, const char *path);

/* A one-number file; "max" is INT64_MAX. */
int cgroup_read(int mount, const char *path, const char *file, int64_t *ret);
/* The number behind `key` in a flat-keyed file such as memory.events. */
int cgroup_read_key(int mount, const char *path, const char *file, const char *key, int64_t *ret);
int cgroup_write(int mount, const char *path, const char *file, const char *text);

#endif

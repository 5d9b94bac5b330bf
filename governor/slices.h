/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slices of a systemd that owns the cgroup tree. It writes their limits itself, again at every
 * daemon-reload, so it has to be told what they are (org.freedesktop.systemd1, runtime properties). A call
 * returns when systemd has done it. One thread only.
 */
#ifndef FAASMAT_GOVERNOR_SLICES_H
#define FAASMAT_GOVERNOR_SLICES_H

#include "common/util.h"

/* Whether systemd is the init of this machine. */
bool slices_are_owned(void);
/* Starts a slice (and those above it), so that its cgroup exists. -errno; -ETIMEDOUT. */
int slices_start(const char *unit);
/* Writes memory.max or memory.low (LIMIT_NONE: infinity) of the slice. -EOPNOTSUPP for other files. */
int slices_set(const char *unit, const char *file, int64_t value);

#endif

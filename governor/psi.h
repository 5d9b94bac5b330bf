/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's alarm for a cgroup whose tasks stall for memory: one trigger a pool. */
#ifndef FAASMAT_GOVERNOR_PSI_H
#define FAASMAT_GOVERNOR_PSI_H

#include "governor/cgroup_dir.h"

/*
 * A descriptor on memory.pressure that gets EPOLLPRI when tasks of the cgroup have stalled for a tenth
 * of two seconds, at most once in two seconds, and EPOLLERR when the cgroup is removed. Closing it ends
 * the trigger. -EOPNOTSUPP or -ENOENT: no pressure stall information (psi=0), or no cgroup2.
 */
int psi_open(const struct cgroup_dir *c);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers' cgroups below an open pool: are they there, has any process, remove what is left behind. */
#ifndef FAASMAT_GOVERNOR_CONTAINERS_H
#define FAASMAT_GOVERNOR_CONTAINERS_H

#include "governor/cgroup_dir.h"

/* Of container `id`: the cgroup of that name, or "PREFIX-ID.scope". */
bool container_is_there(const struct cgroup_dir *pool, const char *id);
/* The cgroup is there and has no process, or it is gone. */
bool container_is_empty(const struct cgroup_dir *pool, const char *id);
/* Removes the cgroup and what is below it; the kernel refuses where a process is. */
void container_remove(const struct cgroup_dir *pool, const char *id);
/* What a container that nobody reserved may take: when it has long been there (`old`) its
 * memory.current, else its limit, and where it has none its pool's unit. */
int64_t container_bytes(const struct cgroup_dir *pool, const char *id, int64_t unit, bool old);

#endif

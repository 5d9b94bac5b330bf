/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux.cgroupsPath of an OCI bundle, in both its syntaxes. Pure.
 *
 *	cgroupfs: "/docker/ID", absolute below the cgroup2 mount
 *	systemd:  "SLICE:PREFIX:NAME", the scope PREFIX-NAME.scope in that slice
 */
#ifndef FAASMAT_RUNTIME_CGROUPS_PATH_H
#define FAASMAT_RUNTIME_CGROUPS_PATH_H

#include "common/util.h"

#define CGROUPS_PATH_MAX 4096

/*
 * The cgroup that a runtime would make: "/docker/ID", "/a.slice/a-b.slice/docker-ID.scope". `text` may
 * be NULL (a bundle without cgroupsPath). -EINVAL for what no engine writes ("..", wrong fields): such
 * a container is left alone.
 */
int cgroups_path_resolve(const char *text, const char *id, bool systemd, char *out, size_t size);

/*
 * The cgroupsPath that puts the same container below `pool` ("/faasmat/pool-f"), with its prefix and
 * name kept. -EXDEV: the cgroup driver and `pool` do not go together. With systemd a container can only be put
 * into a slice; and what is put into a slice without systemd's knowing loses its limits when systemd next
 * writes the slice's controllers.
 */
int cgroups_path_move(const char *text, const char *id, bool systemd, const char *pool, char *out,
		      size_t size);

#endif

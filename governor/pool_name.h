/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a pool's directory below the root is named. Pure. A pool's own name is "main" or "pool-NAME".
 * Below a root that is systemd's ("X.slice") it is a slice, too: "X-main.slice", "X-pool\x2dNAME.slice"
 * (systemd.slice(5): the dashes of a slice's name are its path).
 */
#ifndef FAASMAT_GOVERNOR_POOL_NAME_H
#define FAASMAT_GOVERNOR_POOL_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* "main" or "pool-*". */
bool pool_name_is_one(const char *name);
/* Whether the last component of a path is a slice. */
bool pool_name_is_slice(const char *path);
/* The directory of a pool below this root (a path). -ENAMETOOLONG: no unit may be called so. */
int pool_name_to_directory(const char *root, const char *pool, char *out, size_t size);
/* The pool whose directory it is. -EINVAL when it is none of ours. */
int pool_name_of_directory(const char *root, const char *directory, char *out, size_t size);
/* "a-b.slice" as the path of its cgroup, "/a.slice/a-b.slice". -EINVAL for what is no slice's name. */
int pool_name_slice_path(const char *slice, char *out, size_t size);

#endif

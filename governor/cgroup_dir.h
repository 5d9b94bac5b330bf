/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One cgroup, held by a descriptor of its directory: its files are opened relative to that, so that
 * neither a rename of a parent nor a cgroup made again under the same name is taken for it.
 */
#ifndef FAASMAT_GOVERNOR_CGROUP_DIR_H
#define FAASMAT_GOVERNOR_CGROUP_DIR_H

#include "governor/decide.h"

#define CGROUP_PATH_MAX 4096

/* Files that are read again and again stay open: on a node with hundreds of pools opening them costs ten
 * times the reading. */
#define CGROUP_KEPT_FILES 7

struct cgroup_dir {
	int fd;	     /* O_PATH; -1: not open */
	uint64_t id; /* the kernel's id of the cgroup; never used again for another */
	bool keep;   /* on cgroup2, where an open file of a removed cgroup says -ENODEV */
	int kept[CGROUP_KEPT_FILES];
	char *slice; /* the unit whose limits systemd writes for us; NULL: we write them */
};

#define CGROUP_DIR_CLOSED \
	((struct cgroup_dir){ .fd = -1, .kept = { [0 ... CGROUP_KEPT_FILES - 1] = -1 } })

/* Opens directory `path` relative to `at` (a descriptor, AT_FDCWD); no symbolic link as its last
 * component. Closed on failure. */
int cgroup_dir_open(int at, const char *path, struct cgroup_dir *ret);
void cgroup_dir_close(struct cgroup_dir *c);

/* A file with one number or "max" (LIMIT_NONE). -ENODEV or -ENOENT when the cgroup is gone, -EINVAL
 * when it holds something else. */
int cgroup_dir_read(struct cgroup_dir *c, const char *file, int64_t *ret);
/* The descriptor of a file that is kept open after it was read; -1: it is not. */
int cgroup_dir_kept(struct cgroup_dir *c, const char *file);
/* The whole text of a file, cut to size - 1 bytes and terminated. */
int cgroup_dir_read_text(struct cgroup_dir *c, const char *file, char *ret, size_t size);
/* A descriptor to write the file with, later or in another thread. */
int cgroup_dir_open_file(const struct cgroup_dir *c, const char *file);
/* "max" or the number, as the files want it. */
void cgroup_dir_format(int64_t value, char *ret, size_t size);
/* Writes a number or "max"; the whole of it or an error. A slice's limits are written by systemd. */
int cgroup_dir_write(struct cgroup_dir *c, const char *file, int64_t value);
/* Writes a word, "+memory". */
int cgroup_dir_write_text(const struct cgroup_dir *c, const char *file, const char *text);

/* Calls fn with the name of every child cgroup until it returns non-zero; that is returned. */
int cgroup_dir_children(const struct cgroup_dir *c, int (*fn)(void *arg, const char *name),
			void *arg);

#endif

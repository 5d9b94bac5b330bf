/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which pools had a container come or go since they were last looked over, by inotify on their
 * directories: listing five hundred of them at every tick would cost more than everything else.
 */
#ifndef FAASMAT_GOVERNOR_WATCH_H
#define FAASMAT_GOVERNOR_WATCH_H

#include "common/util.h"

/* One directory's part in it. A zeroed one is not watched. */
struct watched {
	int id;	   /* of the watch, above 0; 0: none, to be looked over each time */
	bool seen; /* looked over since something happened in it */
};

/* A descriptor for watch_add(), readable when something happened. -errno; then nothing is watched. */
int watch_open(void);
/* Watches an open directory (O_PATH will do), which counts as not seen. What cannot be watched stays
 * unwatched. The watch ends with the directory. */
void watch_add(int fd, struct watched *w, int dir);
/* Marks what happened: w(arg, i) is the i-th of n. Never blocks. True when a directory that was in a
 * watched one is gone. */
bool watch_read(int fd, size_t n, struct watched *(*w)(void *arg, size_t i), void *arg);

#endif

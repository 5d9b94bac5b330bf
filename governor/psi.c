// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/psi.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

/* Stall and window in microseconds. Windows that are no multiple of two seconds are for the privileged. */
#define TRIGGER "some 200000 2000000"

/*
 * Who has CAP_SYS_RESOURCE when it opens the file gets a realtime kernel thread for each cgroup with a
 * trigger; others share the averages' own worker, which is enough here. Unprivileged triggers of
 * cgroups work from 6.7 on (they were let in by 6.4, d82caa273565, and mended in 6.7).
 */
static bool unprivileged_works(void)
{
	struct utsname u;
	int major, minor;

	return uname(&u) == 0 && sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 7));
}

static int set_effective(const struct __user_cap_data_struct *data)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int open_unprivileged(const struct cgroup_dir *c)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct before[2], without[2];
	int fd, r;

	if (syscall(SYS_capget, &header, before) < 0)
		return -errno;
	memcpy(without, before, sizeof(without));
	without[CAP_TO_INDEX(CAP_SYS_RESOURCE)].effective &= ~CAP_TO_MASK(CAP_SYS_RESOURCE);
	r = set_effective(without);
	if (r < 0)
		return r;
	fd = openat(c->fd, "memory.pressure", O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? -errno : fd;
	set_effective(before);
	return r;
}

int psi_open(const struct cgroup_dir *c)
{
	int fd, r;

	/* In a tree of plain files a trigger would only overwrite the figures. */
	if (!c->keep)
		return -EOPNOTSUPP;
	if (unprivileged_works()) {
		fd = open_unprivileged(c);
	} else {
		fd = openat(c->fd, "memory.pressure", O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd < 0)
		return fd;
	if (write(fd, TRIGGER, sizeof(TRIGGER)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

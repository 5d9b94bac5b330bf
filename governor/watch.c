// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/watch.h"

#include <errno.h>
#include <sys/inotify.h>

int watch_open(void)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

void watch_add(int fd, struct watched *w, int dir)
{
	char path[64];
	int id;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	id = fd < 0 ? -1
		    : inotify_add_watch(fd, path, IN_CREATE | IN_DELETE | IN_MOVE | IN_ONLYDIR);
	*w = (struct watched){ .id = MAX(id, 0) };
}

static void mark(const struct inotify_event *event, size_t n,
		 struct watched *(*w)(void *arg, size_t i), void *arg)
{
	for (size_t i = 0; i < n; i++) {
		struct watched *one = w(arg, i);

		/* Too many events to keep: anything may have happened. */
		if (event->mask & IN_Q_OVERFLOW || one->id == event->wd)
			one->seen = false;
		if (event->mask & IN_IGNORED && one->id == event->wd)
			one->id = 0;
	}
}

bool watch_read(int fd, size_t n, struct watched *(*w)(void *arg, size_t i), void *arg)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool gone = false;
	ssize_t size;

	while (fd >= 0 && (size = read(fd, buffer, sizeof(buffer))) != 0) {
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			break;
		for (char *p = buffer; p < buffer + size;) {
			const struct inotify_event *event = (const struct inotify_event *)p;

			mark(event, n, w, arg);
			gone |= event->mask & (IN_DELETE | IN_MOVED_FROM | IN_Q_OVERFLOW);
			p += sizeof(*event) + event->len;
		}
	}
	return gone;
}

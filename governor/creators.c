// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/creators.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Since Linux 6.5: a pidfd of the peer as it was when it connected, however late we ask. */
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

struct creator {
	int64_t number; /* its slot is the rest of the division by CREATORS_MAX; 0: free */
	int pidfd;
	bool kept;
};

struct creators {
	int epoll;
	int64_t round; /* of numbers */
	size_t n;
	struct creator slot[CREATORS_MAX];
};

struct creators *creators_new(int epoll)
{
	struct creators *c = calloc(1, sizeof(*c));

	if (c)
		c->epoll = epoll;
	return c;
}

static void drop(struct creators *c, struct creator *one)
{
	if (!one->number)
		return;
	close(one->pidfd);
	one->number = 0;
	c->n--;
}

void creators_free(struct creators *c)
{
	for (size_t i = 0; c && i < CREATORS_MAX; i++)
		drop(c, &c->slot[i]);
	free(c);
}

static int open_peer(int socket)
{
	struct ucred peer;
	socklen_t size = sizeof(int);
	int fd;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) == 0)
		return fd;
	size = sizeof(peer);
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.pid <= 0)
		return -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	return fd < 0 ? -errno : fd;
}

int64_t creators_add(struct creators *c, int socket)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct creator *one = NULL;
	int fd;

	for (size_t i = 0; i < CREATORS_MAX && !one; i++)
		one = c->slot[i].number ? NULL : &c->slot[i];
	fd = one ? open_peer(socket) : -1;
	if (fd < 0)
		return 0;
	event.data.ptr = one;
	if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		close(fd);
		return 0;
	}
	one->pidfd = fd;
	one->kept = false;
	one->number = ++c->round * CREATORS_MAX + (one - c->slot);
	c->n++;
	return one->number;
}

static struct creator *find(struct creators *c, int64_t number)
{
	struct creator *one = &c->slot[(uint64_t)number % CREATORS_MAX];

	return number && one->number == number ? one : NULL;
}

void creators_drop(struct creators *c, int64_t number)
{
	struct creator *one = find(c, number);

	if (one)
		drop(c, one);
}

int64_t creators_event(struct creators *c, const void *ptr)
{
	uintptr_t at = (uintptr_t)ptr, from = (uintptr_t)c->slot;
	struct creator *one;
	int64_t number;

	if (at < from || at >= from + sizeof(c->slot))
		return 0;
	one = &c->slot[(at - from) / sizeof(*one)];
	number = one->number;
	drop(c, one);
	return number;
}

bool creators_has(struct creators *c, int64_t number)
{
	return find(c, number);
}

bool creators_full(const struct creators *c)
{
	return c->n >= CREATORS_MAX;
}

void creators_begin(struct creators *c)
{
	for (size_t i = 0; i < CREATORS_MAX; i++)
		c->slot[i].kept = false;
}

void creators_keep(struct creators *c, int64_t number)
{
	struct creator *one = find(c, number);

	if (one)
		one->kept = true;
}

void creators_end(struct creators *c)
{
	for (size_t i = 0; i < CREATORS_MAX; i++)
		if (!c->slot[i].kept)
			drop(c, &c->slot[i]);
}

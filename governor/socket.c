// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/socket.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "governor/protocol.h"

/* A node has a handful of platforms, and their shells; more is a leak. */
#define MAX_CLIENTS 256
/* The table of a thousand pools fits. */
#define SEND_BUFFER (1024 * 1024)

struct client {
	struct client *next;
	int fd; /* -1: closed, freed at the end of the round */
	bool subscribed;
	bool missed;
};

struct server {
	int fd, epoll;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct admission *table;
	struct client *clients;
	size_t n;
	char buffer[MESSAGE_MAX + 1];
};

static int set_address(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	strcpy(ret->sun_path, path);
	return 0;
}

/* A socket that nobody answers is what a killed governor left. */
static int remove_stale(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int listen_at(struct server *s, const char *path)
{
	struct sockaddr_un address;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = s };
	mode_t mask;
	int r = set_address(path, &address);

	if (r == 0)
		r = remove_stale(&address);
	if (r < 0)
		return r;
	s->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	mask = umask(0117);
	r = bind(s->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0)
		return r;
	strcpy(s->path, path);
	if (listen(s->fd, 64) < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->fd, &event) < 0)
		return -errno;
	return 0;
}

int server_open(const char *path, int epoll, struct admission *table, struct server **ret)
{
	struct server *s = calloc(1, sizeof(*s));
	int r;

	*ret = NULL;
	if (!s)
		return -ENOMEM;
	s->epoll = epoll;
	s->table = table;
	s->fd = -1;
	r = listen_at(s, path);
	if (r < 0) {
		server_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

static void hang_up(struct server *s, struct client *c)
{
	if (c->fd < 0)
		return;
	close(c->fd);
	c->fd = -1;
	s->n--;
}

/* Freed here only, when nobody walks the list. */
static void bury(struct server *s)
{
	struct client **c = &s->clients;

	while (*c) {
		struct client *dead = *c;

		if (dead->fd >= 0) {
			c = &dead->next;
			continue;
		}
		*c = dead->next;
		free(dead);
	}
}

void server_close(struct server *s)
{
	if (!s)
		return;
	for (struct client *c = s->clients; c; c = c->next)
		hang_up(s, c);
	bury(s);
	if (s->fd >= 0)
		close(s->fd);
	if (s->path[0])
		unlink(s->path);
	free(s);
}

static void welcome(struct server *s)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct epoll_event event = { .events = EPOLLIN };
	struct client *c;
	int size = SEND_BUFFER;

	if (fd < 0)
		return;
	c = s->n < MAX_CLIENTS ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		close(fd);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	event.data.ptr = c;
	c->fd = fd;
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		close(fd);
		free(c);
		return;
	}
	c->next = s->clients;
	s->clients = c;
	s->n++;
}

/* Sends and drops the message. False when it did not go out. */
static bool send_json(struct client *c, json_t *message)
{
	_cleanup_free_ char *text = json_dumps(message, JSON_COMPACT);
	size_t size;

	json_decref(message);
	if (!text)
		return false;
	size = strlen(text);
	return send(c->fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size;
}

static enum server_effect serve(struct server *s, struct client *c)
{
	struct protocol_effect effect = { 0 };
	ssize_t size = recv(c->fd, s->buffer, sizeof(s->buffer), MSG_DONTWAIT | MSG_TRUNC);
	json_t *reply;

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return SERVER_NOTHING;
	/* An empty packet looks like the end; a client that sends one has nothing to say to us. */
	if (size <= 0) {
		hang_up(s, c);
		return SERVER_NOTHING;
	}
	reply = size > MESSAGE_MAX ? protocol_error("a message has at most 65536 bytes")
				   : protocol_answer(s->table, s->buffer, (size_t)size, &effect);
	if (!reply || !send_json(c, reply))
		hang_up(s, c);
	else if (effect.subscribe)
		c->subscribed = c->missed = true;
	if (effect.released)
		return SERVER_RELEASED;
	if (effect.refused)
		return SERVER_REFUSED;
	return effect.reserved ? SERVER_RESERVED : SERVER_NOTHING;
}

enum server_effect server_event(struct server *s, void *ptr, uint32_t events)
{
	enum server_effect effect = SERVER_NOTHING;

	if (ptr == s) {
		welcome(s);
		return SERVER_NOTHING;
	}
	for (struct client *c = s->clients; c; c = c->next) {
		if (c != ptr || c->fd < 0)
			continue;
		if (events & EPOLLIN)
			effect = serve(s, c);
		else if (events & (EPOLLHUP | EPOLLERR))
			hang_up(s, c);
		break;
	}
	bury(s);
	return effect;
}

void server_notify(struct server *s, int pool)
{
	for (struct client *c = s->clients; c; c = c->next)
		if (c->fd >= 0 && c->subscribed &&
		    !send_json(c, protocol_change(admission_pool(s->table, pool))))
			c->missed = true;
}

void server_catch_up(struct server *s)
{
	for (struct client *c = s->clients; c; c = c->next) {
		if (c->fd < 0 || !c->missed)
			continue;
		c->missed = false;
		for (size_t i = 0; i < admission_count(s->table) && !c->missed; i++)
			c->missed = !send_json(c,
					       protocol_change(admission_pool(s->table, (int)i)));
	}
}

size_t server_clients(const struct server *s)
{
	return s->n;
}

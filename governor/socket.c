// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/socket.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include "common/clock.h"
#include "governor/creators.h"
#include "governor/protocol.h"

/* A node has a handful of platforms, and their shells; more is a leak. Root's wrappers always find a
 * place: others together have half, one of them a quarter. */
#define MAX_CLIENTS 256
#define MAX_OTHERS (MAX_CLIENTS / 2)
#define MAX_PER_USER (MAX_CLIENTS / 4)
/* Users whose requests are counted apart; the others share the last count. */
#define MAX_USERS 16
/* Requests that a user may save up, and gets a second. One costs us some 20 us. */
#define BURST 1000
#define OTHERS_PER_S 1000
#define ROOT_PER_S 5000
/* The table's lines that cost as much as a request. */
#define LINES_PER_REQUEST 16
/* The table of a thousand pools fits. */
#define SEND_BUFFER (1024 * 1024)

struct client {
	struct client *next;
	int fd; /* -1: closed, freed at the end of the round */
	uint32_t user;
	int64_t creator; /* creators.h; 0: not asked for yet, or unknown */
	bool subscribed;
	bool missed;
	bool muted; /* its user asks too fast: not read until the wake-up */
};

struct user {
	uint32_t id;
	size_t clients;
	int64_t left; /* requests, in billionths */
	int64_t filled_ns;
};

struct server {
	int fd, epoll;
	int wake; /* timer: who is muted may be read again */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct admission *table;
	const struct server_options *o;
	struct creators *creators;
	struct client *clients;
	size_t n, others;
	struct user users[MAX_USERS];
	size_t n_users;
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
	if (s->o && s->o->group != (gid_t)-1 && chown(path, (uid_t)-1, s->o->group) < 0)
		return -errno;
	if (listen(s->fd, 64) < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->fd, &event) < 0)
		return -errno;
	return 0;
}

static int open_wake(struct server *s)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &s->wake };

	s->wake = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->wake < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->wake, &event) < 0)
		return -errno;
	return 0;
}

int server_open(const char *path, int epoll, struct admission *table,
		const struct server_options *o, struct server **ret)
{
	struct server *s = calloc(1, sizeof(*s));
	int r;

	*ret = NULL;
	if (!s)
		return -ENOMEM;
	s->epoll = epoll;
	s->table = table;
	s->o = o;
	s->fd = s->wake = -1;
	s->creators = creators_new(epoll);
	r = s->creators ? open_wake(s) : -ENOMEM;
	if (r == 0)
		r = listen_at(s, path);
	if (r < 0) {
		server_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* --- who may, and how often */

/* A user's count; the last one is shared by those for whom there is none. */
static struct user *user_of(struct server *s, uint32_t id)
{
	struct user *free_one = NULL;

	for (size_t i = 0; i < s->n_users; i++) {
		if (s->users[i].id == id)
			return &s->users[i];
		if (s->users[i].clients == 0 && s->users[i].id != 0)
			free_one = &s->users[i];
	}
	if (s->n_users < MAX_USERS)
		free_one = &s->users[s->n_users++];
	if (!free_one)
		return &s->users[MAX_USERS - 1];
	*free_one = (struct user){ .id = id,
				   .left = BURST * NS_PER_S,
				   .filled_ns = clock_monotonic_ns() };
	return free_one;
}

/* Takes so many requests from what the user has left; false: less than one is left. */
static bool may_ask(struct user *u, int64_t requests)
{
	int64_t now = clock_monotonic_ns(), per_s = u->id == 0 ? ROOT_PER_S : OTHERS_PER_S;
	int64_t most = BURST * NS_PER_S;
	int64_t gained = MIN(now - u->filled_ns, most / per_s) * per_s;

	u->left = MIN(u->left + gained, most);
	u->filled_ns = now;
	if (u->left < NS_PER_S)
		return false;
	u->left -= requests * NS_PER_S;
	return true;
}

static void listen_to(struct server *s, struct client *c, bool on)
{
	struct epoll_event event = { .events = on ? EPOLLIN : 0, .data.ptr = c };

	if (c->muted == !on)
		return;
	c->muted = !on;
	epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &event);
}

/* What it has sent waits in its socket, and then it waits itself. */
static void mute(struct server *s, struct client *c)
{
	const struct itimerspec soon = { .it_value = { .tv_nsec = 10 * NS_PER_MS } };

	listen_to(s, c, false);
	timerfd_settime(s->wake, 0, &soon, NULL);
}

static void wake(struct server *s)
{
	uint64_t expirations;

	if (read(s->wake, &expirations, sizeof(expirations)) < 0)
		return;
	for (struct client *c = s->clients; c; c = c->next) {
		if (c->fd < 0 || !c->muted)
			continue;
		if (may_ask(user_of(s, c->user), 0))
			listen_to(s, c, true);
		else
			mute(s, c);
	}
}

static bool is_member(int fd, gid_t own, gid_t group)
{
	gid_t groups[256];
	socklen_t size = sizeof(groups);

	if (group == (gid_t)-1)
		return false;
	if (own == group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return false;
	for (size_t i = 0; i < size / sizeof(*groups); i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* The mode of the socket says the same; this says it also when someone has changed that. */
static bool may_connect(struct server *s, int fd, uint32_t *user)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	/* Who runs us may do what root may. */
	*user = peer.uid == geteuid() ? 0 : peer.uid;
	if (*user != 0 && !is_member(fd, peer.gid, s->o ? s->o->group : (gid_t)-1))
		return false;
	return s->n < MAX_CLIENTS && (*user == 0 || (s->others < MAX_OTHERS &&
						     user_of(s, *user)->clients < MAX_PER_USER));
}

/* --- clients */

static void hang_up(struct server *s, struct client *c)
{
	if (c->fd < 0)
		return;
	close(c->fd);
	c->fd = -1;
	s->n--;
	s->others -= c->user != 0;
	user_of(s, c->user)->clients--;
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
	creators_free(s->creators);
	close_fd(&s->wake);
	close_fd(&s->fd);
	if (s->path[0])
		unlink(s->path);
	free(s);
}

static void welcome(struct server *s)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct epoll_event event = { .events = EPOLLIN };
	int size = SEND_BUFFER;
	struct client *c;
	uint32_t user;

	if (fd < 0)
		return;
	c = may_connect(s, fd, &user) ? calloc(1, sizeof(*c)) : NULL;
	event.data.ptr = c;
	if (!c || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		close(fd);
		free(c);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	c->fd = fd;
	c->user = user;
	c->next = s->clients;
	s->clients = c;
	s->n++;
	s->others += user != 0;
	user_of(s, user)->clients++;
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

/* Before its first reservation, so that those who only look cost no pidfd. */
static void know_creator(struct server *s, struct client *c, ssize_t size)
{
	if (c->creator || size > MESSAGE_MAX || !memmem(s->buffer, (size_t)size, "reserve", 7))
		return;
	if (creators_full(s->creators))
		server_sweep(s);
	c->creator = creators_add(s->creators, c->fd);
}

static json_t *answer(struct server *s, struct client *c, ssize_t size, struct protocol_effect *ret)
{
	const size_t lines = admission_count(s->table) / LINES_PER_REQUEST;
	struct protocol_peer peer = { .user = c->user };
	json_t *reply;

	if (size > MESSAGE_MAX)
		return protocol_error("a message has at most 65536 bytes");
	know_creator(s, c, size);
	peer.creator = c->creator;
	/* It may have ended before we knew its process: then nothing will say so. */
	if (!c->creator && s->o)
		peer.expires_ns = clock_monotonic_ns() + s->o->grace_ns;
	reply = protocol_answer(s->table, s->buffer, (size_t)size, &peer, ret);
	/* What a whole table costs is taken after it was given. */
	if (ret->subscribe || ret->table)
		may_ask(user_of(s, c->user), (int64_t)lines);
	return reply;
}

static enum server_effect effect_of(const struct protocol_effect *e)
{
	if (e->released)
		return SERVER_RELEASED;
	if (e->refused)
		return SERVER_REFUSED;
	return e->reserved ? SERVER_RESERVED : SERVER_NOTHING;
}

/* Notices of all pools; the rest is for the next tick when it has no room for them. */
static void send_table(struct server *s, struct client *c)
{
	c->missed = false;
	for (size_t i = 0; i < admission_count(s->table) && !c->missed; i++)
		c->missed = !send_json(c, protocol_change(admission_pool(s->table, (int)i)));
}

/* At once, so that nobody has to wait for a tick to know what is admitted; who asks again has to. */
static void subscribe(struct server *s, struct client *c)
{
	if (c->subscribed)
		c->missed = true;
	else
		send_table(s, c);
	c->subscribed = true;
}

static enum server_effect serve(struct server *s, struct client *c)
{
	struct protocol_effect effect = { 0 };
	json_t *reply;
	ssize_t size;

	if (!may_ask(user_of(s, c->user), 1)) {
		mute(s, c);
		return SERVER_NOTHING;
	}
	size = recv(c->fd, s->buffer, sizeof(s->buffer), MSG_DONTWAIT | MSG_TRUNC);
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return SERVER_NOTHING;
	/* An empty packet looks like the end; a client that sends one has nothing to say to us. */
	if (size <= 0) {
		hang_up(s, c);
		return SERVER_NOTHING;
	}
	reply = answer(s, c, size, &effect);
	if (!reply || !send_json(c, reply))
		hang_up(s, c);
	else if (effect.subscribe)
		subscribe(s, c);
	return effect_of(&effect);
}

/* A process that had reserved has ended. */
static enum server_effect creator_gone(struct server *s, int64_t creator)
{
	int released;

	if (!s->o)
		return SERVER_NOTHING;
	released = admission_creator_gone(s->table, creator, s->o->look,
					  clock_monotonic_ns() + s->o->grace_ns);
	return released > 0 ? SERVER_RELEASED : SERVER_NOTHING;
}

enum server_effect server_event(struct server *s, void *ptr, uint32_t events)
{
	enum server_effect effect = SERVER_NOTHING;
	int64_t creator = creators_event(s->creators, ptr);

	if (creator)
		return creator_gone(s, creator);
	if (ptr == s) {
		welcome(s);
		return SERVER_NOTHING;
	}
	if (ptr == &s->wake) {
		wake(s);
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

static void keep_creator(void *arg, int64_t creator)
{
	creators_keep(arg, creator);
}

void server_sweep(struct server *s)
{
	creators_begin(s->creators);
	admission_each_creator(s->table, keep_creator, s->creators);
	creators_end(s->creators);
	/* Whose process was dropped here is asked for it again. */
	for (struct client *c = s->clients; c; c = c->next)
		if (!creators_has(s->creators, c->creator))
			c->creator = 0;
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
	for (struct client *c = s->clients; c; c = c->next)
		if (c->fd >= 0 && c->missed)
			send_table(s, c);
}

size_t server_clients(const struct server *s)
{
	return s->n;
}

size_t server_subscribers(const struct server *s)
{
	size_t n = 0;

	for (const struct client *c = s ? s->clients : NULL; c; c = c->next)
		n += c->fd >= 0 && c->subscribed;
	return n;
}

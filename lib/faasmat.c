// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/faasmat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define QUESTION_MAX 4096
#define ANSWER_MAX 8192
/* The table of a thousand pools. */
#define TABLE_MAX (1024 * 1024)

int faasmat_connect(const char *socket_path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if (!socket_path)
		socket_path = FAASMAT_SOCKET;
	if (strlen(socket_path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, socket_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int wait_for(int fd, short what, int64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = what };

	for (;;) {
		int64_t left = deadline_ms - now_ms();
		int r = poll(&p, 1, left > 0 ? (int)left : 0);

		if (r > 0)
			return 0;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* --- JSON, as much as these messages need */

/* Appends `text` as a JSON string; false when it does not fit. A name is bytes, JSON is UTF-8: bytes
 * that are none are refused by the governor, not here. */
static bool put_string(char *out, size_t size, const char *text)
{
	size_t n = strlen(out);

	if (n + 2 > size)
		return false;
	out[n++] = '"';
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (n + 8 > size)
			return false;
		if (c == '"' || c == '\\')
			n += (size_t)sprintf(out + n, "\\%c", c);
		else if (c < 0x20)
			n += (size_t)sprintf(out + n, "\\u%04x", c);
		else
			out[n++] = (char)c;
	}
	out[n++] = '"';
	out[n] = '\0';
	return true;
}

static bool put_text(char *out, size_t size, const char *text)
{
	size_t n = strlen(out);

	if (n + strlen(text) >= size)
		return false;
	strcpy(out + n, text);
	return true;
}

static const char *skip_string(const char *p)
{
	for (p++; *p && *p != '"'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : p;
}

/* Behind the value that begins at p. */
static const char *skip_value(const char *p)
{
	int depth = 0;

	do {
		if (*p == '"') {
			p = skip_string(p);
			continue;
		}
		if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
			depth--;
		else if (*p == ',' && depth == 0)
			return p;
		if (depth < 0)
			return p;
		p++;
	} while (*p);
	return p;
}

/* The value of `key` in the object that begins at p; NULL when it has none. Spaces do not occur. */
static const char *member(const char *p, const char *key)
{
	size_t n = strlen(key);

	if (*p++ != '{')
		return NULL;
	while (*p == '"') {
		const char *name = p + 1, *value = skip_string(p);

		if (*value++ != ':')
			return NULL;
		if (strncmp(name, key, n) == 0 && name[n] == '"')
			return value;
		p = skip_value(value);
		if (*p == ',')
			p++;
	}
	return NULL;
}

static unsigned int hex4(const char *p)
{
	unsigned int v = 0;

	for (int i = 0; i < 4; i++, p++) {
		if (*p >= '0' && *p <= '9')
			v = v * 16 + (unsigned int)(*p - '0');
		else if ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'f')
			v = v * 16 + (unsigned int)((*p | 0x20) - 'a' + 10);
		else
			return 0;
	}
	return v;
}

/* One character of a JSON string, unescaped; other escapes than control characters do not occur in
 * what the governor sends. */
static char next_char(const char **p)
{
	char c = *(*p)++;

	if (c != '\\' || !**p)
		return c;
	c = *(*p)++;
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'u':
		c = (char)hex4(*p);
		for (int i = 0; i < 4 && **p; i++)
			(*p)++;
		return c ? c : '?';
	default:
		return c;
	}
}

static void get_string(const char *object, const char *key, char *out, size_t size)
{
	const char *p = member(object, key);
	size_t n = 0;

	if (p && *p++ == '"')
		while (*p && *p != '"' && n + 1 < size)
			out[n++] = next_char(&p);
	/* A path or a name that was cut is another one: none is better. */
	if (p && n + 1 == size)
		n = 0;
	out[n] = '\0';
}

static int64_t get_number(const char *object, const char *key)
{
	const char *p = member(object, key);

	return p ? strtoll(p, NULL, 10) : 0;
}

static bool get_bool(const char *object, const char *key)
{
	const char *p = member(object, key);

	return p && strncmp(p, "true", 4) == 0;
}

/* --- messages */

static int receive(int fd, char *answer, size_t size, int64_t deadline_ms)
{
	int r = wait_for(fd, POLLIN, deadline_ms);
	ssize_t n;

	if (r < 0)
		return r;
	n = recv(fd, answer, size - 1, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	if ((size_t)n >= size)
		return -EMSGSIZE;
	answer[n] = '\0';
	return 0;
}

/* Whether it is the answer to that question (id may be NULL), not a notice, nor the answer to an earlier
 * one that came too late. Some refusals name neither op nor id. */
static bool answers(const char *answer, const char *op, const char *id)
{
	char got[256];

	get_string(answer, "op", got, sizeof(got));
	if (*got && strcmp(got, op) != 0)
		return false;
	get_string(answer, "id", got, sizeof(got));
	return !id || !*got || strcmp(got, id) == 0;
}

/* Sends a message and receives its answer. */
static int ask(int fd, const char *op, const char *id, const char *message, char *answer,
	       size_t size, int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	int r;

	r = wait_for(fd, POLLOUT, deadline);
	if (r < 0)
		return r;
	if (send(fd, message, strlen(message), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	do {
		r = receive(fd, answer, size, deadline);
		if (r < 0)
			return r;
	} while (!answers(answer, op, id));
	return 0;
}

int faasmat_reserve(int fd, const struct faasmat_reservation *r, int timeout_ms,
		    struct faasmat_answer *ret)
{
	char message[QUESTION_MAX] = "{\"op\":\"reserve\",\"id\":", bytes[48];
	char answer[ANSWER_MAX];
	int error;

	snprintf(bytes, sizeof(bytes), ",\"bytes\":%lld", (long long)r->bytes);
	if (!put_string(message, sizeof(message), r->id) ||
	    (r->function && (!put_text(message, sizeof(message), ",\"function\":") ||
			     !put_string(message, sizeof(message), r->function))) ||
	    !put_text(message, sizeof(message), bytes) ||
	    (r->leased && !put_text(message, sizeof(message), ",\"leased\":true")) ||
	    (r->anyway && !put_text(message, sizeof(message), ",\"anyway\":true")) ||
	    (r->existing && (!put_text(message, sizeof(message), ",\"existing\":true,\"pool\":") ||
			     !put_string(message, sizeof(message), r->existing))) ||
	    !put_text(message, sizeof(message), "}"))
		return -E2BIG;
	error = ask(fd, "reserve", r->id, message, answer, sizeof(answer), timeout_ms);
	if (error < 0)
		return error;
	ret->ok = get_bool(answer, "ok");
	ret->spill = get_bool(answer, "spill");
	get_string(answer, "pool", ret->pool, sizeof(ret->pool));
	get_string(answer, "cgroup", ret->cgroup, sizeof(ret->cgroup));
	get_string(answer, "reason", ret->reason, sizeof(ret->reason));
	return 0;
}

int faasmat_release(int fd, const char *id, int timeout_ms)
{
	char message[QUESTION_MAX] = "{\"op\":\"release\",\"id\":";
	char answer[ANSWER_MAX];
	int r;

	if (!put_string(message, sizeof(message), id) || !put_text(message, sizeof(message), "}"))
		return -E2BIG;
	r = ask(fd, "release", id, message, answer, sizeof(answer), timeout_ms);
	if (r < 0)
		return r;
	return get_bool(answer, "ok") ? 0 : -ENOENT;
}

static void get_pool(const char *object, struct faasmat_pool *p)
{
	memset(p, 0, sizeof(*p));
	get_string(object, "pool", p->pool, sizeof(p->pool));
	get_string(object, "function", p->function, sizeof(p->function));
	get_string(object, "cgroup", p->cgroup, sizeof(p->cgroup));
	p->admitted_bytes = get_number(object, "admitted_bytes");
	p->used_bytes = get_number(object, "used_bytes");
	p->admitted_containers = get_number(object, "admitted_containers");
	p->used_containers = get_number(object, "used_containers");
	p->planned = get_bool(object, "planned");
}

int faasmat_table(int fd, int timeout_ms, void (*fn)(void *arg, const struct faasmat_pool *p),
		  void *arg)
{
	char *answer = malloc(TABLE_MAX);
	struct faasmat_pool pool;
	const char *p;
	int r;

	if (!answer)
		return -ENOMEM;
	r = ask(fd, "table", NULL, "{\"op\":\"table\"}", answer, TABLE_MAX, timeout_ms);
	p = r < 0 ? NULL : member(answer, "pools");
	if (r == 0 && (!p || *p++ != '['))
		r = -EPROTO;
	while (r == 0 && *p == '{') {
		get_pool(p, &pool);
		fn(arg, &pool);
		p = skip_value(p);
		p += *p == ',';
	}
	free(answer);
	return r;
}

int faasmat_subscribe(int fd, int timeout_ms)
{
	char answer[ANSWER_MAX];
	int r = ask(fd, "subscribe", NULL, "{\"op\":\"subscribe\"}", answer, sizeof(answer),
		    timeout_ms);

	if (r < 0)
		return r;
	return get_bool(answer, "ok") ? 0 : -EPROTO;
}

int faasmat_next_change(int fd, int timeout_ms, struct faasmat_pool *ret)
{
	char answer[ANSWER_MAX];
	int r = receive(fd, answer, sizeof(answer), now_ms() + timeout_ms);

	if (r == 0)
		get_pool(answer, ret);
	return r;
}

/* --- the published table */

static int open_table(const char *socket_path, size_t *size)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + sizeof(FAASMAT_TABLE_SUFFIX)];
	struct stat st;
	int fd, r = 0;

	if (!socket_path)
		socket_path = FAASMAT_SOCKET;
	if ((size_t)snprintf(path, sizeof(path), "%s" FAASMAT_TABLE_SUFFIX, socket_path) >=
	    sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) ||
		 (st.st_mode & 022))
		r = -EPERM;
	else if (st.st_size < (off_t)sizeof(struct faasmat_table_header))
		r = -EPROTO;
	if (r < 0) {
		close(fd);
		return r;
	}
	*size = (size_t)st.st_size;
	return fd;
}

/* Copies the table out; -EBUSY when no quiet moment is found. */
static int copy_table(const struct faasmat_table_header *h, size_t size, struct faasmat_pool *out,
		      uint32_t *count)
{
	const struct faasmat_pool *from = (const void *)(h + 1);

	const struct timespec moment = { .tv_nsec = 50000 };

	/* A writer that lost its processor in the middle needs some milliseconds to get it back. */
	for (int attempt = 0; attempt < 100; attempt++) {
		uint64_t before = __atomic_load_n(&h->sequence, __ATOMIC_ACQUIRE);
		uint32_t n = h->count;

		if (before % 2 || n > (size - sizeof(*h)) / sizeof(*from) ||
		    n > FAASMAT_TABLE_MAX) {
			if (attempt > 10)
				nanosleep(&moment, NULL);
			continue;
		}
		memcpy(out, from, n * sizeof(*from));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&h->sequence, __ATOMIC_RELAXED) != before)
			continue;
		*count = n;
		return 0;
	}
	return -EBUSY;
}

static void end_texts(struct faasmat_pool *p)
{
	p->pool[sizeof(p->pool) - 1] = '\0';
	p->function[sizeof(p->function) - 1] = '\0';
	p->cgroup[sizeof(p->cgroup) - 1] = '\0';
}

static int read_table(const struct faasmat_table_header *h, size_t size,
		      void (*fn)(void *arg, const struct faasmat_pool *p), void *arg)
{
	struct faasmat_pool *copy;
	uint32_t n = 0;
	int r;

	if (memcmp(h->magic, FAASMAT_TABLE_MAGIC, sizeof(h->magic)) != 0 ||
	    h->version != FAASMAT_TABLE_VERSION || h->entry_bytes != sizeof(*copy))
		return -EPROTO;
	/* Never touched beyond what is copied, so the unused rest costs no memory. */
	copy = malloc(FAASMAT_TABLE_MAX * sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	r = copy_table(h, size, copy, &n);
	for (uint32_t i = 0; i < n && r == 0; i++) {
		end_texts(&copy[i]);
		fn(arg, &copy[i]);
	}
	free(copy);
	return r;
}

int faasmat_published(const char *socket_path, void (*fn)(void *arg, const struct faasmat_pool *p),
		      void *arg)
{
	size_t size;
	void *map;
	int fd = open_table(socket_path, &size), r;

	if (fd < 0)
		return fd;
	/* The governor replaces the file, it never cuts it: no SIGBUS. */
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	r = map == MAP_FAILED ? -errno : read_table(map, size, fn, arg);
	if (map != MAP_FAILED)
		munmap(map, size);
	close(fd);
	return r;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/admission.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"

#define RETRY_NS (NS_PER_S / 2)
#define MESSAGE_BYTES 65536

struct message {
	struct message *next;
	size_t len;
	char text[];
};

static void forget_messages(struct admission *a)
{
	struct message *m;

	while ((m = a->first)) {
		a->first = m->next;
		free(m);
	}
	a->last = NULL;
}

static void lose(struct admission *a)
{
	if (a->source.fd < 0)
		return;
	node_close_source(a->node, &a->source);
	a->retry_ns = clock_monotonic_ns() + RETRY_NS;
	forget_messages(a);
	log_warning("%s: the governor is gone; going on with its last table", a->path);
	a->events->lost(a->arg);
}

/* Sends what waits, as far as the socket takes it. */
static void flush(struct admission *a)
{
	struct message *m;

	while ((m = a->first)) {
		if (send(a->source.fd, m->text, m->len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
			if (errno == EAGAIN || errno == ENOBUFS)
				node_watch(a->node, &a->source, EPOLLIN | EPOLLOUT);
			else
				lose(a);
			return;
		}
		a->first = m->next;
		free(m);
	}
	a->last = NULL;
}

/* Takes the message over. Without a governor it goes nowhere: reconnecting tells all there is. */
static void send_json(struct admission *a, json_t *json)
{
	size_t len = json ? json_dumpb(json, NULL, 0, JSON_COMPACT) : 0;
	struct message *m = len && a->source.fd >= 0 ? malloc(sizeof(*m) + len) : NULL;

	if (m) {
		m->next = NULL;
		m->len = len;
		json_dumpb(json, m->text, len, JSON_COMPACT);
		if (a->last)
			a->last->next = m;
		else
			a->first = m;
		a->last = m;
	}
	json_decref(json);
	if (m && a->first == m)
		flush(a);
}

void admission_reserve(struct admission *a, const char *id, const char *function, int64_t bytes)
{
	send_json(a, json_pack("{s:s, s:s, s:s, s:I}", "op", "reserve", "id", id, "function",
			       function, "bytes", (json_int_t)bytes));
}

void admission_reserve_existing(struct admission *a, const char *id, const char *function,
				int64_t bytes, const char *pool)
{
	send_json(a,
		  json_pack("{s:s, s:s, s:s, s:I, s:b, s:s}", "op", "reserve", "id", id, "function",
			    function, "bytes", (json_int_t)bytes, "existing", 1, "pool", pool));
}

void admission_release(struct admission *a, const char *id)
{
	send_json(a, json_pack("{s:s, s:s}", "op", "release", "id", id));
}

void admission_ask_table(struct admission *a)
{
	send_json(a, json_pack("{s:s}", "op", "table"));
}

static const char *text_of(const json_t *o, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : otherwise;
}

static void handle_pool(struct admission *a, const json_t *o)
{
	const json_t *containers = json_object_get(o, "admitted_containers");
	struct admission_pool p = {
		.pool = text_of(o, "pool", ""),
		.function = text_of(o, "function", ""),
		.cgroup = text_of(o, "cgroup", NULL),
		.admitted_bytes = json_integer_value(json_object_get(o, "admitted_bytes")),
		.admitted_containers = json_is_integer(containers) ? json_integer_value(containers)
								   : -1,
	};

	a->events->pool(a->arg, &p);
}

static void handle_message(struct admission *a, const json_t *o)
{
	const char *op = text_of(o, "op", "");
	const json_t *row;
	size_t i;

	if (strcmp(op, "reserve") == 0) {
		bool ok = json_is_true(json_object_get(o, "ok"));

		a->events->reserved(a->arg, text_of(o, "id", ""), ok, text_of(o, "pool", NULL),
				    ok ? text_of(o, "cgroup", NULL) : NULL);
	} else if (strcmp(op, "change") == 0) {
		handle_pool(a, o);
	} else if (strcmp(op, "table") == 0) {
		json_array_foreach(json_object_get(o, "pools"), i, row) handle_pool(a, row);
		a->events->table_end(a->arg);
	}
}

static void socket_ready(struct event_source *source, uint32_t events)
{
	struct admission *a =
		(struct admission *)((char *)source - offsetof(struct admission, source));
	static char text[MESSAGE_BYTES];
	json_error_t error;
	json_t *json;
	ssize_t n;

	if (events & EPOLLOUT) {
		node_watch(a->node, source, EPOLLIN);
		flush(a);
	}
	while (a->source.fd >= 0) {
		n = recv(a->source.fd, text, sizeof(text), MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			lose(a);
			return;
		}
		json = json_loadb(text, n, 0, &error);
		if (json)
			handle_message(a, json);
		else
			log_warning("%s: a message that is no JSON: %s", a->path, error.text);
		json_decref(json);
	}
}

static int try_connect(struct admission *a)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(a->path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, a->path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	a->source = (struct event_source){ socket_ready, fd };
	r = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	if (r == 0)
		r = node_watch(a->node, &a->source, EPOLLIN);
	if (r < 0) {
		close(fd);
		a->source.fd = -1;
		a->retry_ns = clock_monotonic_ns() + RETRY_NS;
		return r;
	}
	/* What exists first, so that the table that follows is already right. */
	a->events->connected(a->arg);
	send_json(a, json_pack("{s:s}", "op", "subscribe"));
	admission_ask_table(a);
	return 0;
}

int admission_open(struct admission *a, struct node *n, const char *path,
		   const struct admission_events *events, void *arg)
{
	*a = (struct admission){
		.node = n, .path = path, .source.fd = -1, .events = events, .arg = arg
	};
	return try_connect(a);
}

void admission_tick(struct admission *a, int64_t now_ns)
{
	if (a->source.fd < 0 && a->path && now_ns >= a->retry_ns && try_connect(a) == 0)
		log_info("%s: the governor is back", a->path);
}

int64_t admission_next_ns(const struct admission *a)
{
	return a->source.fd < 0 && a->path ? a->retry_ns : INT64_MAX;
}

void admission_close(struct admission *a)
{
	if (a->source.fd >= 0)
		close(a->source.fd);
	forget_messages(a);
	*a = (struct admission){ .source.fd = -1 };
}

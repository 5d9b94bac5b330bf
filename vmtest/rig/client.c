// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "common/parse.h"
#include "common/util.h"
#include "vmtest/rig/http.h"

static void disconnect(struct instance *i)
{
	node_close_source(i->node, &i->connection);
	i->in_len = 0;
}

static int connect_to_proxy(struct instance *i)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(i->port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, r;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno != EINPROGRESS) {
		r = -errno;
		close(fd);
		return r;
	}
	i->connection.fd = fd;
	return node_watch(i->node, &i->connection, EPOLLIN);
}

/* Hands the kernel what is left of the request. */
static int flush(struct instance *i)
{
	ssize_t n = send(i->connection.fd, i->out, i->out_len, MSG_NOSIGNAL);

	/* ENOTCONN: the connection is still being made. */
	if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
		n = 0;
	if (n < 0)
		return -errno;
	i->out_len -= n;
	if (!i->out_len)
		return 0;
	memmove(i->out, i->out + n, i->out_len);
	return node_watch(i->node, &i->connection, EPOLLIN | EPOLLOUT);
}

static void send_request(struct instance *i, const char *path, const char *body, bool close)
{
	ssize_t n = http_post(i->out, sizeof(i->out), path, body, close);
	int r = n < 0 ? (int)n : 0;

	i->awaiting = true;
	if (r == 0 && i->connection.fd < 0)
		r = connect_to_proxy(i);
	if (r == 0) {
		i->out_len = n;
		r = flush(i);
	}
	if (r < 0)
		node_tell_died(i);
}

void node_send_init(struct instance *i)
{
	char body[INSTANCE_ID_BYTES + 128];

	/* The id is escaped: nothing in it needs quoting. */
	snprintf(body, sizeof(body),
		 "{\"value\":{\"name\":\"%s\",\"main\":\"main\",\"binary\":false,\"code\":\"\"}}",
		 i->id);
	i->inits++;
	send_request(i, "/init", body, i->node->fresh);
}

void node_send_run(struct instance *i, const char *body)
{
	i->sent++;
	send_request(i, "/run", body, i->node->fresh);
}

static void take_response(struct instance *i)
{
	int status = 0;
	ssize_t n = http_response(i->in, i->in_len, &status);

	if (n < 0 || (n == 0 && i->in_len == sizeof(i->in)) || (n > 0 && !i->awaiting)) {
		node_tell_died(i);
		return;
	}
	if (n == 0)
		return;
	memmove(i->in, i->in + n, i->in_len - n);
	i->in_len -= n;
	i->awaiting = false;
	if (i->node->fresh)
		disconnect(i);
	i->node->events->response(i->node->arg, i, status);
}

void client_ready(struct event_source *source, uint32_t events)
{
	struct instance *i =
		(struct instance *)((char *)source - offsetof(struct instance, connection));
	ssize_t n;

	if (events & EPOLLOUT) {
		node_watch(i->node, source, EPOLLIN);
		if (flush(i) < 0) {
			node_tell_died(i);
			return;
		}
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = recv(source->fd, i->in + i->in_len, sizeof(i->in) - i->in_len, 0);
	if (n > 0) {
		i->in_len += n;
		take_response(i);
		return;
	}
	if (n < 0 && errno == EAGAIN)
		return;
	/* No more events of a dead connection; what became of the process shows by its pidfd. */
	disconnect(i);
	node_tell_died(i);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The action proxy: the one process of a container. OpenWhisk's contract: POST /init once (403
 * afterwards), POST /run as often as one likes, a line on stdout and stderr after every activation.
 * /init takes the function's memory by touching it and the rest of its cold time by sleeping; /run
 * takes the warm time. A run's body may ask for another time or for more memory:
 *   {"value":{"duration_us":N}}   {"value":{"take_bytes":N}}
 *
 * It is static and keeps off stdio and malloc, because what it takes for itself is multiplied by
 * hundreds of containers.
 */
#include "vmtest/rig/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 8
#define REQUEST_BYTES 2048
#define PAGE_BYTES 4096
#define HUGE_BYTES (2 * 1024 * 1024LL)

struct connection {
	int fd;
	size_t len;
	char buffer[REQUEST_BYTES + 1];
};

static struct {
	int64_t index, touch_bytes, start_ns, init_ns, warm_ns;
	bool initialised;
	int listener;
	struct connection connection[MAX_CONNECTIONS];
} proxy;

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void sleep_until(int64_t t_ns)
{
	struct timespec ts = { .tv_sec = t_ns / 1000000000, .tv_nsec = t_ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

/* Writes to every page, in the kernel where it can (5.14). */
static void touch(char *p, int64_t bytes)
{
	if (bytes <= 0 || madvise(p, bytes, MADV_POPULATE_WRITE) == 0)
		return;
	for (int64_t i = 0; i < bytes; i += PAGE_BYTES)
		((volatile char *)p)[i] = 1;
}

/*
 * Takes `bytes` for good. Whole huge pages first: what is charged is the same to the page, and an
 * emulated CPU takes 3 us for 4 KiB of a huge page, but 12 us for a small one.
 */
static bool take_memory(int64_t bytes)
{
	int64_t huge = bytes / HUGE_BYTES * HUGE_BYTES;
	char *p;

	if (bytes <= 0)
		return true;
	p = mmap(NULL, bytes + HUGE_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return false;
	p = (char *)(((uintptr_t)p + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1));
	madvise(p, huge, MADV_HUGEPAGE);
	madvise(p + huge, bytes - huge, MADV_NOHUGEPAGE);
	touch(p, huge);
	touch(p + huge, bytes - huge);
	return true;
}

/* The number that follows "key": in the body, or -1. The proxy's callers are the rig and its tests:
 * this is no JSON parser, and a body that it does not understand asks for nothing. */
static int64_t body_number(const char *body, const char *key)
{
	const char *p = strstr(body, key);

	if (!p)
		return -1;
	p += strlen(key);
	while (*p == '"' || *p == ' ' || *p == ':')
		p++;
	return *p >= '0' && *p <= '9' ? strtoll(p, NULL, 10) : -1;
}

static void write_all(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t r = write(fd, data, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return;
		data += r;
		n -= r;
	}
}

#define RESPONSE(status, length, body)                                                     \
	"HTTP/1.1 " status "\r\nContent-Type: application/json\r\nContent-Length: " length \
	"\r\n\r\n" body

static const char *init(void)
{
	if (proxy.initialised)
		return RESPONSE("403 Forbidden", "57",
				"{\"error\":\"Cannot initialize the action more than once.\"}\n");
	if (!take_memory(proxy.touch_bytes))
		return RESPONSE("502 Bad Gateway", "27", "{\"error\":\"out of memory.\"}\n");
	sleep_until(proxy.start_ns + proxy.init_ns);
	proxy.initialised = true;
	return RESPONSE("200 OK", "12", "{\"ok\":true}\n");
}

static const char *run(const char *body, int64_t received_ns)
{
	int64_t duration_us = body_number(body, "duration_us");
	int64_t take_bytes = body_number(body, "take_bytes");

	if (!proxy.initialised)
		return RESPONSE("403 Forbidden", "36", "{\"error\":\"Not initialized as yet.\"}\n");
	if (!take_memory(take_bytes))
		return RESPONSE("502 Bad Gateway", "27", "{\"error\":\"out of memory.\"}\n");
	sleep_until(received_ns + (duration_us >= 0 ? duration_us * 1000 : proxy.warm_ns));
	write_all(STDOUT_FILENO, PROXY_SENTINEL, sizeof(PROXY_SENTINEL) - 1);
	write_all(STDERR_FILENO, PROXY_SENTINEL, sizeof(PROXY_SENTINEL) - 1);
	return RESPONSE("200 OK", "3", "{}\n");
}

/* Bytes of the complete request at the buffer's start, 0 when more must come, -1 when it never will
 * fit. *body points into the buffer. */
static ssize_t request_length(struct connection *c, const char **body)
{
	char *end, *field;
	int64_t length = 0;
	size_t total;

	c->buffer[c->len] = '\0';
	end = strstr(c->buffer, "\r\n\r\n");
	if (!end)
		return c->len == REQUEST_BYTES ? -1 : 0;
	field = strcasestr(c->buffer, "\r\nContent-Length:");
	if (field && field < end)
		length = strtoll(field + 17, NULL, 10);
	*body = end + 4;
	if (length < 0 || length > REQUEST_BYTES - (end + 4 - c->buffer))
		return -1;
	total = end + 4 - c->buffer + length;
	return c->len >= total ? (ssize_t)total : 0;
}

static const char *answer(const char *request, const char *body, int64_t received_ns)
{
	if (strncmp(request, "POST /run ", 10) == 0)
		return run(body, received_ns);
	if (strncmp(request, "POST /init ", 11) == 0)
		return init();
	return RESPONSE("404 Not Found", "0", "");
}

static void close_connection(struct connection *c)
{
	close(c->fd);
	c->fd = -1;
}

static void serve_requests(struct connection *c)
{
	int64_t received_ns = now_ns();

	for (;;) {
		const char *body, *response, *closing;
		ssize_t n = request_length(c, &body);
		bool last;
		char after;

		if (n < 0)
			close_connection(c);
		if (n <= 0)
			return;
		/* A pipelined request behind this one must not be read as part of its body. */
		after = c->buffer[n];
		c->buffer[n] = '\0';
		closing = strcasestr(c->buffer, "\r\nConnection: close");
		last = closing && closing < body;
		response = answer(c->buffer, body, received_ns);
		write_all(c->fd, response, strlen(response));
		if (last) {
			close_connection(c);
			return;
		}
		c->buffer[n] = after;
		memmove(c->buffer, c->buffer + n, c->len - n);
		c->len -= n;
		received_ns = now_ns();
	}
}

static void read_connection(struct connection *c)
{
	ssize_t n = read(c->fd, c->buffer + c->len, REQUEST_BYTES - c->len);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		close_connection(c);
		return;
	}
	c->len += n;
	serve_requests(c);
}

static void accept_connection(void)
{
	struct connection *c = NULL;
	int one = 1;

	for (int i = 0; i < MAX_CONNECTIONS && !c; i++)
		if (proxy.connection[i].fd < 0)
			c = &proxy.connection[i];
	if (!c)
		return;
	c->fd = accept4(proxy.listener, NULL, NULL, SOCK_NONBLOCK);
	if (c->fd < 0)
		return;
	c->len = 0;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* The first request usually came with the connection: saves a turn of poll. */
	read_connection(c);
}

static void serve(void)
{
	struct pollfd fds[1 + MAX_CONNECTIONS];
	struct connection *of[1 + MAX_CONNECTIONS];

	for (;;) {
		int n = 1;

		for (int i = 0; i < MAX_CONNECTIONS; i++) {
			if (proxy.connection[i].fd < 0)
				continue;
			of[n] = &proxy.connection[i];
			fds[n] = (struct pollfd){ .fd = of[n]->fd, .events = POLLIN };
			n++;
		}
		/* With every place taken, newcomers wait in the backlog. */
		fds[0] = (struct pollfd){ .fd = n <= MAX_CONNECTIONS ? proxy.listener : -1,
					  .events = POLLIN };
		if (poll(fds, n, -1) < 0)
			continue;
		for (int i = 1; i < n; i++)
			if (fds[i].revents)
				read_connection(of[i]);
		if (fds[0].revents)
			accept_connection();
	}
}

/* Listens on a port of 127.0.0.1 that the kernel chooses: none can be taken twice. */
static int listen_somewhere(uint32_t *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 64) < 0 || getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return -1;
	*port = ntohs(address.sin_port);
	return fd;
}

static void notify(int fd, uint32_t port)
{
	struct proxy_ready ready = { .index = proxy.index, .port = port };

	write_all(fd, (const char *)&ready, sizeof(ready));
	close(fd);
}

int main(int argc, char **argv)
{
	static const char wrong[] = "proxy: INDEX TOUCH_BYTES START_NS INIT_NS WARM_NS NOTIFY_FD\n";
	uint32_t port;

	if (argc != PROXY_ARGUMENTS) {
		write_all(STDERR_FILENO, wrong, sizeof(wrong) - 1);
		return 2;
	}
	proxy.index = strtoll(argv[PROXY_INDEX], NULL, 10);
	proxy.touch_bytes = strtoll(argv[PROXY_TOUCH_BYTES], NULL, 10);
	proxy.start_ns = strtoll(argv[PROXY_START_NS], NULL, 10);
	proxy.init_ns = strtoll(argv[PROXY_INIT_NS], NULL, 10);
	proxy.warm_ns = strtoll(argv[PROXY_WARM_NS], NULL, 10);
	for (int i = 0; i < MAX_CONNECTIONS; i++)
		proxy.connection[i].fd = -1;
	/* The default slack of 50 us would be a tenth of a short warm time. */
	prctl(PR_SET_TIMERSLACK, 1);
	signal(SIGPIPE, SIG_IGN);
	proxy.listener = listen_somewhere(&port);
	if (proxy.listener < 0)
		return 1;
	notify(strtol(argv[PROXY_NOTIFY_FD], NULL, 10), port);
	serve();
}

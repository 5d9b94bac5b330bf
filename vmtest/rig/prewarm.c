// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/prewarm.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "vmtest/rig/replay_state.h"

static void take_line(struct replay *r, const char *line, size_t len)
{
	json_error_t error;
	json_t *json = json_loadb(line, len, 0, &error);
	const char *name = json_string_value(json_object_get(json, "function"));
	int function = name ? trace_find(r->o->trace, name) : -ENOENT;

	if (!json)
		log_warning("%s: a line that is no JSON: %s", r->o->prewarm, error.text);
	if (function >= 0)
		invoker_prewarm(&r->invoker, function,
				json_integer_value(json_object_get(json, "containers")),
				clock_monotonic_ns());
	json_decref(json);
}

static void take_lines(struct replay *r)
{
	struct prewarm *p = &r->prewarm;
	char *begin = p->text, *end;

	while ((end = memchr(begin, '\n', p->text + p->len - begin))) {
		take_line(r, begin, end - begin);
		begin = end + 1;
	}
	p->len -= begin - p->text;
	memmove(p->text, begin, p->len);
	if (p->len == sizeof(p->text)) {
		log_warning("%s: a line of more than %d bytes", r->o->prewarm, PREWARM_LINE_BYTES);
		p->len = 0;
	}
}

static void fifo_ready(struct event_source *source, _unused_ uint32_t events)
{
	struct prewarm *p = (struct prewarm *)((char *)source - offsetof(struct prewarm, source));
	struct replay *r = (struct replay *)((char *)p - offsetof(struct replay, prewarm));
	ssize_t n;

	while ((n = read(source->fd, p->text + p->len, sizeof(p->text) - p->len)) > 0) {
		p->len += n;
		take_lines(r);
	}
}

int prewarm_open(struct replay *r, const char *path)
{
	/* Also for writing, so that it does not end when a command does. */
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC), err;

	if (fd < 0)
		return log_error_errno(-errno, "%s", path);
	r->prewarm.source = (struct event_source){ fifo_ready, fd };
	err = node_watch(&r->node, &r->prewarm.source, EPOLLIN);
	return err < 0 ? log_error_errno(err, "%s cannot be waited for (mkfifo)", path) : 0;
}

void prewarm_close(struct replay *r)
{
	node_close_source(&r->node, &r->prewarm.source);
}

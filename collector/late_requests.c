// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "collector/late.h"
#include "identity/request.h"

#define CONNECTIONS 256
/* What the kernel copies of one segment. A name that stands further behind is not found. */
#define TEXT_MAX (LATE_PIECES * LATE_TEXT)

/* The request that a connection is receiving, from its first byte on and without a hole. */
struct connection {
	uint64_t cgroup, socket, used;
	uint32_t next_seq;
	uint32_t bytes;
	char *text;
};

struct late_requests {
	struct connection connection[CONNECTIONS];
	uint64_t clock;
};

struct late_requests *late_requests_new(void)
{
	return calloc(1, sizeof(struct late_requests));
}

void late_requests_free(struct late_requests *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < CONNECTIONS; i++)
		free(l->connection[i].text);
	free(l);
}

static void drop(struct connection *c)
{
	free(c->text);
	*c = (struct connection){ 0 };
}

static struct connection *find(struct late_requests *l, const struct late_piece *p)
{
	struct connection *oldest = &l->connection[0];

	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &l->connection[i];

		if (c->text && c->socket == p->socket && c->cgroup == p->cgroup)
			return c;
		if (c->used < oldest->used)
			oldest = c;
	}
	drop(oldest);
	oldest->cgroup = p->cgroup;
	oldest->socket = p->socket;
	oldest->text = malloc(TEXT_MAX);
	return oldest;
}

bool late_requests_add(struct late_requests *l, const void *piece, size_t size, char *action,
		       size_t action_size)
{
	const struct late_piece *p = piece;
	enum request_outcome outcome;
	struct connection *c;

	if (size < sizeof(*p) || p->bytes > LATE_TEXT)
		return false;
	c = find(l, p);
	if (!c->text)
		return false;
	c->used = ++l->clock;
	/* A new request, or the next bytes of the one that is under way; anything else is a hole. */
	if (p->bytes >= 5 && memcmp(p->text, "POST ", 5) == 0 &&
	    (c->bytes == 0 || p->seq != c->next_seq))
		c->bytes = 0;
	else if (c->bytes == 0 || p->seq != c->next_seq)
		return false;
	if (c->bytes + p->bytes > TEXT_MAX) {
		drop(c);
		return false;
	}
	memcpy(c->text + c->bytes, p->text, p->bytes);
	c->bytes += p->bytes;
	c->next_seq = p->seq + p->bytes;
	outcome = request_action(c->text, c->bytes, action, action_size);
	if (outcome != REQUEST_MORE)
		drop(c);
	return outcome == REQUEST_FOUND;
}

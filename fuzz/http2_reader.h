/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bpf/http2.h in user space: a stream's pieces, for its tests, too; each on the heap so that a read behind it is seen. */
#ifndef FAASMAT_FUZZ_HTTP2_READER_H
#define FAASMAT_FUZZ_HTTP2_READER_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/wire.h"

#include "bpf/frames.h"

#define MOST_SEEN 256

/* What was found, in order. */
struct h2_seen {
	struct h2_finding found[MOST_SEEN];
	size_t n;
};

struct h2_piece {
	struct h2_feed feed;
	const char *bytes;
	struct h2_seen *seen;
};

static bool h2_load(struct h2_feed *feed, void *to, __u32 offset, __u32 n)
{
	const struct h2_piece *p = (const struct h2_piece *)feed;

	if (n == 0 || n > H2_ROOM / 2)
		abort();
	memcpy(to, p->bytes + offset, n);
	return true;
}

static void h2_found(struct h2_feed *feed, const struct h2_finding *found, int is_response)
{
	struct h2_piece *p = (struct h2_piece *)feed;

	(void)is_response;
	if (p->seen->n < MOST_SEEN)
		p->seen->found[p->seen->n] = *found;
	p->seen->n++;
}

/* One segment, of which the first byte has the number `seq`. Returns the next number to look at. */
static inline __u32 h2_feed_piece(struct h2_reader *r, struct h2_seen *seen, const char *bytes,
				  __u32 n, __u32 seq, int is_response)
{
	struct h2_piece p = { .feed = { .bytes = n }, .seen = seen };
	char *copy = malloc(n);
	__u32 steps = 0;

	if (!copy)
		abort();
	memcpy(copy, bytes, n);
	p.bytes = copy;
	while (!h2_step(&p.feed, r, is_response))
		if (++steps > 2 * n + 8)
			abort();
	free(copy);
	return h2_next_seq(r, seq + n, false);
}

#endif

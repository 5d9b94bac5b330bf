/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Feeds one segment's bytes to a stream's parser: fills the window, passes over bodies, keeps what a
 * head has begun for the next segment. Pure but for stream_load() and stream_found(), which the file
 * that includes this defines.
 */
#ifndef FAASMAT_BPF_STREAM_H
#define FAASMAT_BPF_STREAM_H

#include "bpf/http1.h"

/* As far ahead as a sequence number is compared: the rest of a longer body stays in `left`. */
#define STREAM_AHEAD (1U << 30)

struct stream_feed {
	struct http_stream *h;
	void *source;	     /* where stream_load() reads, and what stream_found() works on */
	__u32 offset, bytes; /* the segment in the source */
	__u32 pos;	     /* how much of it is in the window or passed over */
	__u32 at, n;	     /* window[at..n) is not done with */
	__u32 is_response;
	__u32 wants_agent; /* whether HTTP_AGENT is asked for */
	__u32 ack;	   /* acknowledgement number that came with it */
};

/* Copies source[offset..offset+n), n at most HTTP_LOAD; false when it cannot. */
static bool stream_load(struct stream_feed *f, void *to, __u32 offset, __u32 n);
static void stream_found(struct stream_feed *f, const struct http_finding *found);

/* At most HTTP_LOOK: what the verifier of 6.1 forgets when the compiler spills it. */
static __always_inline __u32 carried(__u32 n)
{
	n &= 63;
#ifdef __bpf__
	asm volatile("" : "+r"(n));
#endif
	return n;
}

HTTP_ONCE int move_to_front(struct http_stream *h, __u32 at, __u32 n)
{
	if (!h)
		return 0;
	for (__u32 i = 0; i < HTTP_LOOK && i < n; i += 8)
		PUT_WORD(&h->window[i], word_at(h, at + i));
	return 0;
}

/* False when the segment has no more. */
static __always_inline bool refill(struct stream_feed *f)
{
	struct http_stream *h = f->h;
	__u32 left = f->n - f->at, take = f->bytes - f->pos;

	if (left > HTTP_LOOK || take > f->bytes) {
		h->phase = HTTP_LOST;
		return false;
	}
	if (f->at && left)
		move_to_front(h, f->at, left);
	f->at = 0;
	f->n = left;
	if (take > HTTP_LOAD)
		take = HTTP_LOAD;
	if (!take || !stream_load(f, &h->window[carried(left)], f->offset + f->pos, take))
		return false;
	f->n += take;
	f->pos += take;
	return true;
}

/* False when the segment ends inside the body. */
static __always_inline bool pass_body(struct stream_feed *f)
{
	struct http_stream *h = f->h;
	__u32 have = f->n - f->at, rest = f->bytes - f->pos;

	if (h->left <= have) {
		f->at += h->left;
		h->left = 0;
	} else {
		h->left -= have;
		f->at = f->n = 0;
		if (h->left < rest)
			rest = h->left;
		f->pos += rest;
		h->left -= rest;
		if (h->left)
			return false;
	}
	if (h->flags & HTTP_CHUNKED)
		h->phase = HTTP_CHUNK;
	else
		begin_message(h);
	return true;
}

static __always_inline void found_head(struct stream_feed *f, struct http_finding *found)
{
	stream_found(f, found);
	if (f->h->phase == HTTP_START)
		begin_message(f->h);
}

/* One step; 1 when the segment is done with. */
static __always_inline long feed_step(struct stream_feed *f)
{
	struct http_finding found = { .wants_agent = f->wants_agent };
	struct http_stream *h = f->h;
	__u32 used;

	if (h->phase == HTTP_BODY)
		return !pass_body(f);
	used = http_step(h, f->at, f->n, f->is_response, &found);
	f->at += used;
	if (found.found) {
		if (found.found == HTTP_HEAD)
			found_head(f, &found);
		else
			stream_found(f, &found);
		return found.found == HTTP_PREFACE;
	}
	if (used)
		return 0;
	return h->phase >= HTTP_LOST || !refill(f);
}

static __always_inline void begin_feed(struct stream_feed *f)
{
	f->at = 0;
	f->n = f->h->carry;
	if (f->n > HTTP_LOOK)
		f->n = 0;
	if (f->h->phase == HTTP_JOINED) {
		f->h->flags |= HTTP_JOINING;
		begin_message(f->h);
		f->n = 0;
	}
	if (f->h->phase < HTTP_BODY)
		refill(f);
}

/* A body's bytes to come are passed over by its length: next_seq lies behind them. */
static __always_inline void pass_ahead(struct http_stream *h)
{
	__u32 ahead = h->left < STREAM_AHEAD ? h->left : STREAM_AHEAD;

	if (h->phase != HTTP_BODY)
		return;
	h->next_seq += ahead;
	h->left -= ahead;
	if (!h->left && !(h->flags & HTTP_CHUNKED))
		begin_message(h);
}

/* Afterwards: where the stream stands. `seq` is the segment's first byte's. With `has_kept`, segments
 * that came early follow, and the body's end may lie in one of them: it is not passed over ahead. */
static __always_inline void end_feed(struct stream_feed *f, __u32 seq, bool has_kept)
{
	struct http_stream *h = f->h;

	h->carry = h->phase < HTTP_BODY ? f->n - f->at : 0;
	h->next_seq = seq + f->bytes;
	if (!has_kept)
		pass_ahead(h);
}

/* How many of a segment's bytes feed_whole_head() looks at, at most. */
static __always_inline __u32 head_room(const struct http_stream *h)
{
	return h->carry ? HTTP_LOAD : HTTP_WINDOW;
}

/*
 * The common case: a stream between two messages, and a head that lies whole in window[0..n), behind what
 * the window carried a segment's first bytes. Afterwards next_seq lies behind the head, and behind its body
 * where the head says how long that is. False when it is not so simple; then the stream is as it was.
 */
static __always_inline bool feed_whole_head(struct http_stream *h, __u32 n,
					    struct http_finding *found)
{
	__u32 used = http_whole_head(h, n, found);

	if (used <= h->carry) {
		begin_message(h);
		return false;
	}
	h->next_seq += used - h->carry;
	h->carry = 0;
	if (h->phase == HTTP_START)
		begin_message(h);
	pass_ahead(h);
	return true;
}

#endif

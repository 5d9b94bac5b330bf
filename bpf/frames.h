/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Feeds one segment's bytes to a reader of HTTP/2 frames. Pure but for h2_load() and h2_found(), which the
 * file that includes this defines.
 */
#ifndef FAASMAT_BPF_FRAMES_H
#define FAASMAT_BPF_FRAMES_H

#include "bpf/http2.h"

/* One segment's bytes for a reader; the first member of what the including file adds to it. */
struct h2_feed {
	__u32 offset, bytes; /* the segment in the source */
	__u32 pos;	     /* how much of it is done with */
};

/* Copies the source's bytes at [offset..offset+n), n at most H2_ROOM / 2; false when it cannot. */
static bool h2_load(struct h2_feed *f, void *to, __u32 offset, __u32 n);
static void h2_found(struct h2_feed *f, const struct h2_finding *found, int is_response);

/* Gathers what decides about a frame, of a response's head in one go; false when it cannot. */
static __always_inline bool h2_gather(struct h2_feed *f, struct h2_reader *r, int is_response)
{
	__u32 rest = f->bytes - f->pos, had = r->have, at = had, take;

	take = (is_response && !had ? H2_LOOK : h2_wanted(r, is_response)) - had;
	if (take > rest)
		take = rest;
	at &= H2_ROOM / 2 - 1;
#ifdef __bpf__
	asm volatile("" : "+r"(at));
#endif
	if (!h2_load(f, &r->bytes[at & (H2_ROOM / 2 - 1)], f->offset + f->pos, take)) {
		r->state |= H2_BROKEN;
		return false;
	}
	r->have = had + take;
	/* What is not of it belongs to the next frame. */
	take = h2_wanted(r, is_response);
	if (r->have > take)
		r->have = take;
	f->pos += r->have - had;
	return true;
}

/* One frame, or a part of one; 1 when the segment is done with. */
static __always_inline long h2_step(struct h2_feed *f, struct h2_reader *r, int is_response)
{
	__u32 rest = f->bytes - f->pos;
	struct h2_finding found = {};

	if (!rest || rest > f->bytes || r->state & H2_BROKEN)
		return 1;
	if (r->left) {
		if (rest > r->left)
			rest = r->left;
		r->left -= rest;
		f->pos += rest;
		return 0;
	}
	if (r->have < h2_wanted(r, is_response) && !h2_gather(f, r, is_response))
		return 1;
	if (r->have < h2_wanted(r, is_response))
		return 0;
	if (h2_read(r, is_response, &found))
		h2_found(f, &found, is_response);
	return f->pos == f->bytes;
}

/* After the segment's last step: the next sequence number to look at, behind what is passed over. With
 * `has_kept`, segments that came early follow, and the frame's end may lie in one of them. */
static __always_inline __u32 h2_next_seq(struct h2_reader *r, __u32 end, bool has_kept)
{
	__u32 left = r->left;

	if (has_kept)
		return end;
	r->left = 0;
	return end + left;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP/2 on TCP sockets: a part of http.bpf.c, which brings the segments in order. A request counts when
 * its HEADERS frame has begun; its response with the first HEADERS frame of the stream that the server
 * sends and that is not known to be an interim one. Global functions, as there.
 */
#ifndef FAASMAT_BPF_HTTP2_STREAMS_H
#define FAASMAT_BPF_HTTP2_STREAMS_H

#include "bpf/frames.h"

/* A part of the client's bytes, in the packet or in a kept piece. */
struct h2_span {
	__u32 payload, bytes; /* where the segment is */
	__u32 seq;
	__u32 pos;	/* where in it to begin */
	__u32 is_early; /* the connection is not made yet */
};

struct h2_packet {
	struct h2_feed feed;
	__u32 is_made;
	struct __sk_buff *skb;
	struct piece *piece;
	struct connection *connection;
	struct h2_connection *h2;
};

__noinline int h2_unknown(struct connection *c, __u32 bytes)
{
	struct wire_invocations *counts = c ? counters_of(c->cgroup) : NULL;

	if (counts)
		add(counts->unsettled, most_heads(bytes, H2_HEADER));
	return 0;
}

static __always_inline struct h2_slot *h2_place(struct h2_connection *h2, __u32 stream, __u32 i)
{
	__u32 at = ((stream >> 1) + i) & (H2_STREAMS - 1);

	asm volatile("" : "+r"(at));
	return &h2->slots[at & (H2_STREAMS - 1)];
}

static __always_inline struct h2_slot *h2_find(struct h2_connection *h2, __u32 stream)
{
	for (__u32 i = 0; i < H2_PLACES; i++) {
		struct h2_slot *slot = h2_place(h2, stream, i);

		if ((slot->stream & ~H2_ANSWERED) == stream)
			return slot;
	}
	return NULL;
}

/* A new stream. Without `is_made` the connection counts it when it is made itself. */
static __always_inline void h2_open(struct connection *c, struct h2_connection *h2, __u32 stream,
				    __u32 is_made)
{
	struct wire_config *config = read_settings();
	struct wire_invocations *counts = counters_of(c->cgroup);
	struct h2_slot *slot = NULL;
	__u64 waiting;

	if (!counts || !config)
		return;
	if (c->hop == HOP_SECOND) {
		add(counts->excluded, 1);
		return;
	}
	for (__u32 i = 0; i < H2_PLACES; i++) {
		slot = h2_place(h2, stream, i);
		if (!slot->stream)
			break;
		slot = NULL;
	}
	waiting = add(c->waiting, ONE_COUNTED + 1);
	if (slot) {
		slot->since_ns = bpf_ktime_get_ns();
		barrier();
		*(volatile __u32 *)&slot->stream = stream;
	} else {
		add(h2->untracked, 1);
		add(counts->unsettled_responses, 1);
	}
	if (!is_made)
		return;
	count_requests(counts, 1, config->sweep);
	if (waiting & CLOSED)
		count_aborted(counts, 1, config->sweep);
}

/* A stream that has no place has come to its end: that it was answered is known, not when. */
static __always_inline void h2_untracked_end(struct connection *c, struct h2_connection *h2,
					     struct wire_invocations *counts, __u32 found)
{
	if (!h2->untracked)
		return;
	add(h2->untracked, -1);
	add(c->waiting, -(ONE_COUNTED + 1));
	add(*(found == H2_RESET ? &counts->aborted : &counts->responses), 1);
}

static __always_inline void h2_answer(struct connection *c, struct h2_slot *slot,
				      struct wire_invocations *counts, const struct h2_finding *f,
				      __u32 sweep)
{
	__u64 since = slot->since_ns;

	if (f->status != 100 && __sync_val_compare_and_swap(&slot->stream, f->stream,
							    f->stream | H2_ANSWERED) == f->stream) {
		add(c->waiting, -(ONE_COUNTED + 1));
		count_response(counts, since, bpf_ktime_get_ns(), f->status == 500, sweep);
	}
}

/* One that has no place. */
static __always_inline void h2_go_on_untracked(struct connection *c, struct h2_connection *h2,
					       struct wire_invocations *counts,
					       const struct h2_finding *f)
{
	if (c->in.phase == HTTP_UNKNOWN && f->found == H2_RESPONSE)
		add(counts->unsettled_responses, 1);
	else if (f->found != H2_RESPONSE || f->is_last)
		h2_untracked_end(c, h2, counts, f->found);
}

/* What either end says of a stream that is open. */
static __always_inline void h2_go_on(struct connection *c, struct h2_connection *h2,
				     const struct h2_finding *f)
{
	struct wire_invocations *counts;
	struct wire_config *config;
	struct h2_slot *slot;

	if (c->hop == HOP_SECOND)
		return;
	slot = h2_find(h2, f->stream);
	if (f->found == H2_END && slot) {
		__sync_val_compare_and_swap(&slot->stream, f->stream | H2_ANSWERED, 0);
		return;
	}
	config = read_settings();
	counts = counters_of(c->cgroup);
	if (!counts || !config)
		return;
	if (!slot) {
		h2_go_on_untracked(c, h2, counts, f);
		return;
	}
	if (f->found == H2_RESPONSE) {
		h2_answer(c, slot, counts, f, config->sweep);
	} else if (__sync_val_compare_and_swap(&slot->stream, f->stream, 0) == f->stream) {
		add(c->waiting, -(ONE_COUNTED + 1));
		count_aborted(counts, 1, config->sweep);
	}
	if (f->found == H2_RESET || f->is_last)
		__sync_val_compare_and_swap(&slot->stream, f->stream | H2_ANSWERED, 0);
}

/* The client's end gives a stream up: seldom, so it is verified apart. */
__noinline int h2_give_up(struct connection *c, struct h2_connection *h2,
			  const struct h2_finding *f)
{
	if (c && h2 && f)
		h2_go_on(c, h2, f);
	return 0;
}

static __always_inline bool h2_load(struct h2_feed *feed, void *to, __u32 offset, __u32 n)
{
	struct h2_packet *p = (struct h2_packet *)feed;

	/* See stream_load(). */
	n--;
	asm volatile("" : "+r"(n));
	if (n >= H2_ROOM / 2)
		return false;
	n++;
	if (p->piece) {
		if (offset > PIECE_BYTES - H2_ROOM / 2 && offset + n > PIECE_BYTES)
			return false;
		return !bpf_probe_read_kernel(to, n, p->piece->data + (offset & 2047));
	}
	return !bpf_skb_load_bytes(p->skb, offset, to, n);
}

static __always_inline void h2_found(struct h2_feed *feed, const struct h2_finding *found,
				     int is_response)
{
	struct h2_packet *p = (struct h2_packet *)feed;

	if (is_response)
		h2_go_on(p->connection, p->h2, found);
	else if (found->found == H2_REQUEST)
		h2_open(p->connection, p->h2, found->stream, p->is_made);
	else
		h2_give_up(p->connection, p->h2, found);
}

static long h2_request_step(__u32 i, void *feed)
{
	struct h2_packet *p = feed;

	return h2_step(&p->feed, &p->h2->in, 0);
}

static long h2_response_step(__u32 i, void *feed)
{
	struct h2_packet *p = feed;

	return h2_step(&p->feed, &p->h2->out, 1);
}

static __always_inline struct h2_connection *h2_early(void)
{
	__u32 zero = 0;
	struct early *early = bpf_map_lookup_elem(&early_data, &zero);

	if (!early)
		return NULL;
	__builtin_memset(&early->h2.in, 0, 2 * sizeof(early->h2.in));
	early->h2.untracked = 0;
	for (int i = 0; i < H2_STREAMS; i++)
		early->h2.slots[i].stream = 0;
	return &early->h2;
}

/* Feeds a part of the client's bytes: a packet's, or a kept piece's. */
__noinline int h2_received(struct __sk_buff *skb, struct connection *c, struct piece *piece,
			   const struct h2_span *span)
{
	struct h2_packet p = {};
	struct bpf_sock *sk;

	if (!c || !span)
		return 0;
	if (span->is_early) {
		p.h2 = h2_early();
	} else {
		sk = skb->sk;
		if (!sk)
			return 0;
		p.h2 = bpf_sk_storage_get(&h2_connections, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	}
	if (!p.h2) {
		c->in.phase = HTTP_UNKNOWN;
		return 0;
	}
	p.skb = skb;
	p.piece = piece;
	p.connection = c;
	p.feed.offset = span->payload;
	p.feed.bytes = span->bytes;
	p.feed.pos = span->pos;
	p.is_made = !span->is_early;
	bpf_loop(MAX_STEPS, h2_request_step, &p, 0);
	c->in.next_seq = h2_next_seq(&p.h2->in, span->seq + span->bytes, c->kept);
	if (p.h2->in.state & H2_BROKEN)
		c->in.phase = HTTP_OPAQUE;
	return 0;
}

/* See pass_gap() in http.bpf.c: 1 when the gap before `next` lies in a frame whose end is known. */
__noinline int h2_pass_gap(struct __sk_buff *skb, struct connection *c, __u32 next)
{
	struct bpf_sock *sk = skb->sk;
	struct h2_connection *h2;
	__u32 gap;

	if (!c || !sk)
		return 0;
	h2 = bpf_sk_storage_get(&h2_connections, sk, NULL, 0);
	gap = next - c->in.next_seq;
	if (!h2 || h2->in.left < gap)
		return 0;
	h2->in.left -= gap;
	c->in.next_seq = next;
	return 1;
}

/* The server's frames. What it sent before the client's preface came are whole frames. */
static __always_inline int h2_sent(struct __sk_buff *skb, struct connection *c,
				   const struct segment *s)
{
	struct bpf_sock *sk = skb->sk;
	struct h2_packet p = {};

	if (!sk || (c->out.phase == HTTP_H2 && (__s32)(s->end - c->out.next_seq) <= 0))
		return ALLOW;
	p.h2 = bpf_sk_storage_get(&h2_connections, sk, NULL, 0);
	if (!p.h2)
		return ALLOW;
	if (c->out.phase != HTTP_H2) {
		c->out.phase = HTTP_H2;
		c->out.next_seq = s->seq;
		p.h2->out.state = H2_BEGUN;
	}
	/* A gap: where frames begin is not known any more. */
	if ((__s32)(s->seq - c->out.next_seq) > 0)
		p.h2->out.state |= H2_BROKEN;
	p.skb = skb;
	p.connection = c;
	p.feed.offset = s->payload;
	p.feed.bytes = s->bytes;
	p.feed.pos = c->out.next_seq - s->seq;
	bpf_loop(MAX_STEPS, h2_response_step, &p, 0);
	c->out.next_seq = h2_next_seq(&p.h2->out, s->end, false);
	return ALLOW;
}

#endif

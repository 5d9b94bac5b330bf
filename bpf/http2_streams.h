/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP/2 on TCP sockets: a part of http.bpf.c, which brings the segments in order. A request counts when
 * its HEADERS frame has begun; its response with the first HEADERS frame of the stream that the server
 * sends and that is not known to be an interim one. Global functions, as there.
 */
#ifndef FAASMAT_BPF_HTTP2_STREAMS_H
#define FAASMAT_BPF_HTTP2_STREAMS_H

/* A part of the client's bytes, in the packet or in a kept piece. */
struct h2_span {
	__u32 payload, bytes; /* where the segment is */
	__u32 seq;
	__u32 pos;	/* where in it to begin */
	__u32 is_early; /* the connection is not made yet */
};

struct h2_feed {
	struct __sk_buff *skb;
	struct piece *piece;
	struct connection *connection;
	struct h2_connection *h2;
	__u32 payload, bytes, pos;
	__u32 is_made;
};

/* No HEADERS frame is shorter than its header. */
__noinline int h2_unknown(struct connection *c, __u32 bytes)
{
	struct wire_invocations *counts = c ? counters_of(c->cgroup) : NULL;

	if (counts)
		add(counts->unsettled, bytes / H2_HEADER + 1);
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
__noinline int h2_open(struct connection *c, struct h2_connection *h2, __u32 stream, __u32 is_made)
{
	struct wire_config *config = read_settings();
	struct wire_invocations *counts;
	struct h2_slot *slot = NULL;
	__u64 waiting;

	if (!c || !h2 || !config)
		return 0;
	counts = counters_of(c->cgroup);
	if (!counts)
		return 0;
	if (c->hop == HOP_SECOND) {
		add(counts->excluded, 1);
		return 0;
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
		return 0;
	count_requests(counts, 1, config->sweep);
	if (waiting & CLOSED)
		count_aborted(counts, 1, config->sweep);
	return 0;
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

/* What either end says of a stream that is open. */
__noinline int h2_go_on(struct connection *c, struct h2_connection *h2, const struct h2_finding *f)
{
	struct wire_config *config = read_settings();
	struct wire_invocations *counts;
	struct h2_slot *slot;

	if (!c || !h2 || !f || !config)
		return 0;
	counts = counters_of(c->cgroup);
	if (!counts || c->hop == HOP_SECOND)
		return 0;
	slot = h2_find(h2, f->stream);
	if (!slot) {
		if (c->in.phase == HTTP_UNKNOWN && f->found == H2_RESPONSE)
			add(counts->unsettled_responses, 1);
		else if (f->found != H2_RESPONSE || f->is_last)
			h2_untracked_end(c, h2, counts, f->found);
		return 0;
	}
	if (f->found == H2_RESPONSE)
		h2_answer(c, slot, counts, f, config->sweep);
	if (f->found == H2_RESET &&
	    __sync_val_compare_and_swap(&slot->stream, f->stream, 0) == f->stream) {
		add(c->waiting, -(ONE_COUNTED + 1));
		count_aborted(counts, 1, config->sweep);
	} else if (f->found != H2_RESPONSE || f->is_last) {
		__sync_val_compare_and_swap(&slot->stream, f->stream | H2_ANSWERED, 0);
	}
	return 0;
}

/* Copies n bytes, at most H2_ROOM / 2. */
static __always_inline bool h2_load(struct h2_feed *f, void *to, __u32 n)
{
	__u32 offset = f->payload + f->pos;

	n--;
	asm volatile("" : "+r"(n));
	if (n >= H2_ROOM / 2)
		return false;
	n++;
	if (f->piece) {
		if (offset > PIECE_BYTES - H2_ROOM / 2 && offset + n > PIECE_BYTES)
			return false;
		return !bpf_probe_read_kernel(to, n, f->piece->data + (offset & 2047));
	}
	return !bpf_skb_load_bytes(f->skb, offset, to, n);
}

/* Gathers what decides about a frame; false when the segment has no more. */
static __always_inline bool h2_gather(struct h2_feed *f, struct h2_reader *r, int is_response)
{
	__u32 rest = f->bytes - f->pos, take = h2_wanted(r, is_response) - r->have, at = r->have;

	if (take > rest)
		take = rest;
	at &= H2_ROOM / 2 - 1;
	asm volatile("" : "+r"(at));
	if (!h2_load(f, &r->bytes[at & (H2_ROOM / 2 - 1)], take)) {
		r->state |= H2_BROKEN;
		return false;
	}
	r->have += take;
	f->pos += take;
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
	h2_read(r, is_response, &found);
	if (found.found == H2_REQUEST)
		h2_open(f->connection, f->h2, found.stream, f->is_made);
	else if (found.found)
		h2_go_on(f->connection, f->h2, &found);
	return 0;
}

static long h2_request_step(__u32 i, void *feed)
{
	struct h2_feed *f = feed;

	return h2_step(f, &f->h2->in, 0);
}

static long h2_response_step(__u32 i, void *feed)
{
	struct h2_feed *f = feed;

	return h2_step(f, &f->h2->out, 1);
}

/* The next sequence number to look at; the frame's rest is passed over. */
static __always_inline __u32 h2_next_seq(struct h2_reader *r, __u32 end)
{
	__u32 left = r->left;

	r->left = 0;
	return end + left;
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
	struct h2_feed f = {};
	struct bpf_sock *sk;

	if (!c || !span)
		return 0;
	if (span->is_early) {
		f.h2 = h2_early();
	} else {
		sk = skb->sk;
		if (!sk)
			return 0;
		f.h2 = bpf_sk_storage_get(&h2_connections, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	}
	if (!f.h2) {
		c->in.phase = HTTP_UNKNOWN;
		return 0;
	}
	f.skb = skb;
	f.piece = piece;
	f.connection = c;
	f.payload = span->payload;
	f.bytes = span->bytes;
	f.pos = span->pos;
	f.is_made = !span->is_early;
	bpf_loop(MAX_STEPS, h2_request_step, &f, 0);
	c->in.next_seq = h2_next_seq(&f.h2->in, span->seq + span->bytes);
	if (f.h2->in.state & H2_BROKEN)
		c->in.phase = HTTP_OPAQUE;
	return 0;
}

/* The server's frames. What it sent before the client's preface came are whole frames. */
__noinline int h2_sent(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct h2_feed f = {};
	struct connection *c;
	struct segment s;

	if (!sk || !read_segment(skb, &s))
		return ALLOW;
	c = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (!c)
		return ALLOW;
	if (c->out.phase == HTTP_H2 && (__s32)(s.end - c->out.next_seq) <= 0)
		return ALLOW;
	f.h2 = bpf_sk_storage_get(&h2_connections, sk, NULL, 0);
	if (!f.h2)
		return ALLOW;
	if (c->out.phase != HTTP_H2) {
		c->out.phase = HTTP_H2;
		c->out.next_seq = s.seq;
		f.h2->out.state = H2_BEGUN;
	}
	/* A gap: where frames begin is not known any more. */
	if ((__s32)(s.seq - c->out.next_seq) > 0)
		f.h2->out.state |= H2_BROKEN;
	f.skb = skb;
	f.connection = c;
	f.payload = s.payload;
	f.bytes = s.bytes;
	f.pos = c->out.next_seq - s.seq;
	bpf_loop(MAX_STEPS, h2_response_step, &f, 0);
	c->out.next_seq = h2_next_seq(&f.h2->out, s.end);
	return ALLOW;
}

#endif

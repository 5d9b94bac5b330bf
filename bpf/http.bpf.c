// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Invocations of HTTP on TCP sockets. Attached once to the root, cgroup_skb sees every segment that a
 * socket of a descendant receives (ingress) or sends (egress), perhaps twice, perhaps in disorder.
 *
 * Requests: the client's bytes are read in the order of their sequence numbers, heads only; a body is
 * passed over by comparing sequence numbers, so most segments cost one comparison. A request counts
 * when its head is complete.
 *
 * Responses: a client that has not been answered has acknowledged everything before, so the response
 * to a request begins at the request's acknowledgement number. Only where requests are pipelined are
 * responses read to their ends.
 */
#include "bpf/early.h"
#include "bpf/hop.h"
#include "bpf/kept.h"
#include "bpf/requests.h"
#include "bpf/segment.h"
#include "bpf/stream.h"

#define ALLOW 1

/* For the benchmark, which proves by it which way a packet went (bench/bpf_paths.bpf.c). */
#ifndef PASSED
#define PASSED(place)
#endif

#define LISTEN 10 /* TCP_LISTEN */
/* Steps a segment of 64 KiB may take: at least a byte is done with in each two. */
#define MAX_STEPS (1 << 17)

#include "bpf/http2_streams.h"

/* The sources of a feed: a packet, or a kept piece. */
struct source {
	struct __sk_buff *skb;
	struct piece *piece;
	__u32 piece_seq; /* of its first byte, or where the next one begins */
	struct connection *connection;
	struct early *early; /* the connection is not made yet */
	struct wire_config *config;
};

static __always_inline bool stream_load(struct stream_feed *f, void *to, __u32 offset, __u32 n)
{
	struct source *source = f->source;

	/* Hidden from the compiler, which knows the bounds where the verifier has forgotten them; and
	 * that of 6.1 learns nothing from n != 0. */
	n--;
	asm volatile("" : "+r"(n));
	if (n >= HTTP_LOAD)
		return false;
	n++;
	if (source->piece) {
		if (offset > PIECE_BYTES - HTTP_LOAD && offset + n > PIECE_BYTES)
			return false;
		return !bpf_probe_read_kernel(to, n, source->piece->data + (offset & 2047));
	}
	return !bpf_skb_load_bytes(source->skb, offset, to, n);
}

static __always_inline void stream_found(struct stream_feed *f, const struct http_finding *found)
{
	struct source *source = f->source;

	if (!f->is_response && !(source->config->classes & WIRE_HTTP1) &&
	    found->found != HTTP_PREFACE)
		f->h->phase = HTTP_OPAQUE;
	else if (!f->is_response)
		request_found(source->connection, found, f->ack, !source->early);
	else if (found->found == HTTP_HEAD)
		response_found(source->connection);
}

static long request_step(__u32 i, void *feed)
{
	return feed_step(feed);
}

static long response_step(__u32 i, void *feed)
{
	return feed_step(feed);
}

/*
 * A connection that is not known yet. Where nothing of it was received, this is its begin: the handshake's
 * last packet is being worked on at another processor right now, or its tracepoint was passed over; so it
 * is where all that was received met the listener. Otherwise it was there before the programs: TCP knows
 * where it is, but not whether that is inside a body.
 */
static __noinline struct connection *join(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_tcp_sock *tcp;
	struct connection *c;
	struct early *early;
	bool is_first;

	if (!sk)
		return NULL;
	sk = bpf_sk_fullsock(sk);
	tcp = sk ? bpf_tcp_sock(sk) : NULL;
	if (!tcp)
		return NULL;
	early = find_early(sk->src_port, sk->dst_port);
	is_first = early && early->seq + (__u32)tcp->bytes_received == tcp->rcv_nxt;
	if (is_first)
		c = take_early(sk, early, tcp->snd_nxt);
	else
		c = begin_connection(bpf_skb_cgroup_id(skb), tcp->rcv_nxt, tcp->snd_nxt);
	if (!c)
		return NULL;
	if (tcp->bytes_received && !is_first) {
		c->in.phase = HTTP_JOINED;
		c->out.phase = HTTP_LAZY;
		c->is_joined = 1;
	}
	c = make_connection(sk, c);
	if (c)
		settle_early(sk, skb, c, early, is_first);
	return c;
}

/* The part of a segment that comes next, in frames. */
static __always_inline void feed_frames(struct source *source, const struct segment *s)
{
	struct h2_span span = { .payload = s->payload,
				.bytes = s->bytes,
				.seq = s->seq,
				.pos = source->connection->in.next_seq - s->seq,
				.is_early = source->early != NULL };

	h2_received(source->skb, source->connection, source->piece, &span);
}

static __always_inline void feed_requests(struct source *source, const struct segment *s)
{
	struct connection *c = source->connection;
	struct stream_feed f = { .h = &c->in,
				 .source = source,
				 .offset = s->payload,
				 .bytes = s->bytes,
				 .pos = c->in.next_seq - s->seq,
				 .ack = s->ack,
				 .wants_agent = source->config->agent_lengths != 0 };

	if (c->in.phase == HTTP_UNKNOWN) {
		h2_unknown(c, s->end - c->in.next_seq);
		c->in.next_seq = s->end;
		return;
	}
	if (c->in.phase == HTTP_LOST) {
		/* Open until its response; what comes after that is the next one. */
		if ((__u32)c->waiting) {
			c->in.next_seq = s->end;
			return;
		}
		begin_message(&c->in);
		c->in.carry = 0;
	}
	begin_feed(&f);
	if (bpf_loop(MAX_STEPS, request_step, &f, 0) == MAX_STEPS)
		c->in.phase = HTTP_LOST;
	end_feed(&f, s->seq, c->kept);
	if (c->in.phase == HTTP_H2)
		c->in.next_seq = s->seq + f.pos - (f.n - f.at) + H2_PREFACE;
	else if (source->config->classes & WIRE_HTTP2 &&
		 (c->in.phase == HTTP_JOINED || c->in.phase == HTTP_UNKNOWN))
		h2_unknown(c, s->bytes);
}

static __always_inline void feed_segment(struct source *source, const struct segment *s)
{
	if (source->connection->in.phase != HTTP_H2)
		feed_requests(source, s);
	if (source->connection->in.phase == HTTP_H2)
		feed_frames(source, s);
}

/* With a stack of its own, which feed_frames() does not need: all that call one another share 512
 * bytes. Returns the phase. */
static __noinline __u32 feed_requests_apart(struct source *source, struct segment *s)
{
	feed_requests(source, s);
	return source->connection->in.phase;
}

/* What lies in the gap is lost: as many heads as have room in it. */
static __always_inline void lose_track(struct connection *c, __u32 next)
{
	if (c->in.phase == HTTP_H2) {
		h2_unknown(c, next - c->in.next_seq);
		c->in.next_seq = next;
		c->in.phase = HTTP_UNKNOWN;
		return;
	}
	count_unsettled(c, most_heads(next - c->in.next_seq, HTTP_SHORTEST_HEAD), false);
	c->in.next_seq = next;
	c->in.carry = 0;
	c->clean = 0;
	c->in.phase = HTTP_JOINED;
	c->in.flags = HTTP_JOINING | HTTP_SKIPPED;
}

/* Takes the piece that is kept at source->piece_seq; 1 when there is none. */
static long take_piece(__u32 i, void *arg)
{
	struct source *source = arg;
	struct connection *c = source->connection;
	struct piece_key key = { .seq = source->piece_seq };
	struct segment s = {};

	key.cookie = bpf_get_socket_cookie(source->skb);
	source->piece = bpf_map_lookup_elem(&pieces, &key);
	if (!source->piece) {
		if (source->piece_seq == c->in.next_seq)
			return 1;
		source->piece_seq = c->in.next_seq;
		return 0;
	}
	s.bytes = source->piece->bytes;
	s.seq = source->piece_seq;
	source->piece_seq = s.end = s.seq + s.bytes;
	s.ack = source->piece->ack;
	if ((__s32)(s.end - c->in.next_seq) > 0 &&
	    (c->in.phase == HTTP_H2 || feed_requests_apart(source, &s) == HTTP_H2))
		feed_frames(source, &s);
	bpf_map_delete_elem(&pieces, &key);
	/* More may come before the last of them does. */
	if (c->kept > 1)
		c->kept--;
	return 0;
}

/* Takes what is kept and comes next. A global function, below receive() and not below what that calls: the
 * kernel allows eight in one another. */
__noinline int take_kept(struct __sk_buff *skb)
{
	struct source source = { .skb = skb, .config = read_settings() };
	struct bpf_sock *sk = skb->sk;
	struct connection *c = sk ? bpf_sk_storage_get(&connections, sk, NULL, 0) : NULL;

	/* Whoever has the lock looks for it afterwards. */
	if (!c || !source.config || !take_lock(c))
		return 0;
	source.connection = c;
	source.piece_seq = c->left_end ? find_left(c) : c->in.next_seq;
	if ((__s32)(c->kept_end - c->in.next_seq) > 0)
		bpf_loop(MAX_KEPT, take_piece, &source, 0);
	/* Those that were passed over as body are never asked for; the map forgets them. */
	if ((__s32)(c->kept_end - c->in.next_seq) <= 0)
		c->kept = 0;
	drop_lock(c);
	return 0;
}

#define TAKE_ROUNDS 4

/* Others may leave more while that is being done. */
static __always_inline void take_left(struct __sk_buff *skb, const struct connection *c)
{
#pragma unroll
	for (__u32 i = 0; i < TAKE_ROUNDS; i++)
		if (*(volatile __u64 *)&c->left_end)
			take_kept(skb);
}

/* What lies between is of a body that is being passed over, and need not be seen. */
static __always_inline bool pass_gap(struct __sk_buff *skb, struct connection *c, __u32 next)
{
	__u32 gap = next - c->in.next_seq;

	if (c->in.phase == HTTP_H2)
		return h2_pass_gap(skb, c, next);
	if (c->in.phase != HTTP_BODY || c->in.left < gap)
		return false;
	c->in.left -= gap;
	c->in.next_seq = next;
	return true;
}

/* What is missing was left, or is kept: whoever has taken what was before it is about to take it. */
static __always_inline bool is_at_hand(struct __sk_buff *skb, const struct connection *c)
{
	struct piece_key key = { bpf_get_socket_cookie(skb), c->in.next_seq };

	return c->left_end || bpf_map_lookup_elem(&pieces, &key);
}

/* A segment that begins behind what is expected: TCP knows whether what is between is still to come. True
 * when it is kept until then. With a stack of its own, as above. */
static __noinline bool keep_early(struct __sk_buff *skb, struct connection *c,
				  const struct segment *s)
{
	struct bpf_tcp_sock *tcp;
	struct bpf_sock *sk = skb->sk;

	if (c->in.phase == HTTP_JOINED || c->in.phase == HTTP_UNKNOWN || pass_gap(skb, c, s->seq))
		return false;
	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	tcp = sk ? bpf_tcp_sock(sk) : NULL;
	if ((!tcp || (__s32)(tcp->rcv_nxt - c->in.next_seq) > 0) && !is_at_hand(skb, c)) {
		lose_track(c, s->seq);
		return false;
	}
	keep_segment(skb, c, s);
	return true;
}

/* With the lock: a segment of which not all is seen. With a stack of its own, which take_kept() does not
 * need. */
static __noinline int receive_new(struct __sk_buff *skb, struct connection *c,
				  const struct segment *s)
{
	struct source source = { .skb = skb, .connection = c, .config = read_settings() };

	if (!source.config || c->in.phase == HTTP_OPAQUE)
		return 0;
	if (c->hop == HOP_UNKNOWN)
		c->hop = hop_of(skb);
	if ((__s32)(s->seq - c->in.next_seq) > 0) {
		if (keep_early(skb, c, s))
			return 0;
		c->in.next_seq = s->seq;
	}
	feed_segment(&source, s);
	return 0;
}

/*
 * A segment with bytes that are not seen yet, in any state of its connection. A global function, as is
 * read_early_data(): the verifier looks at them apart from the short ways above them, which most
 * segments go.
 */
__noinline int receive_slowly(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct connection *c;
	struct segment s;

	if (!sk || !read_segment(skb, &s))
		return 0;
	c = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (!c) {
		c = join(skb);
		if (!c)
			return 0;
	}
	if (!take_lock(c) && !leave_segment(skb, c, &s))
		return 0;
	/* Again: another processor may have been faster. */
	if ((__s32)(s.end - c->in.next_seq) > 0)
		receive_new(skb, c, &s);
	drop_lock(c);
	return 0;
}

__noinline int read_early_data(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct source source = {};
	struct segment s;
	struct early *early;
	__u32 zero = 0;

	early = bpf_map_lookup_elem(&early_data, &zero);
	if (!sk || !early || !read_segment(skb, &s) || s.is_syn)
		return 0;
	__builtin_memset(&early->connection, 0, sizeof(early->connection));
	early->piece.bytes = 0;
	load_piece(&early->piece, skb, s.payload, s.bytes, s.ack);
	early->seq = s.seq;
	early->port = sk->src_port;
	/* Of the packet: a listener has no peer. */
	early->remote_port = bpf_ntohs(s.from);
	early->connection.in.next_seq = s.seq;
	early->connection.cgroup = bpf_skb_cgroup_id(skb);
	source.skb = skb;
	source.connection = &early->connection;
	source.early = early;
	source.config = read_settings();
	if (!source.config)
		return 0;
	early->connection.hop = hop_of(skb);
	feed_segment(&source, &s);
	return 0;
}

/*
 * The segment's first bytes, as many as the window has room for, behind what it holds. Returns how many it
 * holds then; 0 when it cannot.
 */
static __always_inline __u32 load_head(struct __sk_buff *skb, struct http_stream *h,
				       const struct segment *s)
{
	__u32 carry = h->carry, most = head_room(h);
	__u32 n = s->bytes < most ? s->bytes : most;

	/* See stream_load(). */
	n--;
	asm volatile("" : "+r"(n));
	if (carry) {
		if (carry > HTTP_LOOK || n >= HTTP_LOAD ||
		    bpf_skb_load_bytes(skb, s->payload, &h->window[carried(carry)], n + 1))
			return 0;
	} else if (n >= HTTP_WINDOW || bpf_skb_load_bytes(skb, s->payload, h->window, n + 1)) {
		return 0;
	}
	return carry + n + 1;
}

/* What most requests are: a head that lies whole in its segment. False when it is not so simple. */
static __always_inline bool count_at_once(struct __sk_buff *skb, struct connection *c,
					  const struct segment *s)
{
	struct wire_config *config = read_settings();
	struct http_finding found = {};
	__u32 n;
	__u8 kind;

	if (!config || !(config->classes & WIRE_HTTP1))
		return false;
	n = load_head(skb, &c->in, s);
	if (!n)
		return false;
	found.wants_agent = config->agent_lengths != 0;
	if (!feed_whole_head(&c->in, n, &found))
		return false;
	if (c->hop == HOP_UNKNOWN)
		c->hop = hop_of(skb);
	kind = kind_by_path(config, &c->in, &found) | kind_by_agent(config, &c->in, &found);
	if (c->hop == HOP_SECOND)
		kind |= REQUEST_EXCLUDED;
	count_head(c, config, kind, s->ack, true);
	return true;
}

/* The next segment of a connection whose segments have all come in order; true when it is done with. */
static __always_inline bool read_at_once(struct __sk_buff *skb, struct connection *c,
					 const struct segment *s)
{
	struct h2_span span = { .payload = s->payload, .bytes = s->bytes, .seq = s->seq };

	if (s->seq != c->in.next_seq || c->kept)
		return false;
	if (c->in.phase == HTTP_H2) {
		h2_received(skb, c, NULL, &span);
		return c->in.phase == HTTP_H2;
	}
	return c->in.phase == HTTP_START && !(c->in.flags & HTTP_OF_CONNECTION) &&
	       count_at_once(skb, c, s) && (__s32)(s->end - c->in.next_seq) <= 0;
}

static __always_inline int receive(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	bool is_done = false;
	struct connection *c;
	struct segment s;

	if (!sk || !is_served(sk->src_port) || !read_segment(skb, &s)) {
		PASSED(PASSED_OTHER);
		return ALLOW;
	}
	if (unlikely(sk->state == LISTEN)) {
		read_early_data(skb);
		return ALLOW;
	}
	c = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (unlikely(!c)) {
		receive_slowly(skb);
		return ALLOW;
	}
	if ((__s32)(s.end - c->in.next_seq) <= 0 || c->in.phase == HTTP_OPAQUE) {
		PASSED(PASSED_OVER);
		return ALLOW;
	}
	if (likely(try_lock(c))) {
		is_done = read_at_once(skb, c, &s);
		drop_lock(c);
	}
	if (unlikely(!is_done))
		receive_slowly(skb);
	if (unlikely(c->kept || c->left_end)) {
		take_kept(skb);
		take_left(skb, c);
	}
	return ALLOW;
}

/* "HTTP/1.x NNN" at the very place where a response is due, and nothing else under way: counted
 * without looking for its end. False when that does not settle it. */
static __always_inline bool answer_at_once(struct __sk_buff *skb, struct connection *c,
					   const struct segment *s)
{
	struct wire_config *config = read_settings();
	__u16 status;
	__u64 head[2];

	if (!config || s->seq != c->out.next_seq || c->out.phase != HTTP_START || c->out.carry ||
	    (__u32)c->waiting != 1 || c->in.carry || (c->in.phase && c->in.phase < HTTP_BODY) ||
	    s->bytes < sizeof(head) || bpf_skb_load_bytes(skb, s->payload, head, sizeof(head)))
		return false;
	status = head[1] >> 8 & 0xff;
	if (FIRST(head[0], 7) != TEXT8('H', 'T', 'T', 'P', '/', '1', '.', 0) || status < '2' ||
	    status > '9')
		return false;
	close_first(c, config, (status - '0') * 100);
	c->out.phase = HTTP_LAZY;
	return true;
}

/* All but one response to one request, at its place. A global function: verified apart. */
__noinline int send_slowly(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct source source = {};
	struct stream_feed f = {};
	struct connection *c;
	struct segment s;

	if (!sk || !read_segment(skb, &s))
		return 0;
	c = bpf_sk_storage_get(&connections, sk, NULL, 0);
	source.config = read_settings();
	if (!c || !source.config)
		return 0;
	source.skb = skb;
	source.connection = c;
	if ((__s32)(s.seq - c->out.next_seq) > 0) {
		/* The client asked before the response before had ended, and where that ends we did
		 * not look. */
		c->out.next_seq = s.seq;
		c->out.phase = HTTP_JOINED;
		c->out.flags |= HTTP_JOINING | HTTP_SKIPPED;
	}
	f.h = &c->out;
	f.source = &source;
	f.offset = s.payload;
	f.bytes = s.bytes;
	f.pos = c->out.next_seq - s.seq;
	f.is_response = 1;
	begin_feed(&f);
	if (bpf_loop(MAX_STEPS, response_step, &f, 0) == MAX_STEPS)
		c->out.phase = HTTP_OPAQUE;
	end_feed(&f, s.seq, false);
	return 0;
}

static __always_inline int send(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct connection *c;
	struct segment s;

	if (!sk || !is_served(sk->src_port) || !read_segment(skb, &s))
		return ALLOW;
	c = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (unlikely(!c))
		return ALLOW;
	if (unlikely(c->left_end)) {
		take_left(skb, c);
		/* Perhaps the response to a request that is not seen yet. */
		if (c->left_end)
			count_unsettled(c, 1, true);
	}
	if (unlikely(c->in.phase == HTTP_H2 || c->out.phase == HTTP_H2))
		return h2_sent(skb, c, &s);
	if (unlikely(c->out.phase == HTTP_OPAQUE))
		return ALLOW;
	if (likely(c->out.phase == HTTP_LAZY)) {
		if (!(__u32)c->waiting) {
			PASSED(PASSED_OVER);
			return ALLOW;
		}
		c->out.next_seq = c->ack;
		begin_message(&c->out);
		c->out.flags = HTTP_JOINING;
		c->out.carry = 0;
	}
	if ((__s32)(s.end - c->out.next_seq) <= 0)
		return ALLOW;
	if (unlikely(!answer_at_once(skb, c, &s)))
		send_slowly(skb);
	return ALLOW;
}

SEC("cgroup_skb/ingress")
int http_received(struct __sk_buff *skb)
{
	return receive(skb);
}

SEC("cgroup_skb/egress")
int http_sent(struct __sk_buff *skb)
{
	return send(skb);
}

char LICENSE[] SEC("license") = "GPL";

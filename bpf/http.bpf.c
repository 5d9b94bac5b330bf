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
#include "bpf/connection.h"
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
#define LOCK_TRIES 512
/* "GET / HTTP/1.0" and two line ends: no head is shorter, so no gap hides more of them. */
#define SHORTEST_HEAD 18

/* Excluded paths and user agents; which lengths they have is in the settings. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct wire_word);
	__type(value, __u8);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} excluded_paths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct wire_word);
	__type(value, __u8);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} excluded_agents SEC(".maps");

#define MAX_PIECES 8 /* of one segment */
#define MAX_KEPT 256 /* of one connection */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct piece);
} new_piece SEC(".maps");

#include "bpf/http2_streams.h"

/* The sources of a feed: a packet, or a kept piece. */
struct source {
	struct __sk_buff *skb;
	struct piece *piece;
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

/* The word found, padded with zeros, as the maps have it. */
static __always_inline void read_word(struct wire_word *word, const struct http_stream *h,
				      __u32 name, __u32 bytes)
{
	for (__u32 i = 0; i < WIRE_WORD; i += 8) {
		__u64 w = word_at(h, name + i);

		if (bytes <= i)
			w = 0;
		else if (bytes < i + 8)
			w = FIRST(w, bytes - i);
		*(__u64 *)&word->text[i] = w;
	}
}

static __always_inline bool is_init(const struct http_stream *h, const struct http_finding *found)
{
	return found->is_post && found->bytes == 5 &&
	       FIRST(word_at(h, found->name), 5) == TEXT8('/', 'i', 'n', 'i', 't', 0, 0, 0);
}

/* Puts a request in the queue; false when the connection has ended. */
static __always_inline bool push_request(struct connection *c, __u8 kind, __u32 ack)
{
	__u64 waiting = c->waiting;

	if (!(__u32)waiting) {
		c->ack = ack;
		c->since_ns = bpf_ktime_get_ns();
	}
	if (c->pushed - c->popped < QUEUE)
		c->queue[c->pushed % QUEUE] = kind;
	c->pushed++;
	waiting = add(c->waiting, 1 + (kind & REQUEST_UNCOUNTED ? 0 : ONE_COUNTED));
	return !(waiting & CLOSED);
}

/*
 * What follows are global functions: the verifier looks at each once, not once for every way that
 * leads to it.
 */

/* A request's head is complete. Without `is_made` the connection is still to be made, and counts
 * what it has when it is. */
static __always_inline void count_head(struct connection *connection,
				       const struct wire_config *config, __u8 kind, __u32 ack,
				       bool is_made)
{
	bool is_open = push_request(connection, kind, ack);
	struct wire_invocations *c = is_made ? counters_of(connection->cgroup) : NULL;

	if (!c)
		return;
	if (kind & REQUEST_UNCOUNTED) {
		add(*(kind & REQUEST_EXCLUDED ? &c->excluded : &c->inits), 1);
		return;
	}
	count_requests(c, 1, config->sweep);
	if (!is_open)
		count_aborted(c, 1, config->sweep);
}

/* A response has begun: closes the first of the waiting requests, which there is, and returns its kind. */
static __always_inline __u8 close_first(struct connection *c, const struct wire_config *config,
					__u32 status)
{
	struct wire_invocations *counts;
	__u64 now, since;
	__u8 kind = 0;

	if (c->pushed - c->popped <= QUEUE)
		kind = c->queue[c->popped % QUEUE];
	c->popped++;
	c->clean = (__u32)c->waiting == 1 ? (c->clean < 2 ? c->clean + 1 : 2) : 0;
	now = bpf_ktime_get_ns();
	since = c->since_ns;
	/* A container serves pipelined requests one after another. */
	c->since_ns = now;
	add(c->waiting, -(1 + (kind & REQUEST_UNCOUNTED ? 0 : ONE_COUNTED)));
	if (kind & REQUEST_UNCOUNTED)
		return kind;
	counts = counters_of(c->cgroup);
	if (!counts)
		return kind;
	count_response(counts, since, now, status >= 500, config->sweep);
	if (c->in.flags & HTTP_JOINING && (__u32)c->waiting) {
		__u64 rest = c->waiting;

		/* See request_found(): what was not alone was a body's. */
		c->popped = c->pushed;
		add(c->waiting, -rest);
		count_aborted(counts, rest >> 32, config->sweep);
	}
	return kind;
}

__noinline int answer(struct connection *c, __u32 status)
{
	struct wire_config *config = read_settings();

	if (!c || !config || !(__u32)c->waiting)
		return 0;
	return close_first(c, config, status);
}

/* Up to n requests, or responses, more or fewer than counted. */
__noinline int count_unsettled(struct connection *c, __u32 n, __u32 is_response)
{
	struct wire_invocations *counts = c ? counters_of(c->cgroup) : NULL;

	if (!counts)
		return 0;
	add(*(is_response ? &counts->unsettled_responses : &counts->unsettled), n);
	if (c->is_joined && !is_response)
		add(counts->unsettled_joined, n);
	return 0;
}

__noinline int is_excluded_path(const struct http_stream *h, __u32 name, __u32 bytes)
{
	struct wire_word word;

	if (!h || bytes >= WIRE_WORD)
		return 0;
	read_word(&word, h, name, bytes);
	return bpf_map_lookup_elem(&excluded_paths, &word) != NULL;
}

__noinline int is_excluded_agent(const struct http_stream *h, __u32 name, __u32 bytes)
{
	struct wire_word word;

	if (!h || bytes >= WIRE_WORD)
		return 0;
	read_word(&word, h, name, bytes);
	return bpf_map_lookup_elem(&excluded_agents, &word) != NULL;
}

/* Most words are as long as none that is excluded. */
static __always_inline bool has_length(__u64 lengths, __u32 bytes)
{
	return bytes < WIRE_WORD && lengths >> bytes & 1;
}

static __always_inline __u8 kind_by_path(const struct wire_config *config,
					 const struct http_stream *h,
					 const struct http_finding *found)
{
	__u8 kind = found->is_head ? REQUEST_HEAD : 0;

	if (config->counts_inits && is_init(h, found))
		kind |= REQUEST_INIT;
	if (has_length(config->path_lengths, found->bytes) &&
	    is_excluded_path(h, found->name, found->bytes))
		kind |= REQUEST_EXCLUDED;
	return kind;
}

static __always_inline __u8 kind_by_agent(const struct wire_config *config,
					  const struct http_stream *h,
					  const struct http_finding *found)
{
	return has_length(config->agent_lengths, found->agent_bytes) &&
			       is_excluded_agent(h, found->agent, found->agent_bytes)
		       ? REQUEST_EXCLUDED
		       : 0;
}

__noinline int request_found(struct connection *c, const struct http_finding *found, __u32 ack,
			     __u32 is_made)
{
	struct wire_config *config = read_settings();
	struct http_stream *h;

	if (!c || !found || !config)
		return 0;
	h = &c->in;
	switch (found->found) {
	case HTTP_PATH:
		h->kind = kind_by_path(config, h, found);
		break;
	case HTTP_AGENT:
		h->kind |= kind_by_agent(config, h, found);
		break;
	case HTTP_HEAD:
		if (c->hop == HOP_SECOND)
			h->kind |= REQUEST_EXCLUDED;
		/* Of a connection that was there before us we may be inside a body that holds heads.
		 * Nobody answers those; two requests answered one by one are no body's. */
		if (h->flags & HTTP_JOINING && c->clean < 2)
			count_unsettled(c, 1, false);
		else
			h->flags &= ~HTTP_OF_CONNECTION;
		count_head(c, config, h->kind, ack, is_made);
		break;
	case HTTP_PREFACE:
		/* Not a connection's beginning: a body's bytes, or nothing that a server takes. */
		if (!(config->classes & WIRE_HTTP2) || c->pushed)
			h->phase = HTTP_OPAQUE;
		else
			h->phase = h->flags & HTTP_JOINING ? HTTP_UNKNOWN : HTTP_H2;
		break;
	}
	return 0;
}

__noinline int response_found(struct connection *c)
{
	struct http_stream *h;
	__u32 kind;

	if (!c)
		return 0;
	h = &c->out;
	/* "100 Continue" and its kind promise a response and are none. */
	if (h->status < 200 && h->status != 101) {
		h->phase = HTTP_START;
		return 0;
	}
	if (h->flags & HTTP_SKIPPED)
		count_unsettled(c, 1, true);
	/* Should something else come where a response is due, the next segment may begin one. */
	h->flags = (h->flags & ~HTTP_SKIPPED) | HTTP_JOINING;
	kind = answer(c, h->status);
	if (h->status == 101) {
		h->phase = c->in.phase = HTTP_OPAQUE;
	} else if (kind & REQUEST_HEAD || h->status == 204 || h->status == 304) {
		h->phase = HTTP_START;
	} else if (!(h->flags & (HTTP_CHUNKED | HTTP_HAS_LENGTH))) {
		h->phase = HTTP_OPAQUE; /* until the connection is closed */
	}
	return 0;
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

static __always_inline bool try_lock_once(struct connection *c)
{
	return __sync_val_compare_and_swap(&c->lock, 0, 1) == 0;
}

static long try_lock(__u32 i, void *arg)
{
	return try_lock_once(*(struct connection **)arg);
}

/* Softirqs of two processors may hold segments of one connection; neither waits for anything long. */
static __always_inline bool take_lock(struct connection *c)
{
	if (try_lock_once(c))
		return true;
	return bpf_loop(LOCK_TRIES, try_lock, &c, 0) < LOCK_TRIES;
}

static __always_inline void drop_lock(struct connection *c)
{
	barrier();
	*(volatile __u32 *)&c->lock = 0;
}

/* From the loopback address, or from and to the same one. */
static __noinline bool is_loopback(struct __sk_buff *skb, struct bpf_sock_tuple *peer, __u32 *size)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	if (skb->protocol == bpf_htons(0x0800)) {
		struct iphdr *ip = data;
		struct tcphdr *tcp;

		if ((void *)(ip + 1) > end)
			return false;
		tcp = data + ip->ihl * 4;
		if ((void *)(tcp + 1) > end)
			return false;
		peer->ipv4.saddr = ip->daddr;
		peer->ipv4.daddr = ip->saddr;
		peer->ipv4.sport = tcp->dest;
		peer->ipv4.dport = tcp->source;
		*size = sizeof(peer->ipv4);
		return ip->saddr == ip->daddr ||
		       (ip->saddr & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000);
	} else {
		struct ipv6hdr *ip6 = data;
		struct tcphdr *tcp = (void *)(ip6 + 1);
		__u32 *from = (void *)&ip6->saddr, *to = (void *)&ip6->daddr;

		if ((void *)(tcp + 1) > end || ip6->nexthdr != PROTOCOL_TCP)
			return false;
		for (int i = 0; i < 4; i++) {
			peer->ipv6.saddr[i] = to[i];
			peer->ipv6.daddr[i] = from[i];
		}
		peer->ipv6.sport = tcp->dest;
		peer->ipv6.dport = tcp->source;
		*size = sizeof(peer->ipv6);
		return from[0] == to[0] && from[1] == to[1] && from[2] == to[2] && from[3] == to[3];
	}
}

/* A request that a container sends to itself (a watchdog to the function behind it) is a second hop
 * of one that was counted when it came in. */
__noinline int hop_of(struct __sk_buff *skb)
{
	struct wire_config *config = read_settings();
	struct bpf_sock_tuple peer = {};
	struct bpf_sock *sender;
	__u32 size = 0;
	__u8 hop = HOP_FIRST;

	if (!config || config->hops == WIRE_HOPS_COUNT || !is_loopback(skb, &peer, &size))
		return HOP_FIRST;
	if (config->hops == WIRE_HOPS_LOOPBACK)
		return HOP_SECOND;
	if (size == sizeof(peer.ipv4))
		sender = bpf_sk_lookup_tcp(skb, &peer, sizeof(peer.ipv4), BPF_F_CURRENT_NETNS, 0);
	else
		sender = bpf_sk_lookup_tcp(skb, &peer, sizeof(peer.ipv6), BPF_F_CURRENT_NETNS, 0);
	if (!sender)
		return HOP_FIRST;
	if (bpf_sk_cgroup_id(sender) == bpf_skb_cgroup_id(skb))
		hop = HOP_SECOND;
	bpf_sk_release(sender);
	return hop;
}

/*
 * A connection that is not known yet. Where nothing of it was received, this is its begin: the handshake's
 * last packet is being worked on at another processor right now, or its tracepoint was passed over since
 * it interrupted the same program. Otherwise it was there before the programs: TCP knows where it is, but
 * not whether that is inside a body.
 */
static __noinline struct connection *join(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct connection *c;
	struct bpf_tcp_sock *tcp;

	if (!sk)
		return NULL;
	sk = bpf_sk_fullsock(sk);
	tcp = sk ? bpf_tcp_sock(sk) : NULL;
	if (!tcp)
		return NULL;
	c = begin_connection(bpf_skb_cgroup_id(skb), tcp->rcv_nxt, tcp->snd_nxt);
	if (!c)
		return NULL;
	if (tcp->bytes_received) {
		c->in.phase = HTTP_JOINED;
		c->out.phase = HTTP_LAZY;
		c->is_joined = 1;
	}
	/* Whoever was faster has made it: then that one counts. */
	c = bpf_sk_storage_get(&connections, sk, c, BPF_SK_STORAGE_GET_F_CREATE);
	return c ?: bpf_sk_storage_get(&connections, sk, NULL, 0);
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
	count_unsettled(c, (next - c->in.next_seq) / SHORTEST_HEAD + 1, false);
	c->in.next_seq = next;
	c->in.carry = 0;
	c->clean = 0;
	c->in.phase = HTTP_JOINED;
	c->in.flags = HTTP_JOINING | HTTP_SKIPPED;
}

struct keeping {
	struct __sk_buff *skb;
	__u64 cookie;
	__u32 payload, bytes, seq, ack;
	__u32 pieces;
};

static long keep_piece(__u32 i, void *arg)
{
	struct keeping *k = arg;
	__u32 zero = 0, at = i * PIECE_BYTES;
	struct piece *piece = bpf_map_lookup_elem(&new_piece, &zero);
	struct piece_key key = { k->cookie, k->seq + at };

	if (!piece || at >= k->bytes ||
	    !load_piece(piece, k->skb, k->payload + at, k->bytes - at, k->ack))
		return 1;
	k->pieces += put_piece(&key, piece);
	return 0;
}

/* The number of pieces. */
static __noinline __u32 keep_pieces(struct __sk_buff *skb, const struct segment *s)
{
	struct keeping k = {
		.skb = skb, .payload = s->payload, .bytes = s->bytes, .seq = s->seq, .ack = s->ack
	};

	k.cookie = bpf_get_socket_cookie(skb);
	bpf_loop(MAX_PIECES, keep_piece, &k, 0);
	return k.pieces;
}

static __always_inline void keep_segment(struct __sk_buff *skb, struct connection *c,
					 const struct segment *s)
{
	if (!c->kept || (__s32)(s->end - c->kept_end) > 0)
		c->kept_end = s->end;
	if (c->kept < MAX_KEPT)
		c->kept += keep_pieces(skb, s);
	if (!c->kept)
		c->kept = 1;
}

/*
 * The lock's holder takes longer than is worth waiting for (under a hypervisor its processor may have been
 * stopped): the segment is left for it to take. It may have looked for that just before, and then gives
 * the lock back: so once more. True with the lock.
 */
static __noinline bool leave_segment(struct __sk_buff *skb, struct connection *c,
				     const struct segment *s)
{
	keep_pieces(skb, s);
	say_left(c, s->end);
	return take_lock(c);
}

/* With the lock: what others have left is kept from here on. */
static __always_inline void find_left(struct connection *c)
{
	__u32 end = c->in.next_seq + c->left_ahead * LEFT_UNIT;

	c->left_ahead = 0;
	if (!c->kept || (__s32)(end - c->kept_end) > 0)
		c->kept_end = end;
	if (!c->kept)
		c->kept = 1;
}

/* Takes the kept piece that comes next; 1 when there is none. */
static long take_piece(__u32 i, void *arg)
{
	struct source *source = arg;
	struct connection *c = source->connection;
	struct piece_key key = { .seq = c->in.next_seq };
	struct segment s = {};

	key.cookie = bpf_get_socket_cookie(source->skb);
	source->piece = bpf_map_lookup_elem(&pieces, &key);
	if (!source->piece)
		return 1;
	s.bytes = source->piece->bytes;
	s.seq = c->in.next_seq;
	s.end = s.seq + s.bytes;
	s.ack = source->piece->ack;
	if (c->in.phase == HTTP_H2 || feed_requests_apart(source, &s) == HTTP_H2)
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
	if (c->left_ahead)
		find_left(c);
	if ((__s32)(c->kept_end - c->in.next_seq) > 0)
		bpf_loop(MAX_KEPT, take_piece, &source, 0);
	/* Those that were passed over as body are never asked for; the map forgets them. */
	if ((__s32)(c->kept_end - c->in.next_seq) <= 0)
		c->kept = 0;
	drop_lock(c);
	return 0;
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
	/* What was left may be what is missing. */
	if (!c->left_ahead && (!tcp || (__s32)(tcp->rcv_nxt - c->in.next_seq) > 0)) {
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
	if (likely(try_lock_once(c))) {
		is_done = read_at_once(skb, c, &s);
		drop_lock(c);
	}
	if (unlikely(!is_done))
		receive_slowly(skb);
	if (unlikely(c->kept || c->left_ahead))
		take_kept(skb);
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

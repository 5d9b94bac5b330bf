// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Invocations of HTTP/1.x: attached once to the root, cgroup_skb sees every segment that a socket of
 * a descendant receives (ingress) or sends (egress). A request is a segment that begins with a
 * request head while no request is open on its socket; the request stays open until a response
 * begins, so a body that looks like a head is not counted.
 */
#include "bpf/maps.h"
#include <bpf/bpf_endian.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DEFAULT_CGROUPS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct wire_invocations);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} invocations SEC(".maps");

/* One bit a TCP port: which local ports serve invocations. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536 / 64);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} ports SEC(".maps");

enum open_kind { OPEN_NONE, OPEN_REQUEST, OPEN_INIT };

struct connection {
	__u64 since_ns; /* when the open request was received */
	__u32 next_seq; /* of the client's stream: what is before it is a retransmission */
	__u16 open;	/* enum open_kind */
	__u16 has_seq;
};

/* Lives and dies with the socket: no leak, no eviction. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct connection);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} connections SEC(".maps");

#define ALLOW 1
#define PROTOCOL_TCP 6
#define HEAD_BYTES 16

struct segment {
	__u32 payload;	     /* offset of the payload in the packet */
	__u32 payload_bytes; /* 0: nothing to see */
	__u32 seq;
	__u16 source, dest; /* ports, host order */
};

/* The headers are in the linear part: TCP has pulled them (ingress) or just written them. */
static __always_inline bool read_segment(struct __sk_buff *skb, struct segment *s)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct tcphdr *tcp;
	__u32 ip_bytes, tcp_bytes;

	if (skb->protocol == bpf_htons(0x0800)) {
		struct iphdr *ip = data;

		if ((void *)(ip + 1) > end || ip->protocol != PROTOCOL_TCP)
			return false;
		ip_bytes = ip->ihl * 4;
	} else if (skb->protocol == bpf_htons(0x86dd)) {
		struct ipv6hdr *ip6 = data;

		if ((void *)(ip6 + 1) > end || ip6->nexthdr != PROTOCOL_TCP)
			return false;
		ip_bytes = sizeof(*ip6);
	} else {
		return false;
	}
	tcp = data + ip_bytes;
	if ((void *)(tcp + 1) > end)
		return false;
	tcp_bytes = tcp->doff * 4;
	s->payload = ip_bytes + tcp_bytes;
	s->payload_bytes = skb->len > s->payload ? skb->len - s->payload : 0;
	s->seq = bpf_ntohl(tcp->seq);
	s->source = bpf_ntohs(tcp->source);
	s->dest = bpf_ntohs(tcp->dest);
	return s->payload_bytes > 0;
}

static __always_inline bool is_served(__u16 port)
{
	__u32 word = port / 64;
	__u64 *bits = bpf_map_lookup_elem(&ports, &word);

	return bits && (*bits >> (port % 64) & 1);
}

static __always_inline struct wire_invocations *counters_of(struct __sk_buff *skb)
{
	__u64 id = bpf_skb_cgroup_id(skb);
	struct wire_invocations *c = bpf_map_lookup_elem(&invocations, &id);
	struct wire_invocations zero = {};

	if (c)
		return c;
	/* Two processors may make it at once: the loser finds the winner's. */
	bpf_map_update_elem(&invocations, &id, &zero, BPF_NOEXIST);
	c = bpf_map_lookup_elem(&invocations, &id);
	if (!c)
		count_lost(WIRE_LOST_INVOCATION);
	return c;
}

/* The first 16 bytes of a payload as two words, so that a method is one comparison. */
union head {
	char bytes[HEAD_BYTES];
	__u64 word[2];
};

#define BYTE(c, i) ((__u64)(c) << (8 * (i)))
#define TEXT4(a, b, c, d) (BYTE(a, 0) | BYTE(b, 1) | BYTE(c, 2) | BYTE(d, 3))
#define TEXT8(a, b, c, d, e, f, g, h) (TEXT4(a, b, c, d) | TEXT4(e, f, g, h) << 32)
#define FIRST(word, n) ((word) & (~0ULL >> (8 * (8 - (n)))))

/* Method, one space and the start of a path: "GET /", or OPEN_NONE. */
static __always_inline enum open_kind request_kind(const union head *h)
{
	__u64 w = h->word[0];

	if (FIRST(w, 6) == TEXT8('P', 'O', 'S', 'T', ' ', '/', 0, 0))
		return w >> 48 == TEXT4('i', 'n', 0, 0) &&
				       FIRST(h->word[1], 2) == TEXT4('i', 't', 0, 0) &&
				       (h->bytes[10] == ' ' || h->bytes[10] == '?')
			       ? OPEN_INIT
			       : OPEN_REQUEST;
	if (FIRST(w, 5) == TEXT8('G', 'E', 'T', ' ', '/', 0, 0, 0) ||
	    FIRST(w, 5) == TEXT8('P', 'U', 'T', ' ', '/', 0, 0, 0) ||
	    FIRST(w, 6) == TEXT8('H', 'E', 'A', 'D', ' ', '/', 0, 0) ||
	    FIRST(w, 7) == TEXT8('P', 'A', 'T', 'C', 'H', ' ', '/', 0) ||
	    w == TEXT8('D', 'E', 'L', 'E', 'T', 'E', ' ', '/'))
		return OPEN_REQUEST;
	if (w == TEXT8('O', 'P', 'T', 'I', 'O', 'N', 'S', ' ') &&
	    (h->bytes[8] == '/' || h->bytes[8] == '*'))
		return OPEN_REQUEST;
	return OPEN_NONE;
}

/* "HTTP/1.x NNN"; 1NN ("100 Continue" and its kind) promises a response and is none. */
static __always_inline bool is_response(const union head *h)
{
	return FIRST(h->word[0], 7) == TEXT8('H', 'T', 'T', 'P', '/', '1', '.', 0) &&
	       h->bytes[9] != '1';
}

/* True when the segment brings bytes that the connection has not seen. */
static __always_inline bool is_new(struct connection *c, const struct segment *s)
{
	__u32 next = s->seq + s->payload_bytes;

	if (c->has_seq && (__s32)(next - c->next_seq) <= 0)
		return false;
	c->next_seq = next;
	c->has_seq = 1;
	return true;
}

SEC("cgroup_skb/ingress")
int count_request(struct __sk_buff *skb)
{
	struct connection *connection = NULL;
	struct wire_invocations *counters;
	union head head = {};
	struct bpf_sock *sk;
	struct segment s;
	enum open_kind kind;

	if (!read_segment(skb, &s) || !is_served(s.dest))
		return ALLOW;
	sk = skb->sk;
	if (!sk)
		return ALLOW;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return ALLOW;
	/* Data that comes with the last packet of the handshake meets the listener, not yet the
	 * connection: counted, without a time. */
	if (sk->state != BPF_TCP_LISTEN) {
		connection = bpf_sk_storage_get(&connections, sk, NULL,
						BPF_SK_STORAGE_GET_F_CREATE);
		if (connection && (!is_new(connection, &s) || connection->open))
			return ALLOW;
	}
	/* "GET / HTTP/1.0" and two line ends: no head is shorter. */
	if (s.payload_bytes < HEAD_BYTES || bpf_skb_load_bytes(skb, s.payload, &head, HEAD_BYTES))
		return ALLOW;
	kind = request_kind(&head);
	if (kind == OPEN_NONE)
		return ALLOW;
	counters = counters_of(skb);
	if (counters)
		__sync_fetch_and_add(kind == OPEN_INIT ? &counters->inits : &counters->requests, 1);
	if (connection) {
		connection->open = kind;
		connection->since_ns = bpf_ktime_get_ns();
	}
	return ALLOW;
}

SEC("cgroup_skb/egress")
int count_response(struct __sk_buff *skb)
{
	struct connection *connection;
	struct wire_invocations *counters;
	union head head = {};
	struct bpf_sock *sk;
	struct segment s;
	__u64 now;

	if (!read_segment(skb, &s) || !is_served(s.source))
		return ALLOW;
	sk = skb->sk;
	if (!sk)
		return ALLOW;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return ALLOW;
	connection = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (!connection || !connection->open)
		return ALLOW;
	if (s.payload_bytes < HEAD_BYTES || bpf_skb_load_bytes(skb, s.payload, &head, HEAD_BYTES))
		return ALLOW;
	if (!is_response(&head))
		return ALLOW;
	if (connection->open == OPEN_REQUEST) {
		now = bpf_ktime_get_ns();
		counters = counters_of(skb);
		if (counters) {
			__sync_fetch_and_add(&counters->responses, 1);
			__sync_fetch_and_add(&counters->busy_ns, now - connection->since_ns);
			if (!counters->first_response_ns)
				counters->first_response_ns = now;
		}
	}
	connection->open = OPEN_NONE;
	return ALLOW;
}

char LICENSE[] SEC("license") = "GPL";

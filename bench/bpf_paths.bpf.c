// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The counting programs as BPF_PROG_TEST_RUN can measure them: a repetition sees the same packet on the
 * same socket, so a request would be a retransmission from the second on. `rewind_*` puts the socket's
 * state back; it is measured alone, too, and taken off.
 */
#ifdef PROVE
#define PASSED(place) __sync_fetch_and_add(&passed[place], 1)
enum { PASSED_OTHER, PASSED_OVER };
unsigned long long passed[2];
#endif

#include "bpf/http.bpf.c"

/* Of the packet that is measured: set before each run. */
__u32 packet_seq;
__u64 packet_cgroup;
/* The beginning of a head that came in a segment before: 8 bytes. */
__u64 packet_carry;

static __always_inline struct connection *state(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk ? bpf_sk_storage_get(&connections, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE) : NULL;
}

static __always_inline struct connection *rewind_in(struct __sk_buff *skb)
{
	struct connection *c = state(skb);

	if (!c)
		return NULL;
	c->in.phase = HTTP_START;
	c->in.next_seq = packet_seq;
	c->in.carry = 0;
	c->waiting = 0;
	c->popped = c->pushed;
	c->cgroup = packet_cgroup;
	return c;
}

/* Known from the first repetition on, and never put back. */
static __always_inline void begin_once(struct __sk_buff *skb)
{
	struct connection *c = state(skb);

	if (c && !c->cgroup)
		rewind_in(skb);
}

static __always_inline void rewind_fragment(struct __sk_buff *skb)
{
	struct connection *c = rewind_in(skb);

	if (!c)
		return;
	c->in.carry = sizeof(packet_carry);
	*(__u64 *)c->in.window = packet_carry;
}

static __always_inline void rewind_out(struct __sk_buff *skb)
{
	struct connection *c = state(skb);

	if (!c)
		return;
	c->out.phase = HTTP_START;
	c->out.next_seq = packet_seq;
	c->out.carry = 0;
	c->waiting = ONE_COUNTED + 1;
	c->popped = c->pushed - 1;
	c->cgroup = packet_cgroup;
}

static __always_inline struct h2_connection *h2_state(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk ? bpf_sk_storage_get(&h2_connections, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE)
		  : NULL;
}

/* A connection that speaks HTTP/2, with nothing open. */
static __always_inline void rewind_http2(struct __sk_buff *skb)
{
	struct connection *c = rewind_in(skb);
	struct h2_connection *h2 = h2_state(skb);

	if (!c || !h2)
		return;
	c->in.phase = HTTP_H2;
	h2->in.state = H2_BEGUN;
	h2->in.last = h2->in.left = h2->in.have = 0;
	h2->slots[0].stream = 0;
}

/* The same with stream 1 waiting for its response. */
static __always_inline void rewind_http2_out(struct __sk_buff *skb)
{
	struct connection *c = rewind_in(skb);
	struct h2_connection *h2 = h2_state(skb);

	if (!c || !h2)
		return;
	c->in.phase = c->out.phase = HTTP_H2;
	c->out.next_seq = packet_seq;
	c->waiting = ONE_COUNTED + 1;
	h2->out.state = H2_BEGUN;
	h2->out.left = h2->out.have = 0;
	h2->slots[0].stream = 1;
}

SEC("cgroup_skb/ingress")
int bench_empty(struct __sk_buff *skb)
{
	return ALLOW;
}

SEC("cgroup_skb/ingress")
int bench_receive(struct __sk_buff *skb)
{
	return receive(skb);
}

SEC("cgroup_skb/ingress")
int bench_begin_once(struct __sk_buff *skb)
{
	begin_once(skb);
	return ALLOW;
}

SEC("cgroup_skb/ingress")
int bench_body(struct __sk_buff *skb)
{
	begin_once(skb);
	return receive(skb);
}

SEC("cgroup_skb/ingress")
int bench_rewind_in(struct __sk_buff *skb)
{
	rewind_in(skb);
	return ALLOW;
}

SEC("cgroup_skb/ingress")
int bench_request(struct __sk_buff *skb)
{
	rewind_in(skb);
	return receive(skb);
}

SEC("cgroup_skb/ingress")
int bench_rewind_fragment(struct __sk_buff *skb)
{
	rewind_fragment(skb);
	return ALLOW;
}

SEC("cgroup_skb/ingress")
int bench_fragment(struct __sk_buff *skb)
{
	rewind_fragment(skb);
	return receive(skb);
}

SEC("cgroup_skb/egress")
int bench_rewind_out(struct __sk_buff *skb)
{
	rewind_out(skb);
	return ALLOW;
}

SEC("cgroup_skb/egress")
int bench_response(struct __sk_buff *skb)
{
	rewind_out(skb);
	return send(skb);
}

SEC("cgroup_skb/ingress")
int bench_rewind_http2(struct __sk_buff *skb)
{
	rewind_http2(skb);
	return ALLOW;
}

SEC("cgroup_skb/ingress")
int bench_http2(struct __sk_buff *skb)
{
	rewind_http2(skb);
	return receive(skb);
}

SEC("cgroup_skb/egress")
int bench_rewind_http2_out(struct __sk_buff *skb)
{
	rewind_http2_out(skb);
	return ALLOW;
}

SEC("cgroup_skb/egress")
int bench_http2_out(struct __sk_buff *skb)
{
	rewind_http2_out(skb);
	return send(skb);
}

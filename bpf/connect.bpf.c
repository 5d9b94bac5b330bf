// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A container's TCP connections from accept to close: where their streams begin, what was still open
 * at their end; and, in the class connect, each accepted one as an invocation.
 */
#include "bpf/cgroup.h"
#include "bpf/connection.h"
#include <bpf/bpf_endian.h>

#define ESTABLISHED 1
#define SYN_RECV 3
#define CLOSE 7

/* What came with the handshake's last packet, which is being worked on right now; else NULL. */
static __always_inline struct early *find_early(struct sock *sk)
{
	__u32 zero = 0;
	struct early *early = bpf_map_lookup_elem(&early_data, &zero);

	if (!early || !early->port || early->port != sk->__sk_common.skc_num ||
	    early->remote_port != bpf_ntohs(sk->__sk_common.skc_dport))
		return NULL;
	early->port = 0;
	return early;
}

/* It is the connection's first data, and read already. */
static __always_inline struct connection *take_early(struct sock *sk, struct early *early,
						     __u32 snd_nxt)
{
	struct connection *c = &early->connection;

	if (c->in.phase == HTTP_H2 &&
	    !bpf_sk_storage_get(&h2_connections, sk, &early->h2, BPF_SK_STORAGE_GET_F_CREATE))
		c->in.phase = HTTP_UNKNOWN;
	c->out.next_seq = snd_nxt;
	c->was_early = 1;
	return c;
}

/* It has overtaken the connection's first data, or something has made the connection without it. */
static __always_inline void leave_early(struct sock *sk, struct connection *c,
					const struct early *early)
{
	struct piece_key key = { bpf_get_socket_cookie(sk), early->seq };

	if (early->piece.bytes && put_piece(&key, &early->piece))
		say_left(c, early->seq, early->piece.bytes);
}

static __always_inline void count_early(struct connection *c, const struct wire_config *config)
{
	struct wire_invocations *counts;
	__u32 waiting = c->waiting;

	counts = waiting ? counters_of(c->cgroup) : NULL;
	if (!counts)
		return;
	for (__u32 i = 0; i < QUEUE && i < waiting; i++)
		if (c->queue[i] & REQUEST_EXCLUDED)
			add(counts->excluded, 1);
		else if (c->queue[i] & REQUEST_INIT)
			add(counts->inits, 1);
	count_requests(counts, c->waiting >> 32, config->sweep);
}

/*
 * A segment on another processor may have been faster and have made the same connection: join(). What came
 * early is then left to that one.
 */
static __always_inline void accepted(struct sock *sk, struct cgroup *cgrp,
				     const struct wire_config *config)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	__u32 rcv_nxt = BPF_CORE_READ(tcp, rcv_nxt), snd_nxt = BPF_CORE_READ(tcp, snd_nxt);
	struct wire_invocations *counts = NULL;
	struct connection *c, *made;
	struct early *early = NULL;
	bool is_first;

	if (config->classes & WIRE_CONNECT) {
		counts = counters_of(cgroup_id(cgrp));
		if (!counts)
			return;
	} else {
		early = find_early(sk);
	}
	is_first = early && early->seq == rcv_nxt;
	if (is_first)
		c = take_early(sk, early, snd_nxt);
	else
		c = begin_connection(cgroup_id(cgrp), rcv_nxt, snd_nxt);
	if (!c)
		return;
	if (counts) {
		c->since_ns = bpf_ktime_get_ns();
		c->is_counted = 1;
	}
	made = make_connection(sk, c);
	if (!made)
		return;
	if (counts)
		count_requests(counts, 1, config->sweep);
	if (made->was_early)
		count_early(made, config);
	else if (is_first)
		bpf_sk_storage_delete(&h2_connections, sk);
	if (early && !made->was_early)
		leave_early(sk, made, early);
}

static __always_inline void closed(struct sock *sk, struct cgroup *cgrp,
				   const struct wire_config *config)
{
	struct connection *c = bpf_sk_storage_get(&connections, sk, NULL, 0);
	struct wire_invocations *counts;
	__u32 open;

	if (!c)
		return;
	open = add(c->waiting, CLOSED) >> 32;
	if (!open && !c->is_counted)
		return;
	counts = counters_of(cgroup_id(cgrp));
	if (!counts)
		return;
	if (!c->is_counted) {
		count_aborted(counts, open, config->sweep);
	} else if (BPF_CORE_READ((struct tcp_sock *)sk, bytes_sent)) {
		count_response(counts, c->since_ns, bpf_ktime_get_ns(), false, config->sweep);
	} else {
		count_aborted(counts, 1, config->sweep);
	}
	c->is_counted = 0;
}

/* The cgroup, when it is watched. */
static __always_inline struct cgroup *watched_cgroup(struct sock *sk)
{
	struct cgroup *cgrp = BPF_CORE_READ(sk, sk_cgrp_data.cgroup);

	return cgrp && is_watched(cgrp, BPF_CORE_READ(cgrp, level)) ? cgrp : NULL;
}

static __always_inline int opened(struct sock *sk, int old, int new)
{
	struct wire_config *c;
	struct cgroup *cgrp;

	if (new != ESTABLISHED || old != SYN_RECV || sk->sk_protocol != 6 ||
	    !is_served(sk->__sk_common.skc_num))
		return 0;
	c = read_settings();
	cgrp = watched_cgroup(sk);
	if (c && cgrp)
		accepted(sk, cgrp, c);
	return 0;
}

/*
 * The kernel passes over a program that would interrupt itself. Sockets change their states in processes, too,
 * where packets with new connections interrupt: so ends have a program of their own, and begins have two, of
 * which one at a time can be interrupted.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(connection_opened, struct sock *sk, int old, int new)
{
	return opened(sk, old, new);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(connection_opened_else, struct sock *sk, int old, int new)
{
	if (new != ESTABLISHED || bpf_sk_storage_get(&connections, sk, NULL, 0))
		return 0;
	return opened(sk, old, new);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(connection_closed, struct sock *sk, int old, int new)
{
	struct wire_config *c;
	struct cgroup *cgrp;

	/* At its end a socket has given its port back already; one that we do not know has no state. */
	if (new != CLOSE || sk->sk_protocol != 6 || !bpf_sk_storage_get(&connections, sk, NULL, 0))
		return 0;
	c = read_settings();
	cgrp = watched_cgroup(sk);
	if (c && cgrp)
		closed(sk, cgrp, c);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

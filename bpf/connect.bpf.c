// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A container's TCP connections from accept to close: where their streams begin, what was still open
 * at their end; and, in the class connect, each accepted one as an invocation.
 */
#include "bpf/cgroup.h"
#include "bpf/early.h"

#define ESTABLISHED 1
#define SYN_RECV 3
#define CLOSE 7

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
		early = find_early(sk->__sk_common.skc_num, sk->__sk_common.skc_dport);
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
	settle_early(sk, sk, made, early, is_first);
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

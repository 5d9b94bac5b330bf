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

/* Takes over what came with the handshake's last packet, which is being worked on right now. */
static __always_inline bool adopt_early(struct connection *c, struct sock *sk, __u32 rcv_nxt,
					const struct wire_config *config)
{
	__u32 zero = 0, waiting;
	struct early *early = bpf_map_lookup_elem(&early_data, &zero);
	struct wire_invocations *counts;

	if (!early || !early->port || early->seq != rcv_nxt ||
	    early->port != sk->__sk_common.skc_num ||
	    early->remote_port != bpf_ntohs(sk->__sk_common.skc_dport))
		return false;
	early->port = 0;
	__builtin_memcpy(c, &early->connection, sizeof(*c));
	if (c->in.phase == HTTP_H2 &&
	    !bpf_sk_storage_get(&h2_connections, sk, &early->h2, BPF_SK_STORAGE_GET_F_CREATE))
		c->in.phase = HTTP_UNKNOWN;
	waiting = c->waiting;
	counts = waiting ? counters_of(c->cgroup) : NULL;
	if (!counts)
		return true;
	for (__u32 i = 0; i < QUEUE && i < waiting; i++)
		if (c->queue[i] & REQUEST_EXCLUDED)
			add(counts->excluded, 1);
		else if (c->queue[i] & REQUEST_INIT)
			add(counts->inits, 1);
	count_requests(counts, c->waiting >> 32, config->sweep);
	return true;
}

static __always_inline void accepted(struct sock *sk, struct cgroup *cgrp,
				     const struct wire_config *config)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	struct wire_invocations *counts = NULL;
	struct connection *c;
	__u32 rcv_nxt = BPF_CORE_READ(tcp, rcv_nxt);

	c = bpf_sk_storage_get(&connections, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!c)
		return;
	if (config->classes & WIRE_CONNECT) {
		counts = counters_of(cgroup_id(cgrp));
		if (!counts)
			return;
		c->since_ns = bpf_ktime_get_ns();
		c->is_counted = 1;
		count_requests(counts, 1, config->sweep);
		return;
	}
	if (!adopt_early(c, sk, rcv_nxt, config)) {
		c->in.next_seq = rcv_nxt;
		c->cgroup = cgroup_id(cgrp);
	}
	c->out.next_seq = BPF_CORE_READ(tcp, snd_nxt);
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

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(connection_changed, struct sock *sk, int old, int new)
{
	struct cgroup *cgrp;
	struct wire_config *c;

	if (!(new == ESTABLISHED &&old == SYN_RECV) && new != CLOSE)
		return 0;
	/* At its end a socket has given its port back already; one that we do not know has no state. */
	if (sk->sk_protocol != 6 || (new != CLOSE && !is_served(sk->__sk_common.skc_num)))
		return 0;
	if (new == CLOSE && !bpf_sk_storage_get(&connections, sk, NULL, 0))
		return 0;
	c = read_settings();
	cgrp = BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
	if (!c || !cgrp || !is_watched(cgrp, BPF_CORE_READ(cgrp, level)))
		return 0;
	if (new == ESTABLISHED)
		accepted(sk, cgrp, c);
	else
		closed(sk, cgrp, c);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

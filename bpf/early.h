/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Data that comes before its connection is made. */
#ifndef FAASMAT_BPF_EARLY_H
#define FAASMAT_BPF_EARLY_H

#include <bpf/bpf_endian.h>

#include "bpf/connection.h"

/*
 * Data that comes with the last packet of the handshake meets the listener. It is read here, and the
 * connection, which is made while the same packet is worked on, takes it over; what the listener
 * turns away comes again and is not counted twice. What overtook both the handshake's last packet and
 * the data before it is a piece to keep.
 */
struct early {
	struct connection connection;
	struct h2_connection h2;
	struct piece piece; /* the packet's first bytes */
	__u32 seq;
	__u16 port, remote_port;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct early);
} early_data __weak SEC(".maps");

/* What came with the handshake's last packet, which is being worked on right now; else NULL. */
static __always_inline struct early *find_early(__u32 port, __be16 remote_port)
{
	__u32 zero = 0;
	struct early *early = bpf_map_lookup_elem(&early_data, &zero);

	if (!early || !early->port || early->port != port ||
	    early->remote_port != bpf_ntohs(remote_port))
		return NULL;
	early->port = 0;
	return early;
}

/* It is the connection's first data, and read already. */
static __always_inline struct connection *take_early(void *sk, struct early *early, __u32 snd_nxt)
{
	struct connection *c = &early->connection;

	if (c->in.phase == HTTP_H2 &&
	    !bpf_sk_storage_get(&h2_connections, sk, &early->h2, BPF_SK_STORAGE_GET_F_CREATE))
		c->in.phase = HTTP_UNKNOWN;
	c->out.next_seq = snd_nxt;
	c->early_by = 1 + bpf_get_smp_processor_id();
	return c;
}

/* False when another processor has made the connection, or nothing of it was early. */
static __always_inline bool count_early(struct connection *c)
{
	struct wire_invocations *counts;
	struct wire_config *config;
	__u32 waiting = c->waiting;

	if (!c->early_by || c->early_by != 1 + bpf_get_smp_processor_id())
		return false;
	c->early_by = 0;
	config = read_settings();
	counts = waiting ? counters_of(c->cgroup) : NULL;
	if (!config || !counts)
		return true;
	for (__u32 i = 0; i < QUEUE && i < waiting; i++)
		if (c->queue[i] & REQUEST_EXCLUDED)
			add(counts->excluded, 1);
		else if (c->queue[i] & REQUEST_INIT)
			add(counts->inits, 1);
	count_requests(counts, c->waiting >> 32, config->sweep);
	return true;
}

/*
 * Once the socket has its connection, `made`. What came early is not in it when it has overtaken the first
 * data, or when another processor was faster to make it: then it is left to that one. `cookie_of`: what
 * the program may ask for the socket's cookie.
 */
static __always_inline void settle_early(void *sk, void *cookie_of, struct connection *made,
					 const struct early *early, bool is_first)
{
	struct piece_key key = {};

	if (count_early(made) || !early)
		return;
	/* Two that met the listener with the same first data have made the same of it. */
	if (is_first && made->in.phase != HTTP_H2)
		bpf_sk_storage_delete(&h2_connections, sk);
	key.cookie = bpf_get_socket_cookie(cookie_of);
	key.seq = early->seq;
	if (early->piece.bytes && put_piece(&key, &early->piece))
		say_left(made, early->seq, early->piece.bytes);
}

#endif

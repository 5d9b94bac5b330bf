/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeping segments that came too early, or that found the connection's lock taken. Included by http.bpf.c alone. */
#ifndef FAASMAT_BPF_KEPT_H
#define FAASMAT_BPF_KEPT_H

#include "bpf/connection.h"
#include "bpf/segment.h"

#define MAX_PIECES 8 /* of one segment */
#define MAX_KEPT 256 /* of one connection */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct piece);
} new_piece SEC(".maps");

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

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection's lock, and segments that are kept: they came too early, or found it taken. Included by http.bpf.c alone. */
#ifndef FAASMAT_BPF_KEPT_H
#define FAASMAT_BPF_KEPT_H

#include "bpf/connection.h"
#include "bpf/segment.h"

/* How often it is tried, and how many steps of a loop it is now and then held longer than needed, as by a
 * processor that its hypervisor stops: tests set them (collector/programs.c). */
const volatile __u32 lock_tries = 512, lock_hold = 0;

/* The last time it does not try: bpf_loop() would say the same of a lock taken then and of one never taken. */
static long try_again(__u32 i, void *arg)
{
	return i < lock_tries - 1 && try_lock(*(struct connection **)arg);
}

/* Softirqs of two processors may hold segments of one connection; neither waits for anything long. */
static __always_inline bool take_lock(struct connection *c)
{
	if (try_lock(c))
		return true;
	return bpf_loop(lock_tries, try_again, &c, 0) < lock_tries;
}

static long hold(__u32 i, void *arg)
{
	return 0;
}

static __always_inline void drop_lock(struct connection *c)
{
	if (lock_hold && bpf_get_prandom_u32() % 8 == 0)
		bpf_loop(lock_hold, hold, NULL, 0);
	unlock(c);
}

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
	say_left(c, s->seq, s->bytes);
	return take_lock(c);
}

/*
 * With the lock: what others have left is kept from here on. Returns where the pieces begin of which the next
 * byte is: before that byte, when it is behind a body's end in the midst of a segment that was left.
 */
static __always_inline __u32 find_left(struct connection *c)
{
	__u32 begin = c->in.next_seq, most = 0;
	__u64 last = __sync_lock_test_and_set(&c->left_end, 0);

	if (!c->kept || (__s32)((__u32)last - c->kept_end) > 0)
		c->kept_end = last;
	if (!c->kept)
		c->kept = 1;
#pragma unroll
	for (__u32 i = 0; i < LEFT; i++) {
		__u64 place = c->left[i] ? __sync_lock_test_and_set(&c->left[i], 0) : 0;
		__u32 seq = place, ahead = seq + (place >> 32) - c->in.next_seq;

		if (place && (__s32)(seq - c->in.next_seq) <= 0 && (__s32)ahead > 0 &&
		    ahead > most) {
			begin = seq;
			most = ahead;
		}
	}
	return begin;
}

#endif

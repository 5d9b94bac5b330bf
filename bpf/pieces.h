/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segments that came too early, until the gap before them is filled. The oldest give way. */
#ifndef FAASMAT_BPF_PIECES_H
#define FAASMAT_BPF_PIECES_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define PIECE_BYTES 1536

struct piece_key {
	__u64 cookie; /* of the socket */
	__u64 seq;
};
struct piece {
	__u32 bytes, ack;
	char data[PIECE_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 512);
	__type(key, struct piece_key);
	__type(value, struct piece);
} pieces __weak SEC(".maps");

/* True when it is one more. What is sent once more may be longer, joined with what followed it; then the
 * first, shorter copy may still be under way, and must not take the longer one's place. */
static __always_inline bool put_piece(const struct piece_key *key, const struct piece *piece)
{
	const struct piece *old = bpf_map_lookup_elem(&pieces, key);

	if (old && old->bytes >= piece->bytes)
		return false;
	return !bpf_map_update_elem(&pieces, key, piece, BPF_ANY);
}

/* Copies the first `bytes` of the packet from `offset` on, as many as have room. False when it cannot. */
static __always_inline bool load_piece(struct piece *piece, struct __sk_buff *skb, __u32 offset,
				       __u32 bytes, __u32 ack)
{
	__u32 n = bytes < PIECE_BYTES ? bytes : PIECE_BYTES;

	/* Hidden from the compiler, which knows the bounds where the verifier has forgotten them; and
	 * that of 6.1 learns nothing from n != 0. */
	n--;
	asm volatile("" : "+r"(n));
	if (n >= PIECE_BYTES || bpf_skb_load_bytes(skb, offset, piece->data, n + 1))
		return false;
	piece->bytes = n + 1;
	piece->ack = ack;
	return true;
}

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A bad network for tests/counting.sh, on a loopback device of its own: of a hundred packets it loses one and
 * sends ten twice, and each goes to any processor (by its hash, where receive packet steering is on), so
 * that packets of one connection overtake one another and are worked on at the same time.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define TC_ACT_OK 0
#define TC_ACT_SHOT 2
#define COPY 0x66616173 /* the mark of what has been copied */

SEC("tc")
int disorder(struct __sk_buff *skb)
{
	__u32 r = bpf_get_prandom_u32() % 100;

	if (skb->mark != COPY && r == 0)
		return TC_ACT_SHOT;
	bpf_set_hash(skb, bpf_get_prandom_u32());
	if (skb->mark != COPY && r > 89) {
		skb->mark = COPY;
		bpf_clone_redirect(skb, skb->ifindex, 0);
		bpf_set_hash(skb, bpf_get_prandom_u32());
	}
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";

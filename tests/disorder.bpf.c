// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A bad network for tests/counting.sh, on a loopback device of its own: of a hundred packets it loses one and
 * sends ten twice, and each goes to any processor (by its hash, where receive packet steering is on), so
 * that packets of one connection overtake one another and are worked on at the same time.
 *
 * Or (section "begin") one that loses of each connection's client the handshake's last packet and the first
 * one with data: the second one with data is then what the listener meets.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
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

/* By the client's port: packets behind its SYN. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u32);
} seen SEC(".maps");

#define ETHERNET 14
#define FIRST_CLIENT 32768 /* Linux gives clients ports from here on */

SEC("begin")
int lose_begin(struct __sk_buff *skb)
{
	struct tcphdr tcp;
	__u32 port, *n;

	if (bpf_skb_load_bytes(skb, ETHERNET + sizeof(struct iphdr), &tcp, sizeof(tcp)))
		return TC_ACT_OK;
	port = bpf_ntohs(tcp.source);
	n = bpf_map_lookup_elem(&seen, &port);
	if (!n || port < FIRST_CLIENT)
		return TC_ACT_OK;
	if (tcp.syn)
		*n = 0;
	else
		++*n;
	return tcp.syn || *n > 2 ? TC_ACT_OK : TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "GPL";

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a request is a second hop: one that a container sends to itself. Included by http.bpf.c alone. */
#ifndef FAASMAT_BPF_HOP_H
#define FAASMAT_BPF_HOP_H

#include <bpf/bpf_endian.h>

#include "bpf/connection.h"
#include "bpf/segment.h"

/* From the loopback address, or from and to the same one. */
static __noinline bool is_loopback(struct __sk_buff *skb, struct bpf_sock_tuple *peer, __u32 *size)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	if (skb->protocol == bpf_htons(0x0800)) {
		struct iphdr *ip = data;
		struct tcphdr *tcp;

		if ((void *)(ip + 1) > end)
			return false;
		tcp = data + ip->ihl * 4;
		if ((void *)(tcp + 1) > end)
			return false;
		peer->ipv4.saddr = ip->daddr;
		peer->ipv4.daddr = ip->saddr;
		peer->ipv4.sport = tcp->dest;
		peer->ipv4.dport = tcp->source;
		*size = sizeof(peer->ipv4);
		return ip->saddr == ip->daddr ||
		       (ip->saddr & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000);
	} else {
		struct ipv6hdr *ip6 = data;
		struct tcphdr *tcp = (void *)(ip6 + 1);
		__u32 *from = (void *)&ip6->saddr, *to = (void *)&ip6->daddr;

		if ((void *)(tcp + 1) > end || ip6->nexthdr != PROTOCOL_TCP)
			return false;
		for (int i = 0; i < 4; i++) {
			peer->ipv6.saddr[i] = to[i];
			peer->ipv6.daddr[i] = from[i];
		}
		peer->ipv6.sport = tcp->dest;
		peer->ipv6.dport = tcp->source;
		*size = sizeof(peer->ipv6);
		return from[0] == to[0] && from[1] == to[1] && from[2] == to[2] && from[3] == to[3];
	}
}

/* A request that a container sends to itself (a watchdog to the function behind it) is a second hop
 * of one that was counted when it came in. */
__noinline int hop_of(struct __sk_buff *skb)
{
	struct wire_config *config = read_settings();
	struct bpf_sock_tuple peer = {};
	struct bpf_sock *sender;
	__u32 size = 0;
	__u8 hop = HOP_FIRST;

	if (!config || config->hops == WIRE_HOPS_COUNT || !is_loopback(skb, &peer, &size))
		return HOP_FIRST;
	if (config->hops == WIRE_HOPS_LOOPBACK)
		return HOP_SECOND;
	if (size == sizeof(peer.ipv4))
		sender = bpf_sk_lookup_tcp(skb, &peer, sizeof(peer.ipv4), BPF_F_CURRENT_NETNS, 0);
	else
		sender = bpf_sk_lookup_tcp(skb, &peer, sizeof(peer.ipv6), BPF_F_CURRENT_NETNS, 0);
	if (!sender)
		return HOP_FIRST;
	if (bpf_sk_cgroup_id(sender) == bpf_skb_cgroup_id(skb))
		hop = HOP_SECOND;
	bpf_sk_release(sender);
	return hop;
}

#endif

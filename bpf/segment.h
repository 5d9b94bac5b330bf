/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a packet's TCP payload is: IPv4 and IPv6 with extension headers. */
#ifndef FAASMAT_BPF_SEGMENT_H
#define FAASMAT_BPF_SEGMENT_H

#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define PROTOCOL_TCP 6
/* RFC 8200 has five kinds that may come before TCP, one of them twice. */
#define MAX_EXTENSIONS 6

struct segment {
	__u32 payload;	/* its offset in the packet */
	__u32 bytes;	/* its length: never 0 */
	__u32 seq, end; /* sequence numbers of its first byte and behind its last */
	__u32 ack;
	__be16 from; /* the sender's port */
	bool is_syn;
};

/* Offset of what follows the extension headers, 0 when that is not TCP. */
__weak __noinline int pass_extensions(struct __sk_buff *skb, __u32 next)
{
	__u32 offset = sizeof(struct ipv6hdr);
	struct {
		__u8 next, length;
	} head;

	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		if (next == PROTOCOL_TCP)
			return offset;
		if (next != 0 && next != 43 && next != 44 && next != 51 && next != 60)
			return 0;
		if (bpf_skb_load_bytes(skb, offset, &head, sizeof(head)))
			return 0;
		/* A fragment header (44) has no length; the authentication header (51) counts by 4. */
		offset += next == 44   ? 8
			  : next == 51 ? (head.length + 2) * 4
				       : (head.length + 1) * 8;
		next = head.next;
	}
	return next == PROTOCOL_TCP ? offset : 0;
}

/*
 * False for what has no TCP payload. The headers are in the linear part: TCP has pulled them
 * (ingress) or just written them.
 */
static __always_inline bool read_segment(struct __sk_buff *skb, struct segment *s)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct tcphdr *tcp;
	__u32 ip_bytes;

	if (likely(skb->protocol == bpf_htons(0x0800))) {
		struct iphdr *ip = data;

		if ((void *)(ip + 1) > end || ip->protocol != PROTOCOL_TCP)
			return false;
		ip_bytes = ip->ihl * 4;
	} else if (skb->protocol == bpf_htons(0x86dd)) {
		struct ipv6hdr *ip6 = data;

		if ((void *)(ip6 + 1) > end)
			return false;
		ip_bytes = sizeof(*ip6);
		if (ip6->nexthdr != PROTOCOL_TCP) {
			ip_bytes = pass_extensions(skb, ip6->nexthdr);
			if (!ip_bytes || ip_bytes > 2048)
				return false;
			data = (void *)(long)skb->data;
			end = (void *)(long)skb->data_end;
		}
	} else {
		return false;
	}
	tcp = data + ip_bytes;
	if ((void *)(tcp + 1) > end)
		return false;
	s->payload = ip_bytes + tcp->doff * 4;
	if (skb->len <= s->payload)
		return false;
	s->bytes = skb->len - s->payload;
	s->seq = bpf_ntohl(tcp->seq) + tcp->syn;
	s->end = s->seq + s->bytes;
	s->ack = bpf_ntohl(tcp->ack_seq);
	s->from = tcp->source;
	s->is_syn = tcp->syn;
	return true;
}

#endif

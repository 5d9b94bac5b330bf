// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a container that was started before its function was known is told by its first requests
 * (OpenWhisk's prewarm, Fission's generic pods). Copies the first bytes of what the sockets of a few
 * watched cgroups receive, those that wait for a name; as soon as they have one, user space takes them
 * out of the map. An object of its own, loaded only for platforms that specialise late, and neither
 * pinned nor kept when the collector goes.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "bpf/late.h"

#define ALLOW 1
#define PROTOCOL_TCP 6

/* Watched cgroups and the segments that each may still have copied. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LATE_CGROUPS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __s64);
} watched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 512 * 1024);
} pieces SEC(".maps");

/* Offset of the TCP payload in the packet; 0: none. */
static __always_inline __u32 find_payload(struct __sk_buff *skb, __u32 *seq)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct tcphdr *tcp;
	__u32 ip_bytes, payload;

	if (skb->protocol == bpf_htons(0x0800)) {
		struct iphdr *ip = data;

		if ((void *)(ip + 1) > end || ip->protocol != PROTOCOL_TCP)
			return 0;
		ip_bytes = ip->ihl * 4;
	} else if (skb->protocol == bpf_htons(0x86dd)) {
		struct ipv6hdr *ip6 = data;

		if ((void *)(ip6 + 1) > end || ip6->nexthdr != PROTOCOL_TCP)
			return 0;
		ip_bytes = sizeof(*ip6);
	} else {
		return 0;
	}
	tcp = data + ip_bytes;
	if ((void *)(tcp + 1) > end)
		return 0;
	*seq = bpf_ntohl(tcp->seq);
	payload = ip_bytes + tcp->doff * 4;
	return skb->len > payload ? payload : 0;
}

SEC("cgroup_skb/ingress")
int copy_first_bytes(struct __sk_buff *skb)
{
	__u64 id = bpf_skb_cgroup_id(skb);
	__s64 *budget = bpf_map_lookup_elem(&watched, &id);
	__u32 seq = 0, payload;

	if (!budget || *budget <= 0)
		return ALLOW;
	payload = find_payload(skb, &seq);
	if (!payload)
		return ALLOW;
	__sync_fetch_and_sub(budget, 1);
	for (__u32 i = 0; i < LATE_PIECES; i++) {
		__u32 at = payload + i * LATE_TEXT;
		struct late_piece *p;
		__u64 bytes; /* 64 bits wide, as the verifier tracks it */

		if (at >= skb->len)
			break;
		p = bpf_ringbuf_reserve(&pieces, sizeof(*p), 0);
		if (!p)
			break;
		bytes = skb->len - at;
		if (bytes > LATE_TEXT)
			bytes = LATE_TEXT;
		p->cgroup = id;
		p->socket = bpf_get_socket_cookie(skb);
		p->seq = seq + i * LATE_TEXT;
		p->bytes = (__u32)bytes;
		/* The compiler knows the bounds by now, the verifier has forgotten them; and that of 6.1
		 * learns nothing from bytes != 0. */
		bytes--;
		asm volatile("" : "+r"(bytes));
		if (bytes >= LATE_TEXT || bpf_skb_load_bytes(skb, at, p->text, bytes + 1)) {
			bpf_ringbuf_discard(p, 0);
			break;
		}
		bpf_ringbuf_submit(p, 0);
	}
	return ALLOW;
}

char LICENSE[] SEC("license") = "GPL";

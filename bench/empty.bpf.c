// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs that do nothing, where those that count are attached: what the hooks themselves cost a
 * packet, so the least that anything attached there can cost (bpf-nginx.sh). */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("cgroup_skb/ingress")
int empty_received(struct __sk_buff *skb)
{
	return 1;
}

SEC("cgroup_skb/egress")
int empty_sent(struct __sk_buff *skb)
{
	return 1;
}

char LICENSE[] SEC("license") = "GPL";

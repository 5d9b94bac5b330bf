// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One pass over all cgroups below the root, into arrays that user space has mapped: a seq_file iterator
 * would stop at every 32 KiB of output and hold cgroup_mutex all the same, and a hash map has to be
 * searched by both sides.
 */
#include "bpf/cgroup.h"

/* Another cgroup than the pass before had here: when it was made stands in the map of those that were. */
static __always_inline void take_place(__u64 *place, struct wire_usage *u, __u64 id)
{
	struct wire_usage *made = bpf_map_lookup_elem(&usage, &id);

	*place = id;
	__builtin_memset(u, 0, sizeof(*u));
	if (made)
		u->made_ns = made->made_ns;
}

SEC("iter/cgroup")
int sweep_usage(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *cgrp = ctx->cgroup;
	struct wire_usage *u;
	struct wire_config *c;
	struct wire_pass *p;
	__u32 zero = 0, i;
	__u64 id, *place;

	c = bpf_map_lookup_elem(&settings, &zero);
	p = bpf_map_lookup_elem(&pass, &zero);
	if (!c || !p)
		return 0;
	if (p->sweep != c->sweep) {
		p->sweep = c->sweep;
		p->next = 0;
	}
	if (!cgrp) { /* the end */
		p->n = p->next;
		return 0;
	}
	/* A removed cgroup is visited until it is freed: its last word is in the map `usage`. */
	if (!(cgrp->self.flags & CSS_ONLINE))
		return 0;
	i = p->next;
	place = bpf_map_lookup_elem(&pass_ids, &i);
	u = bpf_map_lookup_elem(&pass_usage, &i);
	if (!place || !u) {
		count_lost(WIRE_LOST_CGROUP);
		return 0;
	}
	p->next = i + 1;
	id = cgrp->kn->id;
	if (*place != id)
		take_place(place, u, id);
	read_memory(cgrp, u);
	u->has_processes = has_processes(cgrp);
	u->seen = c->sweep;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

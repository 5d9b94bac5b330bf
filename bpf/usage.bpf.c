// SPDX-License-Identifier: GPL-2.0-or-later
/* One pass over all cgroups below the root, into a map: a seq_file iterator would stop at every
 * 32 KiB of output and hold cgroup_mutex all the same. */
#include "bpf/cgroup.h"

static const struct wire_usage nothing;

SEC("iter/cgroup")
int sweep_usage(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *cgrp = ctx->cgroup;
	struct wire_config *c;
	struct wire_usage *u;
	__u32 zero = 0;
	__u64 id;

	c = bpf_map_lookup_elem(&settings, &zero);
	if (!cgrp || !c)
		return 0;
	/* A removed cgroup is visited until it is freed: its entry has its last word already, or was
	 * dropped after that was stored. */
	if (!(cgrp->self.flags & CSS_ONLINE))
		return 0;
	id = cgrp->kn->id;
	u = bpf_map_lookup_elem(&usage, &id);
	if (!u) {
		if (bpf_map_update_elem(&usage, &id, &nothing, BPF_NOEXIST)) {
			count_lost(WIRE_LOST_CGROUP);
			return 0;
		}
		u = bpf_map_lookup_elem(&usage, &id);
		if (!u)
			return 0;
	}
	if (u->removed_ns)
		return 0;
	read_memory(cgrp, u);
	u->has_processes = has_processes(cgrp);
	u->seen = c->sweep;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

// SPDX-License-Identifier: GPL-2.0-or-later
/* OOM victims: who died, and whose limit was hit. The counts are in memory.events (see cgroup.h):
 * a group kill calls this once and adds as many to oom_kill as it kills. */
#include "bpf/cgroup.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} victims SEC(".maps");

SEC("?fentry/oom_kill_process")
int BPF_PROG(oom_killed, struct oom_control *oc, const char *message)
{
	struct task_struct *task = BPF_CORE_READ(oc, chosen);
	struct mem_cgroup *memcg = BPF_CORE_READ(oc, memcg);
	struct cgroup *cgrp;
	struct wire_victim *v;

	if (!task)
		return 0;
	cgrp = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	if (!is_watched(cgrp, BPF_CORE_READ(cgrp, level)))
		return 0;
	v = bpf_ringbuf_reserve(&victims, sizeof(*v), 0);
	if (!v) {
		count_lost(WIRE_LOST_VICTIM);
		return 0;
	}
	v->time_ns = bpf_ktime_get_ns();
	v->cgroup = cgroup_id(cgrp);
	v->oom_cgroup = memcg ? BPF_CORE_READ(memcg, css.cgroup, kn, id) : 0;
	v->pid = BPF_CORE_READ(task, tgid);
	bpf_probe_read_kernel(v->comm, sizeof(v->comm), &task->comm);
	bpf_ringbuf_submit(v, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The class exec: a process per request, as the classic watchdog and CGI make it. An invocation is a
 * program that the container's server starts; it is answered when that process ends.
 *
 * The server is the first process of the container: its parent lives elsewhere, and where the container
 * has process numbers of its own, it is number 1 there (what `docker exec` brings in is not). A known
 * reaper of zombies in that place (docker run --init) stands for the process that it starts. Processes
 * that the server forks and that run its own program still (workers) are the server, too.
 */
#include "bpf/cgroup.h"
#include "bpf/invocation.h"

#define FORKED_ONLY 0x40 /* PF_FORKNOEXEC */
#define MAX_WORKERS 4	 /* forks between the server and who starts the process */
#define MAX_RUNNING 16384

struct running {
	__u64 since_ns;
	__u64 cgroup;
};

/* Processes that are invocations, by process number. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_RUNNING);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct running);
} running SEC(".maps");

static __always_inline struct cgroup *cgroup_of(struct task_struct *p)
{
	return BPF_CORE_READ(p, cgroups, dfl_cgrp);
}

static __always_inline struct task_struct *parent_of(struct task_struct *p)
{
	return BPF_CORE_READ(p, real_parent, group_leader);
}

/* True for number 1 of its own process numbers, and for all that have the machine's. */
static __always_inline bool may_be_first(struct task_struct *p, struct task_struct *parent)
{
	struct pid *pid = BPF_CORE_READ(p, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid last = {};

	if (level <= BPF_CORE_READ(parent, thread_pid, level))
		return true;
	bpf_probe_read_kernel(&last, sizeof(last),
			      __builtin_preserve_access_index(&pid->numbers[0]) + level);
	return last.nr == 1;
}

/* The container's first process: its parent is of another cgroup. */
static __always_inline bool is_first(struct task_struct *p, struct cgroup *cgrp)
{
	struct task_struct *parent = parent_of(p);

	return cgroup_of(parent) != cgrp && may_be_first(p, parent);
}

static __always_inline bool is_reaper(struct task_struct *p)
{
	char name[16] = {};
	__u64 w;

	bpf_probe_read_kernel_str(name, sizeof(name), __builtin_preserve_access_index(&p->comm));
	w = *(__u64 *)name;
#define NAME8(a, b, c, d, e, f, g, h)                                                            \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)
	return (w & 0xffffffffULL) == NAME8('t', 'i', 'n', 'i', 0, 0, 0, 0) ||
	       w == NAME8('d', 'o', 'c', 'k', 'e', 'r', '-', 'i') ||
	       w == NAME8('d', 'u', 'm', 'b', '-', 'i', 'n', 'i') ||
	       w == NAME8('c', 'a', 't', 'a', 't', 'o', 'n', 'i') ||
	       w == NAME8('p', 'o', 'd', 'm', 'a', 'n', '-', 'i');
#undef NAME8
}

static __always_inline bool is_server(struct task_struct *p, struct cgroup *cgrp)
{
	struct task_struct *parent;

	if (cgroup_of(p) != cgrp)
		return false;
	if (is_first(p, cgrp))
		return !is_reaper(p);
	parent = parent_of(p);
	return cgroup_of(parent) == cgrp && is_first(parent, cgrp) && is_reaper(parent);
}

/* Whether the server, or a worker of its, started this process. */
static __always_inline bool is_started_by_server(struct task_struct *p, struct cgroup *cgrp)
{
	p = parent_of(p);
	for (int i = 0; i < MAX_WORKERS; i++) {
		if (is_server(p, cgrp))
			return true;
		if (cgroup_of(p) != cgrp || !(BPF_CORE_READ(p, flags) & FORKED_ONLY))
			return false;
		p = parent_of(p);
	}
	return false;
}

static __always_inline void started(struct task_struct *p, struct cgroup *cgrp,
				    const struct wire_config *config)
{
	struct running r = { .since_ns = bpf_ktime_get_ns(), .cgroup = cgroup_id(cgrp) };
	struct wire_invocations *counts = counters_of(r.cgroup);
	__u32 number = BPF_CORE_READ(p, tgid);

	if (!counts)
		return;
	/* The same process may start one program after another: still one request. */
	switch (bpf_map_update_elem(&running, &number, &r, BPF_NOEXIST)) {
	case 0:
		count_requests(counts, 1, config->sweep);
		break;
	case -17: /* EEXIST */
		break;
	default:
		count_requests(counts, 1, config->sweep);
		count_aborted(counts, 1, config->sweep);
		add(counts->unsettled_responses, 1);
	}
}

/* The first process starts another program: what it started before was perhaps preparation. */
static __always_inline void began_again(struct cgroup *cgrp)
{
	__u64 id = cgroup_id(cgrp), requests;
	struct wire_invocations *counts = bpf_map_lookup_elem(&invocations, &id);

	if (!counts)
		return;
	requests = *(volatile __u64 *)&counts->requests;
	if (requests)
		add(counts->unsettled, requests);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(program_started, struct task_struct *p, int old_pid, struct linux_binprm *program)
{
	struct wire_config *config = read_settings();
	struct cgroup *cgrp = cgroup_of(p);

	if (!config || !cgrp || !is_watched(cgrp, BPF_CORE_READ(cgrp, level)))
		return 0;
	p = BPF_CORE_READ(p, group_leader);
	if (is_first(p, cgrp))
		began_again(cgrp);
	else if (is_started_by_server(p, cgrp))
		started(p, cgrp, config);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_ended, struct task_struct *p)
{
	struct wire_config *config = read_settings();
	__u32 number = BPF_CORE_READ(p, tgid);
	struct wire_invocations *counts;
	struct running *r;

	/* Its last thread. */
	if (BPF_CORE_READ(p, signal, live.counter) > 0)
		return 0;
	r = bpf_map_lookup_elem(&running, &number);
	if (!r || !config)
		return 0;
	counts = counters_of(r->cgroup);
	if (counts)
		count_response(counts, r->since_ns, bpf_ktime_get_ns(),
			       BPF_CORE_READ(p, exit_code) != 0, config->sweep);
	bpf_map_delete_elem(&running, &number);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

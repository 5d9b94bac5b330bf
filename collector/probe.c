// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/probe.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include "collector/trial.h"
#include "common/cgroupfs.h"

struct list {
	struct probe_item *item;
	size_t n;
};

static _printf_(5, 6) void add(struct list *l, const char *name, enum probe_state state,
			       const char *found, const char *uses, ...)
{
	struct probe_item *i = &l->item[l->n++];
	va_list ap;

	i->name = name;
	i->state = state;
	snprintf(i->found, sizeof(i->found), "%s", found);
	va_start(ap, uses);
	vsnprintf(i->uses, sizeof(i->uses), uses, ap);
	va_end(ap);
}

/* 6.1 -> 601 */
static int kernel_number(const struct utsname *u)
{
	int major = 0, minor = 0;

	sscanf(u->release, "%d.%d", &major, &minor);
	return major * 100 + minor;
}

bool probe_kernel_is_old(char *out, size_t size)
{
	struct utsname u;

	uname(&u);
	snprintf(out, size, "%s", u.release);
	return kernel_number(&u) < 601;
}

static void probe_kernel(struct list *l, const struct utsname *u)
{
	if (kernel_number(u) >= 601)
		add(l, "kernel", PROBE_OK, u->release, "6.1 or newer: cgroup iterators");
	else
		add(l, "kernel", PROBE_MISSING, u->release,
		    "too old: 6.1 or newer is needed (Debian 12 has it)");
}

static void probe_privilege(struct list *l)
{
	if (geteuid() == 0)
		add(l, "privilege", PROBE_OK, "root", "collect and govern can run");
	else
		add(l, "privilege", PROBE_MISSING, "not root",
		    "collect and govern need root, or the capabilities of their units");
}

static bool has_function(const struct btf *btf, const char *name)
{
	return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
}

static void probe_btf(struct list *l)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf) {
		add(l, "BTF", PROBE_MISSING, "no /sys/kernel/btf/vmlinux",
		    "collect cannot run: use a kernel with CONFIG_DEBUG_INFO_BTF (Debian's have it)");
		return;
	}
	add(l, "BTF", PROBE_OK, "/sys/kernel/btf/vmlinux", "programs adapt to this kernel (CO-RE)");
	if (btf__find_by_name_kind(btf, "bpf_iter__cgroup", BTF_KIND_STRUCT) > 0)
		add(l, "cgroup iterator", PROBE_OK, "bpf_iter__cgroup",
		    "memory of all containers in one pass");
	else
		add(l, "cgroup iterator", PROBE_MISSING, "none", "collect needs it: kernel 6.1");
	if (btf__find_by_name_kind(btf, "btf_trace_cgroup_mkdir", BTF_KIND_TYPEDEF) > 0)
		add(l, "cgroup tracepoints", PROBE_OK, "cgroup_mkdir, cgroup_rmdir",
		    "containers are seen as they come and go");
	else
		add(l, "cgroup tracepoints", PROBE_MISSING, "none",
		    "collect needs a kernel with CONFIG_TRACEPOINTS");
	if (has_function(btf, "oom_kill_process"))
		add(l, "OOM hook", PROBE_OK, "oom_kill_process",
		    "names each victim, where the kernel lets fentry attach to it");
	else
		add(l, "OOM hook", PROBE_DEGRADED, "no oom_kill_process in BTF",
		    "OOM kills are counted from memory.events; victims stay unnamed");
	btf__free(btf);
}

static const char *refusal(int r)
{
	static char text[120];

	if (r == -ENOENT)
		return "not in this kernel";
	if (geteuid() != 0)
		return "unknown without root";
	snprintf(text, sizeof(text), "refused: %s", strerror(-r));
	return text;
}

/* The classes of --invocations, each by what it hooks. */
static void probe_invocations(struct list *l)
{
	int skb = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_CGROUP_SKB, NULL);
	int storage = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_SK_STORAGE, NULL);
	int loop = libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SKB, BPF_FUNC_loop, NULL);
	int accepted = trial_tracepoint("inet_sock_set_state"), r;

	if (skb == 1 && storage == 1 && loop == 1 && accepted == 0)
		add(l, "class http, http2", PROBE_OK, "cgroup_skb, socket storage",
		    "requests of HTTP/1.x, and of HTTP/2 without TLS, are counted per container");
	else
		add(l, "class http, http2", PROBE_MISSING,
		    geteuid() ? "unknown without root" : "none",
		    "--invocations http cannot run; memory is still watched with none");
	if (accepted == 0 && storage == 1)
		add(l, "class connect", PROBE_OK, "inet_sock_set_state",
		    "accepted connections can be counted");
	else
		add(l, "class connect", PROBE_MISSING, refusal(accepted),
		    "--invocations connect cannot run");
	r = trial_tracepoint("sched_process_exec");
	if (r == 0)
		add(l, "class exec", PROBE_OK, "sched_process_exec",
		    "a process per request can be counted");
	else
		add(l, "class exec", PROBE_MISSING, refusal(r), "--invocations exec cannot run");
	r = trial_unix();
	if (r == 0)
		add(l, "class unix", PROBE_OK, "fexit unix_stream_recvmsg",
		    "requests on UNIX sockets can be counted");
	else
		add(l, "class unix", PROBE_DEGRADED, refusal(r),
		    "--invocations unix cannot run here: calls on UNIX sockets (Fn) stay uncounted");
}

static void probe_bpffs(struct list *l)
{
	struct statfs fs;

	if (statfs("/sys/fs/bpf", &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
		add(l, "bpffs", PROBE_OK, "/sys/fs/bpf", "counters outlive the collector");
	else
		add(l, "bpffs", PROBE_DEGRADED, "not mounted",
		    "collect mounts it; or mount -t bpf bpf /sys/fs/bpf");
}

static bool file_has_word(const char *path, const char *word)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char text[256];

	while (f && fscanf(f, "%255s", text) == 1)
		if (strcmp(text, word) == 0)
			return true;
	return false;
}

static void probe_cgroup(struct list *l)
{
	char mount[512], path[640];

	if (cgroup_mount(mount, sizeof(mount)) < 0) {
		add(l, "cgroup v2", PROBE_MISSING, "not mounted",
		    "boot with systemd.unified_cgroup_hierarchy=1");
		return;
	}
	add(l, "cgroup v2", PROBE_OK, mount, "containers are found below it");
	snprintf(path, sizeof(path), "%s/cgroup.controllers", mount);
	if (file_has_word(path, "memory"))
		add(l, "memory controller", PROBE_OK, "on cgroup v2", "budgets can be written");
	else
		add(l, "memory controller", PROBE_MISSING,
		    "not on cgroup v2 (v1 has it, or nobody)",
		    "invocations are counted, but nothing can be governed: boot with "
		    "systemd.unified_cgroup_hierarchy=1");
}

static void probe_memory(struct list *l, const struct utsname *u)
{
	_cleanup_fclose_ FILE *swaps = fopen("/proc/swaps", "re");
	char line[256];
	int lines = 0;

	if (access("/proc/pressure/memory", R_OK) == 0)
		add(l, "PSI", PROBE_OK, "/proc/pressure/memory", "pressure can be read");
	else
		add(l, "PSI", PROBE_DEGRADED, "none", "pressure is not seen; boot with psi=1");
	while (swaps && fgets(line, sizeof(line), swaps))
		lines++;
	if (lines > 1)
		add(l, "swap", PROBE_OK, "on", "idle memory can leave before limits bite");
	else
		add(l, "swap", PROBE_OK, "none",
		    "anonymous memory cannot be reclaimed: memory.high is never used");
	if (kernel_number(u) >= 616)
		add(l, "O_NONBLOCK limit writes", PROBE_OK, "kernel 6.16 or newer",
		    "a limit write never waits for reclaim");
	else
		add(l, "O_NONBLOCK limit writes", PROBE_DEGRADED, "kernel older than 6.16",
		    "limits are lowered only below nothing that is in use");
}

size_t probe_node(struct probe_item *items)
{
	struct list l = { .item = items };
	struct utsname u;

	uname(&u);
	libbpf_set_print(NULL);
	probe_kernel(&l, &u);
	probe_privilege(&l);
	probe_btf(&l);
	probe_invocations(&l);
	probe_bpffs(&l);
	probe_cgroup(&l);
	probe_memory(&l, &u);
	return l.n;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/faasmat.skel.h"
#include "collector/trial.h"
#include "common/log.h"
#include "common/parse.h"

int programs_open_pin(const char *pin_dir, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

struct programs {
	struct faasmat_bpf *skel;
};

static int pin_link(struct bpf_link *link, const char *dir, const char *name)
{
	char path[512];
	int r = libbpf_get_error(link);

	if (r == 0 && link) {
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		r = bpf_link__pin(link, path);
		bpf_link__destroy(link); /* the pin keeps it */
	} else {
		r = -errno;
	}
	return r < 0 ? log_error_errno(r, "attaching %s", name + strlen("link_")) : 0;
}

static bool is_loaded(const struct bpf_program *p)
{
	return bpf_program__fd(p) >= 0;
}

static int attach_tracing(struct faasmat_bpf *skel, const char *dir)
{
	const struct {
		struct bpf_program *program;
		const char *pin;
	} tracing[] = {
		{ skel->progs.cgroup_made, "link_made" },
		{ skel->progs.cgroup_populated, "link_populated" },
		{ skel->progs.cgroup_removed, "link_removed" },
		{ skel->progs.oom_killed, "link_victims" },
		{ skel->progs.connection_opened, "link_opened" },
		{ skel->progs.connection_opened_else, "link_opened_else" },
		{ skel->progs.connection_closed, "link_closed" },
		{ skel->progs.program_started, "link_started" },
		{ skel->progs.process_ended, "link_ended" },
		{ skel->progs.unix_accepted, "link_unix_accepted" },
		{ skel->progs.unix_received, "link_unix_received" },
		{ skel->progs.unix_sent, "link_unix_sent" },
		{ skel->progs.unix_closed, "link_unix_closed" },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tracing) && r == 0; i++)
		if (is_loaded(tracing[i].program))
			r = pin_link(bpf_program__attach(tracing[i].program), dir, tracing[i].pin);
	return r;
}

/* The sweep comes last: a generation without its pin is not complete. */
static int attach_sweep(struct faasmat_bpf *skel, int root_fd, const char *dir)
{
	struct bpf_iter_attach_opts iter = { .sz = sizeof(iter) };
	union bpf_iter_link_info info = { .cgroup.cgroup_fd = root_fd,
					  .cgroup.order = BPF_CGROUP_ITER_DESCENDANTS_PRE };

	iter.link_info = &info;
	iter.link_info_len = sizeof(info);
	return pin_link(bpf_program__attach_iter(skel->progs.sweep_usage, &iter), dir,
			"link_sweep");
}

struct packets {
	struct bpf_program *program;
	const char *pin;
	bool taken;
};

/* A link of an earlier generation is turned to the new program in one step: no packet is missed or
 * seen twice. Otherwise nobody counts until it is attached. */
static int take_over(struct packets *p, const char *dir, uint64_t root, const struct heritage *h,
		     size_t n)
{
	char path[1024];
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, p->pin);
	r = heritage_take_link(h, n, root, bpf_program__expected_attach_type(p->program),
			       bpf_program__fd(p->program), path);
	p->taken = r == 0;
	return r == -ENOENT ? 0 : r;
}

int programs_attach(struct programs *p, const char *dir, int root_fd, uint64_t root,
		    const struct heritage *h, size_t n)
{
	struct packets packets[] = { { p->skel->progs.http_sent, "link_sent", false },
				     { p->skel->progs.http_received, "link_received", false } };
	/* Containers that come and go are seen by both generations for a moment, never by none. */
	int r = attach_tracing(p->skel, dir);

	for (size_t i = 0; i < ARRAY_SIZE(packets) && r == 0; i++)
		if (is_loaded(packets[i].program))
			r = take_over(&packets[i], dir, root, h, n);
	for (size_t i = 0; i < n; i++)
		heritage_stop(&h[i]);
	for (size_t i = 0; i < ARRAY_SIZE(packets) && r == 0; i++)
		if (is_loaded(packets[i].program) && !packets[i].taken)
			r = pin_link(bpf_program__attach_cgroup(packets[i].program, root_fd), dir,
				     packets[i].pin);
	return r < 0 ? r : attach_sweep(p->skel, root_fd, dir);
}

static void choose_programs(struct faasmat_bpf *skel, uint32_t classes, bool with_victims)
{
	bool http = classes & (WIRE_HTTP1 | WIRE_HTTP2);

	bpf_program__set_autoload(skel->progs.oom_killed, with_victims);
	bpf_program__set_autoload(skel->progs.http_received, http);
	bpf_program__set_autoload(skel->progs.http_sent, http);
	bpf_program__set_autoload(skel->progs.connection_opened, http || classes & WIRE_CONNECT);
	bpf_program__set_autoload(skel->progs.connection_opened_else,
				  http || classes & WIRE_CONNECT);
	bpf_program__set_autoload(skel->progs.connection_closed, http || classes & WIRE_CONNECT);
	bpf_program__set_autoload(skel->progs.program_started, classes & WIRE_EXEC);
	bpf_program__set_autoload(skel->progs.process_ended, classes & WIRE_EXEC);
	bpf_program__set_autoload(skel->progs.unix_accepted, classes & WIRE_UNIX);
	bpf_program__set_autoload(skel->progs.unix_received, classes & WIRE_UNIX);
	bpf_program__set_autoload(skel->progs.unix_sent, classes & WIRE_UNIX);
	bpf_program__set_autoload(skel->progs.unix_closed, classes & WIRE_UNIX);
}

static void set_for_tests(const char *name, uint32_t *to)
{
	const char *text = getenv(name);
	int64_t value;

	if (!text)
		return;
	if (parse_int64(text, &value) < 0 || value < 1 || value > UINT16_MAX) {
		log_warning("%s=%s: not a number from 1 to %d; %u stays", name, text, UINT16_MAX,
			    *to);
		return;
	}
	*to = (uint32_t)value;
	log_info("%s=%u, a setting for tests", name, *to);
}

static struct faasmat_bpf *load(const struct sensor_options *o, const char *dir, bool with_victims)
{
	struct bpf_object_open_opts opts = { .sz = sizeof(opts), .pin_root_path = dir };
	struct faasmat_bpf *skel = faasmat_bpf__open_opts(&opts);
	int r;

	if (!skel)
		return NULL;
	choose_programs(skel, o->filter->classes, with_victims);
	bpf_map__set_max_entries(skel->maps.cgroups, o->max_cgroups);
	bpf_map__set_max_entries(skel->maps.usage, o->max_cgroups);
	bpf_map__set_max_entries(skel->maps.invocations, o->max_cgroups);
	bpf_map__set_max_entries(skel->maps.pass_ids, o->max_cgroups);
	bpf_map__set_max_entries(skel->maps.pass_usage, o->max_cgroups);
	/* So that segments are left to the holder of a connection's lock all the time. */
	set_for_tests("FAASMAT_LOCK_TRIES", &skel->rodata->lock_tries);
	set_for_tests("FAASMAT_LOCK_HOLD", &skel->rodata->lock_hold);
	r = faasmat_bpf__load(skel);
	if (r < 0) {
		faasmat_bpf__destroy(skel);
		errno = -r;
		return NULL;
	}
	return skel;
}

static const char *load_remedy(uint32_t classes)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return "this kernel has no BTF (/sys/kernel/btf/vmlinux); faasmat needs one built "
		       "with CONFIG_DEBUG_INFO_BTF, as Debian's are";
	if (geteuid() != 0)
		return "root is needed, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN";
	if (classes & WIRE_UNIX && trial_unix() < 0)
		return "this kernel does not let its functions be traced (fexit), so requests on UNIX "
		       "sockets cannot be counted; leave `unix` out of --invocations, or use none";
	return "is the kernel 6.1 or newer? `faasmat probe` tells more";
}

int programs_load(const struct sensor_options *o, const char *dir, struct programs **ret)
{
	struct programs *p = calloc(1, sizeof(*p));

	*ret = NULL;
	if (!p)
		return -ENOMEM;
	p->skel = load(o, dir, true);
	if (!p->skel)
		p->skel = load(o, dir, false);
	if (!p->skel) {
		int r = -errno;

		free(p);
		return log_error_errno(r, "loading the BPF programs: %s",
				       load_remedy(o->filter->classes));
	}
	*ret = p;
	return 0;
}

void programs_free(struct programs *p)
{
	if (p)
		faasmat_bpf__destroy(p->skel);
	free(p);
}

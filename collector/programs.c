// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "bpf/faasmat.skel.h"
#include "common/log.h"

int programs_open_pin(const char *pin_dir, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

/* All of them, also those of another version, whose names we do not know. Links first: a program that
 * still runs must not write to a map that nobody reads any more. */
int programs_remove(const char *pin_dir)
{
	int r = 0;

	for (int pass = 0; pass < 2; pass++) {
		DIR *d = opendir(pin_dir);
		struct dirent *e;

		if (!d)
			return errno == ENOENT ? 0 : -errno;
		while ((e = readdir(d))) {
			bool is_link = strncmp(e->d_name, "link_", 5) == 0;

			if (e->d_name[0] == '.' || is_link != (pass == 0))
				continue;
			if (unlinkat(dirfd(d), e->d_name, 0) < 0 && errno != ENOENT)
				r = -errno;
		}
		closedir(d);
	}
	return r;
}

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
		{ skel->progs.connection_changed, "link_connections" },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tracing) && r == 0; i++)
		if (is_loaded(tracing[i].program))
			r = pin_link(bpf_program__attach(tracing[i].program), dir, tracing[i].pin);
	return r;
}

static int attach(struct faasmat_bpf *skel, int root_fd, const char *dir)
{
	struct bpf_iter_attach_opts iter = { .sz = sizeof(iter) };
	union bpf_iter_link_info info = { .cgroup.cgroup_fd = root_fd,
					  .cgroup.order = BPF_CGROUP_ITER_DESCENDANTS_PRE };
	int r = attach_tracing(skel, dir);

	iter.link_info = &info;
	iter.link_info_len = sizeof(info);
	if (r == 0)
		r = pin_link(bpf_program__attach_iter(skel->progs.sweep_usage, &iter), dir,
			     "link_sweep");
	if (r == 0 && is_loaded(skel->progs.http_sent))
		r = pin_link(bpf_program__attach_cgroup(skel->progs.http_sent, root_fd), dir,
			     "link_sent");
	if (r == 0 && is_loaded(skel->progs.http_received))
		r = pin_link(bpf_program__attach_cgroup(skel->progs.http_received, root_fd), dir,
			     "link_received");
	return r;
}

static void choose_programs(struct faasmat_bpf *skel, uint32_t classes, bool with_victims)
{
	bool http = classes & WIRE_HTTP1;

	bpf_program__set_autoload(skel->progs.oom_killed, with_victims);
	bpf_program__set_autoload(skel->progs.http_received, http);
	bpf_program__set_autoload(skel->progs.http_sent, http);
	bpf_program__set_autoload(skel->progs.connection_changed, http || classes & WIRE_CONNECT);
}

static struct faasmat_bpf *load(const struct sensor_options *o, bool with_victims)
{
	struct bpf_object_open_opts opts = { .sz = sizeof(opts), .pin_root_path = o->pin_dir };
	struct faasmat_bpf *skel = faasmat_bpf__open_opts(&opts);
	int r;

	if (!skel)
		return NULL;
	choose_programs(skel, o->filter->classes, with_victims);
	bpf_map__set_max_entries(skel->maps.cgroups, o->max_cgroups);
	bpf_map__set_max_entries(skel->maps.usage, o->max_cgroups);
	bpf_map__set_max_entries(skel->maps.invocations, o->max_cgroups);
	r = faasmat_bpf__load(skel);
	if (r < 0) {
		faasmat_bpf__destroy(skel);
		errno = -r;
		return NULL;
	}
	return skel;
}

static const char *load_remedy(void)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return "this kernel has no BTF (/sys/kernel/btf/vmlinux); faasmat needs one built "
		       "with CONFIG_DEBUG_INFO_BTF, as Debian's are";
	if (geteuid() != 0)
		return "root is needed, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN";
	return "is the kernel 6.1 or newer? `faasmat probe` tells more";
}

int programs_start(const struct sensor_options *o, int root_fd, const struct wire_config *config)
{
	struct faasmat_bpf *skel;
	uint32_t zero = 0;
	int r;

	programs_remove(o->pin_dir);
	skel = load(o, true);
	if (!skel) {
		programs_remove(o->pin_dir);
		skel = load(o, false);
	}
	if (!skel)
		return log_error_errno(-errno, "loading the BPF programs: %s", load_remedy());
	r = bpf_map__update_elem(skel->maps.settings, &zero, sizeof(zero), config, sizeof(*config),
				 BPF_ANY);
	if (r == 0)
		r = attach(skel, root_fd, o->pin_dir);
	faasmat_bpf__destroy(skel);
	return r < 0 ? log_error_errno(r, "starting the BPF programs") : 0;
}

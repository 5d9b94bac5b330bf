// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/preconditions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "common/log.h"
#include "common/parse.h"
#include "governor/cgroup_dir.h"
#include "governor/pool_name.h"
#include "store/plan.h"

#define LEASE_MIN_NS NS_PER_S
#define ON_CHANGE_MIN_NS (100 * NS_PER_MS)

static int check_memory(const struct governor_options *o)
{
	struct sysinfo info;
	int64_t machine;

	if (sysinfo(&info) < 0)
		return log_error_errno(-errno, "cannot read the machine's memory");
	machine = (int64_t)info.totalram * info.mem_unit;
	if (o->memory > machine) {
		log_error(
			"--memory %s is more than the machine's %s: give less, and leave some to the "
			"system",
			format_size(o->memory), format_size(machine));
		return -EINVAL;
	}
	if (o->memory <= o->margin) {
		log_error("--memory %s must be above --margin %s", format_size(o->memory),
			  format_size(o->margin));
		return -EINVAL;
	}
	return 0;
}

int check_options(const struct governor_options *o)
{
	const char *last = strrchr(o->root, '/');

	last = last ? last + 1 : o->root;
	if (o->margin < 0 || o->step < 0) {
		log_error("--margin and --shrink-step must not be negative");
		return -EINVAL;
	}
	/* Written so that a NaN does not pass. */
	if (!(o->share >= 0 && o->share <= 1) || !(o->borrow >= 0 && o->borrow <= 1)) {
		log_error("--share and --borrow must be from 0 to 1");
		return -EINVAL;
	}
	if (o->lease_ns < LEASE_MIN_NS || o->lead_ns < 0 || o->lead_ns > 60 * NS_PER_S) {
		log_error("--lease must be at least 1s, --lead 0s to 60s");
		return -EINVAL;
	}
	if (o->on_change_limit_ns < ON_CHANGE_MIN_NS) {
		log_error("--on-change-limit must be at least 100ms");
		return -EINVAL;
	}
	/* By these names pools are told from roots. */
	if (pool_name_is_one(last)) {
		log_error("--root %s: a root is not named main or pool-*", o->root);
		return -EINVAL;
	}
	return check_memory(o);
}

static bool is_ours(const char *root_path, const char *directory)
{
	char name[256];

	return pool_name_of_directory(root_path, directory, name, sizeof(name)) == 0;
}

static int check_children(const char *root_path)
{
	DIR *dir = opendir(root_path);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return log_error_errno(-errno, "%s cannot be read", root_path);
	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
		    is_ours(root_path, entry->d_name))
			continue;
		log_error(
			"%s is not faasmat's: it holds the cgroup '%s'; give a --root of its own, such "
			"as /faasmat",
			root_path, entry->d_name);
		r = -EEXIST;
	}
	closedir(dir);
	return r;
}

static int check_processes(const char *root_path)
{
	char path[4200], pid[32] = "";
	_cleanup_fclose_ FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/cgroup.procs", root_path);
	f = fopen(path, "re");
	if (!f || !fgets(pid, sizeof(pid), f))
		return 0;
	pid[strcspn(pid, "\n")] = '\0';
	log_error(
		"%s holds process %s itself, so no pool can be made below it: give a --root of its "
		"own, such as /faasmat",
		root_path, pid);
	return -EBUSY;
}

/* The cgroups above the root are its machine: the kernel kills for their limits, whatever ours are. */
static int check_ancestors(const char *root_path, int64_t memory)
{
	_cleanup_free_ char *path = strdup(root_path);
	char *slash;

	if (!path)
		return -ENOMEM;
	while ((slash = strrchr(path, '/')) && slash != path) {
		struct cgroup_dir dir = CGROUP_DIR_CLOSED;
		int64_t limit = LIMIT_NONE;

		*slash = '\0';
		/* One that is not there yet has no limit, nor has what is above the mount. */
		if (cgroup_dir_open(AT_FDCWD, path, &dir) == 0)
			cgroup_dir_read(&dir, "memory.max", &limit);
		cgroup_dir_close(&dir);
		if (limit >= memory)
			continue;
		log_error(
			"--memory %s is more than memory.max of %s allows, %s: give less, or raise that limit",
			format_size(memory), path, format_size(limit));
		return -EINVAL;
	}
	return 0;
}

int check_root(const char *root_path, int64_t memory)
{
	char path[4200];
	int r = check_ancestors(root_path, memory);

	if (r < 0)
		return r;
	if (access(root_path, F_OK) < 0)
		return errno == ENOENT ? 0 : log_error_errno(-errno, "%s", root_path);
	snprintf(path, sizeof(path), "%s/cgroup.controllers", root_path);
	if (access(path, F_OK) < 0) {
		log_error("%s is no cgroup2 directory: give a --root below the cgroup2 mount",
			  root_path);
		return -ENOTDIR;
	}
	r = check_children(root_path);
	return r < 0 ? r : check_processes(root_path);
}

int check_plan(struct store *s, int64_t minute)
{
	int r = store_check_plan(s, minute);

	if (r == -EBADMSG)
		log_error(
			"the plan in the database is damaged: %s; `faasmat plan --now` makes a new one",
			store_why());
	return r == -EBADMSG ? r : 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <libcgroup.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "common/cgroupfs.h"
#include "governor/pool_name.h"
#include "governor/slices.h"

static bool has_memory(const char *mount, const char *file)
{
	char path[CGROUP_PATH_MAX + 64], word[64];
	_cleanup_fclose_ FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/%s", mount, file);
	f = fopen(path, "re");
	while (f && fscanf(f, "%63s", word) == 1)
		if (strcmp(word, "memory") == 0)
			return true;
	return false;
}

int setup_find_mount(char *ret, size_t size)
{
	int r = cgroup_mount(ret, size);

	if (r < 0)
		return r;
	return has_memory(ret, "cgroup.controllers") ? 0 : -EOPNOTSUPP;
}

bool setup_protects_recursively(const char *mount)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096], point[CGROUP_PATH_MAX];

	while (f && fgets(line, sizeof(line), f)) {
		const char *type = strstr(line, " - cgroup2 ");

		if (type && sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1 &&
		    strcmp(point, mount) == 0)
			return strstr(type, "memory_recursiveprot") != NULL;
	}
	return true;
}

static bool bad_component(const char *s, size_t n)
{
	return n == 0 || n > 255 || (n == 1 && s[0] == '.') || (n == 2 && strncmp(s, "..", 2) == 0);
}

int setup_cgroup_path(const char *mount, const char *given, char *ret, size_t size)
{
	size_t prefix = strlen(mount), used = 0;

	if (strncmp(given, mount, prefix) == 0 && (given[prefix] == '/' || !given[prefix]))
		given += prefix;
	for (const char *p = given; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return -EINVAL;
	ret[0] = '\0';
	while (*given) {
		size_t n;

		given += strspn(given, "/");
		n = strcspn(given, "/");
		if (n == 0)
			break;
		if (bad_component(given, n) || used + n + 2 > size)
			return -EINVAL;
		used += (size_t)snprintf(ret + used, size - used, "/%.*s", (int)n, given);
		given += n;
	}
	return used ? 0 : -EINVAL;
}

static int make_by_libcgroup(const char *mount, const char *path)
{
	static bool initialised;
	struct cgroup *group;
	struct statfs fs;
	int r;

	/* libcgroup picks the hierarchy itself; it must not be another than the one we mean. */
	if (statfs(mount, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC ||
	    !has_memory(mount, "cgroup.controllers"))
		return -EOPNOTSUPP;
	if (!initialised) {
		r = cgroup_init();
		if (r)
			return r == ECGROUPNOTMOUNTED ? -ENOENT : -EIO;
		initialised = true;
	}
	group = cgroup_new_cgroup(path + 1);
	if (!group)
		return -ENOMEM;
	errno = 0;
	r = cgroup_add_controller(group, "memory") ? cgroup_create_cgroup(group, 1) : ECGFAIL;
	cgroup_free(&group);
	if (r == 0)
		return 0;
	if (r == ECGROUPNOTOWNER)
		return -EACCES;
	return r == ECGOTHER && cgroup_get_last_errno() ? -cgroup_get_last_errno() : -EIO;
}

/* systemd's own: it makes the cgroup, and enables controllers below it as its units need them. */
static int make_slice(const char *full)
{
	struct stat st;
	int r = stat(full, &st) == 0 ? 0 : slices_start(strrchr(full, '/') + 1);

	if (r < 0)
		return r;
	return has_memory(full, "cgroup.controllers") ? 0 : -EOPNOTSUPP;
}

int setup_make(const char *mount, const char *path)
{
	char full[2 * CGROUP_PATH_MAX];
	struct cgroup_dir dir;
	struct stat st;
	int r;

	snprintf(full, sizeof(full), "%s%s", mount, path);
	if (pool_name_is_slice(path) && slices_are_owned())
		return make_slice(full);
	if (stat(full, &st) < 0 || !has_memory(full, "cgroup.controllers")) {
		r = make_by_libcgroup(mount, path);
		if (r < 0)
			return r;
	}
	if (has_memory(full, "cgroup.subtree_control"))
		return 0;
	r = cgroup_dir_open(AT_FDCWD, full, &dir);
	if (r < 0)
		return r;
	r = cgroup_dir_write_text(&dir, "cgroup.subtree_control", "+memory");
	cgroup_dir_close(&dir);
	return r;
}

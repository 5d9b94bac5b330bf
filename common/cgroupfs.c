// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/cgroupfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

int cgroup_mount(char *out, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096];

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		char *type = strstr(line, " - cgroup2 "), *save, *field;

		if (!type)
			continue;
		/* id parent major:minor root mount-point ... */
		field = strtok_r(line, " ", &save);
		for (int i = 0; i < 4 && field; i++)
			field = strtok_r(NULL, " ", &save);
		/* One that another mount covers cannot be entered: there is a further one then. */
		if (!field || access(field, X_OK) < 0)
			continue;
		if (strlen(field) >= size)
			return -ENAMETOOLONG;
		strcpy(out, field);
		return 0;
	}
	return -ENOENT;
}

static bool has_dotdot(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (p[2] == '/' || !p[2]))
			return true;
	return false;
}

int cgroup_directory(const char *name, char *out, size_t size)
{
	char mount[4096];
	size_t n;
	int r = cgroup_mount(mount, sizeof(mount));

	if (r < 0)
		return r;
	if (has_dotdot(name))
		return -EINVAL;
	n = strlen(mount);
	if (strncmp(name, mount, n) == 0 && (name[n] == '/' || !name[n]))
		r = snprintf(out, size, "%s", name);
	else
		r = snprintf(out, size, "%s/%s", mount, name + strspn(name, "/"));
	if (r >= (int)size)
		return -ENAMETOOLONG;
	for (n = strlen(out); n > 1 && out[n - 1] == '/';)
		out[--n] = '\0';
	return 0;
}

int cgroup_id_of(int dir_fd, uint64_t *ret)
{
	struct {
		struct file_handle handle;
		uint64_t id;
	} h = { .handle.handle_bytes = sizeof(uint64_t) };
	int mount;

	if (name_to_handle_at(dir_fd, "", &h.handle, &mount, AT_EMPTY_PATH) < 0)
		return -errno;
	memcpy(ret, h.handle.f_handle, sizeof(*ret));
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An OCI runtime that does no more than what the rig needs: starts the bundle's process in a new cgroup
 * at linux.cgroupsPath and writes the pid file. No namespaces, no mounts, no state, and no limit: the
 * containers that the rig starts itself have none either. For a wrapper to hand over to where crun's 0.4 s of emulated CPU a container would measure crun.
 * usage: bare [OPTION...] run --bundle DIR --pid-file FILE [OPTION...] ID
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/cgroupfs.h"
#include "common/util.h"

#define MAX_ARGUMENTS 16

struct arguments {
	const char *bundle, *pid_file;
	bool run;
};

static void parse(int argc, char **argv, struct arguments *a)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "run") == 0)
			a->run = true;
		else if (strcmp(argv[i], "--bundle") == 0 && i + 1 < argc)
			a->bundle = argv[++i];
		else if (strcmp(argv[i], "--pid-file") == 0 && i + 1 < argc)
			a->pid_file = argv[++i];
	}
}

/* The value at "a/b/c". */
static json_t *find(json_t *o, const char *path)
{
	char key[64];

	for (; o && *path; path += strcspn(path, "/"), path += *path == '/') {
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(path, "/"), path);
		o = json_object_get(o, key);
	}
	return o;
}

static int write_file(int dir, const char *name, const char *text)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* A descriptor of the new cgroup. */
static int make_cgroup(json_t *config)
{
	const char *path = json_string_value(find(config, "linux/cgroupsPath"));
	char full[PATH_MAX], mount[PATH_MAX / 2];
	int fd, r;

	r = cgroup_mount(mount, sizeof(mount));
	if (r < 0)
		return r;
	if (!path || (size_t)snprintf(full, sizeof(full), "%s%s", mount, path) >= sizeof(full))
		return -EINVAL;
	if (mkdir(full, 0755) < 0)
		return -errno;
	fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Without memory controller there is no such file. */
	write_file(fd, "memory.oom.group", "1");
	return fd;
}

static int start(json_t *config, int cgroup)
{
	const char *root = json_string_value(find(config, "root/path"));
	json_t *args = find(config, "process/args"), *arg;
	struct clone_args clone = { .flags = CLONE_INTO_CGROUP,
				    .exit_signal = SIGCHLD,
				    .cgroup = cgroup };
	static char *const no_environment[] = { NULL };
	char *argv[MAX_ARGUMENTS] = { NULL }, program[PATH_MAX];
	size_t i;
	long pid;

	json_array_foreach(args, i, arg) if (i + 1 < ARRAY_SIZE(argv))
		argv[i] = (char *)json_string_value(arg);
	if (!root || !argv[0])
		return -EINVAL;
	snprintf(program, sizeof(program), "%s%s", root, argv[0]);
	pid = syscall(SYS_clone3, &clone, sizeof(clone));
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		execve(program, argv, no_environment);
		_exit(127);
	}
	return (int)pid;
}

static int write_pid(const char *path, int pid)
{
	_cleanup_fclose_ FILE *f = path ? fopen(path, "we") : NULL;

	return f && fprintf(f, "%d", pid) > 0 && fflush(f) == 0 ? 0 : -EIO;
}

int main(int argc, char **argv)
{
	struct arguments a = { .bundle = "." };
	char path[PATH_MAX];
	json_t *config;
	int r;

	parse(argc, argv, &a);
	/* There is no state to delete or to tell of. */
	if (!a.run)
		return 0;
	snprintf(path, sizeof(path), "%s/config.json", a.bundle);
	config = json_load_file(path, 0, NULL);
	r = make_cgroup(config);
	if (r >= 0)
		r = start(config, r);
	if (r > 0)
		r = write_pid(a.pid_file, r);
	if (r < 0)
		fprintf(stderr, "bare: %s: %s\n", path, strerror(-r));
	return r < 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/runtime_crun.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <limits.h>
#include <spawn.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/parse.h"
#include "common/util.h"

#define BUNDLE_PATH(out, c, id, file) snprintf(out, sizeof(out), "%s/%s/%s", (c)->dir, id, file)

static int copy_program(const char *from, const char *to)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int out = -1;
	ssize_t n;

	if (in < 0)
		return -errno;
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (out < 0)
		return -errno;
	while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
		;
	return n < 0 ? -errno : 0;
}

int crun_open(struct crun *c, const char *proxy, bool memory)
{
	char path[PATH_MAX];

	strcpy(c->dir, "/tmp/faasmat-rig-XXXXXX");
	c->memory = memory;
	if (!mkdtemp(c->dir)) {
		c->dir[0] = '\0';
		return -errno;
	}
	BUNDLE_PATH(path, c, "rootfs", "dev");
	*strrchr(path, '/') = '\0';
	if (mkdir(path, 0755) < 0)
		return -errno;
	/* crun opens the rootfs's /dev even for a container that mounts nothing there. */
	BUNDLE_PATH(path, c, "rootfs", "dev");
	if (mkdir(path, 0755) < 0)
		return -errno;
	BUNDLE_PATH(path, c, "rootfs", "proc");
	if (mkdir(path, 0755) < 0)
		return -errno;
	BUNDLE_PATH(path, c, "rootfs", "proxy");
	return copy_program(proxy, path);
}

static void remove_bundle(const struct crun *c, const char *id)
{
	char path[PATH_MAX];

	BUNDLE_PATH(path, c, id, "config.json");
	unlink(path);
	BUNDLE_PATH(path, c, id, "pid");
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

static int remove_entry(const char *path, _unused_ const struct stat *st, _unused_ int type,
			_unused_ struct FTW *where)
{
	return remove(path);
}

void crun_close(struct crun *c)
{
	/* crun itself puts device links into the rootfs. */
	if (c->dir[0])
		nftw(c->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	c->dir[0] = '\0';
}

static json_t *config_json(const struct crun *c, const struct crun_start *s)
{
	char rootfs[PATH_MAX];
	json_t *args = json_array(), *config;

	for (int i = 0; s->argv[i]; i++)
		json_array_append_new(args, json_string(i ? s->argv[i] : "/proxy"));
	snprintf(rootfs, sizeof(rootfs), "%s/rootfs", c->dir);
	config = json_pack(
		"{s:s, s:{s:b, s:{s:i, s:i}, s:o, s:s, s:[s], s:b}, s:{s:s, s:b}, s:s, s:[{s:s,"
		" s:s, s:s}], s:{s:s}, s:{s:[{s:s}, {s:s}, {s:s}, {s:s}], s:s}}",
		"ociVersion", "1.0.0", "process", "terminal", 0, "user", "uid", 0, "gid", 0, "args",
		args, "cwd", "/", "env", "PATH=/", "noNewPrivileges", 1, "root", "path", rootfs,
		"readonly", 1, "hostname", "container", "mounts", "destination", "/proc", "type",
		"proc", "source", "proc", "annotations", "faasmat.function", s->function, "linux",
		"namespaces", "type", "pid", "type", "mount", "type", "ipc", "type", "uts",
		"cgroupsPath", s->cgroup);
	if (config && c->memory)
		json_object_set_new(json_object_get(config, "linux"), "resources",
				    json_pack("{s:{s:s}}", "unified", "memory.oom.group", "1"));
	if (config && c->memory && c->limits)
		json_object_set_new(json_object_get(json_object_get(config, "linux"), "resources"),
				    "memory", json_pack("{s:I}", "limit", (json_int_t)s->bytes));
	return config;
}

static int write_bundle(const struct crun *c, const struct crun_start *s)
{
	char path[PATH_MAX];
	json_t *config;
	int r;

	BUNDLE_PATH(path, c, s->id, "config.json");
	*strrchr(path, '/') = '\0';
	if (mkdir(path, 0755) < 0)
		return -errno;
	BUNDLE_PATH(path, c, s->id, "config.json");
	config = config_json(c, s);
	if (!config)
		return -ENOMEM;
	r = json_dump_file(config, path, JSON_COMPACT);
	json_decref(config);
	return r < 0 ? -EIO : 0;
}

/* posix_spawn has done its descriptor actions in order: what is at 3 survives into the container. */
static int spawn_crun(char *const *argv, int notify, int log)
{
	posix_spawn_file_actions_t files;
	extern char **environ;
	pid_t pid;
	int r;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (log >= 0)
		posix_spawn_file_actions_adddup2(&files, log, STDOUT_FILENO);
	else
		posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (log >= 0)
		posix_spawn_file_actions_adddup2(&files, log, STDERR_FILENO);
	else
		posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (notify >= 0)
		posix_spawn_file_actions_adddup2(&files, notify, 3);
	r = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (r)
		return -r;
	r = syscall(SYS_pidfd_open, pid, 0);
	return r < 0 ? -errno : r;
}

int crun_run(struct crun *c, const struct crun_start *s)
{
	char state[PATH_MAX], bundle[PATH_MAX], pid_file[PATH_MAX], log_file[PATH_MAX];
	char *const argv[] = { (char *)c->program,
			       "--root",
			       state,
			       "--cgroup-manager=cgroupfs",
			       "--log",
			       log_file,
			       "run",
			       "--detach",
			       "--preserve-fds=1",
			       "--pid-file",
			       pid_file,
			       "--bundle",
			       bundle,
			       (char *)s->id,
			       NULL };
	int r = write_bundle(c, s);

	if (r < 0)
		return r;
	snprintf(state, sizeof(state), "%s/state", c->dir);
	snprintf(log_file, sizeof(log_file), "%s/crun.log", c->dir);
	snprintf(bundle, sizeof(bundle), "%s/%s", c->dir, s->id);
	BUNDLE_PATH(pid_file, c, s->id, "pid");
	return spawn_crun(argv, s->notify, s->log);
}

const char *crun_last_words(const struct crun *c)
{
	static char line[512];
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/crun.log", c->dir);
	f = fopen(path, "re");
	strcpy(line, "without a word");
	while (f && fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = '\0';
	return line;
}

int crun_container_pidfd(const struct crun *c, const char *id)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX];
	int pid, r;

	BUNDLE_PATH(path, c, id, "pid");
	f = fopen(path, "re");
	if (!f)
		return -errno;
	if (fscanf(f, "%d", &pid) != 1 || pid <= 0)
		return -EBADMSG;
	r = syscall(SYS_pidfd_open, pid, 0);
	return r < 0 ? -errno : r;
}

int crun_container_cgroup(const struct crun *c, const char *id, char *out, size_t size)
{
	char path[PATH_MAX];
	const char *cgroup;
	json_t *config;
	int r = 0;

	BUNDLE_PATH(path, c, id, "config.json");
	config = json_load_file(path, 0, NULL);
	cgroup =
		json_string_value(json_object_get(json_object_get(config, "linux"), "cgroupsPath"));
	if (!cgroup || cgroup[0] != '/' || strlen(cgroup) >= size)
		r = -EBADMSG;
	else
		strcpy(out, cgroup);
	json_decref(config);
	return r;
}

int crun_delete(struct crun *c, const char *id)
{
	char state[PATH_MAX];
	char *const argv[] = {
		(char *)c->program, "--root", state,	  "--cgroup-manager=cgroupfs",
		"delete",	    "-f",     (char *)id, NULL
	};

	snprintf(state, sizeof(state), "%s/state", c->dir);
	remove_bundle(c, id);
	return c->keeps_state ? spawn_crun(argv, -1, -1) : -ENOENT;
}

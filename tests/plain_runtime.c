// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An OCI runtime with nothing of one but the order of its steps: state file, cgroup, a process in it.
 * create --bundle DIR ID | delete -f ID | state ID. Its environment says where: PLAIN_STATE (a
 * directory), PLAIN_MOUNT (of cgroup2), PLAIN_PAUSE (most microseconds between two steps, at random).
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"

static char cgroup[4096], state[4096];

static void pause_somewhere(void)
{
	const char *most = getenv("PLAIN_PAUSE");
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (most && atoi(most) > 0)
		usleep((unsigned int)(now.tv_nsec / 100 + getpid()) % (unsigned int)atoi(most));
}

/* As real ones do: who deletes waits for who creates. Held until we, and a container that is not yet one,
 * are gone. */
static int lock_state(int flags)
{
	int fd = open(state, O_RDWR | flags, 0600);

	return fd < 0 || flock(fd, LOCK_EX) < 0 ? -errno : fd;
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n < 0 ? -errno : 0;
}

static int fail(const char *what)
{
	fprintf(stderr, "plain runtime: %s: %s\n", what, strerror(errno));
	return 1;
}

/* The container: says when it is in its cgroup. Until then it dies with its runtime. */
static void contain(int ready)
{
	char procs[4200], pid[32];
	pid_t parent = getppid();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", cgroup);
	snprintf(pid, sizeof(pid), "%d", getpid());
	pause_somewhere();
	if (getppid() != parent || put(procs, pid) < 0)
		_exit(1);
	prctl(PR_SET_PDEATHSIG, 0);
	if (write(ready, "r", 1) < 0)
		_exit(1);
	for (int fd = 0; fd < 64; fd++)
		close(fd);
	for (;;)
		pause();
}

static int create(const char *bundle, const char *mount)
{
	char path[4200], ready;
	const char *in = NULL;
	json_t *config;
	int p[2];

	snprintf(path, sizeof(path), "%s/config.json", bundle);
	config = json_load_file(path, 0, NULL);
	json_unpack(config, "{s:{s:s}}", "linux", "cgroupsPath", &in);
	if (!in)
		return fail("cgroupsPath");
	snprintf(cgroup, sizeof(cgroup), "%s%s", mount, in);
	if (lock_state(O_CREAT) < 0 || put(state, cgroup) < 0)
		return fail(state);
	pause_somewhere();
	if (mkdir(cgroup, 0755) < 0 && errno != EEXIST)
		return fail(cgroup);
	pause_somewhere();
	if (pipe(p) < 0)
		return fail("pipe");
	if (fork() == 0)
		contain(p[1]);
	close(p[1]);
	return read(p[0], &ready, 1) == 1 ? 0 : fail("the container");
}

static int delete (void)
{
	char path[4200], text[256];
	FILE *f = lock_state(0) < 0 ? NULL : fopen(state, "r");

	if (!f || !fgets(cgroup, sizeof(cgroup), f)) {
		/* Killed before anything was written into it. */
		unlink(state);
		return fail(state);
	}
	fclose(f);
	snprintf(path, sizeof(path), "%s/cgroup.kill", cgroup);
	if (access(cgroup, F_OK) == 0)
		put(path, "1");
	snprintf(path, sizeof(path), "%s/cgroup.events", cgroup);
	for (int i = 0; i < 2000 && rmdir(cgroup) < 0 && errno == EBUSY; i++)
		usleep(1000);
	f = fopen(path, "r");
	if (f && fgets(text, sizeof(text), f))
		return fail(cgroup);
	return unlink(state) < 0 ? fail(state) : 0;
}

int main(int argc, char **argv)
{
	const char *bundle = ".", *verb = argc > 1 ? argv[1] : "";

	for (int i = 2; i + 1 < argc; i++)
		if (strcmp(argv[i], "--bundle") == 0)
			bundle = argv[i + 1];
	if (argc < 3 || !getenv("PLAIN_STATE") || !getenv("PLAIN_MOUNT"))
		return 2;
	snprintf(state, sizeof(state), "%s/%s", getenv("PLAIN_STATE"), argv[argc - 1]);
	if (strcmp(verb, "create") == 0)
		return create(bundle, getenv("PLAIN_MOUNT"));
	if (strcmp(verb, "delete") == 0)
		return delete ();
	return access(state, F_OK) == 0 ? 0 : 1;
}

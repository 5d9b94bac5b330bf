// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * faasmat-watchdog --state FILE: lifts the limits below one root when the governor's lease on them
 * ends. It stands alone on purpose (libc only, static, no database): whatever goes wrong with the
 * governor must not go wrong here too.
 *
 * FILE is lease.c's: "faasmat-lease 1", then lines "expires NS" (CLOCK_BOOTTIME), "governor PID", "low
 * ours" when the root's memory.low is the governor's, "root DIRECTORY". One watchdog a file (FILE.lock). It sleeps until the lease ends and reads again:
 * renewed, it sleeps on; gone, it exits; ended, main and pool-* below the root get memory.max = max
 * and memory.low = 0. The root's own memory.max, the node's budget, stays.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE 4096
#define NS_PER_S 1000000000LL

struct state {
	long long expires_ns;
	int owns_root_low;
	char root[PATH_SIZE];
};

static long long boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* 0, -ENOENT when the lease was given up, -EINVAL when the file is none of ours. */
static int read_state(const char *path, struct state *ret)
{
	char text[PATH_SIZE + 256], *expires, *root, *end;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	expires = strstr(text, "\nexpires ");
	root = strstr(text, "\nroot /");
	if (strncmp(text, "faasmat-lease 1\n", 16) != 0 || !expires || !root)
		return -EINVAL;
	root += strlen("\nroot ");
	end = strchr(root, '\n');
	if (!end || end - root >= PATH_SIZE)
		return -EINVAL;
	ret->owns_root_low = strstr(text, "\nlow ours\n") != NULL;
	memcpy(ret->root, root, (size_t)(end - root));
	ret->root[end - root] = '\0';
	ret->expires_ns = strtoll(expires + strlen("\nexpires "), &end, 10);
	return *end == '\n' ? 0 : -EINVAL;
}

/* Where operators look: the kernel's log (and so the journal). */
static void say(const char *what, const char *root)
{
	char line[PATH_SIZE + 128];
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	int n = snprintf(line, sizeof(line), "faasmat-watchdog: %s %s\n", what, root);

	if (fd < 0 || write(fd, line, (size_t)n) < 0)
		fputs(line, stderr);
	if (fd >= 0)
		close(fd);
}

static int write_file(int dir, const char *file, const char *text)
{
	int fd = openat(dir, file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (write(fd, text, strlen(text)) < 0 && errno != ENODEV)
		r = -errno;
	close(fd);
	return r;
}

static int lift_one(int root, const char *name)
{
	int dir = openat(root, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r, low;

	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	r = write_file(dir, "memory.max", "max\n");
	low = write_file(dir, "memory.low", "0\n");
	close(dir);
	return r < 0 ? r : low;
}

static int lift_limits(const struct state *state)
{
	DIR *dir = opendir(state->root);
	struct dirent *entry;
	int failed = 0, r;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, "main") == 0 || strncmp(entry->d_name, "pool-", 5) == 0) {
			r = lift_one(dirfd(dir), entry->d_name);
			failed = r < 0 ? r : failed;
		}
	/* Its budget stays; that it is protected ends with what it was for. */
	if (state->owns_root_low) {
		r = write_file(dirfd(dir), "memory.low", "0\n");
		failed = r < 0 ? r : failed;
	}
	closedir(dir);
	return failed;
}

static void sleep_until(long long ns)
{
	struct timespec at = { .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };

	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static int be_the_only_one(const char *state)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_SIZE + 8];
	int fd;

	snprintf(path, sizeof(path), "%s.lock", state);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	return fcntl(fd, F_SETLK, &lock) < 0 ? -errno : 0;
}

/* The last process that should die when memory is short. */
static void protect_self(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* Without the right to, it is a process like others. */
	if (write(fd, "-900", 4) < 0)
		errno = 0;
	close(fd);
}

static int watch(const char *path)
{
	struct state state, again;
	int r = read_state(path, &state);

	while (r == 0) {
		sleep_until(state.expires_ns);
		r = read_state(path, &again);
		if (r == -ENOENT)
			return 0;
		/* A file that became unreadable does not keep limits alive. */
		if (r == 0 && again.expires_ns > boottime_ns()) {
			state = again;
			continue;
		}
		r = lift_limits(&state);
		if (r == 0) {
			say("the governor's lease ended: limits lifted below", state.root);
			/* Renewed while we wrote: the governor goes on, and so do we. */
			r = read_state(path, &again);
			if (r == 0 && again.expires_ns > boottime_ns()) {
				state = again;
				continue;
			}
			unlink(path);
			return 0;
		}
		say(strerror(-r), state.root);
		state.expires_ns = boottime_ns() + NS_PER_S;
		r = 0;
	}
	return r == -ENOENT ? 0 : r;
}

int main(int argc, char **argv)
{
	int r;

	if (argc != 3 || strcmp(argv[1], "--state") != 0) {
		fputs("usage: faasmat-watchdog --state FILE   (started by faasmat govern)\n",
		      stderr);
		return 2;
	}
	r = be_the_only_one(argv[2]);
	if (r == -EACCES || r == -EAGAIN)
		return 0;
	if (r == 0) {
		protect_self();
		r = watch(argv[2]);
	}
	if (r < 0) {
		fprintf(stderr, "faasmat-watchdog: %s: %s\n", argv[2], strerror(-r));
		return 1;
	}
	return 0;
}

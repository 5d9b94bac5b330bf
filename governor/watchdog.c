// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * faasmat-watchdog: lifts the limits below a root when the governor's lease on them ends. It stands
 * alone on purpose (libc only, static, no database): whatever goes wrong with the governor must not go
 * wrong here too.
 *
 *   --state FILE       one lease, until it is given up or has ended; the governor starts this itself
 *   --dir DIR          every lease-* in DIR, for good; its own unit (packaging/systemd)
 *   --dir DIR --ended  once: lifts at once what a governor that no longer runs has left (ExecStopPost=)
 *
 * FILE is lease.c's: "faasmat-lease 1", then lines "expires NS" (CLOCK_BOOTTIME), "governor PID", "low
 * ours" when the root's memory.low is the governor's, "root DIRECTORY". One watchdog a file (FILE.lock).
 * It sleeps until the lease ends and reads again: renewed, it sleeps on; gone, that was all; ended, main
 * and pool-* below the root get memory.max = max
 * and memory.low = 0. The root's own memory.max, the node's budget, stays.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE 4096
#define NS_PER_S 1000000000LL

/* Leases that one watchdog minds; a node has one. */
#define MAX_LEASES 16

struct state {
	long long expires_ns;
	int owns_root_low;
	pid_t governor;
	char root[PATH_SIZE];
};

struct lease {
	char path[PATH_SIZE];
	struct state state;
	int lock; /* held; -1: this entry is free */
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
	char text[PATH_SIZE + 256], *expires, *governor, *root, *end;
	int fd = TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC));
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = TEMP_FAILURE_RETRY(read(fd, text, sizeof(text) - 1));
	close(fd);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	expires = strstr(text, "\nexpires ");
	governor = strstr(text, "\ngovernor ");
	root = strstr(text, "\nroot /");
	if (strncmp(text, "faasmat-lease 1\n", 16) != 0 || !expires || !governor || !root)
		return -EINVAL;
	root += strlen("\nroot ");
	end = strchr(root, '\n');
	if (!end || end - root >= PATH_SIZE)
		return -EINVAL;
	ret->owns_root_low = strstr(text, "\nlow ours\n") != NULL;
	memcpy(ret->root, root, (size_t)(end - root));
	ret->root[end - root] = '\0';
	ret->governor = (pid_t)strtol(governor + strlen("\ngovernor "), NULL, 10);
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
	int fd = TEMP_FAILURE_RETRY(openat(dir, file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
	int r = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (TEMP_FAILURE_RETRY(write(fd, text, strlen(text))) < 0 && errno != ENODEV)
		r = -errno;
	close(fd);
	return r;
}

static int lift_one(int root, const char *name)
{
	int dir = TEMP_FAILURE_RETRY(
		openat(root, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	int r, low;

	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	r = write_file(dir, "memory.max", "max\n");
	low = write_file(dir, "memory.low", "0\n");
	close(dir);
	return r < 0 ? r : low;
}

static int is_slice(const char *name)
{
	size_t n = strlen(name);

	return n > 6 && strcmp(name + n - 6, ".slice") == 0;
}

/* By their names: main and pool-*, or as slices X-main.slice and X-pool\x2d*.slice. */
static int is_pool(const char *name)
{
	return strcmp(name, "main") == 0 || strncmp(name, "pool-", 5) == 0 ||
	       (is_slice(name) && (strstr(name, "-main.slice") || strstr(name, "-pool\\x2d")));
}

/* Lifted it is already: now systemd is told, or its next daemon-reload would write the limit again.
 * Nobody waits for it. */
static void tell_systemd(const char *slice)
{
	if (fork() != 0)
		return;
	execlp("systemctl", "systemctl", "set-property", "--runtime", slice, "MemoryMax=infinity",
	       "MemoryLow=0", (char *)NULL);
	_exit(127);
}

static int lift_limits(const struct state *state)
{
	DIR *dir = opendir(state->root);
	struct dirent *entry;
	int failed = 0, r;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir)))
		if (is_pool(entry->d_name)) {
			r = lift_one(dirfd(dir), entry->d_name);
			failed = r < 0 ? r : failed;
			if (is_slice(entry->d_name))
				tell_systemd(entry->d_name);
		}
	/* Its budget stays; that it is protected ends with what it was for. */
	if (state->owns_root_low) {
		r = write_file(dirfd(dir), "memory.low", "0\n");
		failed = r < 0 ? r : failed;
	}
	closedir(dir);
	return failed;
}

/* Or until a signal comes, after which looking again does no harm. */
static void sleep_until(long long ns)
{
	struct timespec at = { .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };

	clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &at, NULL);
}

/* The descriptor of FILE.lock, locked; -EACCES or -EAGAIN when another process minds this lease. */
static int take_lock(const char *state)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_SIZE + 8];
	int fd, r = 0;

	snprintf(path, sizeof(path), "%s.lock", state);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_SETLK, &lock) < 0) {
		r = -errno;
		close(fd);
	}
	return r < 0 ? r : fd;
}

/* The last process that should die when memory is short. */
static void protect_self(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* Without the right to, it is a process like others. */
	if (write(fd, "-950", 4) < 0)
		errno = 0;
	close(fd);
}

/* 1: it stands; 0: it has ended; -ENOENT: it was given up. A file that became unreadable does not
 * prolong what was read before. */
static int stands(struct lease *l)
{
	struct state again;
	int r = read_state(l->path, &again);

	if (r == -ENOENT)
		return r;
	if (r == 0)
		l->state = again;
	return l->state.expires_ns > boottime_ns();
}

/* Lifts the limits when the lease has ended. 0: look again at l->state.expires_ns. -ENOENT: it is over. */
static int attend(struct lease *l)
{
	int r = stands(l);

	if (r != 0)
		return r < 0 ? r : 0;
	r = lift_limits(&l->state);
	if (r < 0) {
		say(strerror(-r), l->state.root);
		l->state.expires_ns = boottime_ns() + NS_PER_S;
		return 0;
	}
	say("the governor's lease ended: limits lifted below", l->state.root);
	/* Renewed while we wrote: the governor goes on, and so do we. */
	r = stands(l);
	if (r == 0)
		unlink(l->path);
	return r > 0 ? 0 : -ENOENT;
}

static int watch_one(const char *path)
{
	static struct lease lease;
	int r;

	if (snprintf(lease.path, sizeof(lease.path), "%s", path) >= (int)sizeof(lease.path))
		return -ENAMETOOLONG;
	lease.lock = take_lock(path);
	if (lease.lock < 0)
		return lease.lock == -EACCES || lease.lock == -EAGAIN ? 0 : lease.lock;
	protect_self();
	r = read_state(path, &lease.state);
	while (r == 0) {
		sleep_until(lease.state.expires_ns);
		r = attend(&lease);
	}
	return r == -ENOENT ? 0 : r;
}

/* lease-ID; not lease-ID.lock, nor the lease-ID.new of the moment before a rename. */
static int is_lease(const char *name)
{
	return strncmp(name, "lease-", 6) == 0 && !strchr(name, '.');
}

static int each_lease(const char *dir, void (*fn)(const char *path))
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[PATH_SIZE];

	if (!d)
		return -errno;
	while ((entry = readdir(d)))
		if (is_lease(entry->d_name) &&
		    snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name) < (int)sizeof(path))
			fn(path);
	closedir(d);
	return 0;
}

static struct lease leases[MAX_LEASES];

/* What another process minds stays with it; the next renewal brings us here again. */
static void mind(const char *path)
{
	struct lease *free_one = NULL;

	for (int i = 0; i < MAX_LEASES; i++) {
		if (leases[i].lock < 0)
			free_one = &leases[i];
		else if (strcmp(leases[i].path, path) == 0)
			return;
	}
	if (!free_one) {
		say("has no room to watch one more lease:", path);
		return;
	}
	free_one->lock = take_lock(path);
	if (free_one->lock < 0)
		return;
	strcpy(free_one->path, path);
	if (read_state(path, &free_one->state) < 0) {
		close(free_one->lock);
		free_one->lock = -1;
	}
}

/* When to look again. */
static long long attend_all(void)
{
	long long next = LLONG_MAX;

	for (int i = 0; i < MAX_LEASES; i++) {
		struct lease *l = &leases[i];

		if (l->lock < 0)
			continue;
		if (attend(l) < 0) {
			close(l->lock);
			l->lock = -1;
		} else if (l->state.expires_ns < next) {
			next = l->state.expires_ns;
		}
	}
	return next;
}

/* Until something happens in the directory or the first lease ends. */
static void wait_for(int events, int timer, long long next)
{
	struct itimerspec at = { 0 };
	struct pollfd fds[] = { { .fd = events, .events = POLLIN },
				{ .fd = timer, .events = POLLIN } };
	char buffer[4096];

	if (next != LLONG_MAX)
		at.it_value = (struct timespec){ next / NS_PER_S, next % NS_PER_S };
	timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
	poll(fds, 2, -1);
	while (read(events, buffer, sizeof(buffer)) > 0)
		;
}

static int watch_directory(const char *dir)
{
	int events = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	int timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	int r = 0;

	if (events < 0 || timer < 0 ||
	    inotify_add_watch(events, dir, IN_MOVED_TO | IN_DELETE | IN_ONLYDIR) < 0)
		return -errno;
	protect_self();
	for (int i = 0; i < MAX_LEASES; i++)
		leases[i].lock = -1;
	while (r == 0) {
		r = each_lease(dir, mind);
		wait_for(events, timer, attend_all());
	}
	return r;
}

/* A governor that is gone does not come back for its limits; one that lives keeps them. */
static void lift_if_ended(const char *path)
{
	struct state state;
	int r = read_state(path, &state);

	if (r < 0 || kill(state.governor, 0) == 0 || errno != ESRCH)
		return;
	r = lift_limits(&state);
	say(r < 0 ? strerror(-r) : "the governor is gone: limits lifted below", state.root);
	if (r == 0)
		unlink(path);
}

static void look_again(int signal)
{
	(void)signal;
}

int main(int argc, char **argv)
{
	struct sigaction usr1 = { .sa_handler = look_again };
	int r;

	/* Nobody waits for what tell_systemd() starts. */
	signal(SIGCHLD, SIG_IGN);
	/* lease_drop() has taken the file away. */
	sigaction(SIGUSR1, &usr1, NULL);
	if (argc == 3 && strcmp(argv[1], "--state") == 0) {
		r = watch_one(argv[2]);
	} else if (argc == 3 && strcmp(argv[1], "--dir") == 0) {
		r = watch_directory(argv[2]);
	} else if (argc == 4 && strcmp(argv[1], "--dir") == 0 && strcmp(argv[3], "--ended") == 0) {
		r = each_lease(argv[2], lift_if_ended);
	} else {
		fputs("usage: faasmat-watchdog --state FILE   (started by faasmat govern)\n"
		      "       faasmat-watchdog --dir DIR [--ended]   (see faasmat-watchdog.service)\n",
		      stderr);
		return 2;
	}
	if (r < 0) {
		fprintf(stderr, "faasmat-watchdog: %s: %s\n", argv[2], strerror(-r));
		return 1;
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/lease.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/clock.h"

int lease_find_watchdog(char *ret, size_t size)
{
	static const char *const places[] = { "faasmat-watchdog",
					      "../libexec/faasmat/faasmat-watchdog",
					      "../faasmat-watchdog" };
	char self[CGROUP_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return -errno;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if ((size_t)snprintf(ret, size, "%s/%s", self, places[i]) < size &&
		    access(ret, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

int lease_init(struct lease *l, const char *state_dir, const char *root, uint64_t root_id,
	       const char *watchdog, int64_t length_ns)
{
	*l = (struct lease){ .length_ns = length_ns };
	if ((size_t)snprintf(l->state, sizeof(l->state), "%s/lease-%016llx", state_dir,
			     (unsigned long long)root_id) >= sizeof(l->state) - 8 ||
	    (size_t)snprintf(l->root, sizeof(l->root), "%s", root) >= sizeof(l->root) ||
	    (size_t)snprintf(l->watchdog, sizeof(l->watchdog), "%s", watchdog) >=
		    sizeof(l->watchdog))
		return -ENAMETOOLONG;
	return 0;
}

static int write_whole(const char *path, int flags, const char *text, size_t size)
{
	_cleanup_close_ int fd =
		TEMP_FAILURE_RETRY(open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | flags, 0644));

	if (fd < 0)
		return -errno;
	errno = 0;
	if (TEMP_FAILURE_RETRY(write(fd, text, size)) != (ssize_t)size)
		return errno ? -errno : -EIO;
	return 0;
}

static int write_state(const struct lease *l, int64_t expires)
{
	char beside[CGROUP_PATH_MAX + 8], text[CGROUP_PATH_MAX + 128];
	int size, r;

	snprintf(beside, sizeof(beside), "%s.new", l->state);
	/* The number in full width: every renewal is as long as the first. */
	size = snprintf(text, sizeof(text),
			"faasmat-lease 1\nexpires %020lld\ngovernor %010ld\n%sroot %s\n",
			(long long)expires, (long)getpid(), l->owns_root_low ? "low ours\n" : "",
			l->root);
	r = write_whole(beside, O_CREAT | O_TRUNC, text, (size_t)size);
	if (r == 0)
		return rename(beside, l->state) < 0 ? -errno : 0;
	unlink(beside);
	/* On a full file system, over the old one: that takes no more space. A watchdog that reads half of
	 * it goes by what it read before. */
	return r == -ENOSPC ? write_whole(l->state, 0, text, (size_t)size) : r;
}

pid_t lease_watchdog_pid(const struct lease *l)
{
	char path[CGROUP_PATH_MAX + 8];
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "%s.lock", l->state);
	fd = TEMP_FAILURE_RETRY(open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
	if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0)
		return 0;
	return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

/* In the grandchild: nothing of the governor's is kept, neither its session nor its descriptors. */
static void become_watchdog(const struct lease *l)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	close_range(3, ~0U, 0);
	if (chdir("/") == 0)
		execl(l->watchdog, "faasmat-watchdog", "--state", l->state, (char *)NULL);
	_exit(127);
}

static int start_watchdog(const struct lease *l)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (child == 0) {
		/* Twice, so that it is nobody's child and in a session of its own. */
		setsid();
		child = fork();
		if (child == 0)
			become_watchdog(l);
		_exit(child < 0);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EAGAIN;
}

int lease_renew(struct lease *l)
{
	int64_t expires = clock_boottime_ns() + l->length_ns;
	int r = write_state(l, expires);

	if (r < 0)
		return r;
	l->expires_ns = expires;
	/* One too many is harmless: it finds the lock taken and ends. */
	return lease_watchdog_pid(l) ? 0 : start_watchdog(l);
}

bool lease_ended(const struct lease *l)
{
	return l->expires_ns && clock_boottime_ns() >= l->expires_ns;
}

void lease_drop(struct lease *l)
{
	pid_t pid = lease_watchdog_pid(l);

	unlink(l->state);
	/* "Look again": one that watches this lease alone ends, the unit's goes on for others. */
	if (pid > 0)
		kill(pid, SIGUSR1);
	l->expires_ns = 0;
}

static int read_info(const char *path, struct lease_info *ret)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	struct lease l = { 0 };
	long long expires;
	long governor;

	if (!f)
		return -errno;
	if (fscanf(f, "faasmat-lease 1\nexpires %lld\ngovernor %ld\n", &expires, &governor) != 2)
		return -EINVAL;
	/* What else a lease says ("low ours") comes before the root. */
	do
		if (!fgets(ret->root, sizeof(ret->root), f))
			return -EINVAL;
	while (strncmp(ret->root, "root ", 5) != 0);
	ret->root[strcspn(ret->root, "\n")] = '\0';
	memmove(ret->root, ret->root + 5, strlen(ret->root) - 4);
	ret->expires_ns = expires;
	ret->governor = (pid_t)governor;
	snprintf(l.state, sizeof(l.state), "%s", path);
	ret->watchdog = lease_watchdog_pid(&l);
	return 0;
}

int lease_each(const char *state_dir, void (*fn)(const struct lease_info *info, void *arg),
	       void *arg)
{
	DIR *dir = opendir(state_dir);
	char path[CGROUP_PATH_MAX];
	struct lease_info info;
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		/* Not its lock, nor the new one of the moment before a rename. */
		if (strncmp(entry->d_name, "lease-", 6) == 0 && !strchr(entry->d_name, '.') &&
		    (size_t)snprintf(path, sizeof(path), "%s/%s", state_dir, entry->d_name) <
			    sizeof(path) &&
		    read_info(path, &info) == 0)
			fn(&info, arg);
	closedir(dir);
	return 0;
}

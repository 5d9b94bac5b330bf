// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/clock.h"
#include "common/log.h"
#include "governor/cgroup_dir.h"
#include "governor/lease.h"
#include "governor/pool_name.h"
#include "governor/publish.h"
#include "lib/faasmat.h"

const char *restore_outcome_name(enum restore_outcome outcome)
{
	static const char *const names[] = {
		[RESTORE_DONE] = "restored", [RESTORE_CHANGED] = "changed", [RESTORE_GONE] = "gone",
		[RESTORE_UNSAFE] = "unsafe", [RESTORE_FAILED] = "failed",
	};

	return names[outcome];
}

pid_t restore_lock_holder(int fd)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/locks", "re");
	char line[256];
	struct stat st;

	if (!f || fstat(fd, &st) < 0)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		unsigned int major, minor;
		unsigned long long inode;
		long pid;

		if (sscanf(line, "%*s FLOCK %*s %*s %ld %x:%x:%llu", &pid, &major, &minor,
			   &inode) == 4 &&
		    inode == st.st_ino && makedev(major, minor) == st.st_dev)
			return (pid_t)pid;
	}
	return 0;
}

/* Pools are below their root; the root itself is journalled under its own path. */
static bool pool_of(const char *path, char *ret, size_t size)
{
	const char *slash = strrchr(path, '/');
	char root[CGROUP_PATH_MAX];

	if (!slash)
		return false;
	snprintf(root, sizeof(root), "%.*s", (int)(slash - path), path);
	return pool_name_of_directory(root, slash + 1, ret, size) == 0;
}

static bool is_pool(const char *path)
{
	char name[256];

	return pool_of(path, name, sizeof(name));
}

static void root_of(const char *mount, const char *path, char *ret, size_t size)
{
	snprintf(ret, size, "%s%s", mount, path);
	if (is_pool(path))
		*strrchr(ret, '/') = '\0';
}

/* Takes the root from any governor. The descriptor holds the lock; -EBUSY with the holder. */
static int lock_root(const char *root, pid_t *ret_pid)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	*ret_pid = restore_lock_holder(fd);
	close(fd);
	return r;
}

static void end_lease(const char *state_dir, const char *root)
{
	struct cgroup_dir dir;
	struct lease lease;

	if (cgroup_dir_open(AT_FDCWD, root, &dir) < 0)
		return;
	if (lease_init(&lease, state_dir, root, dir.id, "", 0) == 0)
		lease_drop(&lease);
	cgroup_dir_close(&dir);
}

/* The name in the ledger: "" is the root. A static buffer. */
static const char *ledger_name(const struct journal_row *row)
{
	static char name[256];

	return pool_of(row->path, name, sizeof(name)) ? name : "";
}

bool restore_is_ours(struct store *s, const struct journal_row *row, int64_t found)
{
	int64_t before;

	if (found == row->last_value)
		return true;
	/* The root's budget does not end with the lease, its protection does. */
	if (strcmp(row->file, "memory.low") == 0 ? found == 0
						 : is_pool(row->path) && found == LIMIT_NONE)
		return true;
	/* Killed between writing down and writing: the file still holds what we wrote before. Last, for the
	 * ledger is looked through from its end. */
	return store_before_last_write(s, ledger_name(row), row->file, &before) == 0 &&
	       found == before;
}

static enum restore_outcome put_back(struct store *s, struct cgroup_dir *dir,
				     const struct journal_row *row, int64_t margin,
				     struct restore_result *result)
{
	int64_t current;

	result->error = cgroup_dir_read(dir, row->file, &result->found);
	if (result->error < 0)
		return RESTORE_FAILED;
	if (!restore_is_ours(s, row, result->found))
		return RESTORE_CHANGED;
	if (strcmp(row->file, "memory.max") == 0 && row->first_value < result->found) {
		result->error = cgroup_dir_read(dir, "memory.current", &current);
		if (result->error < 0)
			return RESTORE_FAILED;
		if (row->first_value < current + margin)
			return RESTORE_UNSAFE;
	}
	result->error = cgroup_dir_write(dir, row->file, row->first_value);
	return result->error < 0 ? RESTORE_FAILED : RESTORE_DONE;
}

static enum restore_outcome restore_one(struct store *s, const char *mount,
					const struct journal_row *row, int64_t margin,
					struct restore_result *result)
{
	char path[2 * CGROUP_PATH_MAX];
	struct cgroup_dir dir;
	enum restore_outcome outcome = RESTORE_GONE;

	snprintf(path, sizeof(path), "%s%s", mount, row->path);
	if (cgroup_dir_open(AT_FDCWD, path, &dir) < 0)
		return RESTORE_GONE;
	/* Made again under the same name: not the one we touched. */
	if (dir.id == row->cgroup)
		outcome = put_back(s, &dir, row, margin, result);
	cgroup_dir_close(&dir);
	return outcome;
}

static int write_down(struct store *s, const struct journal_row *row,
		      const struct restore_result *result)
{
	struct ledger_row ledger = {
		.minute = clock_minute(&CLOCK_REAL),
		.time_us = clock_stamp_us(),
		.pool = ledger_name(row),
		.action = "restore",
		.file = row->file,
		.before = result->found,
		.after = result->outcome == RESTORE_DONE ? row->first_value : result->found,
		.reason = restore_outcome_name(result->outcome),
		.applied = true,
	};
	int r = store_begin(s);

	if (r == 0 && result->outcome <= RESTORE_GONE)
		r = store_journal_remove(s, row->cgroup, row->file);
	if (r == 0)
		r = store_add_ledger(s, &ledger);
	if (r == 0)
		r = store_commit(s);
	store_rollback(s);
	return r;
}

static bool locked_already(const struct journal_row *rows, size_t n, const char *mount,
			   const int *locks, const char *root)
{
	char other[2 * CGROUP_PATH_MAX];

	for (size_t i = 0; i < n; i++) {
		root_of(mount, rows[i].path, other, sizeof(other));
		if (locks[i] >= 0 && strcmp(root, other) == 0)
			return true;
	}
	return false;
}

/* Locks every root named in the journal, each once; locks is as long as the journal, all -1. */
static int lock_roots(const struct journal_row *rows, size_t n, const char *mount, int *locks,
		      pid_t *ret_pid)
{
	char root[2 * CGROUP_PATH_MAX];

	for (size_t i = 0; i < n; i++) {
		root_of(mount, rows[i].path, root, sizeof(root));
		if (locked_already(rows, i, mount, locks, root))
			continue;
		locks[i] = lock_root(root, ret_pid);
		if (locks[i] == -EBUSY)
			return -EBUSY;
	}
	return 0;
}

static void unlock_roots(int *locks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (locks[i] >= 0)
			close(locks[i]);
}

static int restore_rows(struct store *s, const struct journal_row *rows, size_t n,
			const struct restore_options *o,
			void (*fn)(const struct restore_result *result, void *arg), void *arg)
{
	char root[2 * CGROUP_PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		root_of(o->mount, rows[i].path, root, sizeof(root));
		end_lease(o->state_dir, root);
	}
	for (size_t i = 0; i < n && r == 0; i++) {
		struct restore_result result = {
			.path = rows[i].path,
			.file = rows[i].file,
			.first_value = rows[i].first_value,
			.last_value = rows[i].last_value,
		};

		result.outcome = restore_one(s, o->mount, &rows[i], o->margin, &result);
		fn(&result, arg);
		r = write_down(s, &rows[i], &result);
	}
	return r;
}

/* A governor of another root may have this socket now. */
static void remove_table(const char *socket)
{
	_cleanup_close_ int fd = faasmat_connect(socket);
	int r = fd >= 0 || fd == -EAGAIN ? 0 : publish_remove(socket);

	if (r < 0)
		log_warning(
			"%s" FAASMAT_TABLE_SUFFIX
			" cannot be removed (%s): remove it, or containers go on being placed by it",
			socket, strerror(-r));
}

int restore_all(struct store *s, const struct restore_options *o,
		void (*fn)(const struct restore_result *result, void *arg), void *arg,
		pid_t *ret_pid)
{
	_cleanup_free_ struct journal_row *rows = NULL;
	_cleanup_free_ int *locks = NULL;
	size_t n;
	int r = store_list_journal(s, &rows, &n);

	*ret_pid = 0;
	if (r < 0)
		return r;
	locks = malloc((n + 1) * sizeof(*locks));
	if (!locks)
		return -ENOMEM;
	memset(locks, 0xff, n * sizeof(*locks));
	r = lock_roots(rows, n, o->mount, locks, ret_pid);
	if (r == 0)
		r = restore_rows(s, rows, n, o, fn, arg);
	/* While no governor can start on these roots. */
	if (r == 0)
		remove_table(o->socket);
	unlock_roots(locks, n);
	return r;
}

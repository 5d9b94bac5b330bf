// SPDX-License-Identifier: GPL-2.0-or-later
/* Faults around the governor: a database that is full, calls that signals interrupt, a clock that is set. */
#include "tests/governor_tree.h"

#include <sys/syscall.h>

#include "governor/internal.h"
#include "store/internal.h"

/* --- signals everywhere: every n-th of these calls, ours and the libraries', is interrupted once */

static int interrupt_every, calls, interrupted;

static bool interrupts(void)
{
	if (!interrupt_every || ++calls % interrupt_every)
		return false;
	interrupted++;
	errno = EINTR;
	return true;
}

ssize_t read(int fd, void *buffer, size_t size)
{
	return interrupts() ? -1 : syscall(SYS_read, fd, buffer, size);
}

/* A disk that has no more room for the database's log than this; 0: enough. */
static off_t log_room;
static int log_full;

static bool is_log(int fd)
{
	char path[64], name[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, name, sizeof(name));
	return n > 4 && strncmp(name + n - 4, "-wal", 4) == 0;
}

static bool is_full(int fd, off_t end)
{
	if (!log_room || end <= log_room || !is_log(fd))
		return false;
	log_full++;
	errno = ENOSPC;
	return true;
}

ssize_t write(int fd, const void *buffer, size_t size)
{
	return interrupts() ? -1 : syscall(SYS_write, fd, buffer, size);
}

ssize_t pread(int fd, void *buffer, size_t size, off_t at)
{
	return interrupts() ? -1 : syscall(SYS_pread64, fd, buffer, size, at);
}

/* What SQLite calls. */
ssize_t pwrite64(int fd, const void *buffer, size_t size, off64_t at)
{
	return is_full(fd, at + (off_t)size) || interrupts()
		       ? -1
		       : syscall(SYS_pwrite64, fd, buffer, size, at);
}

ssize_t pwrite(int fd, const void *buffer, size_t size, off_t at)
{
	return interrupts() ? -1 : syscall(SYS_pwrite64, fd, buffer, size, at);
}

int openat(int at, const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	return interrupts() ? -1 : (int)syscall(SYS_openat, at, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	return interrupts() ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static void govern_interrupted(struct fixture *f, int every)
{
	interrupt_every = every;
	calls = interrupted = 0;
	begin(f);
	for (int64_t minute = 10; minute <= 20; minute++)
		tick_at(f, minute);
	interrupt_every = 0;
	assert_true(interrupted > 50);
	assert_limit(f, "", 100);
	assert_limit(f, "pool-f", 20);
	assert_limit(f, "pool-g", 30);
	assert_int_equal(ledger_count(f, "pool-f", "fail").n, 0);
	assert_int_equal(ledger_count(f, "pool-f", "adopt").n, 0);
}

static void signals_change_nothing(void **state)
{
	struct fixture *f = *state;

	for (int64_t m = 10; m <= 20; m++)
		plan(f, m, m, m % 2 ? 30 : 20, m % 2 ? 20 : 30);
	govern_interrupted(f, 2);
	governor_close(f->governor);
	f->governor = NULL;
	govern_interrupted(f, 3);
	/* The end too. */
	interrupt_every = 2;
	governor_close(f->governor);
	interrupt_every = 0;
	f->governor = NULL;
	assert_int_equal(get(f, "pool-f", "memory.max"), LIMIT_NONE);
	assert_int_equal(get(f, "main", "memory.max"), LIMIT_NONE);
}

static void a_lease_is_renewed_through_signals(void **state)
{
	struct fixture *f = *state;
	struct lease l;

	assert_int_equal(lease_init(&l, f->mount, f->mount, 1, "/bin/true", 3600 * NS_PER_S), 0);
	interrupt_every = 2;
	for (int i = 0; i < 20; i++)
		assert_int_equal(lease_renew(&l), 0);
	interrupt_every = 0;
	assert_false(lease_ended(&l));
	lease_drop(&l);
}

/* --- a database that takes nothing more */

static void fill(struct fixture *f, bool full)
{
	sqlite3 *db = store_db(f->store);
	char text[64];
	sqlite3_stmt *stmt;
	int pages = 1 << 30;

	if (full) {
		assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA page_count", -1, &stmt, NULL),
				 SQLITE_OK);
		assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
		pages = sqlite3_column_int(stmt, 0);
		sqlite3_finalize(stmt);
	}
	snprintf(text, sizeof(text), "PRAGMA max_page_count = %d", pages);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
}

/* Files that are journalled already go on following the plan; the ledger waits in memory and is whole
 * when there is room again. */
static void a_full_database_does_not_stop_it(void **state)
{
	struct fixture *f = *state;
	int before, during;

	for (int64_t m = 10; m <= 40; m++)
		plan(f, m, m, m % 2 ? 30 : 20, m % 2 ? 20 : 30);
	begin(f);
	tick_at(f, 10);
	fill(f, true);
	before = ledger_count(f, "pool-f", "write").n;
	for (int64_t minute = 11; minute <= 30; minute++) {
		tick_at(f, minute);
		assert_limit(f, "pool-f", minute % 2 ? 30 : 20);
	}
	during = ledger_count(f, "pool-f", "write").n;
	/* Some rows still found room in pages that were begun. */
	assert_true(during - before < 20);
	fill(f, false);
	tick_at(f, 31);
	assert_int_equal(ledger_count(f, "pool-f", "write").n, before + 21);
}

/* What could not be journalled is not written at all. */
static void a_full_database_keeps_new_pools_unlimited(void **state)
{
	struct fixture *f = *state;
	char text[256];

	plan(f, 10, 40, 30, 20);
	begin(f);
	fill(f, true);
	/* Until not even a small row fits. */
	snprintf(text, sizeof(text), "INSERT INTO meta VALUES(randomblob(16), 1)");
	while (sqlite3_exec(store_db(f->store), text, NULL, NULL, NULL) == SQLITE_OK)
		;
	sqlite3_exec(store_db(f->store), "ROLLBACK", NULL, NULL, NULL);
	tick_at(f, 10);
	if (get(f, "pool-f", "memory.max") != LIMIT_NONE) {
		/* Rows of this size still found a place: then the journal has them. */
		assert_int_equal(ledger_count(f, "pool-f", "write").n, 1);
		return;
	}
	assert_int_equal(get(f, "main", "memory.max"), LIMIT_NONE);
	fill(f, false);
	tick_at(f, 11);
	assert_limit(f, "pool-f", 30);
}

/* No collector runs here that would empty the log: the governor does it when the disk is full. */
static void a_log_that_fills_the_disk_is_emptied(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct stat st;

	for (int64_t m = 11; m <= 19; m++)
		plan(f, m, m, m % 2 ? 30 : 20, m % 2 ? 20 : 30);
	begin(f);
	tick_at(f, 11);
	snprintf(path, sizeof(path), "%s-wal", f->db);
	assert_int_equal(stat(path, &st), 0);
	log_room = st.st_size + 32 * KIB;
	log_full = 0;
	/* Not as long as until it is emptied anyway. */
	for (int64_t minute = 12; minute <= 19; minute++)
		tick_at(f, minute);
	log_room = 0;
	assert_true(log_full > 0);
	assert_int_equal(ledger_count(f, "pool-f", "write").n, 9);
}

/* --- the clock */

/* An hour back, for which there is no plan, and a day forward, for which there is: the last plan holds,
 * then the new minute's. The lease and what is due in the meantime do not follow the clock. */
static void a_clock_that_is_set(void **state)
{
	struct fixture *f = *state;

	plan(f, 100, 100, 30, 20);
	plan(f, 1540, 1545, 20, 35);
	begin(f);
	tick_at(f, 100);
	assert_limit(f, "pool-f", 30);
	tick_at(f, 40);
	assert_limit(f, "pool-f", 30);
	assert_limit(f, "pool-g", 20);
	tick_at(f, 41);
	assert_limit(f, "pool-f", 30);
	tick_at(f, 1540);
	assert_limit(f, "pool-f", 20);
	assert_limit(f, "pool-g", 35);
	tick_at(f, 101);
	assert_limit(f, "pool-f", 20);
	/* Not released for a gap that no minute passed in. */
	assert_limit(f, "main", 45);
}

/* A tree of plain files cannot remove a directory that has files in it: what is asked for counts. */
static int removals;

int unlinkat(int at, const char *path, int flags)
{
	removals += flags & AT_REMOVEDIR && strcmp(path, "pool-f") == 0;
	return (int)syscall(SYS_unlinkat, at, path, flags);
}

/* A day forward, to a minute in which a pool has no plan: it is empty, but only a moment has passed since
 * it was planned. Then time passes, too. */
static void an_empty_pool_outlives_a_clock_that_is_set(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 10, 30, 20);
	plan(f, 1450, 1450, 30, 20);
	assert_int_equal(sql(f, "DELETE FROM plan WHERE minute = 1450 AND function_id ="
				" (SELECT id FROM functions WHERE name = 'f')"),
			 SQLITE_OK);
	f->o.clock.minute_ns = 3600 * NS_PER_S;
	begin(f);
	tick_at(f, 10);
	removals = 0;
	tick_at(f, 1450);
	governor_tick(f->governor);
	assert_int_equal(removals, 0);
	f->governor->began_ns -= 11 * f->o.clock.minute_ns;
	governor_tick(f->governor);
	assert_true(removals > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TREE(signals_change_nothing),
		ON_TREE(a_lease_is_renewed_through_signals),
		ON_TREE(a_full_database_does_not_stop_it),
		ON_TREE(a_full_database_keeps_new_pools_unlimited),
		ON_TREE(a_log_that_fills_the_disk_is_emptied),
		ON_TREE(a_clock_that_is_set),
		ON_TREE(an_empty_pool_outlives_a_clock_that_is_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

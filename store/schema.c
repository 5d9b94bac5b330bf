// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "store/internal.h"

/* Minutes are UTC since the epoch, sizes bytes, times microseconds (counters of the kernel:
 * nanoseconds). A limit of "max" is 9223372036854775807. */
static const char version_1[] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"

	"CREATE TABLE functions("
	"  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	"  memory_bytes INTEGER NOT NULL DEFAULT 0, warm_us INTEGER NOT NULL DEFAULT 0,"
	"  cold_us INTEGER NOT NULL DEFAULT 0);"

	"CREATE TABLE history("
	"  function_id INTEGER NOT NULL REFERENCES functions(id), minute INTEGER NOT NULL,"
	"  invocations INTEGER NOT NULL DEFAULT 0, responses INTEGER NOT NULL DEFAULT 0,"
	"  inits INTEGER NOT NULL DEFAULT 0, busy_us INTEGER NOT NULL DEFAULT 0,"
	"  cold_starts INTEGER NOT NULL DEFAULT 0, cold_us INTEGER NOT NULL DEFAULT 0,"
	"  cold_done INTEGER NOT NULL DEFAULT 0, containers INTEGER NOT NULL DEFAULT 0,"
	"  memory_bytes INTEGER NOT NULL DEFAULT 0, memory_peak_bytes INTEGER NOT NULL DEFAULT 0,"
	"  events_max INTEGER NOT NULL DEFAULT 0, events_oom INTEGER NOT NULL DEFAULT 0,"
	"  events_oom_kill INTEGER NOT NULL DEFAULT 0, partial INTEGER NOT NULL DEFAULT 0,"
	"  PRIMARY KEY(function_id, minute)) WITHOUT ROWID;"
	"CREATE INDEX history_minute ON history(minute);"

	"CREATE TABLE observed("
	"  function_id INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
	"  PRIMARY KEY(function_id, first)) WITHOUT ROWID;"

	"CREATE TABLE forecasts("
	"  function_id INTEGER NOT NULL REFERENCES functions(id), minute INTEGER NOT NULL,"
	"  mean REAL NOT NULL, q50 REAL NOT NULL, q90 REAL NOT NULL, q95 REAL NOT NULL,"
	"  q99 REAL NOT NULL, PRIMARY KEY(function_id, minute)) WITHOUT ROWID;"

	"CREATE TABLE plan("
	"  minute INTEGER NOT NULL, function_id INTEGER NOT NULL REFERENCES functions(id),"
	"  containers INTEGER NOT NULL, bytes INTEGER NOT NULL, unit_bytes INTEGER NOT NULL,"
	"  PRIMARY KEY(minute, function_id)) WITHOUT ROWID;"
	/* Which minutes have a plan, also one without pools. */
	"CREATE TABLE planned(first INTEGER PRIMARY KEY, last INTEGER NOT NULL);"

	"CREATE TABLE ledger("
	"  id INTEGER PRIMARY KEY, minute INTEGER NOT NULL, time_us INTEGER NOT NULL,"
	"  pool TEXT NOT NULL, action TEXT NOT NULL, file TEXT NOT NULL, before INTEGER NOT NULL,"
	"  after INTEGER NOT NULL, reason TEXT NOT NULL, applied INTEGER NOT NULL);"
	"CREATE INDEX ledger_minute ON ledger(minute);"

	"CREATE TABLE journal("
	"  cgroup INTEGER NOT NULL, file TEXT NOT NULL, path TEXT NOT NULL,"
	"  first_value INTEGER NOT NULL, last_value INTEGER NOT NULL,"
	"  PRIMARY KEY(cgroup, file)) WITHOUT ROWID;"

	"CREATE TABLE baselines("
	"  cgroup INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, requests INTEGER NOT NULL,"
	"  inits INTEGER NOT NULL, responses INTEGER NOT NULL, busy_ns INTEGER NOT NULL,"
	"  low INTEGER NOT NULL, high INTEGER NOT NULL, max INTEGER NOT NULL,"
	"  oom INTEGER NOT NULL, oom_kill INTEGER NOT NULL, oom_group_kill INTEGER NOT NULL,"
	"  cold_counted INTEGER NOT NULL, cold_measured INTEGER NOT NULL);"

	"CREATE TABLE containers("
	"  epoch INTEGER NOT NULL, cgroup INTEGER NOT NULL, path TEXT NOT NULL,"
	"  function_id INTEGER NOT NULL, first_minute INTEGER NOT NULL,"
	"  last_minute INTEGER NOT NULL, invocations INTEGER NOT NULL,"
	"  peak_bytes INTEGER NOT NULL, oom_kills INTEGER NOT NULL,"
	"  PRIMARY KEY(epoch, cgroup)) WITHOUT ROWID;"

	"CREATE TABLE victims("
	"  minute INTEGER NOT NULL, time_us INTEGER NOT NULL, path TEXT NOT NULL,"
	"  oom_path TEXT NOT NULL, pid INTEGER NOT NULL, comm TEXT NOT NULL);"
	"CREATE INDEX victims_minute ON victims(minute);"

	"CREATE TABLE pools("
	"  minute INTEGER NOT NULL, path TEXT NOT NULL, cgroup INTEGER NOT NULL,"
	"  usage_bytes INTEGER NOT NULL, peak_bytes INTEGER NOT NULL,"
	"  limit_bytes INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL,"
	"  max INTEGER NOT NULL, oom INTEGER NOT NULL, oom_kill INTEGER NOT NULL,"
	"  oom_group_kill INTEGER NOT NULL, PRIMARY KEY(minute, path)) WITHOUT ROWID;";

static const char version_outcomes[] =
	"CREATE TABLE outcomes("
	"  minute INTEGER NOT NULL, pool TEXT NOT NULL, target_bytes INTEGER NOT NULL,"
	"  limit_bytes INTEGER NOT NULL, usage_bytes INTEGER NOT NULL,"
	"  given_bytes INTEGER NOT NULL, taken_bytes INTEGER NOT NULL,"
	"  worst_bytes INTEGER NOT NULL, applied INTEGER NOT NULL,"
	"  PRIMARY KEY(minute, pool)) WITHOUT ROWID;";

/* What a pool's and a hot function's memory is made of, once a minute: of a pool (function_id 0) by its
 * path, of a function (path '') over `containers` of its containers. PSI totals are -1 where the
 * kernel keeps none. `siblings`: other containers of its function that lived when a container was
 * first seen; one without them has paid for the page cache that later ones share. */
static const char version_memory[] =
	"CREATE TABLE memory("
	"  minute INTEGER NOT NULL, function_id INTEGER NOT NULL, path TEXT NOT NULL,"
	"  containers INTEGER NOT NULL, anon_bytes INTEGER NOT NULL, file_bytes INTEGER NOT NULL,"
	"  shmem_bytes INTEGER NOT NULL, slab_bytes INTEGER NOT NULL,"
	"  some_us INTEGER NOT NULL, full_us INTEGER NOT NULL,"
	"  PRIMARY KEY(minute, function_id, path)) WITHOUT ROWID;"
	"ALTER TABLE containers ADD COLUMN siblings INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX containers_last ON containers(last_minute);"
	"CREATE INDEX containers_peak ON containers(function_id, peak_bytes, last_minute,"
	"  siblings) WHERE siblings > 0;"
	"CREATE INDEX containers_alone ON containers(function_id, peak_bytes, last_minute,"
	"  siblings) WHERE siblings = 0;";

/*
 * What a minute's count is worth (store/quality.h; what was partial without a reason becomes
 * "unwatched"), how its requests ended, and how long they took (store/durations.h). Baselines that a
 * collector wrote before this step have NULL in the new columns.
 */
static const char version_quality[] =
	"ALTER TABLE history RENAME COLUMN partial TO quality;"
	"ALTER TABLE history ADD COLUMN responses_5xx INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE history ADD COLUMN excluded INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE history ADD COLUMN aborted INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE history ADD COLUMN peak_concurrency INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE history ADD COLUMN unsettled INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE history ADD COLUMN unsettled_responses INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE history ADD COLUMN durations BLOB;"
	"ALTER TABLE baselines ADD COLUMN responses_5xx INTEGER;"
	"ALTER TABLE baselines ADD COLUMN excluded INTEGER;"
	"ALTER TABLE baselines ADD COLUMN aborted INTEGER;"
	"ALTER TABLE baselines ADD COLUMN unsettled INTEGER;"
	"ALTER TABLE baselines ADD COLUMN unsettled_joined INTEGER;"
	"ALTER TABLE baselines ADD COLUMN unsettled_responses INTEGER;"
	"ALTER TABLE baselines ADD COLUMN durations BLOB;";

/*
 * A database of version N has had the first N of these. What has been released is never edited: a
 * change of the schema is one more step, and an older database is brought up when it is opened for
 * writing.
 */
static const char *const steps[] = {
	version_1,
	version_outcomes,
	version_memory,
	version_quality,
};
#define SCHEMA_VERSION ((int)ARRAY_SIZE(steps))

static int user_version(sqlite3 *db, int *ret)
{
	sqlite3_stmt *stmt;
	int code = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL);

	if (code == SQLITE_OK) {
		code = sqlite3_step(stmt);
		if (code == SQLITE_ROW)
			*ret = sqlite3_column_int(stmt, 0);
		sqlite3_finalize(stmt);
	}
	return code == SQLITE_ROW ? 0 : store_fail(db, code, "reading the schema version");
}

/* Makes the schema, or brings an older one up, as a whole or not at all. */
static int upgrade(sqlite3 *db)
{
	char version[64];
	int found = 0, code, r;

	code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return store_fail(db, code, "making the schema");
	/* Another process may have done it while we waited for the lock. */
	r = user_version(db, &found);
	if (r < 0 || found >= SCHEMA_VERSION) {
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		return r;
	}
	while (code == SQLITE_OK && found < SCHEMA_VERSION)
		code = sqlite3_exec(db, steps[found++], NULL, NULL, NULL);
	snprintf(version, sizeof(version), "PRAGMA user_version=%d; COMMIT", SCHEMA_VERSION);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, version, NULL, NULL, NULL);
	if (code != SQLITE_OK) {
		r = store_fail(db, code, "making the schema");
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		return r;
	}
	return 0;
}

int schema_prepare(sqlite3 *db, enum store_mode mode)
{
	int version = 0;
	int r = user_version(db, &version);

	if (r < 0)
		return r;
	if (version > SCHEMA_VERSION) {
		store_set_why("has schema version %d, newer than this program's %d: use the newer "
			      "faasmat, or another --db",
			      version, SCHEMA_VERSION);
		return -ENOTSUP;
	}
	if (version == SCHEMA_VERSION)
		return 0;
	if (version == 0 && mode != STORE_CREATE) {
		store_set_why("is not a faasmat database; `faasmat import` or `collect` makes one");
		return -EUCLEAN;
	}
	if (mode == STORE_READ) {
		store_set_why("has schema version %d, older than this program's %d: any command "
			      "that writes it (collect, govern, plan) brings it up",
			      version, SCHEMA_VERSION);
		return -ENOTSUP;
	}
	return upgrade(db);
}

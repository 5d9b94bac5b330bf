// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/store.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "store/internal.h"

/* How long a writer waits for another before it gives up: longer than any of our transactions. */
#define BUSY_MS 10000

struct store {
	sqlite3 *db;
	struct {
		const char *sql;
		sqlite3_stmt *stmt;
	} cache[64];
	unsigned int n_cached;
};

static _Thread_local char why[512];

const char *store_why(void)
{
	return why;
}

void store_set_why(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
}

static int errno_of(int code, const char **advice)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		*advice = "another process holds it locked; stop that one, or try again";
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		*advice =
			"it is damaged or no database; put a backup in its place, or name another --db";
		return -EUCLEAN;
	case SQLITE_FULL:
		*advice = "the disk is full";
		return -ENOSPC;
	case SQLITE_READONLY:
		*advice = "it may not be written; check its owner and that of its directory";
		return -EROFS;
	case SQLITE_CANTOPEN:
		*advice = "cannot be opened; does the directory exist, and may you read it?";
		return -ENOENT;
	case SQLITE_NOMEM:
		*advice = "out of memory";
		return -ENOMEM;
	case SQLITE_CONSTRAINT:
		*advice = "a row breaks a rule of the schema";
		return -EINVAL;
	default:
		*advice = "input/output error";
		return -EIO;
	}
}

int store_fail(sqlite3 *db, int code, const char *what)
{
	const char *advice;
	int r = errno_of(code, &advice);

	store_set_why("%s: %s (%s)", what, advice, db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
	return r;
}

static int pragma(sqlite3 *db, const char *sql, char *answer, size_t size)
{
	sqlite3_stmt *stmt;
	int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (code != SQLITE_OK)
		return code;
	code = sqlite3_step(stmt);
	if (code == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(stmt, 0);

		snprintf(answer, size, "%s", text ? text : "");
		code = SQLITE_OK;
	} else if (code == SQLITE_DONE) {
		code = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	return code;
}

/* Pages that retention frees go back to the file system (store_tidy()). Only before the first table is
 * made: an older database keeps its free pages and fills them again. */
#define PAGES_PRAGMA "PRAGMA auto_vacuum=INCREMENTAL"

/* A minute of thousands of functions touches a page of each. They are copied from the log into the
 * file by the collector between minutes (store_tidy()) and not within somebody's commit; 80 MiB of log
 * where no collector runs. The cache is a compromise: the
 * collector promises to stay below 20 MB. */
#define LOG_PRAGMAS                                                            \
	"PRAGMA wal_autocheckpoint=20000; PRAGMA journal_size_limit=67108864;" \
	"PRAGMA cache_size=-4096"

/* WAL lets readers and the one writer work side by side; it needs shared memory, which network and
 * 9p file systems lack. FULL: a committed minute survives a power cut. */
static int set_up(sqlite3 *db, enum store_mode mode, bool existed)
{
	char answer[64] = "";
	int code;

	sqlite3_busy_timeout(db, BUSY_MS);
	sqlite3_exec(db,
		     "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF",
		     NULL, NULL, NULL);
	if (mode == STORE_READ)
		return schema_prepare(db, mode);
	code = history_prepare(db);
	if (code != SQLITE_OK)
		return store_fail(db, code, "opening");
	if (!existed)
		sqlite3_exec(db, PAGES_PRAGMA, NULL, NULL, NULL);
	code = pragma(db, "PRAGMA journal_mode=WAL", answer, sizeof(answer));
	sqlite3_exec(db, LOG_PRAGMAS, NULL, NULL, NULL);
	/* 9p lets the mode be set and fails at the first read. */
	if (code == SQLITE_OK && strcmp(answer, "wal") == 0)
		code = sqlite3_exec(db, "PRAGMA user_version", NULL, NULL, NULL);
	if ((code & 0xff) == SQLITE_IOERR || (code == SQLITE_OK && strcmp(answer, "wal") != 0)) {
		store_set_why("its file system cannot hold a WAL database (no shared memory); "
			      "put it on a local disk or tmpfs with --db");
		return -EROFS;
	}
	if (code != SQLITE_OK)
		return store_fail(db, code, "opening");
	return schema_prepare(db, mode);
}

/* What a failed STORE_CREATE has begun where nothing was. */
static void remove_database(const char *path)
{
	static const char *const suffix[] = { "", "-wal", "-shm", "-journal" };
	char name[4096];

	for (size_t i = 0; i < ARRAY_SIZE(suffix); i++)
		if (snprintf(name, sizeof(name), "%s%s", path, suffix[i]) < (int)sizeof(name))
			unlink(name);
}

int store_open(const char *path, enum store_mode mode, struct store **ret)
{
	static const int flags[] = {
		[STORE_READ] = SQLITE_OPEN_READONLY,
		[STORE_WRITE] = SQLITE_OPEN_READWRITE,
		[STORE_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
	};
	struct store *s;
	struct stat st;
	bool existed = stat(path, &st) == 0;
	int code, r = existed ? 0 : -errno;

	*ret = NULL;
	if (mode != STORE_CREATE && !existed) {
		store_set_why("%s; `faasmat import` or `faasmat collect` makes a database",
			      strerror(-r));
		return r;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	code = sqlite3_open_v2(path, &s->db, flags[mode] | SQLITE_OPEN_NOMUTEX, NULL);
	r = code == SQLITE_OK ? set_up(s->db, mode, existed) : store_fail(s->db, code, "opening");
	if (r < 0) {
		store_close(s);
		if (!existed)
			remove_database(path);
		return r;
	}
	*ret = s;
	return 0;
}

void store_set_cache(struct store *s, int64_t bytes)
{
	char text[64];

	snprintf(text, sizeof(text), "PRAGMA cache_size=-%lld", (long long)(bytes / KIB));
	sqlite3_exec(s->db, text, NULL, NULL, NULL);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	for (unsigned int i = 0; i < s->n_cached; i++)
		sqlite3_finalize(s->cache[i].stmt);
	sqlite3_close(s->db);
	free(s);
}

void store_closep(struct store **s)
{
	store_close(*s);
}

void store_set_patience(struct store *s, int milliseconds)
{
	sqlite3_busy_timeout(s->db, milliseconds);
}

sqlite3 *store_db(struct store *s)
{
	return s->db;
}

int store_statement(struct store *s, const char *sql, sqlite3_stmt **ret)
{
	int code;

	for (unsigned int i = 0; i < s->n_cached; i++) {
		if (s->cache[i].sql == sql) {
			*ret = s->cache[i].stmt;
			sqlite3_reset(*ret);
			sqlite3_clear_bindings(*ret);
			return 0;
		}
	}
	if (s->n_cached == ARRAY_SIZE(s->cache))
		return -ENOBUFS;
	code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
	if (code != SQLITE_OK)
		return store_fail(s->db, code, "preparing a statement");
	s->cache[s->n_cached].sql = sql;
	s->cache[s->n_cached++].stmt = *ret;
	return 0;
}

int store_step(struct store *s, sqlite3_stmt *stmt)
{
	int code = sqlite3_step(stmt);
	int r = 0;

	if (code == SQLITE_ROW)
		return 1;
	if (code != SQLITE_DONE)
		r = store_fail(s->db, code, "working on the database");
	sqlite3_reset(stmt);
	return r;
}

int store_run(struct store *s, sqlite3_stmt *stmt)
{
	int r = store_step(s, stmt);

	if (r == 1) {
		sqlite3_reset(stmt);
		r = 0;
	}
	return r;
}

int store_bind(struct store *s, const char *sql, sqlite3_stmt **ret, size_t n,
	       const int64_t *values)
{
	int r = store_statement(s, sql, ret);

	for (size_t i = 0; i < n && r == 0; i++)
		sqlite3_bind_int64(*ret, (int)i + 1, values[i]);
	return r;
}

int store_exec(struct store *s, const char *sql, size_t n, const int64_t *values)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s, sql, &stmt, n, values);

	return r < 0 ? r : store_run(s, stmt);
}

int store_grow(void *array, size_t *size, size_t used, size_t item)
{
	size_t wanted = *size ? *size * 2 : 64;
	void *more;

	if (used < *size)
		return 0;
	more = realloc(*(void **)array, wanted * item);
	if (!more)
		return -ENOMEM;
	*(void **)array = more;
	*size = wanted;
	return 0;
}

int store_begin(struct store *s)
{
	/* IMMEDIATE: find out now, not at the first write, that another process is writing. */
	return store_exec(s, "BEGIN IMMEDIATE", 0, NULL);
}

int store_commit(struct store *s)
{
	return store_exec(s, "COMMIT", 0, NULL);
}

void store_rollback(struct store *s)
{
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

int store_set_meta(struct store *s, const char *key, int64_t value)
{
	sqlite3_stmt *stmt;
	int r = store_statement(s,
				"INSERT INTO meta(key, value) VALUES(?1, ?2)"
				" ON CONFLICT(key) DO UPDATE SET value = excluded.value",
				&stmt);

	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, value);
	return store_run(s, stmt);
}

int store_remove_meta(struct store *s, const char *key)
{
	sqlite3_stmt *stmt;
	int r = store_statement(s, "DELETE FROM meta WHERE key = ?1", &stmt);

	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
	return store_run(s, stmt);
}

int store_get_meta(struct store *s, const char *key, int64_t *ret)
{
	sqlite3_stmt *stmt;
	int r = store_statement(s, "SELECT value FROM meta WHERE key = ?1", &stmt);

	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
	r = store_step(s, stmt);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return 0;
}

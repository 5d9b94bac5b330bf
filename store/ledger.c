// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/ledger.h"

#include <errno.h>
#include <string.h>

#include "store/internal.h"

int store_add_ledger(struct store *s, const struct ledger_row *row)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s,
			   "INSERT INTO ledger(minute, time_us, pool, action, file, before,"
			   " after, reason, applied) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)",
			   &stmt, STORE_NUMBERS(row->minute, row->time_us));
	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 3, row->pool, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, row->action, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 5, row->file, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 6, row->before);
	sqlite3_bind_int64(stmt, 7, row->after);
	sqlite3_bind_text(stmt, 8, row->reason, -1, SQLITE_STATIC);
	sqlite3_bind_int(stmt, 9, row->applied);
	return store_run(s, stmt);
}

#define ROW "minute, time_us, pool, action, file, before, after, reason, applied"

/* The columns of ROW, from the first on. */
static struct ledger_row read_row(sqlite3_stmt *stmt, int first)
{
	return (struct ledger_row){
		.minute = sqlite3_column_int64(stmt, first),
		.time_us = sqlite3_column_int64(stmt, first + 1),
		.pool = (const char *)sqlite3_column_text(stmt, first + 2),
		.action = (const char *)sqlite3_column_text(stmt, first + 3),
		.file = (const char *)sqlite3_column_text(stmt, first + 4),
		.before = sqlite3_column_int64(stmt, first + 5),
		.after = sqlite3_column_int64(stmt, first + 6),
		.reason = (const char *)sqlite3_column_text(stmt, first + 7),
		.applied = sqlite3_column_int(stmt, first + 8) != 0,
	};
}

int store_each_ledger(struct store *s, int64_t first, int64_t last,
		      int (*fn)(const struct ledger_row *row, void *arg), void *arg)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s,
			   "SELECT " ROW " FROM ledger WHERE minute BETWEEN ?1 AND ?2 ORDER BY id",
			   &stmt, STORE_NUMBERS(first, last));
	if (r < 0)
		return r;
	while ((r = store_step(s, stmt)) == 1) {
		struct ledger_row row = read_row(stmt, 0);

		r = fn(&row, arg);
		if (r != 0) {
			sqlite3_reset(stmt);
			break;
		}
	}
	return r;
}

int store_count_ledger(struct store *s, int64_t first, int64_t last,
		       int (*fn)(int64_t count, const struct ledger_row *row, void *arg), void *arg)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s,
			   "SELECT n, " ROW
			   " FROM ledger JOIN (SELECT count(*) AS n, max(id) AS newest"
			   " FROM ledger WHERE minute BETWEEN ?1 AND ?2 GROUP BY action)"
			   " ON id = newest ORDER BY action",
			   &stmt, STORE_NUMBERS(first, last));
	if (r < 0)
		return r;
	while ((r = store_step(s, stmt)) == 1) {
		struct ledger_row row = read_row(stmt, 1);

		r = fn(sqlite3_column_int64(stmt, 0), &row, arg);
		if (r != 0) {
			sqlite3_reset(stmt);
			break;
		}
	}
	return r;
}

int store_last_ledger(struct store *s, int64_t *ret)
{
	sqlite3_stmt *stmt;
	int r = store_statement(s, "SELECT minute FROM ledger ORDER BY minute DESC LIMIT 1", &stmt);

	if (r == 0)
		r = store_step(s, stmt);
	if (r <= 0)
		return r < 0 ? r : -ENODATA;
	*ret = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return 0;
}

int store_before_last_write(struct store *s, const char *pool, const char *file, int64_t *ret)
{
	sqlite3_stmt *stmt;
	int r = store_statement(s,
				"SELECT before FROM ledger WHERE pool = ?1 AND file = ?2 AND"
				" action = 'write' AND applied ORDER BY id DESC LIMIT 1",
				&stmt);

	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 1, pool, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, file, -1, SQLITE_STATIC);
	r = store_step(s, stmt);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return 0;
}

int store_forget_ledger(struct store *s, int64_t before)
{
	return store_exec(s, "DELETE FROM ledger WHERE minute < ?1", STORE_NUMBERS(before));
}

int store_journal_first(struct store *s, const struct journal_row *row)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s,
			   "INSERT INTO journal(cgroup, file, path, first_value, last_value)"
			   " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(cgroup, file)"
			   " DO UPDATE SET path = excluded.path",
			   &stmt, STORE_NUMBERS((int64_t)row->cgroup));
	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 2, row->file, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, row->path, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 4, row->first_value);
	sqlite3_bind_int64(stmt, 5, row->last_value);
	return store_run(s, stmt);
}

int store_journal_last(struct store *s, uint64_t cgroup, const char *file, int64_t last_value)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s, "UPDATE journal SET last_value = ?3 WHERE cgroup = ?1 AND file = ?2",
			   &stmt, STORE_NUMBERS((int64_t)cgroup));
	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 2, file, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 3, last_value);
	return store_run(s, stmt);
}

int store_journal_remove(struct store *s, uint64_t cgroup, const char *file)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s, "DELETE FROM journal WHERE cgroup = ?1 AND file = ?2", &stmt,
			   STORE_NUMBERS((int64_t)cgroup));
	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 2, file, -1, SQLITE_STATIC);
	return store_run(s, stmt);
}

int store_list_journal(struct store *s, struct journal_row **ret, size_t *n)
{
	_cleanup_free_ struct journal_row *rows = NULL;
	size_t used = 0;
	sqlite3_stmt *stmt;
	int r = store_statement(s,
				"SELECT cgroup, file, path, first_value, last_value FROM journal"
				" ORDER BY path, file",
				&stmt);

	*ret = NULL;
	*n = 0;
	if (r < 0)
		return r;
	while ((r = store_step(s, stmt)) == 1) {
		struct journal_row *more = realloc(rows, (used + 1) * sizeof(*rows));

		if (!more) {
			sqlite3_reset(stmt);
			return -ENOMEM;
		}
		rows = more;
		rows[used] = (struct journal_row){
			.cgroup = (uint64_t)sqlite3_column_int64(stmt, 0),
			.first_value = sqlite3_column_int64(stmt, 3),
			.last_value = sqlite3_column_int64(stmt, 4),
		};
		snprintf(rows[used].file, sizeof(rows[used].file), "%s",
			 sqlite3_column_text(stmt, 1));
		snprintf(rows[used].path, sizeof(rows[used].path), "%s",
			 sqlite3_column_text(stmt, 2));
		used++;
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(rows);
	*n = used;
	return 0;
}

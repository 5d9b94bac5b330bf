// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/ledger.h"

#include <errno.h>
#include <string.h>

#include "store/internal.h"

int store_pack_ledger(struct pack *p, const struct ledger_row *row)
{
	pack_begin_row(p);
	pack_number(p, row->time_us);
	pack_text(p, row->pool);
	pack_text(p, row->action);
	pack_text(p, row->file);
	pack_number(p, row->before);
	pack_number(p, row->after);
	pack_text(p, row->reason);
	pack_number(p, row->applied);
	return pack_end_row(p);
}

int store_add_ledger_pack(struct store *s, int64_t minute, struct pack *p)
{
	const char *rows = pack_take(p);
	sqlite3_stmt *stmt;
	int r = rows ? store_bind(s, "INSERT INTO ledger_rows(minute, rows) VALUES(?1, ?2)", &stmt,
				  STORE_NUMBERS(minute))
		     : -ENOMEM;

	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 2, rows, -1, SQLITE_STATIC);
	return store_run(s, stmt);
}

int store_add_ledger(struct store *s, const struct ledger_row *row)
{
	struct pack p = { 0 };
	int r = store_pack_ledger(&p, row);

	if (r == 0)
		r = store_add_ledger_pack(s, row->minute, &p);
	pack_free(&p);
	return r;
}

/* The view `ledger`; itself it cannot be used here: SQLite's JSON functions are not for schemas that are
 * not trusted. */
#define LEDGER                                                                               \
	"(SELECT l.id * 65536 + j.key AS id, l.minute AS minute,"                            \
	" json_extract(j.value, '$[0]') AS time_us, json_extract(j.value, '$[1]') AS pool,"  \
	" json_extract(j.value, '$[2]') AS action, json_extract(j.value, '$[3]') AS file,"   \
	" json_extract(j.value, '$[4]') AS before, json_extract(j.value, '$[5]') AS after,"  \
	" json_extract(j.value, '$[6]') AS reason, json_extract(j.value, '$[7]') AS applied" \
	" FROM ledger_rows l, json_each(l.rows) j)"

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
	int r = store_bind(
		s, "SELECT " ROW " FROM " LEDGER " WHERE minute BETWEEN ?1 AND ?2 ORDER BY id",
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
			   /* The columns beside max() are those of its row. */
			   "SELECT count(*), " ROW ", max(id) FROM " LEDGER
			   " WHERE minute BETWEEN ?1 AND ?2 GROUP BY action ORDER BY action",
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
	int r = store_statement(s, "SELECT minute FROM ledger_rows ORDER BY minute DESC LIMIT 1",
				&stmt);

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
	int r = store_statement(
		s,
		"SELECT (SELECT json_extract(value, '$[4]') FROM json_each(rows)"
		" WHERE json_extract(value, '$[1]') = ?1"
		" AND json_extract(value, '$[3]') = ?2"
		" AND json_extract(value, '$[2]') = 'write'"
		" AND json_extract(value, '$[7]') ORDER BY key DESC LIMIT 1) AS last"
		" FROM ledger_rows WHERE last IS NOT NULL ORDER BY id DESC LIMIT 1",
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
	return store_exec(s, "DELETE FROM ledger_rows WHERE minute < ?1", STORE_NUMBERS(before));
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

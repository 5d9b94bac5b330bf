// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/plan.h"

#include <errno.h>
#include <string.h>

#include "store/internal.h"

/* Bytes of one pool, and then some. */
#define PLAUSIBLE_MAX (1LL << 50)

const double store_quantiles[STORE_QUANTILES] = { 0.5, 0.9, 0.95, 0.99 };

int store_write_forecast(struct store *s, int64_t function, int64_t first, size_t n,
			 const struct forecast_minute *minutes)
{
	sqlite3_stmt *stmt;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		r = store_bind(s,
			       "INSERT OR REPLACE INTO forecasts(function_id, minute, mean,"
			       " q50, q90, q95, q99) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
			       &stmt, STORE_NUMBERS(function, first + (int64_t)i));
		if (r < 0)
			return r;
		sqlite3_bind_double(stmt, 3, minutes[i].mean);
		for (int q = 0; q < STORE_QUANTILES; q++)
			sqlite3_bind_double(stmt, 4 + q, minutes[i].q[q]);
		r = store_run(s, stmt);
	}
	return r;
}

int store_read_forecast(struct store *s, int64_t function, int64_t first, size_t n,
			struct forecast_minute *minutes)
{
	sqlite3_stmt *stmt;
	size_t found = 0;
	int r = store_bind(s,
			   "SELECT minute, mean, q50, q90, q95, q99 FROM forecasts"
			   " WHERE function_id = ?1 AND minute >= ?2 AND minute < ?3",
			   &stmt, STORE_NUMBERS(function, first, first + (int64_t)n));
	if (r < 0)
		return r;
	while ((r = store_step(s, stmt)) == 1) {
		struct forecast_minute *m = &minutes[sqlite3_column_int64(stmt, 0) - first];

		m->mean = sqlite3_column_double(stmt, 1);
		for (int q = 0; q < STORE_QUANTILES; q++)
			m->q[q] = sqlite3_column_double(stmt, 2 + q);
		found++;
	}
	if (r < 0)
		return r;
	return found == n ? 0 : -ENODATA;
}

/* Cuts [first, last] out of the planned intervals, then adds it as one. */
static int mark_planned(struct store *s, int64_t first, int64_t last)
{
	static const char *const sql[] = {
		/* What an interval keeps after `last`, then what it keeps before `first`. */
		("INSERT OR REPLACE INTO planned(first, last) SELECT ?2 + 1, last FROM planned"
		 " WHERE first <= ?2 AND last > ?2"),
		"DELETE FROM planned WHERE first BETWEEN ?1 AND ?2",
		"UPDATE planned SET last = ?1 - 1 WHERE first < ?1 AND last >= ?1",
		"INSERT INTO planned(first, last) VALUES(?1, ?2)",
		"DELETE FROM plan WHERE minute BETWEEN ?1 AND ?2",
	};

	for (size_t i = 0; i < ARRAY_SIZE(sql); i++) {
		int r = store_exec(s, sql[i], STORE_NUMBERS(first, last));
		if (r < 0)
			return r;
	}
	return 0;
}

static int insert_plan(struct store *s, const struct plan_row *row)
{
	int r = store_exec(s,
			   "INSERT INTO plan(minute, function_id, containers, bytes,"
			   " unit_bytes) SELECT ?1, id, ?3, ?4, ?5 FROM functions"
			   " WHERE id = ?2",
			   STORE_NUMBERS(row->minute, row->function, row->containers, row->bytes,
					 row->unit_bytes));
	if (r == 0 && sqlite3_changes(store_db(s)) == 0) {
		store_set_why("the plan names function number %lld, which does not exist",
			      (long long)row->function);
		return -ENOENT;
	}
	return r;
}

int store_replace_plan(struct store *s, int64_t first, int64_t last, const struct plan_row *rows,
		       size_t n)
{
	int64_t version = 0;
	int r;

	for (size_t i = 0; i < n; i++)
		if (rows[i].minute < first || rows[i].minute > last || rows[i].bytes < 0 ||
		    rows[i].containers < 0) {
			store_set_why("a plan row lies outside of the planned minutes");
			return -ERANGE;
		}
	r = mark_planned(s, first, last);
	for (size_t i = 0; i < n && r == 0; i++)
		r = insert_plan(s, &rows[i]);
	if (r < 0)
		return r;
	r = store_get_meta(s, "plan_version", &version);
	if (r < 0 && r != -ENOENT)
		return r;
	return store_set_meta(s, "plan_version", version + 1);
}

int store_write_plan(struct store *s, int64_t first, int64_t last, const struct plan_row *rows,
		     size_t n)
{
	int r = store_begin(s);

	if (r < 0)
		return r;
	r = store_replace_plan(s, first, last, rows, n);
	if (r == 0)
		r = store_commit(s);
	store_rollback(s);
	return r;
}

static int minute_is_planned(struct store *s, int64_t minute)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s, "SELECT 1 FROM planned WHERE first <= ?1 AND last >= ?1", &stmt,
			   STORE_NUMBERS(minute));
	if (r < 0)
		return r;
	r = store_step(s, stmt);
	sqlite3_reset(stmt);
	return r;
}

/* Whatever wrote it, SQLite keeps a NaN as NULL and an overflow as a real number. */
static bool is_count(sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_type(stmt, column) == SQLITE_INTEGER &&
	       sqlite3_column_int64(stmt, column) >= 0 &&
	       sqlite3_column_int64(stmt, column) <= PLAUSIBLE_MAX;
}

static int bad_row(sqlite3_stmt *stmt, const char *name, int64_t minute)
{
	store_set_why("minute %s of '%s' has no plausible containers and bytes",
		      format_minute(minute), name);
	sqlite3_reset(stmt);
	return -EBADMSG;
}

int store_check_plan(struct store *s, int64_t first)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s,
			   "SELECT f.name, p.minute FROM plan p JOIN functions f ON"
			   " f.id = p.function_id WHERE p.minute >= ?1 AND NOT coalesce("
			   " typeof(containers) = 'integer' AND containers BETWEEN 0 AND ?2 AND"
			   " typeof(bytes) = 'integer' AND bytes BETWEEN 0 AND ?2, 0) LIMIT 1",
			   &stmt, STORE_NUMBERS(first, PLAUSIBLE_MAX));
	if (r < 0)
		return r;
	r = store_step(s, stmt);
	return r <= 0 ? r
		      : bad_row(stmt, (const char *)sqlite3_column_text(stmt, 0),
				sqlite3_column_int64(stmt, 1));
}

/* Appends the row's name to the others. */
static int keep_name(sqlite3_stmt *stmt, char **names, size_t *used, size_t *size)
{
	const char *name = (const char *)sqlite3_column_text(stmt, 1);
	size_t n = strlen(name) + 1;
	char *more;

	if (*used + n > *size) {
		more = realloc(*names, 2 * *size + n);
		if (!more)
			return -ENOMEM;
		*names = more;
		*size = 2 * *size + n;
	}
	memcpy(*names + *used, name, n);
	*used += n;
	return 0;
}

/* One block, so that freeing the rows frees all; NULL without memory for it. */
static struct plan_row *join_names(struct plan_row *rows, size_t n, const char *names, size_t used)
{
	struct plan_row *all = n ? realloc(rows, n * sizeof(*rows) + used) : rows;
	char *name = (char *)(all + n);

	if (!all) {
		free(rows);
		return NULL;
	}
	if (n)
		memcpy(name, names, used);
	for (size_t i = 0; i < n; i++) {
		all[i].name = name;
		name += strlen(name) + 1;
	}
	return all;
}

int store_read_plan(struct store *s, int64_t minute, struct plan_row **ret, size_t *n)
{
	_cleanup_free_ struct plan_row *rows = NULL;
	_cleanup_free_ char *names = NULL;
	size_t used = 0, size = 0, names_used = 0, names_size = 0;
	sqlite3_stmt *stmt;
	int r = minute_is_planned(s, minute);

	*ret = NULL;
	*n = 0;
	if (r <= 0)
		return r < 0 ? r : -ENODATA;
	r = store_bind(s,
		       "SELECT p.function_id, f.name, p.containers, p.bytes, p.unit_bytes"
		       " FROM plan p JOIN functions f ON f.id = p.function_id"
		       " WHERE p.minute = ?1 ORDER BY p.function_id",
		       &stmt, STORE_NUMBERS(minute));
	if (r < 0)
		return r;
	while ((r = store_step(s, stmt)) == 1) {
		if (!is_count(stmt, 2) || !is_count(stmt, 3))
			return bad_row(stmt, (const char *)sqlite3_column_text(stmt, 1), minute);
		if (store_grow(&rows, &size, used, sizeof(*rows)) < 0 ||
		    keep_name(stmt, &names, &names_used, &names_size) < 0) {
			sqlite3_reset(stmt);
			return -ENOMEM;
		}
		rows[used] = (struct plan_row){
			.function = sqlite3_column_int64(stmt, 0),
			.minute = minute,
			.containers = sqlite3_column_int64(stmt, 2),
			.bytes = sqlite3_column_int64(stmt, 3),
			.unit_bytes = sqlite3_column_int64(stmt, 4),
		};
		used++;
	}
	if (r < 0)
		return r;
	*ret = join_names(TAKE_PTR(rows), used, names, names_used);
	*n = used;
	return *ret || used == 0 ? 0 : -ENOMEM;
}

int store_last_planned(struct store *s, int64_t *ret)
{
	sqlite3_stmt *stmt;
	int r = store_statement(s, "SELECT last FROM planned ORDER BY last DESC LIMIT 1", &stmt);

	if (r == 0)
		r = store_step(s, stmt);
	if (r <= 0)
		return r < 0 ? r : -ENODATA;
	*ret = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return 0;
}

int store_plan_version(struct store *s, int64_t *ret)
{
	int r = store_get_meta(s, "plan_version", ret);

	if (r == -ENOENT) {
		*ret = 0;
		r = 0;
	}
	return r;
}

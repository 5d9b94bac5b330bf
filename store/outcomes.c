// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/outcomes.h"

#include <errno.h>

#include "store/internal.h"

int store_add_outcome(struct store *s, const struct outcome_row *row)
{
	const int64_t values[] = { row->target_bytes, row->limit_bytes, row->usage_bytes,
				   row->given_bytes,  row->taken_bytes, row->worst_bytes,
				   row->applied };
	sqlite3_stmt *stmt;
	int r = store_bind(s,
			   "INSERT INTO outcomes(minute, pool, target_bytes, limit_bytes,"
			   " usage_bytes, given_bytes, taken_bytes, worst_bytes, applied)"
			   " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT(minute, pool) DO UPDATE"
			   " SET target_bytes = excluded.target_bytes,"
			   " limit_bytes = min(limit_bytes, excluded.limit_bytes),"
			   " usage_bytes = max(usage_bytes, excluded.usage_bytes),"
			   " given_bytes = given_bytes + excluded.given_bytes,"
			   " taken_bytes = taken_bytes + excluded.taken_bytes,"
			   " worst_bytes = max(worst_bytes, excluded.worst_bytes),"
			   " applied = applied OR excluded.applied",
			   &stmt, STORE_NUMBERS(row->minute));
	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 2, row->pool, -1, SQLITE_STATIC);
	for (size_t v = 0; v < ARRAY_SIZE(values); v++)
		sqlite3_bind_int64(stmt, (int)v + 3, values[v]);
	return store_run(s, stmt);
}

int store_read_outcome(struct store *s, const char *pool, int64_t minute, struct outcome_row *ret)
{
	sqlite3_stmt *stmt;
	int r = store_bind(
		s,
		"SELECT target_bytes, limit_bytes, usage_bytes, given_bytes, taken_bytes,"
		" worst_bytes, applied FROM outcomes WHERE minute = ?1 AND pool = ?2",
		&stmt, STORE_NUMBERS(minute));
	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 2, pool, -1, SQLITE_STATIC);
	r = store_step(s, stmt);
	if (r <= 0)
		return r < 0 ? r : -ENODATA;
	*ret = (struct outcome_row){
		.minute = minute,
		.pool = pool,
		.target_bytes = sqlite3_column_int64(stmt, 0),
		.limit_bytes = sqlite3_column_int64(stmt, 1),
		.usage_bytes = sqlite3_column_int64(stmt, 2),
		.given_bytes = sqlite3_column_int64(stmt, 3),
		.taken_bytes = sqlite3_column_int64(stmt, 4),
		.worst_bytes = sqlite3_column_int64(stmt, 5),
		.applied = sqlite3_column_int(stmt, 6) != 0,
	};
	sqlite3_reset(stmt);
	return 0;
}

int store_last_outcome(struct store *s, const char *pool, int64_t *ret)
{
	sqlite3_stmt *stmt;
	int r = store_statement(s,
				"SELECT minute FROM outcomes WHERE ?1 IS NULL OR pool = ?1"
				" ORDER BY minute DESC LIMIT 1",
				&stmt);

	if (r < 0)
		return r;
	if (pool)
		sqlite3_bind_text(stmt, 1, pool, -1, SQLITE_STATIC);
	r = store_step(s, stmt);
	if (r <= 0)
		return r < 0 ? r : -ENODATA;
	*ret = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return 0;
}

int store_sum_outcomes(struct store *s, int64_t first, int64_t last, bool applied,
		       struct outcome_sum *ret)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s,
			   "SELECT count(*), coalesce(sum(worst_bytes > 0), 0),"
			   " coalesce(sum(given_bytes), 0), coalesce(sum(taken_bytes), 0),"
			   " count(DISTINCT CASE WHEN worst_bytes > 0 THEN pool END)"
			   " FROM outcomes WHERE minute BETWEEN ?1 AND ?2 AND applied = ?3",
			   &stmt, STORE_NUMBERS(first, last, applied));
	if (r < 0)
		return r;
	r = store_step(s, stmt);
	if (r <= 0)
		return r < 0 ? r : -ENODATA;
	*ret = (struct outcome_sum){
		.pool_minutes = sqlite3_column_int64(stmt, 0),
		.minutes_hurt = sqlite3_column_int64(stmt, 1),
		.given_bytes = sqlite3_column_int64(stmt, 2),
		.taken_bytes = sqlite3_column_int64(stmt, 3),
		.pools_hurt = sqlite3_column_int64(stmt, 4),
	};
	sqlite3_reset(stmt);
	return 0;
}

int store_forget_outcomes(struct store *s, int64_t before)
{
	return store_exec(s, "DELETE FROM outcomes WHERE minute < ?1", STORE_NUMBERS(before));
}

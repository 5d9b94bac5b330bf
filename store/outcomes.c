// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/outcomes.h"

#include <errno.h>

#include "store/internal.h"

int store_pack_outcome(struct outcome_pack *p, const struct outcome_row *row)
{
	pack_begin_row(&p->rows);
	pack_text(&p->rows, row->pool);
	pack_number(&p->rows, row->target_bytes);
	pack_number(&p->rows, row->limit_bytes);
	pack_number(&p->rows, row->usage_bytes);
	pack_number(&p->rows, row->given_bytes);
	pack_number(&p->rows, row->taken_bytes);
	pack_number(&p->rows, row->worst_bytes);
	if (pack_end_row(&p->rows) < 0)
		return -ENOMEM;
	p->sum.pool_minutes++;
	p->sum.minutes_hurt += row->worst_bytes > 0;
	p->sum.given_bytes += row->given_bytes;
	p->sum.taken_bytes += row->taken_bytes;
	return 0;
}

int store_add_outcome_pack(struct store *s, int64_t minute, bool applied, struct outcome_pack *p)
{
	const char *rows = pack_take(&p->rows);
	sqlite3_stmt *stmt;
	int r = rows ? store_bind(s,
				  "INSERT INTO outcome_rows(minute, applied, pools, hurt,"
				  " given_bytes, taken_bytes, rows) VALUES(?1,?2,?3,?4,?5,?6,?7)",
				  &stmt,
				  STORE_NUMBERS(minute, applied, p->sum.pool_minutes,
						p->sum.minutes_hurt, p->sum.given_bytes,
						p->sum.taken_bytes))
		     : -ENOMEM;

	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 7, rows, -1, SQLITE_STATIC);
	return store_run(s, stmt);
}

int store_add_outcome(struct store *s, const struct outcome_row *row)
{
	struct outcome_pack p = { 0 };
	int r = store_pack_outcome(&p, row);

	if (r == 0)
		r = store_add_outcome_pack(s, row->minute, row->applied, &p);
	pack_free(&p.rows);
	return r;
}

static void merge(struct outcome_row *to, const struct outcome_row *more, bool first)
{
	to->target_bytes = more->target_bytes;
	to->limit_bytes = first ? more->limit_bytes : MIN(to->limit_bytes, more->limit_bytes);
	to->usage_bytes = MAX(to->usage_bytes, more->usage_bytes);
	to->given_bytes += more->given_bytes;
	to->taken_bytes += more->taken_bytes;
	to->worst_bytes = MAX(to->worst_bytes, more->worst_bytes);
	to->applied |= more->applied;
}

int store_read_outcome(struct store *s, const char *pool, int64_t minute, struct outcome_row *ret)
{
	struct outcome_row all = { .minute = minute, .pool = pool };
	sqlite3_stmt *stmt;
	bool any = false;
	int r = store_bind(s,
			   "SELECT json_extract(value, '$[1]'), json_extract(value, '$[2]'),"
			   " json_extract(value, '$[3]'), json_extract(value, '$[4]'),"
			   " json_extract(value, '$[5]'), json_extract(value, '$[6]'), applied"
			   " FROM outcome_rows o, json_each(o.rows)"
			   " WHERE minute = ?1 AND json_extract(value, '$[0]') = ?2 ORDER BY o.id",
			   &stmt, STORE_NUMBERS(minute));
	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 2, pool, -1, SQLITE_STATIC);
	while ((r = store_step(s, stmt)) == 1) {
		struct outcome_row row = {
			.target_bytes = sqlite3_column_int64(stmt, 0),
			.limit_bytes = sqlite3_column_int64(stmt, 1),
			.usage_bytes = sqlite3_column_int64(stmt, 2),
			.given_bytes = sqlite3_column_int64(stmt, 3),
			.taken_bytes = sqlite3_column_int64(stmt, 4),
			.worst_bytes = sqlite3_column_int64(stmt, 5),
			.applied = sqlite3_column_int(stmt, 6) != 0,
		};

		merge(&all, &row, !any);
		any = true;
	}
	if (r < 0 || !any)
		return r < 0 ? r : -ENODATA;
	*ret = all;
	return 0;
}

int store_last_outcome(struct store *s, const char *pool, int64_t *ret)
{
	sqlite3_stmt *stmt;
	int r = store_statement(s,
				"SELECT minute FROM outcome_rows WHERE ?1 IS NULL OR EXISTS("
				" SELECT 1 FROM json_each(rows)"
				" WHERE json_extract(value, '$[0]') = ?1)"
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
			   "SELECT coalesce(sum(pools), 0), coalesce(sum(hurt), 0),"
			   " coalesce(sum(given_bytes), 0), coalesce(sum(taken_bytes), 0),"
			   " (SELECT count(DISTINCT json_extract(value, '$[0]'))"
			   "  FROM outcome_rows, json_each(rows) WHERE minute BETWEEN ?1 AND ?2"
			   "  AND applied = ?3 AND hurt > 0 AND json_extract(value, '$[6]') > 0)"
			   " FROM outcome_rows WHERE minute BETWEEN ?1 AND ?2 AND applied = ?3",
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
	return store_exec(s, "DELETE FROM outcome_rows WHERE minute < ?1", STORE_NUMBERS(before));
}

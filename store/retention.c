// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/retention.h"

#include "store/internal.h"

/* Of one function in a call: bounds a transaction after --keep was shortened. An hour brings 60. */
#define MINUTES_A_CALL 2000
/* Calls take turns over the functions; an hour is one round. */
#define TURNS 60
/* 8 MiB a call. */
#define PAGES_A_CALL "2000"

/* ?1 minute, ?2 before, ?3 minutes at most, ?4 turns. */
#define FORGET_OF_TURN(table)                                                         \
	"DELETE FROM " table " WHERE (function_id, minute) IN ("                      \
	" SELECT t.function_id, t.minute FROM functions f CROSS JOIN " table          \
	"  t ON t.function_id = f.id AND t.minute < min(?2, ?3 + (SELECT min(minute)" \
	"   FROM " table " c WHERE c.function_id = f.id)) WHERE f.id % ?4 = ?1 % ?4)"

static const char history_sql[] = FORGET_OF_TURN("history");
static const char forecasts_sql[] = FORGET_OF_TURN("forecasts");

int store_forget(struct store *s, int64_t minute, int64_t before)
{
	/* All of these lie in the order of their minutes: a step behind the oldest is what a minute
	 * brings, but no more than a day's worth at once. */
	static const char *const sql[] = {
		"DELETE FROM pools WHERE minute < min(?1, (SELECT min(minute) + 1440 FROM pools))",
		"DELETE FROM memory WHERE minute < min(?1, (SELECT min(minute) + 1440 FROM memory))",
		"DELETE FROM plan WHERE minute < min(?1, (SELECT min(minute) + 1440 FROM plan))",
		"DELETE FROM victims WHERE minute < ?1",
		"DELETE FROM planned WHERE last < ?1",
		"DELETE FROM observed WHERE last < ?1",
		"UPDATE observed SET first = ?1 WHERE first < ?1",
		"UPDATE planned SET first = ?1 WHERE first < ?1",
		("DELETE FROM containers WHERE last_minute < min(?1,"
		 " (SELECT min(last_minute) + 1440 FROM containers))"),
	};
	int r;

	r = store_exec(s, history_sql, STORE_NUMBERS(minute, before, MINUTES_A_CALL, TURNS));
	if (r == 0)
		r = store_exec(s, forecasts_sql,
			       STORE_NUMBERS(minute, before, MINUTES_A_CALL, TURNS));
	for (size_t i = 0; i < ARRAY_SIZE(sql) && r == 0; i++)
		r = store_exec(s, sql[i], STORE_NUMBERS(before));
	if (r < 0)
		return r;
	return store_exec(s,
			  "DELETE FROM containers WHERE last_minute < (SELECT last_minute"
			  " FROM containers ORDER BY last_minute DESC LIMIT 1 OFFSET ?1)",
			  STORE_NUMBERS(STORE_CONTAINERS_KEPT));
}

static int read_number(struct store *s, const char *sql, int64_t *ret)
{
	sqlite3_stmt *stmt;
	int r = store_statement(s, sql, &stmt);

	if (r == 0)
		r = store_step(s, stmt);
	if (r < 0)
		return r;
	*ret = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return 0;
}

int store_make_space(struct store *s)
{
	int code = sqlite3_wal_checkpoint_v2(store_db(s), NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
					     NULL);

	return code == SQLITE_OK ? 0 : store_fail(store_db(s), code, "emptying the log");
}

int store_tidy(struct store *s)
{
	int64_t pages = 0, unused = 0;
	int code = sqlite3_wal_checkpoint_v2(store_db(s), NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
					     NULL);
	int r = 0;

	/* Busy: a reader has not come so far; the next minute then. */
	if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY && (code & 0xff) != SQLITE_LOCKED)
		return store_fail(store_db(s), code, "copying the log into the file");
	r = read_number(s, "PRAGMA page_count", &pages);

	if (r == 0)
		r = read_number(s, "PRAGMA freelist_count", &unused);
	if (r < 0 || unused <= pages / 4)
		return r;
	/* A statement of its own returns a row a page. */
	code = sqlite3_exec(store_db(s), "PRAGMA incremental_vacuum(" PAGES_A_CALL ")", NULL, NULL,
			    NULL);
	return code == SQLITE_OK ? 0 : store_fail(store_db(s), code, "giving pages back");
}

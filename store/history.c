// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/history.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "store/internal.h"

static const char add_sql[] =
	"INSERT INTO history(function_id, minute, invocations, responses, inits, busy_us,"
	" cold_starts, cold_us, cold_done, containers, memory_bytes, memory_peak_bytes,"
	" events_max, events_oom, events_oom_kill, quality, responses_5xx, excluded, aborted,"
	" peak_concurrency, unsettled, unsettled_responses, durations)"
	" VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23)"
	" ON CONFLICT(function_id, minute) DO UPDATE SET"
	" invocations = invocations + excluded.invocations,"
	" responses = responses + excluded.responses, inits = inits + excluded.inits,"
	" busy_us = busy_us + excluded.busy_us, cold_starts = cold_starts + excluded.cold_starts,"
	" cold_us = cold_us + excluded.cold_us, cold_done = cold_done + excluded.cold_done,"
	" containers = max(containers, excluded.containers),"
	" memory_bytes = max(memory_bytes, excluded.memory_bytes),"
	" memory_peak_bytes = max(memory_peak_bytes, excluded.memory_peak_bytes),"
	" events_max = events_max + excluded.events_max,"
	" events_oom = events_oom + excluded.events_oom,"
	" events_oom_kill = events_oom_kill + excluded.events_oom_kill,"
	" quality = quality | excluded.quality,"
	" responses_5xx = responses_5xx + excluded.responses_5xx,"
	/* `excluded` is also what the new row is called. */
	" excluded = history.excluded + excluded.excluded, aborted = aborted + excluded.aborted,"
	" peak_concurrency = max(peak_concurrency, excluded.peak_concurrency),"
	" unsettled = unsettled + excluded.unsettled,"
	" unsettled_responses = unsettled_responses + excluded.unsettled_responses,"
	" durations = add_durations(durations, excluded.durations)";

/* durations_add() for SQL; what cannot be read counts as empty. */
static void add_blobs(sqlite3_context *context, int n _unused_, sqlite3_value **value)
{
	uint8_t bytes[DURATIONS_BYTES];
	struct durations d, more;
	size_t size;

	durations_decode(sqlite3_value_blob(value[0]), (size_t)sqlite3_value_bytes(value[0]), &d);
	durations_decode(sqlite3_value_blob(value[1]), (size_t)sqlite3_value_bytes(value[1]),
			 &more);
	durations_add(&d, &more);
	size = durations_encode(&d, bytes);
	if (size)
		sqlite3_result_blob(context, bytes, (int)size, SQLITE_TRANSIENT);
}

int history_prepare(sqlite3 *db)
{
	return sqlite3_create_function(db, "add_durations", 2,
				       SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
				       add_blobs, NULL, NULL);
}

int store_add_history(struct store *s, const struct history_row *rows, size_t n)
{
	sqlite3_stmt *stmt;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct history_row *h = &rows[i];
		const int64_t values[] = {
			h->function,	    h->minute,
			h->invocations,	    h->responses,
			h->inits,	    h->busy_us,
			h->cold_starts,	    h->cold_us,
			h->cold_done,	    h->containers,
			h->memory_bytes,    h->memory_peak_bytes,
			h->events_max,	    h->events_oom,
			h->events_oom_kill, h->quality,
			h->responses_5xx,   h->excluded,
			h->aborted,	    h->peak_concurrency,
			h->unsettled,	    h->unsettled_responses,
		};
		uint8_t bytes[DURATIONS_BYTES];
		size_t size = durations_encode(&h->durations, bytes);

		r = store_statement(s, add_sql, &stmt);
		if (r < 0)
			return r;
		for (size_t v = 0; v < ARRAY_SIZE(values); v++)
			sqlite3_bind_int64(stmt, (int)v + 1, values[v]);
		if (size)
			sqlite3_bind_blob(stmt, (int)ARRAY_SIZE(values) + 1, bytes, (int)size,
					  SQLITE_STATIC);
		r = store_run(s, stmt);
	}
	return r;
}

int store_mark_partial(struct store *s, int64_t minute, unsigned int quality)
{
	return store_exec(s, "UPDATE history SET quality = quality | ?2 WHERE minute = ?1",
			  STORE_NUMBERS(minute, quality));
}

int store_clear_history(struct store *s)
{
	int r = store_exec(s, "DELETE FROM history", 0, NULL);

	return r < 0 ? r : store_exec(s, "DELETE FROM observed", 0, NULL);
}

int store_import_minute(struct store *s, int64_t function, int64_t minute, int64_t invocations)
{
	return store_exec(s,
			  "INSERT INTO history(function_id, minute, invocations)"
			  " VALUES(?1, ?2, ?3) ON CONFLICT(function_id, minute)"
			  " DO UPDATE SET invocations = excluded.invocations",
			  STORE_NUMBERS(function, minute, invocations));
}

int store_mark_observed(struct store *s, int64_t function, int64_t first, int64_t last)
{
	sqlite3_stmt *stmt;
	int r;

	if (last < first)
		return -EINVAL;
	/* Grow to take in every interval that overlaps or adjoins, then replace them by one. */
	r = store_bind(s,
		       "SELECT min(first), max(last) FROM observed WHERE function_id = ?1"
		       " AND first <= ?3 + 1 AND last >= ?2 - 1",
		       &stmt, STORE_NUMBERS(function, first, last));
	if (r < 0)
		return r;
	r = store_step(s, stmt);
	if (r < 0)
		return r;
	if (r == 1 && sqlite3_column_type(stmt, 0) != SQLITE_NULL) {
		first = MIN(first, sqlite3_column_int64(stmt, 0));
		last = MAX(last, sqlite3_column_int64(stmt, 1));
	}
	sqlite3_reset(stmt);
	r = store_exec(s,
		       "DELETE FROM observed WHERE function_id = ?1 AND first >= ?2 AND last <= ?3",
		       STORE_NUMBERS(function, first, last));
	if (r < 0)
		return r;
	return store_exec(s, "INSERT INTO observed(function_id, first, last) VALUES(?1, ?2, ?3)",
			  STORE_NUMBERS(function, first, last));
}

int store_read_observed(struct store *s, int64_t function, int64_t first, size_t n, double *value)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s,
			   "SELECT first, last FROM observed WHERE function_id IN (0, ?1)"
			   " AND first < ?3 AND last >= ?2",
			   &stmt, STORE_NUMBERS(function, first, first + (int64_t)n));
	if (r < 0)
		return r;
	while ((r = store_step(s, stmt)) == 1) {
		int64_t from = MAX(sqlite3_column_int64(stmt, 0) - first, 0);
		int64_t to = MIN(sqlite3_column_int64(stmt, 1) - first, (int64_t)n - 1);

		for (int64_t i = from; i <= to; i++)
			value[i] = 0;
	}
	return r;
}

int store_read_series(struct store *s, int64_t function, int64_t first, size_t n, double *value)
{
	sqlite3_stmt *stmt;
	int r;

	for (size_t i = 0; i < n; i++)
		value[i] = NAN;
	r = store_read_observed(s, function, first, n, value);
	if (r < 0)
		return r;
	r = store_bind(
		s,
		"SELECT minute, invocations, quality, unsettled FROM history WHERE function_id = ?1"
		" AND minute >= ?2 AND minute < ?3",
		&stmt, STORE_NUMBERS(function, first, first + (int64_t)n));
	if (r < 0)
		return r;
	while ((r = store_step(s, stmt)) == 1) {
		int64_t n = sqlite3_column_int64(stmt, 1);
		bool usable = quality_is_usable((unsigned int)sqlite3_column_int(stmt, 2), n,
						sqlite3_column_int64(stmt, 3));

		value[sqlite3_column_int64(stmt, 0) - first] = usable ? (double)n : NAN;
	}
	return r;
}

/* One min() or max() a query, each then one step in an index; both in one would read all of it. */
#define RANGE_SQL(history, observed)                              \
	"SELECT min(a), max(b) FROM ("                            \
	" SELECT (SELECT min(minute) FROM history" history ") a," \
	"  (SELECT max(minute) FROM history" history ") b"        \
	" UNION ALL SELECT min(first), max(last) FROM observed" observed ")"
static const char all_range_sql[] = RANGE_SQL("", "");
static const char one_range_sql[] = RANGE_SQL(" WHERE function_id = ?1",
					      " WHERE function_id IN (0, ?1)");

int store_history_range(struct store *s, int64_t function, int64_t *first, int64_t *last)
{
	sqlite3_stmt *stmt;
	int r = store_statement(s, function ? one_range_sql : all_range_sql, &stmt);

	if (r == 0 && function)
		sqlite3_bind_int64(stmt, 1, function);
	if (r < 0)
		return r;
	r = store_step(s, stmt);
	if (r < 0)
		return r;
	if (r == 0 || sqlite3_column_type(stmt, 0) == SQLITE_NULL) {
		sqlite3_reset(stmt);
		return -ENODATA;
	}
	*first = sqlite3_column_int64(stmt, 0);
	*last = sqlite3_column_int64(stmt, 1);
	sqlite3_reset(stmt);
	return 0;
}

#define HISTORY_COLUMNS                                                                   \
	" h.function_id, h.minute, h.invocations, h.responses, h.inits, h.busy_us,"       \
	" h.cold_starts, h.cold_us, h.cold_done, h.containers, h.memory_bytes,"           \
	" h.memory_peak_bytes, h.events_max, h.events_oom, h.events_oom_kill, h.quality," \
	" h.responses_5xx, h.excluded, h.aborted, h.peak_concurrency, h.unsettled,"       \
	" h.unsettled_responses, h.durations"
#define HISTORY_COLUMNS_N 23

static void read_row(sqlite3_stmt *stmt, struct history_row *h)
{
	*h = (struct history_row){
		.function = sqlite3_column_int64(stmt, 0),
		.minute = sqlite3_column_int64(stmt, 1),
		.invocations = sqlite3_column_int64(stmt, 2),
		.responses = sqlite3_column_int64(stmt, 3),
		.inits = sqlite3_column_int64(stmt, 4),
		.busy_us = sqlite3_column_int64(stmt, 5),
		.cold_starts = sqlite3_column_int64(stmt, 6),
		.cold_us = sqlite3_column_int64(stmt, 7),
		.cold_done = sqlite3_column_int64(stmt, 8),
		.containers = sqlite3_column_int64(stmt, 9),
		.memory_bytes = sqlite3_column_int64(stmt, 10),
		.memory_peak_bytes = sqlite3_column_int64(stmt, 11),
		.events_max = sqlite3_column_int64(stmt, 12),
		.events_oom = sqlite3_column_int64(stmt, 13),
		.events_oom_kill = sqlite3_column_int64(stmt, 14),
		.quality = (unsigned int)sqlite3_column_int(stmt, 15),
		.responses_5xx = sqlite3_column_int64(stmt, 16),
		.excluded = sqlite3_column_int64(stmt, 17),
		.aborted = sqlite3_column_int64(stmt, 18),
		.peak_concurrency = sqlite3_column_int64(stmt, 19),
		.unsettled = sqlite3_column_int64(stmt, 20),
		.unsettled_responses = sqlite3_column_int64(stmt, 21),
	};
	durations_decode(sqlite3_column_blob(stmt, 22), (size_t)sqlite3_column_bytes(stmt, 22),
			 &h->durations);
}

int store_each_history(struct store *s, int64_t first, int64_t last,
		       int (*fn)(const struct history_row *row, const char *name, void *arg),
		       void *arg)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s,
			   "SELECT" HISTORY_COLUMNS
			   ", f.name FROM history h JOIN functions f ON f.id = h.function_id"
			   " WHERE h.minute BETWEEN ?1 AND ?2 ORDER BY h.minute, f.name",
			   &stmt, STORE_NUMBERS(first, last));

	if (r < 0)
		return r;
	while ((r = store_step(s, stmt)) == 1) {
		struct history_row h;

		read_row(stmt, &h);
		r = fn(&h, (const char *)sqlite3_column_text(stmt, HISTORY_COLUMNS_N), arg);
		if (r != 0) {
			sqlite3_reset(stmt);
			break;
		}
	}
	return r;
}

int store_each_minute(struct store *s, int64_t function, int64_t first, int64_t last,
		      int (*fn)(const struct history_row *row, void *arg), void *arg)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s,
			   "SELECT" HISTORY_COLUMNS
			   " FROM history h WHERE h.function_id = ?1 AND h.minute BETWEEN ?2 AND ?3"
			   " ORDER BY h.minute",
			   &stmt, STORE_NUMBERS(function, first, last));

	if (r < 0)
		return r;
	while ((r = store_step(s, stmt)) == 1) {
		struct history_row h;

		read_row(stmt, &h);
		r = fn(&h, arg);
		if (r != 0) {
			sqlite3_reset(stmt);
			break;
		}
	}
	return r;
}

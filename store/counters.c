// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/counters.h"

#include <errno.h>

#include "store/internal.h"

int store_read_baselines(struct store *s, uint64_t epoch, struct counter_baseline **ret, size_t *n)
{
	_cleanup_free_ struct counter_baseline *list = NULL;
	size_t used = 0, size = 0;
	sqlite3_stmt *stmt;
	int r = store_statement(s,
				"SELECT cgroup, requests, inits, responses, busy_ns, low, high,"
				" max, oom, oom_kill, oom_group_kill, cold_counted, cold_measured,"
				" responses_5xx, excluded, aborted, unsettled, unsettled_joined,"
				" unsettled_responses, durations"
				" FROM baselines WHERE epoch = ?1",
				&stmt);

	*ret = NULL;
	*n = 0;
	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, (int64_t)epoch);
	while ((r = store_step(s, stmt)) == 1) {
		if (store_grow(&list, &size, used, sizeof(*list)) < 0) {
			sqlite3_reset(stmt);
			return -ENOMEM;
		}
		list[used++] = (struct counter_baseline){
			.cgroup = (uint64_t)sqlite3_column_int64(stmt, 0),
			.requests = sqlite3_column_int64(stmt, 1),
			.inits = sqlite3_column_int64(stmt, 2),
			.responses = sqlite3_column_int64(stmt, 3),
			.busy_ns = sqlite3_column_int64(stmt, 4),
			.events = { .low = sqlite3_column_int64(stmt, 5),
				    .high = sqlite3_column_int64(stmt, 6),
				    .max = sqlite3_column_int64(stmt, 7),
				    .oom = sqlite3_column_int64(stmt, 8),
				    .oom_kill = sqlite3_column_int64(stmt, 9),
				    .oom_group_kill = sqlite3_column_int64(stmt, 10) },
			.cold_counted = sqlite3_column_int(stmt, 11) != 0,
			.cold_measured = sqlite3_column_int(stmt, 12) != 0,
			.narrow = sqlite3_column_type(stmt, 13) == SQLITE_NULL,
			.responses_5xx = sqlite3_column_int64(stmt, 13),
			.excluded = sqlite3_column_int64(stmt, 14),
			.aborted = sqlite3_column_int64(stmt, 15),
			.unsettled = sqlite3_column_int64(stmt, 16),
			.unsettled_joined = sqlite3_column_int64(stmt, 17),
			.unsettled_responses = sqlite3_column_int64(stmt, 18),
		};
		durations_decode(sqlite3_column_blob(stmt, 19),
				 (size_t)sqlite3_column_bytes(stmt, 19), &list[used - 1].durations);
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(list);
	*n = used;
	return 0;
}

int store_write_baseline(struct store *s, uint64_t epoch, const struct counter_baseline *b)
{
	const int64_t values[] = {
		(int64_t)b->cgroup, (int64_t)epoch,   b->requests,	   b->inits,
		b->responses,	    b->busy_ns,	      b->events.low,	   b->events.high,
		b->events.max,	    b->events.oom,    b->events.oom_kill,  b->events.oom_group_kill,
		b->cold_counted,    b->cold_measured, b->responses_5xx,	   b->excluded,
		b->aborted,	    b->unsettled,     b->unsettled_joined, b->unsettled_responses,
	};
	uint8_t bytes[DURATIONS_BYTES];
	size_t size = durations_encode(&b->durations, bytes);
	sqlite3_stmt *stmt;
	int r = store_statement(s,
				"INSERT OR REPLACE INTO baselines(cgroup, epoch, requests, inits,"
				" responses, busy_ns, low, high, max, oom, oom_kill,"
				" oom_group_kill, cold_counted, cold_measured, responses_5xx,"
				" excluded, aborted, unsettled, unsettled_joined,"
				" unsettled_responses, durations) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,"
				"?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21)",
				&stmt);

	if (r < 0)
		return r;
	for (size_t v = 0; v < ARRAY_SIZE(values); v++)
		if (!b->narrow || v < 14)
			sqlite3_bind_int64(stmt, (int)v + 1, values[v]);
	if (size)
		sqlite3_bind_blob(stmt, (int)ARRAY_SIZE(values) + 1, bytes, (int)size,
				  SQLITE_STATIC);
	return store_run(s, stmt);
}

int store_remove_baseline(struct store *s, uint64_t cgroup)
{
	return store_exec(s, "DELETE FROM baselines WHERE cgroup = ?1",
			  STORE_NUMBERS((int64_t)cgroup));
}

int store_start_epoch(struct store *s, uint64_t epoch)
{
	return store_exec(s, "DELETE FROM baselines WHERE epoch <> ?1",
			  STORE_NUMBERS((int64_t)epoch));
}

int store_add_container(struct store *s, uint64_t epoch, const struct container_row *row)
{
	sqlite3_stmt *stmt;
	int r = store_bind(
		s,
		"INSERT INTO containers(epoch, cgroup, path, function_id, first_minute,"
		" last_minute, invocations, peak_bytes, oom_kills, siblings)"
		" VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10) ON CONFLICT(epoch, cgroup) DO UPDATE SET"
		" last_minute = excluded.last_minute, function_id = excluded.function_id,"
		" invocations = invocations + excluded.invocations,"
		" peak_bytes = max(peak_bytes, excluded.peak_bytes),"
		" siblings = max(siblings, excluded.siblings),"
		" oom_kills = oom_kills + excluded.oom_kills",
		&stmt, STORE_NUMBERS((int64_t)epoch, (int64_t)row->cgroup));
	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 3, row->path, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 4, row->function);
	sqlite3_bind_int64(stmt, 5, row->first_minute);
	sqlite3_bind_int64(stmt, 6, row->last_minute);
	sqlite3_bind_int64(stmt, 7, row->invocations);
	sqlite3_bind_int64(stmt, 8, row->peak_bytes);
	sqlite3_bind_int64(stmt, 9, row->oom_kills);
	sqlite3_bind_int64(stmt, 10, row->siblings);
	return store_run(s, stmt);
}

int store_find_container(struct store *s, uint64_t epoch, uint64_t cgroup, int64_t *function)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s, "SELECT function_id FROM containers WHERE epoch = ?1 AND cgroup = ?2",
			   &stmt, STORE_NUMBERS((int64_t)epoch, (int64_t)cgroup));

	if (r == 0)
		r = store_step(s, stmt);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*function = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return 0;
}

int store_each_unknown(struct store *s, int (*fn)(const struct container_row *row, void *arg),
		       void *arg)
{
	sqlite3_stmt *stmt;
	int r = store_statement(s,
				"SELECT cgroup, path, first_minute, last_minute, invocations,"
				" peak_bytes, oom_kills FROM containers WHERE function_id = 0"
				" ORDER BY invocations DESC, path",
				&stmt);

	if (r < 0)
		return r;
	while ((r = store_step(s, stmt)) == 1) {
		struct container_row row = {
			.cgroup = (uint64_t)sqlite3_column_int64(stmt, 0),
			.path = (const char *)sqlite3_column_text(stmt, 1),
			.first_minute = sqlite3_column_int64(stmt, 2),
			.last_minute = sqlite3_column_int64(stmt, 3),
			.invocations = sqlite3_column_int64(stmt, 4),
			.peak_bytes = sqlite3_column_int64(stmt, 5),
			.oom_kills = sqlite3_column_int64(stmt, 6),
		};

		r = fn(&row, arg);
		if (r != 0) {
			sqlite3_reset(stmt);
			break;
		}
	}
	return r;
}

int store_add_pool(struct store *s, const struct pool_row *row)
{
	const int64_t values[] = {
		(int64_t)row->cgroup, row->usage_bytes,		  row->peak_bytes, row->limit_bytes,
		row->events.low,      row->events.high,		  row->events.max, row->events.oom,
		row->events.oom_kill, row->events.oom_group_kill,
	};
	sqlite3_stmt *stmt;
	int r = store_bind(s,
			   "INSERT OR REPLACE INTO pools(minute, path, cgroup, usage_bytes,"
			   " peak_bytes, limit_bytes, low, high, max, oom, oom_kill,"
			   " oom_group_kill) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
			   &stmt, STORE_NUMBERS(row->minute));
	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 2, row->path, -1, SQLITE_STATIC);
	for (size_t v = 0; v < ARRAY_SIZE(values); v++)
		sqlite3_bind_int64(stmt, (int)v + 3, values[v]);
	return store_run(s, stmt);
}

int store_add_victim(struct store *s, const struct victim_row *row)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s,
			   "INSERT INTO victims(minute, time_us, path, oom_path, pid, comm)"
			   " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
			   &stmt, STORE_NUMBERS(row->minute, row->time_us));
	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 3, row->path, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, row->oom_path, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 5, row->pid);
	sqlite3_bind_text(stmt, 6, row->comm, -1, SQLITE_STATIC);
	return store_run(s, stmt);
}

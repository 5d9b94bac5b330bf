// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/memory.h"

#include "store/internal.h"

int store_add_memory(struct store *s, const struct memory_row *row)
{
	const int64_t values[] = { row->containers,  row->anon_bytes, row->file_bytes,
				   row->shmem_bytes, row->slab_bytes, row->some_us,
				   row->full_us };
	sqlite3_stmt *stmt;
	int r = store_bind(s,
			   "INSERT OR REPLACE INTO memory(minute, function_id, path, containers,"
			   " anon_bytes, file_bytes, shmem_bytes, slab_bytes, some_us, full_us)"
			   " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
			   &stmt, STORE_NUMBERS(row->minute, row->function));
	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 3, row->path, -1, SQLITE_STATIC);
	for (size_t v = 0; v < ARRAY_SIZE(values); v++)
		sqlite3_bind_int64(stmt, (int)v + 4, values[v]);
	return store_run(s, stmt);
}

int store_each_memory(struct store *s, int64_t first, int64_t last,
		      int (*fn)(const struct memory_row *row, void *arg), void *arg)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s,
			   "SELECT minute, function_id, path, containers, anon_bytes, file_bytes,"
			   " shmem_bytes, slab_bytes, some_us, full_us FROM memory"
			   " WHERE minute BETWEEN ?1 AND ?2 ORDER BY minute, function_id, path",
			   &stmt, STORE_NUMBERS(first, last));
	if (r < 0)
		return r;
	while ((r = store_step(s, stmt)) == 1) {
		struct memory_row row = {
			.minute = sqlite3_column_int64(stmt, 0),
			.function = sqlite3_column_int64(stmt, 1),
			.path = (const char *)sqlite3_column_text(stmt, 2),
			.containers = sqlite3_column_int64(stmt, 3),
			.anon_bytes = sqlite3_column_int64(stmt, 4),
			.file_bytes = sqlite3_column_int64(stmt, 5),
			.shmem_bytes = sqlite3_column_int64(stmt, 6),
			.slab_bytes = sqlite3_column_int64(stmt, 7),
			.some_us = sqlite3_column_int64(stmt, 8),
			.full_us = sqlite3_column_int64(stmt, 9),
		};

		r = fn(&row, arg);
		if (r != 0) {
			sqlite3_reset(stmt);
			break;
		}
	}
	return r;
}

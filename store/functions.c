// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/functions.h"

#include <errno.h>
#include <string.h>

#include "store/internal.h"

int store_find_function(struct store *s, const char *name, int64_t *ret)
{
	sqlite3_stmt *stmt;
	int r = store_statement(s, "SELECT id FROM functions WHERE name = ?1", &stmt);

	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	r = store_step(s, stmt);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return 0;
}

int store_function_id(struct store *s, const char *name, int64_t *ret)
{
	sqlite3_stmt *stmt;
	int r = store_find_function(s, name, ret);

	if (r != -ENOENT)
		return r;
	if (function_name_fault(name)) {
		store_set_why("a function's name %s", function_name_fault(name));
		return -EINVAL;
	}
	r = store_statement(s, "INSERT INTO functions(name) VALUES(?1)", &stmt);
	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	r = store_run(s, stmt);
	if (r == 0)
		*ret = sqlite3_last_insert_rowid(store_db(s));
	return r;
}

int store_declare_function(struct store *s, struct store_function *f)
{
	int r = store_function_id(s, f->name, &f->id);

	if (r < 0)
		return r;
	return store_exec(s,
			  "UPDATE functions SET"
			  " memory_bytes = CASE WHEN ?2 > 0 THEN ?2 ELSE memory_bytes END,"
			  " warm_us = CASE WHEN ?3 > 0 THEN ?3 ELSE warm_us END,"
			  " cold_us = CASE WHEN ?4 > 0 THEN ?4 ELSE cold_us END WHERE id = ?1",
			  STORE_NUMBERS(f->id, f->memory_bytes, f->warm_us, f->cold_us));
}

static const char list_sql[] =
	"WITH ranked AS (SELECT function_id, peak_bytes,"
	"  row_number() OVER (PARTITION BY function_id ORDER BY peak_bytes) AS rank,"
	"  count(*) OVER (PARTITION BY function_id) AS n FROM containers"
	"  WHERE siblings > 0 AND function_id > 0 AND peak_bytes > 0 AND last_minute >= ?1),"
	" unit AS (SELECT function_id, peak_bytes FROM ranked WHERE rank = (n * 95 + 99) / 100),"
	" alone AS (SELECT function_id, max(peak_bytes) AS peak_bytes FROM containers"
	"  WHERE siblings = 0 AND last_minute >= ?1 GROUP BY function_id)"
	" SELECT f.id, f.name, CASE"
	"  WHEN u.peak_bytes > 0 THEN max(u.peak_bytes, f.memory_bytes)"
	"  WHEN f.memory_bytes > 0 THEN f.memory_bytes"
	"  WHEN p.peak_bytes > 0 THEN p.peak_bytes"
	"  ELSE coalesce(max(CASE WHEN h.containers > 0 THEN h.memory_bytes / h.containers END), 0)"
	"  END,"
	" CASE WHEN f.warm_us > 0 THEN f.warm_us ELSE"
	"  coalesce(sum(h.busy_us) / nullif(sum(h.responses), 0), 0) END,"
	" CASE WHEN f.cold_us > 0 THEN f.cold_us ELSE"
	"  coalesce(sum(h.cold_us) / nullif(sum(h.cold_done), 0), 0) END"
	" FROM functions f LEFT JOIN history h ON h.function_id = f.id AND h.minute >= ?1"
	" LEFT JOIN unit u ON u.function_id = f.id LEFT JOIN alone p ON p.function_id = f.id"
	" GROUP BY f.id ORDER BY f.name";

static void read_function(sqlite3_stmt *stmt, struct store_function *f)
{
	*f = (struct store_function){
		.id = sqlite3_column_int64(stmt, 0),
		.memory_bytes = sqlite3_column_int64(stmt, 2),
		.warm_us = sqlite3_column_int64(stmt, 3),
		.cold_us = sqlite3_column_int64(stmt, 4),
	};
	snprintf(f->name, sizeof(f->name), "%s", sqlite3_column_text(stmt, 1));
}

int store_list_functions(struct store *s, int64_t since, struct store_function **ret, size_t *n)
{
	_cleanup_free_ struct store_function *list = NULL;
	size_t size = 0, used = 0;
	sqlite3_stmt *stmt;
	int r = store_statement(s, list_sql, &stmt);

	*ret = NULL;
	*n = 0;
	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, since);
	while ((r = store_step(s, stmt)) == 1) {
		if (store_grow(&list, &size, used, sizeof(*list)) < 0) {
			sqlite3_reset(stmt);
			return -ENOMEM;
		}
		read_function(stmt, &list[used++]);
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(list);
	*n = used;
	return 0;
}

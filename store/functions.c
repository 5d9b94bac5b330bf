// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/functions.h"

#include <errno.h>
#include <math.h>
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
	"SELECT f.id, f.name, f.memory_bytes,"
	" CASE WHEN f.warm_us > 0 THEN f.warm_us ELSE"
	"  coalesce(sum(h.busy_us) / nullif(sum(h.responses), 0), 0) END,"
	" CASE WHEN f.cold_us > 0 THEN f.cold_us ELSE"
	"  coalesce(sum(h.cold_us) / nullif(sum(h.cold_done), 0), 0) END,"
	" coalesce(max(CASE WHEN h.containers > 0 THEN h.memory_bytes / h.containers END), 0),"
	" coalesce(sum(1.0 * h.busy_us * h.busy_us / nullif(h.responses, 0)), 0),"
	" coalesce(sum(h.busy_us), 0), coalesce(sum(h.responses), 0), coalesce(sum(h.responses > 0), 0)"
	" FROM functions f LEFT JOIN history h ON h.function_id = f.id AND h.minute >= ?1"
	" GROUP BY f.id ORDER BY f.name";

/* Fewer minutes than this say too little of a variance. */
#define CV_MINUTES 30

/* A minute's mean of r warm times has their variance over r: with sums over K minutes, the variance is
 * (sum busy^2 / r - (sum busy)^2 / sum r) / (K - 1). Slow drifts are in it as well. */
static double measured_cv(double squares, double busy, double responses, int64_t minutes)
{
	double mean = responses > 0 ? busy / responses : 0, variance;

	if (minutes < CV_MINUTES || !(mean > 0))
		return 0;
	variance = (squares - busy * mean) / (double)(minutes - 1);
	return sqrt(MAX(variance, 0)) / mean;
}

#define PEAKS_WHERE(siblings) \
	" FROM containers WHERE function_id = ?1 AND siblings " siblings " AND last_minute >= ?2"

/* One number; 0 when there is no row. */
static int ask(struct store *s, const char *sql, size_t n, const int64_t *values, int64_t *ret)
{
	sqlite3_stmt *stmt;
	int r = store_bind(s, sql, &stmt, n, values);

	*ret = 0;
	if (r == 0)
		r = store_step(s, stmt);
	if (r != 1)
		return r;
	*ret = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return 0;
}

/* f->memory_bytes holds what was declared; `mean` is the largest of a minute. */
static int find_unit(struct store *s, struct store_function *f, int64_t since, int64_t mean)
{
	int64_t n, peak = 0;
	int r = ask(s, "SELECT count(*)" PEAKS_WHERE("> 0"), STORE_NUMBERS(f->id, since), &n);

	if (r == 0 && n > 0)
		r = ask(s,
			"SELECT peak_bytes" PEAKS_WHERE(
				"> 0") " ORDER BY peak_bytes LIMIT 1 OFFSET ?3",
			STORE_NUMBERS(f->id, since, (n * 95 + 99) / 100 - 1), &peak);
	f->memory_bytes = MAX(f->memory_bytes, peak);
	if (r < 0 || f->memory_bytes > 0)
		return r;
	r = ask(s, "SELECT max(peak_bytes)" PEAKS_WHERE("= 0"), STORE_NUMBERS(f->id, since), &peak);
	f->memory_bytes = peak > 0 ? peak : mean;
	return r;
}

static void read_function(sqlite3_stmt *stmt, struct store_function *f)
{
	*f = (struct store_function){
		.id = sqlite3_column_int64(stmt, 0),
		.memory_bytes = sqlite3_column_int64(stmt, 2),
		.warm_us = sqlite3_column_int64(stmt, 3),
		.cold_us = sqlite3_column_int64(stmt, 4),
		.warm_cv =
			measured_cv(sqlite3_column_double(stmt, 6), sqlite3_column_double(stmt, 7),
				    sqlite3_column_double(stmt, 8), sqlite3_column_int64(stmt, 9)),
	};
	snprintf(f->name, sizeof(f->name), "%s", sqlite3_column_text(stmt, 1));
}

int store_list_functions(struct store *s, int64_t since, struct store_function **ret, size_t *n)
{
	_cleanup_free_ struct store_function *list = NULL;
	_cleanup_free_ int64_t *mean = NULL;
	size_t size = 0, mean_size = 0, used = 0;
	sqlite3_stmt *stmt;
	int r = store_statement(s, list_sql, &stmt);

	*ret = NULL;
	*n = 0;
	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, since);
	while ((r = store_step(s, stmt)) == 1) {
		if (store_grow(&list, &size, used, sizeof(*list)) < 0 ||
		    store_grow(&mean, &mean_size, used, sizeof(*mean)) < 0) {
			sqlite3_reset(stmt);
			return -ENOMEM;
		}
		mean[used] = sqlite3_column_int64(stmt, 5);
		read_function(stmt, &list[used++]);
	}
	for (size_t i = 0; i < used && r == 0; i++)
		r = find_unit(s, &list[i], since, mean[i]);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(list);
	*n = used;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files of store/ only. */
#ifndef FAASMAT_STORE_INTERNAL_H
#define FAASMAT_STORE_INTERNAL_H

#include <sqlite3.h>

#include "store/store.h"

/* Makes, brings up or (STORE_READ) checks the schema on an open database. */
int schema_prepare(sqlite3 *db, enum store_mode mode);

/* Makes known to SQLite what the statements of history.c call. An SQLite result code. */
int history_prepare(sqlite3 *db);

/* Keeps the sentence for store_why() and gives the negative errno of an SQLite result code. */
int store_fail(sqlite3 *db, int code, const char *what);
void store_set_why(const char *fmt, ...) _printf_(1, 2);

/* The prepared statement of this text, reset and unbound; made on first use and kept until
 * store_close(). `sql` must be a string literal (kept by address). */
int store_statement(struct store *s, const char *sql, sqlite3_stmt **ret);
sqlite3 *store_db(struct store *s);

/* The same with the whole numbers ?1.. bound; and run, for a statement that returns no row. */
int store_bind(struct store *s, const char *sql, sqlite3_stmt **ret, size_t n,
	       const int64_t *values);
int store_exec(struct store *s, const char *sql, size_t n, const int64_t *values);
#define STORE_NUMBERS(...)                                                \
	ARRAY_SIZE(((const int64_t[]){ __VA_ARGS__ })), (const int64_t[]) \
	{                                                                 \
		__VA_ARGS__                                               \
	}

/* Makes room for one more item in *array, which has room for *size and holds `used`. -ENOMEM leaves
 * all as it was. */
int store_grow(void *array, size_t *size, size_t used, size_t item);

/* Steps a statement that returns no row, and resets it. */
int store_run(struct store *s, sqlite3_stmt *stmt);
/* Steps: 1 a row, 0 none left (and resets), negative errno (and resets). */
int store_step(struct store *s, sqlite3_stmt *stmt);

#endif

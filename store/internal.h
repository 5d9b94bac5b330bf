/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files of store/ only. */
#ifndef FAASMAT_STORE_INTERNAL_H
#define FAASMAT_STORE_INTERNAL_H

#include <sqlite3.h>

#include "store/store.h"

/* Makes or checks the schema on an open database. */
int schema_prepare(sqlite3 *db, bool create);

/* Keeps the sentence for store_why() and gives the negative errno of an SQLite result code. */
int store_fail(sqlite3 *db, int code, const char *what);
void store_set_why(const char *fmt, ...) _printf_(1, 2);

/* The prepared statement of this text, reset and unbound; made on first use and kept until
 * store_close(). `sql` must be a string literal (kept by address). */
int store_statement(struct store *s, const char *sql, sqlite3_stmt **ret);
sqlite3 *store_db(struct store *s);

/* Steps a statement that returns no row, and resets it. */
int store_run(struct store *s, sqlite3_stmt *stmt);
/* Steps: 1 a row, 0 none left (and resets), negative errno (and resets). */
int store_step(struct store *s, sqlite3_stmt *stmt);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "store/internal.h"

/* All pages in one step: in WAL mode a read transaction hinders no writer, while a copy in pieces
 * would begin anew with each commit of theirs. */
static int copy_pages(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int code;

	if (!b)
		return store_fail(to, sqlite3_errcode(to), "starting the copy");
	sqlite3_backup_step(b, -1);
	code = sqlite3_backup_finish(b);
	return code == SQLITE_OK ? 0 : store_fail(to, code, "copying");
}

static int one_row(sqlite3 *db, const char *sql, sqlite3_stmt **ret)
{
	int code = sqlite3_prepare_v2(db, sql, -1, ret, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(*ret);
	if (code == SQLITE_ROW)
		return 0;
	code = store_fail(db, code, "checking the copy");
	sqlite3_finalize(*ret);
	return code;
}

static int check_copy(sqlite3 *db)
{
	sqlite3_stmt *stmt;
	int r = one_row(db, "PRAGMA quick_check", &stmt);
	const char *text;

	if (r < 0)
		return r;
	text = (const char *)sqlite3_column_text(stmt, 0);
	if (strcmp(text, "ok") != 0) {
		store_set_why("is damaged: %s", text);
		r = -EUCLEAN;
	}
	sqlite3_finalize(stmt);
	return r;
}

static int describe(sqlite3 *db, struct backup_result *ret)
{
	sqlite3_stmt *stmt;
	int r = one_row(db,
			"SELECT (SELECT count(*) FROM functions), (SELECT count(*) FROM history),"
			" (SELECT coalesce(min(minute), 0) FROM history),"
			" (SELECT coalesce(max(minute), -1) FROM history)",
			&stmt);

	if (r < 0)
		return r;
	ret->functions = sqlite3_column_int64(stmt, 0);
	ret->rows = sqlite3_column_int64(stmt, 1);
	ret->first_minute = sqlite3_column_int64(stmt, 2);
	ret->last_minute = sqlite3_column_int64(stmt, 3);
	sqlite3_finalize(stmt);
	return 0;
}

static int copy_into(struct store *s, const char *path, struct backup_result *ret)
{
	sqlite3 *to = NULL;
	int code = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE, NULL);
	int r = code == SQLITE_OK ? copy_pages(store_db(s), to) : store_fail(to, code, path);

	/* Leaves WAL: one file, that can be carried away. */
	if (r == 0 && sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) != SQLITE_OK)
		r = store_fail(to, sqlite3_errcode(to), "finishing the copy");
	if (r == 0)
		r = check_copy(to);
	if (r == 0)
		r = describe(to, ret);
	sqlite3_close(to);
	return r;
}

static int sync_file(const char *path, int flags)
{
	_cleanup_close_ int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0) {
		store_set_why("%s: %s", path, strerror(errno));
		return -EIO;
	}
	return 0;
}

static int give_name(const char *partial, const char *path, struct backup_result *ret)
{
	_cleanup_free_ char *copy = strdup(path);
	struct stat st;
	int r = sync_file(partial, O_RDWR);

	if (r < 0)
		return r;
	ret->bytes = stat(partial, &st) == 0 ? st.st_size : 0;
	/* link() refuses a name that is taken, also one that came while we copied. */
	if (link(partial, path) < 0) {
		r = -errno;
		store_set_why("%s: %s", path, strerror(errno));
		return r;
	}
	unlink(partial);
	return copy ? sync_file(dirname(copy), O_RDONLY | O_DIRECTORY) : -ENOMEM;
}

int store_backup(struct store *s, const char *path, struct backup_result *ret)
{
	_cleanup_free_ char *partial = NULL;
	struct stat st;
	int fd, r;

	*ret = (struct backup_result){ .last_minute = -1 };
	if (lstat(path, &st) == 0) {
		store_set_why("%s exists already; name a new file, or remove it", path);
		return -EEXIST;
	}
	if (asprintf(&partial, "%s.partial", path) < 0)
		return -ENOMEM;
	unlink(partial);
	fd = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		r = -errno;
		store_set_why("%s: %s", partial, strerror(errno));
		return r;
	}
	close(fd);
	r = copy_into(s, partial, ret);
	if (r == 0)
		r = give_name(partial, path, ret);
	if (r < 0)
		unlink(partial);
	return r;
}

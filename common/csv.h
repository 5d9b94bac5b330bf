/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads CSV files, gzip or plain, a row at a time. Fields may be "quoted" ("" inside is one quote);
 * a quoted field does not span lines. CR LF is accepted. Rows of any length.
 */
#ifndef FAASMAT_COMMON_CSV_H
#define FAASMAT_COMMON_CSV_H

#include <stdint.h>
#include <zlib.h>

#include "common/util.h"

struct csv {
	const char *path; /* as given to csv_open(); not copied */
	gzFile file;
	char *line;
	size_t line_size;
	char **field; /* the current row's fields, n of them; valid until the next csv_next() */
	int n;
	int field_size;
	char **column; /* the header's names, n_columns of them */
	int n_columns;
	char *header;	    /* storage behind `column` */
	int64_t row;	    /* number of the current line in the file, 1 is the first */
	int64_t compressed; /* size of the file on disk, for progress */
};

/* Opens `path` and reads its first line as the header (c->column). 0, or a negative errno: -ENODATA
 * when there is no header line. csv_close() is allowed after a failure. */
int csv_open(struct csv *c, const char *path);
void csv_close(struct csv *c);
#define _cleanup_csv_ __attribute__((cleanup(csv_close)))

/* 1 with the next row in c->field, 0 at the end, negative errno on a read error (-EIO also for a
 * damaged gzip file). Empty lines are passed over. */
int csv_next(struct csv *c);

/* Index of the header's column `name`, or -ENOENT. */
int csv_column(const struct csv *c, const char *name);

/*
 * Field `column` of the current row as a number. A row that is too short, an empty or a non-numeric
 * field is logged with file, row and column, and -EINVAL returned; an int64 must be within [lo, hi].
 */
int csv_int64(const struct csv *c, int column, int64_t lo, int64_t hi, int64_t *ret);
int csv_double(const struct csv *c, int column, double lo, double hi, double *ret);
/* The field as text, or NULL (logged) when the row is too short. */
const char *csv_text(const struct csv *c, int column);

/* How far into the (compressed) file reading has come, for log_progress() against c->compressed. */
int64_t csv_offset(const struct csv *c);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/csv.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/parse.h"

/* 1 with a line in c->line (its end cut off), 0 at the end, negative errno. */
static int read_line(struct csv *c)
{
	size_t n = 0;
	int err;

	for (;;) {
		if (c->line_size - n < 4096) {
			size_t size = c->line_size ? c->line_size * 2 : 16384;
			char *line = realloc(c->line, size);

			if (!line)
				return -ENOMEM;
			c->line = line;
			c->line_size = size;
		}
		if (!gzgets(c->file, c->line + n, (int)MIN(c->line_size - n, (size_t)1 << 30)))
			break;
		n += strlen(c->line + n);
		if (n && c->line[n - 1] == '\n')
			break;
		if (gzeof(c->file))
			break;
	}
	/* No line end: the file's end, or where a damaged file broke off. */
	if (n == 0 || c->line[n - 1] != '\n') {
		gzerror(c->file, &err);
		if (err != Z_OK && err != Z_STREAM_END)
			return -EIO;
	}
	if (n == 0)
		return 0;
	while (n && (c->line[n - 1] == '\n' || c->line[n - 1] == '\r'))
		c->line[--n] = '\0';
	c->row++;
	return 1;
}

/* Ends the field that begins at p in place, its quotes undone; where the next one begins, or NULL. */
static char *end_field(char *p)
{
	char *out = p;

	if (*p != '"') {
		p = strchr(p, ',');
		if (!p)
			return NULL;
		*p = '\0';
		return p + 1;
	}
	for (p++; *p; p++) {
		if (*p == '"') {
			if (p[1] != '"')
				break;
			p++;
		}
		*out++ = *p;
	}
	if (*p == '"')
		p++;
	while (*p && *p != ',')
		*out++ = *p++;
	if (!*p) {
		*out = '\0';
		return NULL;
	}
	*out = '\0';
	return p + 1;
}

static int split(struct csv *c)
{
	char *p = c->line;

	for (c->n = 0; p; c->n++) {
		if (c->n == c->field_size) {
			int size = c->field_size ? c->field_size * 2 : 64;
			char **field = realloc(c->field, size * sizeof(*field));

			if (!field)
				return -ENOMEM;
			c->field = field;
			c->field_size = size;
		}
		c->field[c->n] = p;
		p = end_field(p);
	}
	return 0;
}

static int read_row(struct csv *c)
{
	int r;

	do {
		r = read_line(c);
		if (r <= 0)
			return r;
	} while (!c->line[0]);
	r = split(c);
	return r < 0 ? r : 1;
}

static int keep_header(struct csv *c)
{
	c->column = calloc(c->n, sizeof(*c->column));
	if (!c->column)
		return -ENOMEM;
	c->header = TAKE_PTR(c->line);
	c->line_size = 0;
	c->n_columns = c->n;
	memcpy(c->column, c->field, c->n * sizeof(*c->column));
	return 0;
}

int csv_open(struct csv *c, const char *path)
{
	struct stat st;
	int r;

	*c = (struct csv){ .path = path };
	c->file = gzopen(path, "rbe");
	if (!c->file)
		return errno ? -errno : -ENOMEM;
	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return -EISDIR;
		c->compressed = st.st_size;
	}
	gzbuffer(c->file, 256 * 1024);
	r = read_row(c);
	if (r <= 0)
		return r < 0 ? r : -ENODATA;
	return keep_header(c);
}

void csv_close(struct csv *c)
{
	if (c->file)
		gzclose(c->file);
	free(c->line);
	free(c->field);
	free(c->column);
	free(c->header);
	*c = (struct csv){ 0 };
}

int csv_next(struct csv *c)
{
	return read_row(c);
}

int csv_column(const struct csv *c, const char *name)
{
	for (int i = 0; i < c->n_columns; i++)
		if (strcmp(c->column[i], name) == 0)
			return i;
	return -ENOENT;
}

static const char *column_name(const struct csv *c, int column)
{
	return column < c->n_columns ? c->column[column] : "?";
}

const char *csv_text(const struct csv *c, int column)
{
	if (column < c->n)
		return c->field[column];
	log_error("%s, row %lld: column '%s' is missing (the row has %d of %d fields)", c->path,
		  (long long)c->row, column_name(c, column), c->n, c->n_columns);
	return NULL;
}

static int bad_field(const struct csv *c, int column, const char *text, const char *wanted)
{
	log_error("%s, row %lld, column '%s': '%.40s' is not %s", c->path, (long long)c->row,
		  column_name(c, column), text, wanted);
	return -EINVAL;
}

int csv_int64(const struct csv *c, int column, int64_t lo, int64_t hi, int64_t *ret)
{
	const char *text = csv_text(c, column);
	char wanted[96];
	int64_t v;

	if (!text)
		return -EINVAL;
	if (parse_int64(text, &v) < 0)
		return bad_field(c, column, text, "a whole number");
	if (v < lo || v > hi) {
		snprintf(wanted, sizeof(wanted), "between %lld and %lld", (long long)lo,
			 (long long)hi);
		return bad_field(c, column, text, wanted);
	}
	*ret = v;
	return 0;
}

int csv_double(const struct csv *c, int column, double lo, double hi, double *ret)
{
	const char *text = csv_text(c, column);
	char wanted[96];
	double v;

	if (!text)
		return -EINVAL;
	if (parse_double(text, &v) < 0)
		return bad_field(c, column, text, "a number");
	if (v < lo || v > hi) {
		snprintf(wanted, sizeof(wanted), "between %g and %g", lo, hi);
		return bad_field(c, column, text, wanted);
	}
	*ret = v;
	return 0;
}

int64_t csv_offset(const struct csv *c)
{
	return gzoffset(c->file);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/csv.h"
#include "common/log.h"
#include "simulator/traces.h"

#define DAYS_LOW -36500
#define DAYS_HIGH 36500

/* A minute before the judged day. */
struct past {
	uint32_t function;
	int32_t minute; /* from the judged day's first, negative */
	uint32_t count;
};

struct mix {
	struct load_builder b;
	struct past *past;
	size_t n_past, past_size;
	int64_t day;
	int64_t *first_day; /* by function */
	bool *judged;	    /* by function: it has a row of the judged day or a later one */
};

static int read_functions(const char *path, struct load_builder *b)
{
	_cleanup_csv_ struct csv c = { 0 };
	int name, memory, warm, cold, r = csv_open(&c, path);

	if (r < 0)
		return log_error_errno(r, "%s: cannot read the mix's functions", path);
	name = csv_column(&c, "function");
	memory = csv_column(&c, "memory_mb");
	warm = csv_column(&c, "warm_ms");
	cold = csv_column(&c, "cold_ms");
	if (name < 0 || memory < 0 || warm < 0 || cold < 0) {
		log_error("%s, row 1: needs the columns function, memory_mb, warm_ms and cold_ms",
			  path);
		return -EINVAL;
	}
	while ((r = csv_next(&c)) > 0) {
		const char *text = csv_text(&c, name);
		struct load_function *f;
		int64_t i, mb;

		if (!text)
			return -EINVAL;
		if (load_find(&b->load, text) >= 0) {
			log_error("%s, row %lld, column 'function': '%.80s' is there twice", path,
				  (long long)c.row, text);
			return -EEXIST;
		}
		i = load_add_function(b, text);
		if (i < 0)
			return i;
		f = &b->load.function[i];
		if (csv_int64(&c, memory, 1, 1 << 24, &mb) < 0 ||
		    csv_int64(&c, warm, 0, 1000000000, &f->warm) < 0 ||
		    csv_int64(&c, cold, 0, 1000000000, &f->cold) < 0)
			return -EINVAL;
		f->memory = mb * MIB;
	}
	return r < 0 ? log_error_errno(r, "%s, row %lld: cannot read", path, (long long)c.row) : 0;
}

static int add_past(struct mix *m, uint32_t function, int64_t minute, int64_t count)
{
	if (m->n_past == m->past_size) {
		size_t size = MAX(2 * m->past_size, (size_t)4096);
		struct past *p = reallocarray(m->past, size, sizeof(*p));

		if (!p)
			return -ENOMEM;
		m->past = p;
		m->past_size = size;
	}
	m->past[m->n_past++] = (struct past){ function, minute, count };
	return 0;
}

static int add_row(struct mix *m, uint32_t f, int64_t day, int64_t minute, int64_t count)
{
	m->first_day[f] = MIN(m->first_day[f], day);
	if (day >= m->day)
		m->judged[f] = true;
	if (day == m->day) {
		m->b.load.function[f].calls += count;
		return load_add_count(&m->b, f, minute, count);
	}
	if (day < m->day && day >= m->day - LOAD_MAX_DAYS)
		return add_past(m, f, (day - m->day) * MINUTES_PER_DAY + minute, count);
	return 0;
}

static int read_history(const char *path, struct mix *m)
{
	_cleanup_csv_ struct csv c = { 0 };
	int name, day, minute, count, r = csv_open(&c, path);
	int64_t f = 0;

	if (r < 0)
		return log_error_errno(r, "%s: cannot read the mix's history", path);
	name = csv_column(&c, "function");
	day = csv_column(&c, "day");
	minute = csv_column(&c, "minute");
	count = csv_column(&c, "count");
	if (name < 0 || day < 0 || minute < 0 || count < 0) {
		log_error("%s, row 1: needs the columns function, day, minute and count", path);
		return -EINVAL;
	}
	while ((r = csv_next(&c)) > 0) {
		const char *text = csv_text(&c, name);
		int64_t d, at, n;

		if (!text || csv_int64(&c, day, DAYS_LOW, DAYS_HIGH, &d) < 0 ||
		    csv_int64(&c, minute, 0, MINUTES_PER_DAY - 1, &at) < 0 ||
		    csv_int64(&c, count, 0, LOAD_MAX_COUNT, &n) < 0)
			return -EINVAL;
		/* Rows of a function follow one another, as a rule. */
		if (strcmp(m->b.load.function[f].name, text) != 0)
			f = load_find(&m->b.load, text);
		if (f < 0) {
			log_error(
				"%s, row %lld, column 'function': functions.csv does not have '%.80s'",
				path, (long long)c.row, text);
			return -ENOENT;
		}
		r = add_row(m, f, d, at, n);
		if (r < 0)
			return r;
		if (c.row % 65536 == 0)
			log_progress("reading history", csv_offset(&c), c.compressed);
	}
	log_progress("reading history", c.compressed, c.compressed);
	return r < 0 ? log_error_errno(r, "%s, row %lld: cannot read", path, (long long)c.row) : 0;
}

/* A day that a function has is known as a whole: minutes without a row are zero. */
static int lay_past(struct mix *m)
{
	struct load *l = &m->b.load;

	for (size_t i = 0; i < l->n_functions; i++) {
		int64_t days = MIN(m->day - m->first_day[i], (int64_t)LOAD_MAX_DAYS);

		if (days <= 0)
			continue;
		l->function[i].past_minutes = days * MINUTES_PER_DAY;
		l->function[i].past = calloc(l->function[i].past_minutes, sizeof(double));
		if (!l->function[i].past)
			return -ENOMEM;
	}
	for (size_t i = 0; i < m->n_past; i++) {
		struct load_function *f = &l->function[m->past[i].function];

		f->past[f->past_minutes + m->past[i].minute] += m->past[i].count;
	}
	return 0;
}

static int read_mix(struct mix *m, const char *directory, struct load *ret)
{
	_cleanup_free_ char *functions = NULL, *history = NULL;
	size_t n, judged = 0;
	int r;

	if (asprintf(&functions, "%s/functions.csv", directory) < 0 ||
	    asprintf(&history, "%s/history.csv.gz", directory) < 0)
		return -ENOMEM;
	if (access(history, F_OK) != 0)
		history[strlen(history) - 3] = '\0';
	r = read_functions(functions, &m->b);
	if (r < 0)
		return r;
	n = m->b.load.n_functions;
	if (n == 0) {
		log_error("%s: there is no function in it", functions);
		return -ENODATA;
	}
	m->first_day = malloc(n * sizeof(*m->first_day));
	m->judged = calloc(n, sizeof(*m->judged));
	if (!m->first_day || !m->judged)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		m->first_day[i] = INT64_MAX;
	r = read_history(history, m);
	for (size_t i = 0; i < n && r == 0; i++)
		judged += m->judged[i] && m->first_day[i] <= m->day;
	if (r == 0 && !judged) {
		log_error("%s, column 'day': no function has day %lld", history, (long long)m->day);
		r = -ENODATA;
	}
	r = r < 0 ? r : lay_past(m);
	return r < 0 ? r : load_finish(&m->b, MINUTES_PER_DAY, ret);
}

int traces_read_mix(const char *directory, int64_t day, struct load *ret)
{
	struct mix m = { .day = day };
	int r = read_mix(&m, directory, ret);

	load_builder_release(&m.b);
	free(m.past);
	free(m.first_day);
	free(m.judged);
	return r;
}

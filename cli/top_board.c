// SPDX-License-Identifier: GPL-2.0-or-later
/* What `faasmat top` shows of each function, from the database. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "cli/outcomes.h"
#include "cli/top.h"
#include "store/plan.h"

const char *const board_sort_name[SORT_KEYS] = { "rate",  "memory", "containers", "busy", "cold",
						 "score", "p95",    "errors",	  "name" };

static struct board_row *find(struct board *b, int64_t id)
{
	/* Rows are in the order of their ids until the board is handed out. */
	size_t lo = 0, hi = b->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (b->row[mid].function.id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < b->n && b->row[lo].function.id == id ? &b->row[lo] : NULL;
}

static int by_id(const void *a, const void *b)
{
	int64_t x = ((const struct board_row *)a)->function.id;
	int64_t y = ((const struct board_row *)b)->function.id;

	return (x > y) - (x < y);
}

void board_order_by_id(struct board *b)
{
	qsort(b->row, b->n, sizeof(*b->row), by_id);
}

struct hour {
	struct board_row *row;
	int64_t first, last;
};

static int add_minute(const struct history_row *h, void *arg)
{
	const struct hour *hour = arg;
	struct board_row *r = hour->row;

	if (h->minute == hour->last) {
		r->minute = *h;
		r->has_minute = true;
	}
	/* As a forecast takes it (store_read_series()). */
	r->calls[h->minute - hour->first] =
		quality_is_usable(h->quality, h->invocations, h->unsettled) ? (double)h->invocations
									    : NAN;
	r->oom_kills += h->events_oom_kill;
	r->limit_hits += h->events_max;
	r->cold_starts += h->cold_starts;
	r->responses_5xx += h->responses_5xx;
	durations_add(&r->durations, &h->durations);
	return 0;
}

static void judge(struct board_row *r, const struct locator_options *o)
{
	struct locator_input in = { .memory_bytes = r->function.memory_bytes,
				    .warm_us = r->function.warm_us };

	for (int i = 0; i < BOARD_MINUTES; i++) {
		if (isnan(r->calls[i]))
			continue;
		in.minutes++;
		in.calls += r->calls[i];
	}
	r->judged = locator_judge(&in, o);
}

static int read_rows(struct board *b, struct store *s, const struct locator_options *o)
{
	int64_t first = b->minute - BOARD_MINUTES + 1;
	_cleanup_free_ struct store_function *list = NULL;
	int r = store_list_functions(s, first, &list, &b->n);

	if (r < 0)
		return r;
	b->row = calloc(b->n + 1, sizeof(*b->row));
	if (!b->row)
		return -ENOMEM;
	for (size_t i = 0; i < b->n; i++)
		b->row[i] = (struct board_row){ .function = list[i], .rate = NAN };
	board_order_by_id(b);
	for (size_t i = 0; i < b->n && r == 0; i++) {
		struct hour hour = { &b->row[i], first, b->minute };
		int64_t id = b->row[i].function.id;

		for (int m = 0; m < BOARD_MINUTES; m++)
			b->row[i].calls[m] = NAN;
		r = store_read_observed(s, id, first, BOARD_MINUTES, b->row[i].calls);
		if (r == 0)
			r = store_each_minute(s, id, first, b->minute, add_minute, &hour);
		if (!b->row[i].has_minute && isnan(b->row[i].calls[BOARD_MINUTES - 1]))
			b->row[i].minute.quality = QUALITY_UNWATCHED;
		judge(&b->row[i], o);
	}
	return r;
}

static int read_plan(struct board *b, struct store *s)
{
	_cleanup_free_ struct plan_row *rows = NULL;
	size_t n;
	int r = store_read_plan(s, b->minute + 1, &rows, &n);

	b->has_plan = r == 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct board_row *row = find(b, rows[i].function);

		if (!row)
			continue;
		row->planned = true;
		row->pool_containers = rows[i].containers;
		row->pool_bytes = rows[i].bytes;
	}
	return r == -ENODATA ? 0 : r;
}

int board_read(struct board *b, struct store *s, const struct locator_options *o)
{
	int64_t first;
	int r;

	*b = (struct board){ 0 };
	/* A database without a collector (imported) shows its last hour. */
	if (store_get_meta(s, "collector_whole_minute", &b->minute) < 0)
		if (store_history_range(s, 0, &first, &b->minute) < 0)
			b->minute = 0;
	store_get_meta(s, "collector_time_us", &b->collector_us);
	r = read_rows(b, s, o);
	if (r == 0)
		r = read_plan(b, s);
	if (r < 0)
		board_free(b);
	return r;
}

void board_free(struct board *b)
{
	free(b->row);
	*b = (struct board){ 0 };
}

double board_per_minute(const struct board *b, const struct board_row *r)
{
	if (b->live && !isnan(r->rate))
		return r->rate * 60;
	return (double)r->minute.invocations;
}

int64_t board_memory(const struct board *b, const struct board_row *r)
{
	return b->live ? r->memory_bytes : r->minute.memory_bytes;
}

int64_t board_containers(const struct board *b, const struct board_row *r)
{
	return b->live ? r->containers : r->minute.containers;
}

char board_quality(const struct board_row *r)
{
	if (!r->minute.quality)
		return '=';
	return r->minute.quality & QUALITY_NONE || !r->has_minute ? '-' : '~';
}

struct order {
	const struct board *b;
	enum board_sort key;
	bool reverse;
};

static double value(const struct board_row *r, const struct order *o)
{
	switch (o->key) {
	case SORT_RATE:
		return board_per_minute(o->b, r);
	case SORT_MEMORY:
		return (double)board_memory(o->b, r);
	case SORT_CONTAINERS:
		return (double)board_containers(o->b, r);
	case SORT_BUSY:
		return (double)r->minute.busy_us;
	case SORT_COLD:
		return (double)r->cold_starts;
	case SORT_SCORE:
		return r->judged.score;
	case SORT_P95: {
		double us = durations_quantile_us(&r->durations, 0.95);

		return isnan(us) ? 0 : us;
	}
	case SORT_ERRORS:
		return (double)r->responses_5xx;
	default:
		return 0;
	}
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct order *o = arg;
	double x = value(a, o), y = value(b, o);
	int r = (x < y) - (x > y);

	if (r == 0)
		r = strcmp(((const struct board_row *)a)->function.name,
			   ((const struct board_row *)b)->function.name);
	return o->reverse ? -r : r;
}

void board_order(struct board *b, enum board_sort key, bool reverse)
{
	struct order o = { b, key, reverse };

	qsort_r(b->row, b->n, sizeof(*b->row), compare, &o);
}

bool board_shows(const struct board_row *r, const char *filter, bool only_hot)
{
	if (only_hot && !r->planned && !r->judged.hot)
		return false;
	return !filter || !*filter || strcasestr(r->function.name, filter);
}

const char *board_why(const struct board_row *r, const struct locator_options *o)
{
	static char text[320];
	const struct locator_result *j = &r->judged;
	int n = 0;

	if (r->planned)
		n = snprintf(text, sizeof(text), "has a pool of %lld containers, %s; ",
			     (long long)r->pool_containers, format_size(r->pool_bytes));
	if (r->function.memory_bytes == 0 || r->function.warm_us == 0)
		snprintf(text + n, sizeof(text) - n, "its %s is not known yet",
			 r->function.memory_bytes ? "warm time" : "memory");
	else
		snprintf(text + n, sizeof(text) - n,
			 "in the last hour %s: score %.0f (%s x %.1f a minute) %s %.0f, "
			 "parallelism %.2f %s %.2g",
			 j->hot ? "hot" : "not hot", j->score,
			 format_size(r->function.memory_bytes), j->calls_per_minute,
			 j->score > o->score ? "above" : "not above", o->score, j->parallelism,
			 j->parallelism > o->parallelism ? "above" : "not above", o->parallelism);
	return text;
}

void sparkline(const double *calls, int cells, bool unicode, char *out)
{
	static const char *const bar[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char ascii[] = " .:-=+*#@";
	double mean[BOARD_MINUTES], top = 0;

	cells = CLAMP(cells, 1, BOARD_MINUTES);
	for (int c = 0; c < cells; c++) {
		int from = c * BOARD_MINUTES / cells, to = (c + 1) * BOARD_MINUTES / cells, n = 0;
		double sum = 0;

		for (int i = from; i < to; i++) {
			if (isnan(calls[i]))
				continue;
			sum += calls[i];
			n++;
		}
		mean[c] = n ? sum / n : 0;
		top = MAX(top, mean[c]);
	}
	*out = '\0';
	for (int c = 0; c < cells; c++) {
		/* The least that is not nothing is seen. */
		int level = top > 0 ? (int)ceil(mean[c] / top * 8) : 0;

		if (unicode)
			out = stpcpy(out, bar[level]);
		else
			*out++ = ascii[level];
	}
	*out = '\0';
}

const char *board_titles(int width)
{
	static char out[256];

	snprintf(out, sizeof(out), "%-*s %4s %1s %9s %6s %5s %6s %5s %5s %5s %8s %8s %8s %5s %5s",
		 width, "FUNCTION", "HOT", "Q", "CALLS/MIN", "BUSY", "CONC", "P95", "5XX", "CONT",
		 "COLD", "MEMORY", "UNIT", "POOL", "LIMIT", "OOM");
	return out;
}

const char *board_line(const struct board *b, const struct board_row *r, int width, int most)
{
	static char out[FUNCTION_NAME_MAX + 256];
	const char *hot = r->planned ? "pool" : r->judged.hot ? "hot" : "";

	snprintf(out, sizeof(out),
		 "%-*.*s %4s %c %9.1f %6.2f %5lld %6s %5lld %5lld %5lld %8s %8s %8s %5lld %5lld",
		 width, most, printable(r->function.name), hot, board_quality(r),
		 board_per_minute(b, r), (double)r->minute.busy_us / (60.0 * US_PER_S),
		 (long long)r->minute.peak_concurrency,
		 format_time(durations_quantile_us(&r->durations, 0.95)),
		 (long long)r->responses_5xx, (long long)board_containers(b, r),
		 (long long)r->cold_starts, format_size(board_memory(b, r)),
		 format_size(r->function.memory_bytes),
		 r->planned ? format_size(r->pool_bytes) : "-", (long long)r->limit_hits,
		 (long long)r->oom_kills);
	return out;
}

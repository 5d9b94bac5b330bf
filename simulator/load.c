// SPDX-License-Identifier: GPL-2.0-or-later
#include "simulator/load.h"

#include <errno.h>
#include <string.h>

void load_release(struct load *l)
{
	for (size_t i = 0; i < l->n_functions; i++) {
		free(l->function[i].name);
		free(l->function[i].past);
	}
	free(l->function);
	free(l->first);
	free(l->cell);
	free(l->ms);
	free(l->ms_first);
	*l = (struct load){ 0 };
}

void load_builder_release(struct load_builder *b)
{
	load_release(&b->load);
	free(b->entry);
	*b = (struct load_builder){ 0 };
}

int64_t load_add_function(struct load_builder *b, const char *name)
{
	struct load *l = &b->load;

	if (l->n_functions == b->functions_size) {
		size_t size = MAX(2 * b->functions_size, (size_t)64);
		struct load_function *p = reallocarray(l->function, size, sizeof(*p));

		if (!p)
			return -ENOMEM;
		l->function = p;
		b->functions_size = size;
	}
	l->function[l->n_functions] = (struct load_function){ .name = strdup(name) };
	if (!l->function[l->n_functions].name)
		return -ENOMEM;
	return l->n_functions++;
}

int load_add_count(struct load_builder *b, uint32_t function, size_t minute, int64_t count)
{
	if (count == 0)
		return 0;
	if (b->n_entries == b->entries_size) {
		size_t size = MAX(2 * b->entries_size, (size_t)4096);
		struct load_entry *p = reallocarray(b->entry, size, sizeof(*p));

		if (!p)
			return -ENOMEM;
		b->entry = p;
		b->entries_size = size;
	}
	b->entry[b->n_entries++] = (struct load_entry){ minute, function, count };
	return 0;
}

static int compare_cells(const void *pa, const void *pb)
{
	const struct load_cell *a = pa, *b = pb;

	return (a->function > b->function) - (a->function < b->function);
}

/* A minute's cells by function, those of the same function added up; how many are left. */
static size_t sort_minute(struct load_cell *cell, size_t n)
{
	size_t out = 0;

	for (size_t i = 1; i < n; i++)
		if (cell[i].function <= cell[i - 1].function) {
			qsort(cell, n, sizeof(*cell), compare_cells);
			break;
		}
	for (size_t i = 0; i < n; i++) {
		if (out && cell[out - 1].function == cell[i].function)
			cell[out - 1].count += cell[i].count;
		else
			cell[out++] = cell[i];
	}
	return out;
}

/* Entries to cells by a counting sort on the minute. */
static int arrange(struct load_builder *b, size_t n_minutes)
{
	struct load *l = &b->load;
	size_t n = 0, out = 0;

	l->first = calloc(n_minutes + 2, sizeof(*l->first));
	if (!l->first)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_entries; i++)
		if (b->entry[i].minute < n_minutes) {
			l->first[b->entry[i].minute + 2]++;
			n++;
		}
	l->cell = malloc(MAX(n, (size_t)1) * sizeof(*l->cell));
	if (!l->cell)
		return -ENOMEM;
	for (size_t m = 2; m <= n_minutes + 1; m++)
		l->first[m] += l->first[m - 1];
	for (size_t i = 0; i < b->n_entries; i++) {
		const struct load_entry *e = &b->entry[i];

		if (e->minute >= n_minutes)
			continue;
		l->cell[l->first[e->minute + 1]++] = (struct load_cell){ e->function, e->count };
		l->total += e->count;
	}
	for (size_t m = 0; m < n_minutes; m++) {
		size_t first = l->first[m],
		       kept = sort_minute(l->cell + first, l->first[m + 1] - first);

		memmove(l->cell + out, l->cell + first, kept * sizeof(*l->cell));
		l->first[m] = out;
		out += kept;
	}
	l->first[n_minutes] = out;
	l->n_minutes = n_minutes;
	return 0;
}

int load_finish(struct load_builder *b, size_t n_minutes, struct load *ret)
{
	int r = arrange(b, n_minutes);

	if (r < 0) {
		load_builder_release(b);
		return r;
	}
	*ret = b->load;
	b->load = (struct load){ 0 };
	load_builder_release(b);
	return 0;
}

/* The cell of a function in a minute, or NULL. */
static const struct load_cell *find_cell(const struct load *l, uint32_t function, size_t minute)
{
	struct load_cell key = { .function = function };

	return bsearch(&key, l->cell + l->first[minute], l->first[minute + 1] - l->first[minute],
		       sizeof(key), compare_cells);
}

void load_counts(const struct load *l, uint32_t function, uint32_t *count)
{
	for (size_t m = 0; m < l->n_minutes; m++) {
		const struct load_cell *c = find_cell(l, function, m);

		count[m] = c ? c->count : 0;
	}
}

int64_t load_sum(const struct load *l, uint32_t function, size_t first, size_t n)
{
	int64_t sum = 0;

	for (size_t m = first; m < first + n && m < l->n_minutes; m++) {
		const struct load_cell *c = find_cell(l, function, m);

		if (c)
			sum += c->count;
	}
	return sum;
}

/* Counts of the minutes before `first` as the functions' past. */
static int keep_past(struct load *l, size_t first)
{
	size_t n = MIN(first, (size_t)LOAD_MAX_DAYS * MINUTES_PER_DAY);

	for (size_t i = 0; n && i < l->n_functions; i++) {
		struct load_function *f = &l->function[i];

		free(f->past);
		f->past = calloc(n, sizeof(*f->past));
		f->past_minutes = f->past ? n : 0;
		if (!f->past)
			return -ENOMEM;
	}
	for (size_t m = first - n; m < first; m++)
		for (size_t i = l->first[m]; i < l->first[m + 1]; i++)
			l->function[l->cell[i].function].past[m - (first - n)] = l->cell[i].count;
	return 0;
}

int load_judge(struct load *l, size_t first, size_t n)
{
	size_t begin = l->first[first], end = l->first[first + n];
	int r = keep_past(l, first);

	if (r < 0)
		return r;
	if (l->ms) {
		size_t at = l->ms_first[first];

		memmove(l->ms, l->ms + at, (l->ms_first[first + n] - at) * sizeof(*l->ms));
		for (size_t m = 0; m <= n; m++)
			l->ms_first[m] = l->ms_first[first + m] - at;
	}
	for (size_t m = 0; m <= n; m++)
		l->first[m] = l->first[first + m] - begin;
	memmove(l->cell, l->cell + begin, (end - begin) * sizeof(*l->cell));
	l->n_minutes = n;
	l->total = 0;
	for (size_t i = 0; i < l->n_functions; i++)
		l->function[i].calls = 0;
	for (size_t i = 0; i < l->first[n]; i++) {
		l->function[l->cell[i].function].calls += l->cell[i].count;
		l->total += l->cell[i].count;
	}
	if (l->start_minute)
		l->start_minute += first;
	return 0;
}

int64_t load_find(const struct load *l, const char *name)
{
	for (size_t i = 0; i < l->n_functions; i++)
		if (strcmp(l->function[i].name, name) == 0)
			return i;
	return -ENOENT;
}

int64_t load_largest(const struct load *l, uint32_t *ret_function)
{
	int64_t largest = 0;

	for (size_t i = 0; i < l->n_functions; i++)
		if (l->function[i].memory > largest) {
			largest = l->function[i].memory;
			if (ret_function)
				*ret_function = i;
		}
	return largest;
}

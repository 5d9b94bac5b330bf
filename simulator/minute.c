// SPDX-License-Identifier: GPL-2.0-or-later
/* A minute of the node: its arrivals are made and given to the pools, its counts are kept. */
#include <errno.h>
#include <string.h>

#include "simulator/minute.h"

/* Room for the arrivals of a minute; grows by halves so that it is made rarely. */
static int reserve_arrivals(struct node *n, size_t main, size_t hot, size_t most)
{
	if (main > n->arrivals_size) {
		size_t size = main + main / 2;

		free(n->arrival);
		free(n->arrival_scratch);
		n->arrival = malloc(size * sizeof(*n->arrival));
		n->arrival_scratch = malloc(size * sizeof(*n->arrival));
		n->arrivals_size = n->arrival && n->arrival_scratch ? size : 0;
		if (!n->arrivals_size)
			return -ENOMEM;
	}
	if (hot + most > n->ms_size) {
		size_t size = (hot + most) + (hot + most) / 2;

		free(n->ms);
		free(n->ms_scratch);
		n->ms = malloc(size * sizeof(*n->ms));
		n->ms_scratch = malloc(2 * size * sizeof(*n->ms));
		n->ms_size = n->ms && n->ms_scratch ? size : 0;
		if (!n->ms_size)
			return -ENOMEM;
	}
	return 0;
}

/* The milliseconds of a cell's invocations: as recorded (`at` is their place in the load), else made
 * into ms[]. */
static const uint16_t *cell_arrivals(struct node *n, const struct load_cell *c, size_t at,
				     uint16_t *ms, uint16_t *scratch)
{
	const struct run_options *o = n->o;

	if (o->arrivals == ARRIVALS_TRACE)
		return n->load->ms + at;
	arrivals_make(o->arrivals, o->seed, c->function, n->minute, c->count, ms, scratch);
	return ms;
}

static void main_arrivals(struct node *n, const struct load_cell *c, size_t at)
{
	const struct run_options *o = n->o;
	const uint16_t *ms;
	struct arrival *out = n->arrival + n->n_arrivals;
	uint32_t gap = MINUTE_MS / c->count;

	n->n_arrivals += c->count;
	if (o->arrivals == ARRIVALS_THESIS) {
		/* As arrivals_make() does, without the detour: most functions have few calls. */
		for (uint32_t i = 0; i < c->count; i++)
			out[i] = (struct arrival){ c->function, i * gap };
		return;
	}
	ms = cell_arrivals(n, c, at, n->ms_scratch, n->ms_scratch + n->ms_size);
	for (uint32_t i = 0; i < c->count; i++)
		out[i] = (struct arrival){ c->function, ms[i] };
}

static void hot_arrivals(struct node *n, struct hot_pool *h, const struct load_cell *c, size_t at,
			 size_t first)
{
	const uint16_t *ms = cell_arrivals(n, c, at, n->ms + first, n->ms_scratch);

	h->first = first;
	h->count = c->count;
	if (ms != n->ms + first)
		memcpy(n->ms + first, ms, c->count * sizeof(*ms));
}

/* Main's arrivals in the order of the author's file; the pools' do not depend on it. */
static void author_arrivals(struct node *n)
{
	const struct author_order *a = n->o->order;

	n->n_arrivals = 0;
	for (size_t i = a->first[n->minute]; i < a->first[n->minute + 1]; i++)
		if (n->pool_of[a->function[i]] == NO_POOL)
			n->arrival[n->n_arrivals++] = (struct arrival){ a->function[i], a->ms[i] };
}

int minute_arrivals(struct node *n)
{
	const struct load *l = n->load;
	size_t main = 0, hot = 0, most = 0, first = 0, at;
	int r;

	n->n_arrivals = n->next_arrival = 0;
	for (size_t i = 0; i < n->n_hot; i++)
		n->hot[i].count = n->hot[i].next = 0;
	if (n->minute >= l->n_minutes)
		return 0;
	for (size_t i = l->first[n->minute]; i < l->first[n->minute + 1]; i++) {
		const struct load_cell *c = &l->cell[i];

		*(n->pool_of[c->function] == NO_POOL ? &main : &hot) += c->count;
		most = MAX(most, (size_t)c->count);
	}
	r = reserve_arrivals(n, main, hot, most);
	if (r < 0)
		return r;
	at = l->ms ? l->ms_first[n->minute] : 0;
	for (size_t i = l->first[n->minute]; i < l->first[n->minute + 1]; i++) {
		const struct load_cell *c = &l->cell[i];

		if (n->pool_of[c->function] != NO_POOL) {
			hot_arrivals(n, &n->hot[n->pool_of[c->function]], c, at, first);
			first += c->count;
		} else if (!n->o->order) {
			main_arrivals(n, c, at);
		}
		at += c->count;
	}
	if (n->o->order)
		author_arrivals(n);
	else
		arrivals_sort(n->arrival, n->arrival_scratch, n->n_arrivals);
	return 0;
}

int64_t minute_cut(struct node *n, int64_t ms)
{
	int64_t kept = 0;
	size_t last = 0;

	while (last < n->n_arrivals && n->arrival[last].ms < ms)
		last++;
	n->n_arrivals = last;
	kept += last;
	for (size_t i = 0; i < n->n_hot; i++) {
		struct hot_pool *h = &n->hot[i];
		uint32_t count = 0;

		while (count < h->count && n->ms[h->first + count] < ms)
			count++;
		h->count = count;
		kept += count;
	}
	return kept;
}

void minute_run(struct node *n, int64_t until)
{
	if (n->ops->run) {
		n->ops->run(n, until);
	} else {
		for (size_t i = 0; i < n->n_hot; i++)
			node_run_hot(n, &n->hot[i], until);
		node_run_main(n, until);
	}
	if (n->ops->before)
		n->ops->before(n, until - 1);
	pool_expire(&n->main, until - 1);
	for (size_t i = 0; i < n->n_hot; i++)
		pool_expire(&n->hot[i].pool, until - 1);
}

/* What located function i did since the run began, and its bytes now. */
static struct watch_result watch_totals(const struct node *n, size_t i)
{
	uint32_t f = n->result->watched[i];
	const struct member *m = pool_member(&n->main, f);
	struct watch_result w = { m->warm, m->cold, m->drop, m->most_live * m->memory, 0 };

	if (n->pool_of[f] != NO_POOL) {
		const struct hot_pool *h = &n->hot[n->pool_of[f]];

		m = h->pool.member;
		w.warm += m->warm;
		w.cold += m->cold;
		w.drop += m->drop;
		w.used += m->most_live * m->memory;
		w.capacity = h->pool.capacity;
	}
	return w;
}

static void begin_watch(struct node *n)
{
	for (size_t i = 0; i < n->result->n_watched; i++) {
		uint32_t f = n->result->watched[i];
		struct member *m = pool_member(&n->main, f);

		m->most_live = m->live;
		if (n->pool_of[f] != NO_POOL) {
			m = n->hot[n->pool_of[f]].pool.member;
			m->most_live = m->live;
		}
	}
}

void minute_begin(struct node *n)
{
	int64_t t = n->timeline.begin;

	pool_mark(&n->main, t);
	for (size_t i = 0; i < n->n_hot; i++)
		pool_mark(&n->hot[i].pool, t);
	if (n->o->per_minute)
		begin_watch(n);
}

/* Totals become the minute's own numbers at the end of the run (minute_differences). */
void minute_keep(struct node *n)
{
	struct run_result *r = n->result;
	struct minute_result *row = &r->minute[n->minute];

	*row = (struct minute_result){ n->main.warm, n->main.cold, n->main.drop,
				       n->timeline.minute_most, n->main.capacity };
	for (size_t i = 0; i < n->n_hot; i++) {
		row->warm += n->hot[i].pool.warm;
		row->cold += n->hot[i].pool.cold;
		row->drop += n->hot[i].pool.drop;
	}
	for (size_t i = 0; i < r->n_watched; i++)
		r->watch[i * r->n_minutes + n->minute] = watch_totals(n, i);
}

void minute_differences(struct run_result *r)
{
	for (size_t m = r->n_minutes; m-- > 1;) {
		r->minute[m].warm -= r->minute[m - 1].warm;
		r->minute[m].cold -= r->minute[m - 1].cold;
		r->minute[m].drop -= r->minute[m - 1].drop;
		for (size_t i = 0; i < r->n_watched; i++) {
			struct watch_result *w = &r->watch[i * r->n_minutes + m];

			w->warm -= w[-1].warm;
			w->cold -= w[-1].cold;
			w->drop -= w[-1].drop;
		}
	}
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The calls that wait before a pool. */
#include <errno.h>

#include "simulator/pool.h"

static struct waiting *waiting_at(struct pool *p, size_t i)
{
	return &p->queue[(p->queue_head + i) & (p->queue_size - 1)];
}

static void push(struct pool *p, uint32_t function, int64_t t)
{
	if (p->queue_n == p->queue_size) {
		size_t size = MAX(2 * p->queue_size, (size_t)64);
		struct waiting *w = reallocarray(NULL, size, sizeof(*w));

		if (!w) {
			p->error = -ENOMEM;
			return;
		}
		for (size_t i = 0; i < p->queue_n; i++)
			w[i] = *waiting_at(p, i);
		free(p->queue);
		p->queue = w;
		p->queue_size = size;
		p->queue_head = 0;
	}
	*waiting_at(p, p->queue_n++) = (struct waiting){ t, function };
}

static void pop(struct pool *p)
{
	p->queue_head = (p->queue_head + 1) & (p->queue_size - 1);
	p->queue_n--;
}

static void drop_head(struct pool *p)
{
	pool_member(p, waiting_at(p, 0)->function)->drop++;
	p->drop++;
	pop(p);
}

static void set_wake(struct pool *p, int64_t t)
{
	int64_t end;

	p->wake = NEVER;
	if (!p->queue_n)
		return;
	end = pool_next_end(p, t);
	p->wake = MIN(end, waiting_at(p, 0)->since + p->rules.queue_ttl + 1);
}

/* The head blocks those behind it. */
static void serve_in_order(struct pool *p, int64_t t)
{
	while (p->queue_n && pool_place(p, waiting_at(p, 0)->function, t))
		pop(p);
}

/* Each call waits for itself: those that cannot be placed stay, in their order. */
static void serve_any(struct pool *p, int64_t t)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->queue_n; i++) {
		struct waiting w = *waiting_at(p, i);

		if (!pool_place(p, w.function, t))
			*waiting_at(p, kept++) = w;
	}
	p->queue_n = kept;
}

static void serve(struct pool *p, int64_t t)
{
	while (p->queue_n > QUEUE_LIMIT)
		drop_head(p);
	while (p->queue_n && t - waiting_at(p, 0)->since > p->rules.queue_ttl)
		drop_head(p);
	if (p->rules.in_order)
		serve_in_order(p, t);
	else
		serve_any(p, t);
	set_wake(p, t);
}

void pool_advance_queue(struct pool *p, int64_t until)
{
	while (p->queue_n && p->wake < until)
		serve(p, p->wake);
}

void pool_refuse(struct pool *p, uint32_t function, int64_t t)
{
	if (p->rules.patient) {
		pool_member(p, function)->drop++;
		p->drop++;
		return;
	}
	push(p, function, t);
	serve(p, t);
}

void pool_arrive(struct pool *p, const uint32_t *function, size_t step, size_t n, int64_t t)
{
	size_t i = 0;

	/* A patient pool has waited in advance: what it cannot place now it never can. */
	if (p->rules.patient) {
		for (; i < n; i++)
			if (!pool_place(p, function[i * step], t))
				pool_refuse(p, function[i * step], t);
		return;
	}
	pool_advance(p, t);
	if (!p->queue_n && n <= QUEUE_LIMIT) {
		while (i < n && pool_place(p, function[i * step], t))
			i++;
		if (i == n)
			return;
	}
	for (; i < n; i++)
		push(p, function[i * step], t);
	serve(p, t);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/borrow.h"

static int64_t whole_pages(int64_t bytes)
{
	return bytes - bytes % LIMIT_PAGE;
}

int64_t loan_count(struct loan *l, int64_t minute, int64_t containers)
{
	if (minute != l->minute) {
		l->most_before = minute == l->minute + 1 ? l->most : 0;
		l->most = 0;
		l->minute = minute;
	}
	l->most = MAX(l->most, containers);
	return MAX(MAX(l->most, l->most_before), 0);
}

int64_t loan_need(struct loan *l, int64_t minute, int64_t bytes)
{
	return whole_pages(loan_count(l, minute, bytes) + LIMIT_PAGE - 1);
}

int64_t main_unused(const struct node_state *node, int64_t refused)
{
	const struct pool_state *p = &node->pools[MAIN_POOL];
	int64_t needs = MAX(p->used_bytes + refused, p->working_set);

	/* Main admits a margin less than its target. */
	return whole_pages(MAX(p->target_bytes - needs - node->margin, 0));
}

/* v * part / whole without overflow; 0 <= part <= whole. */
static int64_t scale(int64_t v, int64_t part, __int128 whole)
{
	return whole > 0 ? (int64_t)((__int128)v * part / whole) : 0;
}

static int64_t spare_of(const struct pool_state *p)
{
	int64_t theirs = MAX(p->used_bytes, p->working_set);

	return p->hands_off ? 0 : whole_pages(MAX(p->target_bytes - theirs, 0));
}

/* What all pools leave idle. */
static __int128 spare_of_all(const struct node_state *node)
{
	__int128 spare = 0;

	for (size_t i = 1; i < node->n; i++)
		spare += spare_of(&node->pools[i]);
	return spare;
}

static void give_up(struct pool_state *p, int64_t bytes)
{
	int64_t containers = scale(p->target_containers, p->target_bytes - bytes, p->target_bytes);

	p->target_containers = MAX(containers, MIN(p->used_containers, p->target_containers));
	p->target_bytes -= bytes;
}

/* Takes `bytes` in all from what pools leave idle, in proportion. Returns what it got. */
static int64_t take_spare(struct node_state *node, int64_t bytes)
{
	__int128 spare = spare_of_all(node);
	int64_t got = 0;

	for (size_t i = 1; i < node->n && bytes > 0; i++) {
		struct pool_state *p = &node->pools[i];
		int64_t own = spare_of(p);
		int64_t part = spare > bytes ? scale(own, bytes, spare) + LIMIT_PAGE - 1 : own;

		part = MIN(whole_pages(part), MIN(own, bytes - got));
		if (part > 0)
			give_up(p, part);
		got += part;
	}
	return got;
}

int64_t relieve_main(struct node_state *node)
{
	struct pool_state *m = &node->pools[MAIN_POOL];
	int64_t needs = MAX(m->used_bytes, m->working_set) + node->margin;
	int64_t got = take_spare(node, whole_pages(needs - m->target_bytes + LIMIT_PAGE - 1));

	m->target_bytes += got;
	m->guard_bytes = take_spare(node, whole_pages((int64_t)(spare_of_all(node) / 2)));
	return got + m->guard_bytes;
}

static int64_t *wanted(struct extra *e, bool guard)
{
	return guard ? &e->guard : &e->borrow;
}

/* Shares `room` among the wishes of one kind; returns what is left of it. */
static int64_t share_out(struct extra *wish, size_t n, bool guard, int64_t room)
{
	__int128 sum = 0;
	int64_t left = room;

	for (size_t i = 1; i < n; i++) {
		*wanted(&wish[i], guard) = CLAMP(*wanted(&wish[i], guard), 0, room);
		sum += *wanted(&wish[i], guard);
	}
	for (size_t i = 1; i < n; i++) {
		int64_t *bytes = wanted(&wish[i], guard);

		*bytes = whole_pages(sum > room ? scale(*bytes, room, sum) : *bytes);
		left -= *bytes;
	}
	return left;
}

int64_t grant_extras(struct node_state *node, struct extra *wish, int64_t refused, int64_t most)
{
	int64_t room = main_unused(node, refused), lent = 0;

	room = share_out(wish, node->n, true, room);
	share_out(wish, node->n, false, MIN(room, MAX(most, 0)));
	for (size_t i = 1; i < node->n; i++) {
		struct pool_state *p = &node->pools[i];

		p->target_bytes += wish[i].borrow;
		p->guard_bytes = wish[i].guard;
		node->pools[MAIN_POOL].target_bytes -= wish[i].borrow + wish[i].guard;
		lent += wish[i].borrow;
	}
	return lent;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hist: the hybrid histogram policy of Shahrad et al., "Serverless in the Wild", USENIX ATC 2020,
 * section 4.2. A histogram of each function's inter-arrival times says when to load a container before the
 * next call and how long to keep it; where most times lie outside of it, a forecast of the next one does.
 */
#include <errno.h>
#include <math.h>

#include "simulator/node.h"

/* The paper's constants: 1-minute bins over 4 hours, 5th and 99th percentile with a margin of 10 %, a
 * histogram counts as representative when the variation of its bins is at least 2. */
#define BINS 240
#define HEAD 0.05
#define TAIL 0.99
#define MARGIN 0.1
#define REPRESENTATIVE 2.0
/* More than this share outside the histogram's range: the next time is forecast. */
#define OUTSIDE 0.5
/* A container is there from this share of the forecast time before it to as much after it. */
#define FORECAST_MARGIN 0.15
/* Fewer successive pairs of times: their mean. */
#define LEAST_PAIRS 3

/* Sums over pairs of successive times (ms), for a straight line from one to the next. */
struct pairs {
	double n, x, y, xx, xy;
	double last; /* time between the last two calls; 0 none yet */
};

struct histogram {
	uint32_t bin[BINS];
	double n, squares, outside; /* of the bins' counts */
	struct pairs pairs;
	int64_t last;	       /* arrival */
	int64_t decided;       /* minute */
	int64_t prewarm, keep; /* ms */
};

struct hist {
	struct histogram *function;
	struct heap due; /* functions, by the time at which a container is to be loaded */
	uint32_t *due_at;
};

int hist_begin(struct node *n)
{
	size_t functions = MAX(n->load->n_functions, (size_t)1);
	struct hist *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	n->state = s;
	s->function = calloc(functions, sizeof(*s->function));
	s->due_at = malloc(functions * sizeof(*s->due_at));
	if (!s->function || !s->due_at || heap_reserve(&s->due, functions) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < functions; i++) {
		s->due_at[i] = HEAP_NONE;
		s->function[i].last = s->function[i].decided = -1;
	}
	n->main.rules.own_keep_alive = true;
	return 0;
}

void hist_end(struct node *n)
{
	struct hist *s = n->state;

	if (!s)
		return;
	free(s->function);
	free(s->due.e);
	free(s->due_at);
	free(s);
}

static void observe_pair(struct pairs *p, double gap)
{
	if (p->last > 0) {
		p->n++;
		p->x += p->last;
		p->y += gap;
		p->xx += p->last * p->last;
		p->xy += p->last * gap;
	}
	p->last = gap;
}

/* The next time by ARIMA(1, 0, 0), fitted by least squares. The paper has an order found for each function
 * (auto_arima); functions that get here have a handful of calls a day, and no more to fit it to. */
static double next_gap(const struct pairs *p)
{
	double variance = p->n * p->xx - p->x * p->x, slope;

	if (p->n < 1)
		return p->last;
	if (p->n < LEAST_PAIRS || variance <= 0)
		return p->y / p->n;
	slope = CLAMP((p->n * p->xy - p->x * p->y) / variance, -1.0, 1.0);
	return MAX((p->y - slope * p->x) / p->n + slope * p->last, 0.0);
}

static void observe(struct histogram *h, int64_t gap)
{
	int64_t i = gap / MINUTE_MS;

	observe_pair(&h->pairs, gap);
	if (i >= BINS) {
		h->outside++;
		return;
	}
	h->squares += 2.0 * h->bin[i] + 1;
	h->bin[i]++;
	h->n++;
}

/* Coefficient of variation of the bins' counts. */
static bool representative(const struct histogram *h)
{
	double mean = h->n / BINS, variance = h->squares / BINS - mean * mean;

	return h->n >= 2 && sqrt(MAX(variance, 0.0)) >= REPRESENTATIVE * mean;
}

/* The bin in which the share of all gaps is reached. */
static int percentile(const struct histogram *h, double share)
{
	double sum = 0;

	for (int i = 0; i < BINS; i++) {
		sum += h->bin[i];
		if (sum >= share * h->n)
			return i;
	}
	return BINS - 1;
}

/* The head is rounded down to a bin, the tail up; where the histogram says nothing a container is
 * kept for the whole range. */
static void decide_windows(struct histogram *h)
{
	h->prewarm = 0;
	h->keep = (int64_t)BINS * MINUTE_MS;
	if (h->outside > OUTSIDE * (h->n + h->outside)) {
		double gap = next_gap(&h->pairs);

		h->prewarm = gap * (1 - FORECAST_MARGIN);
		h->keep = gap * 2 * FORECAST_MARGIN;
		return;
	}
	if (!representative(h))
		return;
	h->prewarm = percentile(h, HEAD) * (1 - MARGIN) * MINUTE_MS;
	h->keep = (percentile(h, TAIL) + 1) * (1 + MARGIN) * MINUTE_MS;
	h->keep -= h->prewarm;
}

void hist_arrived(struct node *n, uint32_t function, int64_t t)
{
	struct hist *s = n->state;
	struct histogram *h = &s->function[function];
	struct member *m = pool_member(&n->main, function);

	if (h->last >= 0)
		observe(h, t - h->last);
	h->last = t;
	/* Windows change slowly: once a minute will do. */
	if (h->decided != t / MINUTE_MS) {
		h->decided = t / MINUTE_MS;
		decide_windows(h);
		m->keep_alive = h->prewarm ? 0 : h->keep;
		m->keep_prewarmed = h->keep;
	}
	if (s->due_at[function] != HEAP_NONE)
		heap_remove(&s->due, s->due_at, function);
	if (h->prewarm)
		heap_push(&s->due, s->due_at, function, t + m->duration[RUN_WARM] + h->prewarm, 0);
}

void hist_before(struct node *n, int64_t t)
{
	struct hist *s = n->state;

	while (s->due.n && s->due.e[0].major <= t) {
		uint32_t function = s->due.e[0].id;
		int64_t when = MAX(s->due.e[0].major, n->timeline.begin);

		heap_remove(&s->due, s->due_at, function);
		pool_advance(&n->main, when);
		pool_expire(&n->main, when);
		if (!pool_member(&n->main, function)->live)
			pool_prewarm(&n->main, function, when);
	}
}

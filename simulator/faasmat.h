/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files of the faasmat policy. */
#ifndef FAASMAT_SIMULATOR_FAASMAT_H
#define FAASMAT_SIMULATOR_FAASMAT_H

#include "forecast/plan.h"
#include "governor/decide.h"
#include "simulator/node.h"

/* What has been seen of a function's demand lately. */
struct demand {
	double rate; /* calls a minute: the last minute's, or less than before by a fifth a minute */
	int64_t need;		/* containers for that rate */
	int64_t calls;		/* until this minute began, as of `stamped` */
	uint32_t seen, stamped; /* minutes */
};

struct faasmat {
	struct plan plan;
	struct demand *demand; /* by function */
	struct node_state governor;
	struct decision decision;
	struct heap stopped; /* hot pools with a call that they cannot take, by its time */
	uint32_t *stopped_at;
	double price;	      /* of memory: 1 while it is short, see faasmat_worth.c */
	int64_t refused_free; /* least bytes that were free when a start was refused, in this minute */
	int64_t dropped;      /* by all pools, until this minute began */
};

static inline bool faasmat_has(const struct node *n, enum faasmat_part part)
{
	return n->o->parts & part;
}

/* faasmat_plan.c: containers of every located function in every minute. -ENOMEM. */
int faasmat_plan(struct node *n, struct plan *plan);

/* faasmat_resize.c: the pools' sizes of the minute that begins, by the governor's decisions. */
int faasmat_resize_begin(struct node *n);
void faasmat_resize(struct node *n);

/* faasmat_worth.c: is a container worth its memory? */
void faasmat_worth_begin(struct faasmat *s);
void faasmat_learn(struct node *n);
bool faasmat_worth(struct node *n, uint32_t function, int64_t t);
/* The two rules of main (struct pool_rules); arg is the node. */
bool faasmat_admit(void *arg, struct pool *p, const struct member *m, uint32_t function, int64_t t);
bool faasmat_yields(void *arg, struct pool *p, uint32_t victim, uint32_t function, int64_t t);

#endif

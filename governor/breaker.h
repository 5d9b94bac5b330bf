/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the governor must stop acting: after so many absurd plans or failed rounds of writes in a row
 * that something is wrong which it does not understand. It then lifts its limits and goes on in shadow
 * mode until an operator starts it again. Pure. (chrony's maxchange does the same to a clock.)
 */
#ifndef FAASMAT_GOVERNOR_BREAKER_H
#define FAASMAT_GOVERNOR_BREAKER_H

#include "governor/targets.h"

/* In a row. */
#define ABSURD_PLANS_MAX 3
#define FAILED_ROUNDS_MAX 5

struct breaker {
	int absurd, failed;
	bool open; /* for good */
};

/* A plan was loaded: `fault` of plan_fault(). True when this opens the breaker. */
bool breaker_plan(struct breaker *b, const char *fault);
/* A round of writes has ended: how many were done, how many the kernel refused. */
bool breaker_writes(struct breaker *b, size_t done, size_t failed);
/* Why it is open. */
const char *breaker_says(const struct breaker *b);

/*
 * What is wrong with a minute's rows on a node of this budget, or NULL: negative numbers, or together
 * more than ten times what the node has. A plan for somewhat too much is only cut (plan_targets).
 */
const char *plan_fault(const struct pool_plan *rows, size_t n, int64_t budget);

#endif

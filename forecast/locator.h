/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The locator: which functions are hot, from the last day. Two readings of the same paper (FaaSMaT,
 * section 3.1): its text, and the program that made its numbers.
 */
#ifndef FAASMAT_FORECAST_LOCATOR_H
#define FAASMAT_FORECAST_LOCATOR_H

#include <stdint.h>

#include "common/util.h"

enum locator_rule {
	/* score = MiB x calls per minute > limit (3.1), parallelism = calls per minute x warm
	 * time / minute > limit (3.2). */
	RULE_TEXT,
	/* score = MiB x calls per DAY >= limit, parallelism: whole calls per minute x whole warm ms
	 * >= limit x 60000; all divisions of integers. */
	RULE_PROGRAM,
};

struct locator_options {
	enum locator_rule rule;
	double score;	    /* 10000 in the paper */
	double parallelism; /* 1 in the paper */
};

#define LOCATOR_DEFAULTS ((struct locator_options){ RULE_TEXT, 10000, 1 })

struct locator_input {
	int64_t memory_bytes; /* one container */
	int64_t warm_us;      /* one warm invocation */
	double calls;	      /* in the last day */
	double minutes;	      /* of that day that were observed; 0: nothing is known */
};

struct locator_result {
	double score;
	double parallelism;
	double calls_per_minute;
	bool hot;
};

struct locator_result locator_judge(const struct locator_input *in,
				    const struct locator_options *o);

/* "text" or "program"; -EINVAL for another. */
int locator_rule_parse(const char *name, enum locator_rule *ret);

#endif

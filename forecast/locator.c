// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/locator.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static struct locator_result judge_text(const struct locator_input *in,
					const struct locator_options *o, double rate)
{
	struct locator_result r = {
		.score = (double)in->memory_bytes / MIB * rate,
		.parallelism = rate * (double)in->warm_us / 60e6,
		.calls_per_minute = rate,
	};

	r.hot = r.score > o->score && r.parallelism > o->parallelism;
	return r;
}

/* The author's Java keeps whole MB, whole ms and whole calls; a day is 1440 minutes however many of
 * them were observed. */
static struct locator_result judge_program(const struct locator_input *in,
					   const struct locator_options *o, double rate)
{
	double calls = floor(rate * MINUTES_PER_DAY + 0.5);
	double mib = floor((double)in->memory_bytes / MIB);
	double warm_ms = floor((double)in->warm_us / 1000);
	double demand = floor(calls / MINUTES_PER_DAY) * warm_ms;
	struct locator_result r = {
		.score = calls * mib,
		.parallelism = demand / 60000,
		.calls_per_minute = rate,
	};

	r.hot = r.score >= o->score && r.parallelism >= o->parallelism;
	return r;
}

struct locator_result locator_judge(const struct locator_input *in, const struct locator_options *o)
{
	double rate = in->minutes > 0 ? in->calls / in->minutes : 0;

	return o->rule == RULE_PROGRAM ? judge_program(in, o, rate) : judge_text(in, o, rate);
}

int locator_rule_parse(const char *name, enum locator_rule *ret)
{
	if (strcmp(name, "text") == 0)
		*ret = RULE_TEXT;
	else if (strcmp(name, "program") == 0)
		*ret = RULE_PROGRAM;
	else
		return -EINVAL;
	return 0;
}

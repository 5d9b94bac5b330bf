// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/outcome.h"

#include "governor/decide.h"

static bool is_limited(const struct pool_outcome *o)
{
	return o->limit > 0 && o->limit != LIMIT_NONE;
}

void outcome_see(struct pool_outcome *o, int64_t now_ns, int64_t usage, int64_t peak)
{
	int64_t most = o->peak && peak > o->peak ? MAX(usage, peak) : usage;

	if (o->since_ns && is_limited(o)) {
		double ns = (double)MAX(now_ns - o->since_ns, 0);
		double free = (double)o->limit - ((double)o->usage + (double)usage) / 2;

		*(free >= 0 ? &o->given : &o->taken) += (free >= 0 ? free : -free) * ns;
		o->limited_ns += ns;
		o->most_used = MAX(o->most_used, most);
		o->least_limit = o->least_limit ? MIN(o->least_limit, o->limit) : o->limit;
		o->worst = MAX(o->worst, most - o->limit);
	}
	o->since_ns = now_ns;
	o->usage = usage;
	o->peak = peak;
}

void outcome_limit(struct pool_outcome *o, int64_t limit)
{
	o->limit = limit;
}

bool outcome_take(struct pool_outcome *o, int64_t minute_ns, struct outcome_minute *ret)
{
	bool any = o->limited_ns > 0;

	*ret = (struct outcome_minute){
		.usage = o->most_used,
		.limit = o->least_limit,
		.given = (int64_t)(o->given / (double)minute_ns),
		.taken = (int64_t)(o->taken / (double)minute_ns),
		.worst = MAX(o->worst, 0),
	};
	o->limited_ns = o->given = o->taken = 0;
	o->most_used = o->least_limit = o->worst = 0;
	return any;
}

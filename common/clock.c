// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/clock.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/parse.h"

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t clock_now_ns(const struct clock *c)
{
	return c->now ? c->now(c->arg) : read_clock(CLOCK_REALTIME);
}

int64_t clock_minute_at(const struct clock *c, int64_t t_ns)
{
	return c->origin_minute + floor_div(t_ns - c->origin_ns, c->minute_ns);
}

int64_t clock_minute_start_ns(const struct clock *c, int64_t minute)
{
	return c->origin_ns + (minute - c->origin_minute) * c->minute_ns;
}

int64_t clock_minute(const struct clock *c)
{
	return clock_minute_at(c, clock_now_ns(c));
}

int64_t clock_scale_ns(const struct clock *c, int64_t model_ns)
{
	return (int64_t)((double)model_ns * (double)c->minute_ns / (60.0 * NS_PER_S));
}

int clock_parse(struct clock *c, const char *length, const char *origin)
{
	char *end;
	double seconds;
	int r;

	*c = CLOCK_REAL;
	if (length) {
		r = parse_duration_ns(length, &c->minute_ns);
		if (r < 0 || c->minute_ns < 10 * NS_PER_MS)
			return -EINVAL;
	}
	if (!origin)
		return 0;
	errno = 0;
	c->origin_minute = strtoll(origin, &end, 10);
	if (errno || end == origin || *end != '@')
		return -EINVAL;
	origin = end + 1;
	seconds = strtod(origin, &end);
	if (errno || end == origin || *end || !(fabs(seconds) < 1e10))
		return -EINVAL;
	c->origin_ns = llround(seconds * 1e6) * NS_PER_US;
	return 0;
}

int64_t clock_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_boottime_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

int64_t clock_cpu_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t clock_stamp_us(void)
{
	return read_clock(CLOCK_REALTIME) / NS_PER_US;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one place that knows what time it is. A minute is a whole UTC minute since the epoch; a clock
 * may run faster than life (--minute-length) so that a test or the demo passes a minute in seconds,
 * or be virtual so that a simulator decides what "now" is.
 */
#ifndef FAASMAT_COMMON_CLOCK_H
#define FAASMAT_COMMON_CLOCK_H

#include <stdint.h>

#define NS_PER_US 1000LL
#define NS_PER_MS 1000000LL
#define NS_PER_S 1000000000LL
#define US_PER_S 1000000LL

/*
 * Minute `origin_minute` begins at `origin_ns` (nanoseconds since the epoch) and every minute lasts
 * `minute_ns`. Real time is { 60 s, 0, 0 }. `now`, when set, replaces CLOCK_REALTIME.
 */
struct clock {
	int64_t minute_ns;
	int64_t origin_ns;
	int64_t origin_minute;
	int64_t (*now)(void *arg);
	void *arg;
};

#define CLOCK_REAL ((struct clock){ .minute_ns = 60 * NS_PER_S })

/* Nanoseconds since the epoch, on this clock's source of time. */
int64_t clock_now_ns(const struct clock *c);
/* The minute that is running at time t_ns, and when minute m begins. */
int64_t clock_minute_at(const struct clock *c, int64_t t_ns);
int64_t clock_minute_start_ns(const struct clock *c, int64_t minute);
int64_t clock_minute(const struct clock *c);
/* A duration of model time (60 s = a minute) in nanoseconds of this clock. */
int64_t clock_scale_ns(const struct clock *c, int64_t model_ns);

/*
 * Sets the minute's length and where it counts from. `length` is a duration ("60s", "4s");
 * `origin` is NULL or "MINUTE@SECONDS": minute MINUTE begins at that Unix time (decimals allowed),
 * which is how processes that share a scaled clock agree on it. -EINVAL for anything else.
 */
int clock_parse(struct clock *c, const char *length, const char *origin);

/* CLOCK_MONOTONIC and CLOCK_BOOTTIME: for intervals and leases, never for minutes. */
int64_t clock_monotonic_ns(void);
int64_t clock_boottime_ns(void);
/* CPU time of this thread. */
int64_t clock_cpu_ns(void);
/* CLOCK_REALTIME in microseconds, for stamps in the database. */
int64_t clock_stamp_us(void);

#endif

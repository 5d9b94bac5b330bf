/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The collector daemon: an epoll loop that sweeps every --interval and stores every minute. */
#ifndef FAASMAT_COLLECTOR_COLLECTOR_H
#define FAASMAT_COLLECTOR_COLLECTOR_H

#include "identity/rules.h"
#include "collector/sensor.h"
#include "common/clock.h"
#include "store/store.h"

struct collector_options {
	struct sensor_options sensor;
	struct rules *rules;
	struct clock clock;
	int64_t interval_ns;  /* between sweeps; rounded to a whole share of the minute */
	int64_t keep_minutes; /* retention; 0: all */
	int64_t minutes;      /* stop after this many whole minutes; 0: never (for tests) */
};

/* Runs until SIGTERM or SIGINT (0), or a failure that it has logged. The database stays the
 * caller's. */
int collector_run(const struct collector_options *o, struct store *s);

#endif

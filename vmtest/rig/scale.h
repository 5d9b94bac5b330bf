/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the node is made small: the one table of the rig's scaling. README.md repeats it.
 *
 *   what                             model             on the rig
 *   a minute                         60 s              M s (--minute-length)
 *   warm, cold, keep-alive, hold     t                 t x M / 60; a container's start is part of cold
 *   queue TTL                        t                 t x M / 60, never below 50 ms
 *   invocations a minute             n                 n / C (--count-divisor), thinned at random
 *   memory of a container            b                 b / D (--memory-divisor), whole pages, >= 1 MiB
 *   memory of the node               --memory, as it is: bytes of the rig, not of the model
 *
 * Calls a minute and their durations shrink alike, so the containers that a function needs are those
 * of the model divided by C.
 */
#ifndef FAASMAT_RIG_SCALE_H
#define FAASMAT_RIG_SCALE_H

#include <stdint.h>

#define SCALE_MIN_QUEUE_TTL_NS 50000000LL
#define SCALE_MIN_MEMORY_BYTES (1024 * 1024LL)

struct scale {
	int64_t minute_ns;
	double count_divisor;
	double memory_divisor;
};

/* A duration of the model on the rig, nanoseconds. */
int64_t scale_time_ns(const struct scale *s, double model_ms);
int64_t scale_queue_ttl_ns(const struct scale *s, double model_ms);

/* One container's declared bytes, from the model's MiB. */
int64_t scale_memory_bytes(const struct scale *s, double model_mb);

/*
 * The invocations of one minute that the rig makes of the model's `count`: count / C rounded up or down at
 * random, so that the mean is count / C exactly. The same for the same seed, function and minute (of
 * day `day`), whatever else is replayed.
 */
int64_t scale_count(const struct scale *s, int64_t count, uint64_t seed, const char *function,
		    int64_t day, int64_t minute);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The BPF programs and their maps, from user space: loads and attaches them, or takes over those
 * that an earlier collector left pinned, and reads what they count.
 */
#ifndef FAASMAT_COLLECTOR_SENSOR_H
#define FAASMAT_COLLECTOR_SENSOR_H

#include "bpf/wire.h"
#include "collector/filter.h"
#include "common/util.h"

#define SENSOR_PIN_DIR "/sys/fs/bpf/faasmat"

struct sensor_options {
	const char *root;    /* directory of the watched cgroup */
	const char *pin_dir; /* where maps and links stay when the collector is gone */
	const struct filter *filter;
	uint32_t max_cgroups;
};

struct sensor;

/*
 * Pinned programs of this version that watch the same root are taken over, with all they have counted.
 * Others (an upgrade, another root or class) are replaced, packet programs in one step, by a new epoch;
 * what they have counted is this sensor's heritage, see below. Failures are logged with the remedy.
 * *ret is owned by the caller; sensor_close() leaves everything pinned and counting.
 */
int sensor_open(const struct sensor_options *o, struct sensor **ret);
void sensor_close(struct sensor *s);
/* Only to read what pinned programs count, beside the collector that owns them (`faasmat top`): the
 * calls that read maps work, those that sweep, forget or poll do not. -ENOENT when nothing is pinned
 * there, -ENOTSUP when it is of another version. Not logged. */
int sensor_peek(const char *pin_dir, struct sensor **ret);
/* Detaches everything and removes the pins of pin_dir: counting ends. */
int sensor_detach(const char *pin_dir);

/*
 * The counters of collectors that this one has replaced: they stand still. Until sensor_drop_heritage()
 * they stay pinned, and the next sensor_open() finds them again. Both arrays are freed by the caller.
 */
size_t sensor_heritage(const struct sensor *s);
uint64_t sensor_heritage_epoch(const struct sensor *s, size_t i);
int sensor_read_heritage(struct sensor *s, size_t i, uint64_t **ids,
			 struct wire_invocations **counters, size_t *n);
int sensor_drop_heritage(struct sensor *s, const char *pin_dir);

/* Names the life of the counters: those of another epoch began anew. */
uint64_t sensor_epoch(const struct sensor *s);
/* Somebody has counted until now: the counters were taken over, or are the heritage of this root. */
bool sensor_was_running(const struct sensor *s);
/* They were counted by a collector that this one has just replaced: requests that were under way have
 * lost their beginnings. */
bool sensor_was_replaced(const struct sensor *s);
/* OOM victims are reported (some kernels do not allow the hook). */
bool sensor_sees_victims(const struct sensor *s);
/* Id, directory descriptor (it stays the sensor's) and depth of the root. */
uint64_t sensor_root_id(const struct sensor *s);
int sensor_root_fd(const struct sensor *s);
uint32_t sensor_root_level(const struct sensor *s);

/* One pass over all cgroups: afterwards sensor_read_usage() is of this moment. */
int sensor_sweep(struct sensor *s);
/* Number of the last pass, which is in `seen` of all that it saw. */
uint32_t sensor_sweep_number(const struct sensor *s);

/* The arrays are the sensor's. Of usage: what the last pass saw, each cgroup behind its parent, until the
 * next pass. Otherwise all entries, in no order, until the next call of the same function. */
void sensor_read_usage(struct sensor *s, const uint64_t **ids, const struct wire_usage **values,
		       size_t *n);
/* The last pass saw as many cgroups as there is room for: there may be more. */
bool sensor_pass_is_full(const struct sensor *s);
/* How cgroups were when something happened to them that a pass may not see: made, given processes,
 * removed (their last word). None when nothing of it did since the last call. */
int sensor_read_changes(struct sensor *s, const uint64_t **ids, const struct wire_usage **values,
			size_t *n);
int sensor_read_invocations(struct sensor *s, const uint64_t **ids,
			    const struct wire_invocations **values, size_t *n);
/* Who cgroup `id` is; -ENOENT when it was there before the programs. */
int sensor_read_cgroup(struct sensor *s, uint64_t id, struct wire_cgroup *ret);
/* Drops all entries of a removed cgroup. */
void sensor_forget(struct sensor *s, uint64_t id);
/* Total lost of one kind since the epoch began. */
uint64_t sensor_lost(struct sensor *s, enum wire_lost kind);

/* OOM victims: a descriptor for epoll (-1: not seen), and a call that hands over what has come. */
int sensor_victims_fd(const struct sensor *s);
int sensor_poll_victims(struct sensor *s);
void sensor_on_victim(struct sensor *s, void (*fn)(const struct wire_victim *v, void *arg),
		      void *arg);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From counters to history: which function each cgroup belongs to, what the kernel's counters have
 * gained since they were last booked, and the rows of a minute. Pure: no BPF, no database, no clock.
 *
 * Exactness. A row's count is counter - baseline, and the baseline moves with it. The caller stores
 * rows and baselines in one transaction (tally_pending) and says so (tally_stored); until then
 * everything stays pending, and a collector that is killed leaves the old baselines behind, so that
 * the next one books the same counts again into rows that were never stored.
 */
#ifndef FAASMAT_COLLECTOR_TALLY_H
#define FAASMAT_COLLECTOR_TALLY_H

#include "collector/tree.h"
#include "identity/rules.h"
#include "store/history.h"

/* A row whose function is known by name only. */
struct tally_row {
	int function; /* index for tally_function_name() */
	struct history_row row;
};

struct tally;

/* `rules` stays the caller's and must outlive the tally. Measured times are multiplied by
 * `time_scale` (60 s / the length of a minute). */
int tally_new(struct rules *rules, uint64_t root, const char *root_path, double time_scale,
	      struct tally **ret);
void tally_free(struct tally *t);

/* The baselines of an earlier collector, before the first cgroup is added. */
int tally_set_baselines(struct tally *t, const struct counter_baseline *b, size_t n);

/* A cgroup below one that is known. 0, -EEXIST, -ENOENT without its parent, -ENOMEM. */
int tally_add_cgroup(struct tally *t, uint64_t id, uint64_t parent, const char *name);
bool tally_knows(const struct tally *t, uint64_t id);

/*
 * Cgroups whose function is not decided by their path alone. Calls fn for each, which looks further
 * and may answer by tally_identify(); what it leaves undecided is asked for again. Counts of an
 * undecided cgroup wait for at most a minute, so that what came before the answer is not lost to it.
 */
void tally_undecided(struct tally *t,
		     void (*fn)(void *arg, struct tally *t, const struct cgroup_node *node),
		     void *arg);
/* How cgroup `id` was decided; with IDENTITY_FOUND it (`pod`: the cgroup above) is a container from
 * now on, with all below. 0, -ENOENT, -ENOMEM. */
int tally_identify(struct tally *t, uint64_t id, enum identity outcome,
		   const struct identity_match *match);

/* One pass: begin, every usage and every counter that was read, end. `sweep` numbers it. */
void tally_begin(struct tally *t, uint32_t sweep);
void tally_usage(struct tally *t, uint64_t id, const struct wire_usage *u);
/* Whether this pass's usage was of this cgroup among others. */
bool tally_has_seen(const struct tally *t, uint64_t id);
/* After all usage of a pass that saw every cgroup: those that it does not see any more are gone. What none has
 * seen yet may have been made since. */
void tally_find_gone(struct tally *t);
/* It had processes of its own between two passes. */
void tally_populated(struct tally *t, uint64_t id);
void tally_invocations(struct tally *t, uint64_t id, const struct wire_invocations *c);
void tally_end(struct tally *t);

/* Books everything since the last call into rows of `minute`, pending. `quality`: reasons for which all
 * of them are partial (enum quality); those of one function come from its counters. */
int tally_close_minute(struct tally *t, int64_t minute, unsigned int quality);

/* What is to be stored, in one transaction. Rows are in the order they were closed. */
const struct tally_row *tally_rows(const struct tally *t, size_t *n);
const char *tally_function_name(const struct tally *t, int function);
int tally_functions(const struct tally *t);
/* The function's id in the database, 0 while it is not known. Ids of a transaction that was rolled
 * back are no more: tally_forget_ids(). */
int64_t tally_function_id(const struct tally *t, int function);
void tally_set_function_id(struct tally *t, int function, int64_t id);
void tally_forget_ids(struct tally *t);
/* Index of a function by name, -1 when no container of it was ever seen. */
int tally_find_function(const struct tally *t, const char *name);
const struct cgroup_tree *tally_tree(const struct tally *t);
/* Ids whose baselines are to be removed: their kernel entries are gone since the last commit. */
const uint64_t *tally_forgotten(const struct tally *t, size_t *n);

/* The transaction is committed: forgets what was pending and drops removed cgroups, calling `drop`
 * for each, upon which the caller deletes its kernel entries. */
void tally_stored(struct tally *t, void (*drop)(uint64_t id, void *arg), void *arg);

/* Removed cgroups whose numbers wait for tally_stored(): each holds entries of the kernel's maps. */
size_t tally_gone(const struct tally *t);

/* Rows thrown away because nothing could be stored for too long (a bound on memory). */
int64_t tally_rows_lost(const struct tally *t);

/* A cgroup that is neither a container nor holds any, with processes or requests: no rule knows it. */
bool tally_is_unknown(const struct cgroup_node *node);
/* A cgroup above containers, or with a limit of its own: main, a pool, the root. */
bool tally_is_pool(const struct cgroup_node *node);

#endif

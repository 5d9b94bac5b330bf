/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The admission table: for main and for every pool, the bytes and containers admitted now, and who
 * uses them. Kernel limits guard; this table steers. Pure: no clock, no files, no socket.
 *
 * A reservation is one container, by its id: the name of the cgroup that it gets below its pool. It
 * lasts until it is released, or until its cgroup, once seen, is gone.
 */
#ifndef FAASMAT_GOVERNOR_ADMISSION_H
#define FAASMAT_GOVERNOR_ADMISSION_H

#include "common/util.h"

/* Longest id of a container, without NUL: the name of a cgroup. */
#define CONTAINER_ID_MAX 255
/* Reservations that the table holds at most; what a client leaks or floods ends here. */
#define ADMISSION_MAX 65536

struct admission;

/* One pool's line of the table. Number 0 is main. Texts belong to the table. */
struct admission_pool {
	char *name;	/* "main", "pool-f" */
	char *function; /* NULL for main and for a pool that no plan has named yet */
	char *cgroup;	/* path below the cgroup2 mount: "/faasmat/pool-f" */
	int64_t admitted_bytes, used_bytes;
	int64_t admitted_containers; /* -1: not counted */
	int64_t used_containers;
	bool planned; /* its function's containers go here, not to main */
	bool changed; /* since admission_take_changed() */
};

struct reservation {
	const char *id;
	const char *function;
	int64_t bytes;
	const char *pool; /* with `existing`: where it is */
	bool existing;	  /* it runs already: recorded, whatever is admitted */
};

struct admission_answer {
	bool ok;
	int pool; /* where to put it, or the pool that has no room; -1 when the request is wrong */
	bool spill;
	char reason[200]; /* why not */
};

/* max_bytes: a reservation for more is refused (the node's budget). NULL when out of memory. */
struct admission *admission_new(int64_t max_bytes, bool spill);
void admission_free(struct admission *a);

/* Adds a pool and gives its number; -EEXIST, -ENOMEM. `function` may be NULL. */
int admission_add_pool(struct admission *a, const char *name, const char *function,
		       const char *cgroup);
/* Names the function of a pool that had none. */
int admission_name_function(struct admission *a, int pool, const char *function);
size_t admission_count(const struct admission *a);
const struct admission_pool *admission_pool(const struct admission *a, int pool);
/* By name or by function; -ENOENT. */
int admission_find_pool(const struct admission *a, const char *name);
int admission_find_function(const struct admission *a, const char *function);

void admission_set(struct admission *a, int pool, int64_t bytes, int64_t containers);
void admission_set_planned(struct admission *a, int pool, bool planned);
void admission_set_max_bytes(struct admission *a, int64_t max_bytes);

/* Called when a pool (its number) has no room for a new container of so many bytes, before it is refused
 * or spilled: true when the table has changed and is to be asked again. */
void admission_set_make_room(struct admission *a, bool (*fn)(void *arg, int pool, int64_t bytes),
			     void *arg);

/*
 * Reserves, or says why not. A hot function whose pool is full is offered main when the table spills
 * and main admits it. The same id and function again get the same answer again (a client that missed
 * it asks twice); an id that another function holds is refused.
 */
void admission_reserve(struct admission *a, const struct reservation *r,
		       struct admission_answer *ret);
/* Whether there was such a reservation. */
bool admission_release(struct admission *a, const char *id);

/*
 * The container cgroups found below a pool, `bytes` their memory.current. First scan (adopt): those
 * without a reservation are counted as used until a client says better; a client's `existing`
 * reservation whose id is in the cgroup's name takes its place. Always: a reservation whose cgroup had
 * been seen and is not among them is released. Returns how many were.
 */
struct container_seen {
	const char *name;
	int64_t bytes;
};
int admission_scan(struct admission *a, int pool, const struct container_seen *seen, size_t n,
		   bool adopt);

/* Calls fn for every pool that changed since the last time, and for those that use more than is
 * admitted. */
void admission_take_changed(struct admission *a, void (*fn)(void *arg, int pool), void *arg);

#endif

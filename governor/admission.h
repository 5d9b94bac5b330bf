/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The admission table: for main and for every pool, the bytes and containers admitted now, and who
 * uses them. Kernel limits guard; this table steers. Pure: no clock, no files, no socket.
 *
 * A reservation is one container, by its id: the name of the cgroup that it gets below its pool. It
 * lasts until it is released, or until its cgroup, once seen, is gone. Before its cgroup was seen it
 * hangs on its creator, the process that asked: see the leases below.
 */
#ifndef FAASMAT_GOVERNOR_ADMISSION_H
#define FAASMAT_GOVERNOR_ADMISSION_H

#include "common/util.h"

/* Longest id of a container, without NUL: the name of a cgroup. */
#define CONTAINER_ID_MAX 255
/* Reservations that the table holds at most; what a client leaks or floods ends here. */
#define ADMISSION_MAX 65536
/* ... of which an owner other than root may hold so many whose cgroup nobody has seen. */
#define PENDING_MAX 1024
/* What a container is taken for that says nothing of its memory, where no plan says it either. */
#define UNKNOWN_BYTES (128 * MIB)

struct admission;

/* One pool's line of the table. Number 0 is main. Texts belong to the table. */
struct admission_pool {
	char *name;	/* "main", "pool-f" */
	char *function; /* NULL for main and for a pool that no plan has named yet */
	char *cgroup;	/* path below the cgroup2 mount: "/faasmat/pool-f" */
	int64_t admitted_bytes, used_bytes;
	int64_t admitted_containers; /* -1: not counted */
	int64_t used_containers;
	int64_t unit; /* bytes of one container, as last admitted; 0: not known */
	bool planned; /* its function's containers go here, not to main */
	bool changed; /* since admission_take_changed() */
};

struct reservation {
	const char *id;
	const char *function; /* NULL: not known; goes to main */
	int64_t bytes;	      /* 0: not known; the pool's unit */
	const char *pool;     /* with `existing`: where it is */
	bool existing;	      /* it runs already: recorded, whatever is admitted */
	bool leased;	    /* ends with its creator, or when its cgroup has no process any more */
	bool anyway;	    /* it is started whatever we say: main takes what is not admitted */
	uint32_t owner;	    /* user id of who asks; 0 is root */
	int64_t creator;    /* number of the process that asks; 0: not known */
	int64_t expires_ns; /* ... then the cgroup must be there by this time; 0: whenever */
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
/* Reservations of platforms that start a container whatever the answer is (`anyway`). */
size_t admission_anyway(const struct admission *a);
const struct admission_pool *admission_pool(const struct admission *a, int pool);
/* By name or by function; -ENOENT. */
int admission_find_pool(const struct admission *a, const char *name);
int admission_find_function(const struct admission *a, const char *function);

void admission_set(struct admission *a, int pool, int64_t bytes, int64_t containers);
void admission_set_planned(struct admission *a, int pool, bool planned);
void admission_set_max_bytes(struct admission *a, int64_t max_bytes);

/* Called when a pool (its number) has no room for a new container of so many bytes, before it is refused
 * or spilled: true when the table has changed and is to be asked again. Also, with bytes 0, when main has just
 * taken one that nothing admits. */
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
/* Whether this user may release it: root everything, others what is theirs. */
bool admission_owns(struct admission *a, const char *id, uint32_t owner);
/* Whether the cgroup of this name is in the table. */
bool admission_has(struct admission *a, const char *name);
/* Another number after every change that others can see. */
uint64_t admission_version(const struct admission *a);

/*
 * The container cgroups found below a pool, `bytes` what they may take. With `adopt`, those without a
 * reservation are counted as used until a client says better; a client's `existing`
 * reservation whose id is in the cgroup's name takes its place. Always: a reservation whose cgroup is
 * found in another pool than was answered moves there (an answer that came too late was not obeyed);
 * one whose cgroup had been seen and is not among them is released. Returns how many were.
 */
struct container_seen {
	const char *name;
	int64_t bytes;
};
int admission_scan(struct admission *a, int pool, const struct container_seen *seen, size_t n,
		   bool adopt);

/*
 * Leases, so that nothing leaks whoever is killed. admission_creator_gone(): the process with this
 * number has ended. Each of its reservations whose cgroup was not seen is looked for with is_there():
 * it is confirmed by it, else a leased one is released, and another gets until expires_ns (whoever
 * asked for it in a script may have someone else make the cgroup). admission_expire() ends those whose
 * time is over; both return how many were released.
 */
struct admission_look {
	bool (*is_there)(void *arg, int pool, const char *id);
	/* Its cgroup is there and has no process. */
	bool (*is_empty)(void *arg, int pool, const char *id);
	/* It was empty twice: nobody's. `leased`: our own wrapper made it. */
	void (*left_behind)(void *arg, int pool, const char *id, bool leased);
	void *arg;
};
int admission_creator_gone(struct admission *a, int64_t creator, const struct admission_look *look,
			   int64_t expires_ns);
int admission_expire(struct admission *a, int64_t now_ns);
/* Looks at the containers that are leased or were found: those that have been empty twice in a row are
 * released. Returns how many. Once a minute. */
int admission_release_empty(struct admission *a, const struct admission_look *look);
/* Calls fn for every creator that a reservation still hangs on, some more than once. */
void admission_each_creator(const struct admission *a, void (*fn)(void *arg, int64_t creator),
			    void *arg);

/* Calls fn for every pool that changed since the last time, and for those that use more than is
 * admitted. */
void admission_take_changed(struct admission *a, void (*fn)(void *arg, int pool), void *arg);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/admission.h"

#include <errno.h>
#include <string.h>

#include "governor/room.h"

#define BUCKETS 4096

struct entry {
	struct entry *next; /* in the same bucket */
	int pool;
	int64_t bytes;
	char *function; /* NULL: adopted, nobody has said whose it is */
	bool seen;	/* its cgroup was there */
	bool here;	/* ... in the running scan */
	char id[];
};

struct admission {
	struct admission_pool *pools;
	size_t n;
	struct entry *bucket[BUCKETS];
	size_t entries;
	int64_t max_bytes;
	bool spill;
	bool (*make_room)(void *arg, int pool, int64_t bytes);
	void *make_room_arg;
};

struct admission *admission_new(int64_t max_bytes, bool spill)
{
	struct admission *a = calloc(1, sizeof(*a));

	if (a) {
		a->max_bytes = max_bytes;
		a->spill = spill;
	}
	return a;
}

static void free_entry(struct entry *e)
{
	free(e->function);
	free(e);
}

void admission_free(struct admission *a)
{
	if (!a)
		return;
	for (size_t b = 0; b < BUCKETS; b++) {
		while (a->bucket[b]) {
			struct entry *e = a->bucket[b];

			a->bucket[b] = e->next;
			free_entry(e);
		}
	}
	for (size_t i = 0; i < a->n; i++) {
		free(a->pools[i].name);
		free(a->pools[i].function);
		free(a->pools[i].cgroup);
	}
	free(a->pools);
	free(a);
}

int admission_add_pool(struct admission *a, const char *name, const char *function,
		       const char *cgroup)
{
	struct admission_pool *more, *p;

	if (admission_find_pool(a, name) >= 0)
		return -EEXIST;
	more = realloc(a->pools, (a->n + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	a->pools = more;
	p = &a->pools[a->n];
	*p = (struct admission_pool){
		.name = strdup(name),
		.function = function ? strdup(function) : NULL,
		.cgroup = strdup(cgroup),
		.admitted_containers = a->n == 0 ? -1 : 0,
	};
	if (!p->name || !p->cgroup || (function && !p->function)) {
		free(p->name);
		free(p->cgroup);
		free(p->function);
		return -ENOMEM;
	}
	return (int)a->n++;
}

int admission_name_function(struct admission *a, int pool, const char *function)
{
	char *copy = strdup(function);

	if (!copy)
		return -ENOMEM;
	free(a->pools[pool].function);
	a->pools[pool].function = copy;
	return 0;
}

size_t admission_count(const struct admission *a)
{
	return a->n;
}

const struct admission_pool *admission_pool(const struct admission *a, int pool)
{
	return &a->pools[pool];
}

int admission_find_pool(const struct admission *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->pools[i].name, name) == 0)
			return (int)i;
	return -ENOENT;
}

int admission_find_function(const struct admission *a, const char *function)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->pools[i].function && strcmp(a->pools[i].function, function) == 0)
			return (int)i;
	return -ENOENT;
}

void admission_set(struct admission *a, int pool, int64_t bytes, int64_t containers)
{
	struct admission_pool *p = &a->pools[pool];

	p->changed |= p->admitted_bytes != bytes || p->admitted_containers != containers;
	p->admitted_bytes = bytes;
	p->admitted_containers = containers;
}

void admission_set_planned(struct admission *a, int pool, bool planned)
{
	a->pools[pool].planned = planned;
}

void admission_set_max_bytes(struct admission *a, int64_t max_bytes)
{
	a->max_bytes = max_bytes;
}

void admission_set_make_room(struct admission *a, bool (*fn)(void *arg, int pool, int64_t bytes),
			     void *arg)
{
	a->make_room = fn;
	a->make_room_arg = arg;
}

static struct entry **find(struct admission *a, const char *id)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	struct entry **e;

	for (const char *p = id; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3ULL;
	e = &a->bucket[hash % BUCKETS];
	while (*e && strcmp((*e)->id, id) != 0)
		e = &(*e)->next;
	return e;
}

static void account(struct admission *a, const struct entry *e, int sign)
{
	a->pools[e->pool].used_bytes += sign * e->bytes;
	a->pools[e->pool].used_containers += sign;
}

static void remove_entry(struct admission *a, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	account(a, e, -1);
	free_entry(e);
	a->entries--;
}

static int add_entry(struct admission *a, int pool, const char *id, const char *function,
		     int64_t bytes)
{
	struct entry **at = find(a, id);
	struct entry *e;

	if (a->entries >= ADMISSION_MAX)
		return -ENOSPC;
	e = calloc(1, sizeof(*e) + strlen(id) + 1);
	if (!e)
		return -ENOMEM;
	e->function = function ? strdup(function) : NULL;
	if (function && !e->function) {
		free(e);
		return -ENOMEM;
	}
	strcpy(e->id, id);
	e->pool = pool;
	e->bytes = bytes;
	*at = e;
	a->entries++;
	account(a, e, 1);
	return 0;
}

static struct room room_of(const struct admission_pool *p)
{
	return (struct room){ p->admitted_bytes, p->used_bytes, p->admitted_containers,
			      p->used_containers };
}

static void say_full(const struct admission_pool *p, struct admission_answer *ret)
{
	if (p->admitted_containers >= 0)
		snprintf(ret->reason, sizeof(ret->reason),
			 "%.80s is full: %lld of %lld bytes and %lld of %lld containers in use",
			 p->name, (long long)p->used_bytes, (long long)p->admitted_bytes,
			 (long long)p->used_containers, (long long)p->admitted_containers);
	else
		snprintf(ret->reason, sizeof(ret->reason),
			 "%.80s is full: %lld of %lld bytes in use", p->name,
			 (long long)p->used_bytes, (long long)p->admitted_bytes);
}

static const char *fault(const struct admission *a, const struct reservation *r)
{
	if (!r->id || !*r->id || strlen(r->id) > CONTAINER_ID_MAX)
		return "id must be 1 to 255 bytes";
	if (!r->function || !*r->function || strlen(r->function) > 4096)
		return "function must be 1 to 4096 bytes";
	if (r->bytes <= 0)
		return "bytes must be above 0";
	if (r->bytes > a->max_bytes)
		return "bytes is more than the node's budget";
	if (a->n == 0)
		return "there is no pool yet";
	return NULL;
}

/* Where a new container of this function belongs now: a number, or -1 with the pool that is full. */
static int place(struct admission *a, const struct reservation *r, struct admission_answer *ret)
{
	int own = admission_find_function(a, r->function);
	struct room main, room;

	if (own < 0 || !a->pools[own].planned)
		own = 0;
	ret->pool = own;
	room = room_of(&a->pools[own]);
	if (!room_for(&room, r->bytes) && a->make_room &&
	    a->make_room(a->make_room_arg, own, r->bytes))
		room = room_of(&a->pools[own]);
	main = room_of(&a->pools[0]);
	switch (room_place(&room, &main, own != 0 && a->spill, r->bytes)) {
	case ROOM_OWN:
		return own;
	case ROOM_SPILL:
		ret->spill = true;
		return 0;
	default:
		say_full(&a->pools[own], ret);
		return -1;
	}
}

/* The container that our scan adopted and that this client means: of exactly this name, else one of
 * that pool whose name contains the id ("crun-ID.scope"). */
static struct entry **find_adopted(struct admission *a, const char *id, int pool)
{
	struct entry **e = find(a, id);

	if (*e)
		return e;
	for (size_t b = 0; b < BUCKETS; b++)
		for (e = &a->bucket[b]; *e; e = &(*e)->next)
			if (!(*e)->function && (*e)->pool == pool && strstr((*e)->id, id))
				return e;
	return NULL;
}

/* A container that ran before we did: the client knows better than our scan whose it is and what it
 * was promised, the scan knows better where it is. */
static int place_existing(struct admission *a, const struct reservation *r,
			  struct admission_answer *ret)
{
	int pool = admission_find_pool(a, r->pool ? r->pool : "main");
	struct entry **adopted;

	if (pool < 0) {
		snprintf(ret->reason, sizeof(ret->reason), "there is no pool of that name");
		return -1;
	}
	adopted = find_adopted(a, r->id, pool);
	if (adopted) {
		pool = (*adopted)->pool;
		remove_entry(a, adopted);
	}
	return pool;
}

static bool answer_again(struct admission *a, const struct reservation *r,
			 struct admission_answer *ret)
{
	struct entry **e = find(a, r->id);

	if (!*e || (!(*e)->function && r->existing))
		return false;
	if ((*e)->function && strcmp((*e)->function, r->function) == 0) {
		ret->ok = true;
		ret->pool = (*e)->pool;
		ret->spill = ret->pool == 0 && admission_find_function(a, r->function) > 0 &&
			     a->pools[admission_find_function(a, r->function)].planned;
	} else {
		snprintf(ret->reason, sizeof(ret->reason), "this id is reserved already");
	}
	return true;
}

void admission_reserve(struct admission *a, const struct reservation *r,
		       struct admission_answer *ret)
{
	const char *why = fault(a, r);
	int pool;

	*ret = (struct admission_answer){ .pool = -1 };
	if (why) {
		snprintf(ret->reason, sizeof(ret->reason), "%s", why);
		return;
	}
	if (answer_again(a, r, ret))
		return;
	pool = r->existing ? place_existing(a, r, ret) : place(a, r, ret);
	if (pool < 0)
		return;
	ret->pool = pool;
	if (add_entry(a, pool, r->id, r->function, r->bytes) < 0) {
		snprintf(ret->reason, sizeof(ret->reason), "the table holds no more reservations");
		ret->spill = false;
		return;
	}
	ret->ok = true;
}

bool admission_release(struct admission *a, const char *id)
{
	struct entry **e = find(a, id);

	if (!*e)
		return false;
	remove_entry(a, e);
	return true;
}

static int release_gone(struct admission *a, int pool)
{
	int released = 0;

	for (size_t b = 0; b < BUCKETS; b++) {
		struct entry **e = &a->bucket[b];

		while (*e) {
			if ((*e)->pool == pool && (*e)->seen && !(*e)->here) {
				remove_entry(a, e);
				released++;
				continue;
			}
			(*e)->here = false;
			e = &(*e)->next;
		}
	}
	return released;
}

int admission_scan(struct admission *a, int pool, const struct container_seen *seen, size_t n,
		   bool adopt)
{
	for (size_t i = 0; i < n; i++) {
		struct entry *e = *find(a, seen[i].name);

		if (!e && adopt && add_entry(a, pool, seen[i].name, NULL, seen[i].bytes) == 0)
			e = *find(a, seen[i].name);
		if (!e || e->pool != pool)
			continue;
		e->seen = e->here = true;
	}
	return release_gone(a, pool);
}

void admission_take_changed(struct admission *a, void (*fn)(void *arg, int pool), void *arg)
{
	for (size_t i = 0; i < a->n; i++) {
		struct admission_pool *p = &a->pools[i];
		bool over = p->used_bytes > p->admitted_bytes ||
			    (p->admitted_containers >= 0 &&
			     p->used_containers > p->admitted_containers);

		if (p->changed || over)
			fn(arg, (int)i);
		p->changed = false;
	}
}

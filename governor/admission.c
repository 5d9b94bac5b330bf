// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/admission.h"

#include <errno.h>
#include <string.h>

#include "governor/admission_table.h"
#include "governor/room.h"

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
	for (size_t b = 0; b < ADMISSION_BUCKETS; b++) {
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
	free(a->pending);
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
	a->version++;
	return (int)a->n++;
}

int admission_name_function(struct admission *a, int pool, const char *function)
{
	char *copy = strdup(function);

	if (!copy)
		return -ENOMEM;
	free(a->pools[pool].function);
	a->pools[pool].function = copy;
	a->version++;
	return 0;
}

size_t admission_anyway(const struct admission *a)
{
	return a->anyway;
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

	if (p->admitted_bytes == bytes && p->admitted_containers == containers)
		return;
	p->changed = true;
	p->admitted_bytes = bytes;
	p->admitted_containers = containers;
	if (containers > 0)
		p->unit = bytes / containers;
	a->version++;
}

void admission_set_planned(struct admission *a, int pool, bool planned)
{
	a->version += a->pools[pool].planned != planned;
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
	e = &a->bucket[hash % ADMISSION_BUCKETS];
	while (*e && strcmp((*e)->id, id) != 0)
		e = &(*e)->next;
	return e;
}

static void account(struct admission *a, const struct entry *e, int sign)
{
	a->pools[e->pool].used_bytes += sign * e->bytes;
	a->pools[e->pool].used_containers += sign;
	a->version++;
}

/* NULL when this user has none and there is no memory to count them. */
static struct pending *pending_of(struct admission *a, uint32_t owner)
{
	struct pending *more;

	for (size_t i = 0; i < a->n_pending; i++)
		if (a->pending[i].owner == owner)
			return &a->pending[i];
	/* Someone who has none any more makes room. */
	for (size_t i = 0; i < a->n_pending; i++)
		if (a->pending[i].n == 0) {
			a->pending[i].owner = owner;
			return &a->pending[i];
		}
	more = realloc(a->pending, (a->n_pending + 1) * sizeof(*more));
	if (!more)
		return NULL;
	a->pending = more;
	more[a->n_pending] = (struct pending){ .owner = owner };
	return &more[a->n_pending++];
}

void admission_confirm(struct admission *a, struct entry *e)
{
	struct pending *p = e->seen ? NULL : pending_of(a, e->owner);

	if (p && p->n > 0)
		p->n--;
	e->seen = true;
	e->creator = e->expires_ns = 0;
}

void admission_remove_entry(struct admission *a, struct entry **at)
{
	struct entry *e = *at;

	admission_confirm(a, e);
	*at = e->next;
	account(a, e, -1);
	a->entries--;
	a->anyway -= e->anyway;
	free_entry(e);
}

/* `function` NULL: found, not asked for. */
static int add_entry(struct admission *a, int pool, const struct reservation *r,
		     const char *function, int64_t bytes)
{
	struct entry **at = find(a, r->id);
	struct pending *pending = pending_of(a, r->owner);
	struct entry *e;

	if (a->entries >= ADMISSION_MAX)
		return -ENOSPC;
	if (!pending)
		return -ENOMEM;
	if (r->owner != 0 && pending->n >= PENDING_MAX)
		return -EDQUOT;
	e = calloc(1, sizeof(*e) + strlen(r->id) + 1);
	if (!e)
		return -ENOMEM;
	e->function = function ? strdup(function) : NULL;
	if (function && !e->function) {
		free(e);
		return -ENOMEM;
	}
	strcpy(e->id, r->id);
	e->pool = pool;
	e->bytes = bytes;
	e->owner = r->owner;
	e->creator = r->creator;
	e->expires_ns = r->creator ? 0 : r->expires_ns;
	e->leased = r->leased;
	e->anyway = r->anyway;
	*at = e;
	a->entries++;
	a->anyway += e->anyway;
	pending->n++;
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
	if (r->function && (!*r->function || strlen(r->function) > 4096))
		return "function must be 1 to 4096 bytes";
	if (r->bytes < 0)
		return "bytes must not be below 0";
	if (r->bytes > a->max_bytes && !r->anyway)
		return "bytes is more than the node's budget";
	if (a->n == 0)
		return "there is no pool yet";
	return NULL;
}

/* The pool in which a container of this function belongs now. */
static int pool_of(const struct admission *a, const char *function)
{
	int own = function ? admission_find_function(a, function) : 0;

	return own < 0 || !a->pools[own].planned ? 0 : own;
}

/* What a container takes in this pool. */
static int64_t bytes_in(const struct admission *a, int pool, int64_t bytes)
{
	if (bytes == 0)
		bytes = a->pools[pool].unit > 0 ? a->pools[pool].unit : UNKNOWN_BYTES;
	return MIN(bytes, a->max_bytes);
}

/* Where a new container goes: a number, or -1 with the pool that is full. */
static int place(struct admission *a, const struct reservation *r, int64_t bytes,
		 struct admission_answer *ret)
{
	int own = pool_of(a, r->function);
	struct room main, room = room_of(&a->pools[own]);

	ret->pool = own;
	if (!room_for(&room, bytes) && a->make_room && a->make_room(a->make_room_arg, own, bytes))
		room = room_of(&a->pools[own]);
	main = room_of(&a->pools[0]);
	switch (room_place(&room, &main, own != 0 && a->spill, bytes)) {
	case ROOM_OWN:
		return own;
	case ROOM_SPILL:
		ret->spill = true;
		return 0;
	default:
		/* It is started in any case: main's LRU or its limit has to deal with it. */
		ret->spill = r->anyway && own != 0;
		if (r->anyway)
			return 0;
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
	for (size_t b = 0; b < ADMISSION_BUCKETS; b++)
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
		admission_remove_entry(a, adopted);
	}
	return pool;
}

static bool answer_again(struct admission *a, const struct reservation *r,
			 struct admission_answer *ret)
{
	const char *function = r->function ? r->function : "";
	struct entry *e = *find(a, r->id);

	/* One that we found has no name yet; whoever names it may have it. */
	if (!e || (!e->function && r->existing))
		return false;
	/* An engine that uses names again: what we know is the last container of that name. */
	if ((!e->function || strcmp(e->function, function) != 0) && r->leased && r->anyway &&
	    r->owner == 0) {
		admission_remove_entry(a, find(a, r->id));
		return false;
	}
	if (!e->function || strcmp(e->function, function) != 0) {
		snprintf(ret->reason, sizeof(ret->reason), "this id is reserved already");
		return true;
	}
	/* The same again, by another process: it hangs on that one now. */
	if (r->creator && !e->seen)
		e->creator = r->creator;
	ret->ok = true;
	ret->pool = e->pool;
	ret->spill = ret->pool == 0 && pool_of(a, r->function) != 0;
	return true;
}

static void say_no_entry(int error, struct admission_answer *ret)
{
	if (error == -EDQUOT)
		snprintf(ret->reason, sizeof(ret->reason),
			 "this user has %d reservations without a cgroup: release some",
			 PENDING_MAX);
	else
		snprintf(ret->reason, sizeof(ret->reason), "the table holds no more reservations");
	ret->spill = false;
}

/* Before the new container starts: main may get what pools do not use. */
static void mind_main(struct admission *a)
{
	if (a->make_room && a->pools[0].used_bytes > a->pools[0].admitted_bytes)
		a->make_room(a->make_room_arg, 0, 0);
}

void admission_reserve(struct admission *a, const struct reservation *r,
		       struct admission_answer *ret)
{
	const char *why = fault(a, r);
	int64_t bytes;
	int pool, error;

	*ret = (struct admission_answer){ .pool = -1 };
	if (why) {
		snprintf(ret->reason, sizeof(ret->reason), "%s", why);
		return;
	}
	if (answer_again(a, r, ret))
		return;
	bytes = bytes_in(a, pool_of(a, r->function), r->bytes);
	pool = r->existing ? place_existing(a, r, ret) : place(a, r, bytes, ret);
	if (pool < 0)
		return;
	ret->pool = pool;
	error = add_entry(a, pool, r, r->function ? r->function : "", bytes);
	if (error < 0)
		say_no_entry(error, ret);
	ret->ok = error == 0;
	if (ret->ok && r->anyway && pool == 0)
		mind_main(a);
}

bool admission_owns(struct admission *a, const char *id, uint32_t owner)
{
	const struct entry *e = *find(a, id);

	return owner == 0 || !e || e->owner == owner;
}

uint64_t admission_version(const struct admission *a)
{
	return a->version;
}

bool admission_release(struct admission *a, const char *id)
{
	struct entry **e = find(a, id);

	if (!*e)
		return false;
	admission_remove_entry(a, e);
	return true;
}

static int release_gone(struct admission *a, int pool)
{
	int released = 0;

	for (size_t b = 0; b < ADMISSION_BUCKETS; b++) {
		struct entry **e = &a->bucket[b];

		while (*e) {
			if ((*e)->pool == pool && (*e)->seen && !(*e)->here) {
				admission_remove_entry(a, e);
				released++;
				continue;
			}
			(*e)->here = false;
			e = &(*e)->next;
		}
	}
	return released;
}

/* Who reserved "ID" means the cgroup "PREFIX-ID.scope", too. */
static struct entry *find_of_cgroup(struct admission *a, const char *name)
{
	struct entry *e = *find(a, name);
	size_t n = strlen(name);
	char id[CONTAINER_ID_MAX + 1];

	if (e || n < 7 || n > CONTAINER_ID_MAX || strcmp(name + n - 6, ".scope") != 0)
		return e;
	snprintf(id, sizeof(id), "%.*s", (int)(n - 6), name);
	for (const char *p = id; p && !e; p = strchr(p, '-')) {
		p += *p == '-';
		e = *find(a, p);
	}
	return e;
}

bool admission_has(struct admission *a, const char *name)
{
	return find_of_cgroup(a, name);
}

/* What was found is in this pool, whatever was answered. */
static void found_in(struct admission *a, struct entry *e, int pool)
{
	if (e->pool != pool && !e->seen) {
		account(a, e, -1);
		e->pool = pool;
		account(a, e, 1);
	}
	if (e->pool != pool)
		return;
	admission_confirm(a, e);
	e->here = true;
}

int admission_scan(struct admission *a, int pool, const struct container_seen *seen, size_t n,
		   bool adopt)
{
	for (size_t i = 0; i < n; i++) {
		const struct reservation found = { .id = seen[i].name };
		struct entry *e = find_of_cgroup(a, seen[i].name);

		if (!e && adopt && add_entry(a, pool, &found, NULL, seen[i].bytes) == 0)
			e = *find(a, seen[i].name);
		if (e)
			found_in(a, e, pool);
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

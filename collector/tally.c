// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/tally.h"

#include <errno.h>
#include <string.h>

#include "collector/book.h"
#include "collector/functions.h"

/* Two hours of a thousand functions: then something is wrong for good, and memory comes first. */
#define MAX_PENDING 120000

struct tally {
	struct rules *rules;
	double time_scale;
	struct cgroup_tree tree;
	struct functions functions;
	struct counter_baseline *saved; /* of an earlier collector, by id; those not yet claimed */
	size_t n_saved;
	bool *claimed;
	struct tally_row *rows;
	size_t n_rows, rows_size;
	int64_t rows_lost;
	uint64_t *forgotten;
	size_t n_forgotten, forgotten_size;
	uint32_t sweep;
	size_t gone, seen; /* nodes that are gone; that the running pass saw */
};

/* The engine's files may come a moment after the cgroup, on a busy node a long one: passes in which
 * they are looked for, ever more rarely, at the 1st, 2nd, 4th, 8th ... */
#define LOOKS 64

int tally_new(struct rules *rules, uint64_t root, const char *root_path, double time_scale,
	      struct tally **ret)
{
	struct tally *t = calloc(1, sizeof(*t));

	*ret = NULL;
	if (!t)
		return -ENOMEM;
	t->rules = rules;
	t->time_scale = time_scale;
	if (tree_init(&t->tree) < 0 || !tree_add(&t->tree, root, NULL, root_path)) {
		tally_free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	tree_free(&t->tree);
	functions_free(&t->functions);
	free(t->saved);
	free(t->claimed);
	free(t->rows);
	free(t->forgotten);
	free(t);
}

static int by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct counter_baseline *)a)->cgroup;
	uint64_t y = ((const struct counter_baseline *)b)->cgroup;

	return (x > y) - (x < y);
}

int tally_set_baselines(struct tally *t, const struct counter_baseline *b, size_t n)
{
	if (n == 0)
		return 0;
	t->saved = malloc(n * sizeof(*t->saved));
	t->claimed = calloc(n, sizeof(*t->claimed));
	if (!t->saved || !t->claimed)
		return -ENOMEM;
	memcpy(t->saved, b, n * sizeof(*b));
	qsort(t->saved, n, sizeof(*t->saved), by_id);
	t->n_saved = n;
	return 0;
}

static void claim_baseline(struct tally *t, struct cgroup_node *node)
{
	const struct counter_baseline key = { .cgroup = node->id };
	const struct counter_baseline *found;

	if (!t->n_saved)
		return;
	found = bsearch(&key, t->saved, t->n_saved, sizeof(key), by_id);
	if (!found)
		return;
	node->base = *found;
	t->claimed[found - t->saved] = true;
}

static bool is_decided(const struct cgroup_node *node)
{
	return node->container || node->identity == IDENTITY_FOUND ||
	       (node->identity == IDENTITY_NONE && (node->looks >= LOOKS || !node->had_processes));
}

/* Makes `node` a container that has nothing below it yet. */
static int set_alone(struct tally *t, struct cgroup_node *node, const char *function)
{
	int index = functions_add(&t->functions, function);

	if (index < 0)
		return index;
	node->container = node;
	node->function = index;
	node->siblings = t->functions.at[index].population;
	t->functions.at[index].population += !node->gone;
	/* Its row, if there is one, calls it unknown. */
	node->row_due |= node->first_minute != INT64_MIN;
	return 0;
}

/* Makes `node` a container, with all that is below it. */
static int set_container(struct tally *t, struct cgroup_node *node, const char *function)
{
	int r = set_alone(t, node, function);

	if (r < 0)
		return r;
	for (struct cgroup_node *n = tree_next(&t->tree, NULL); n; n = tree_next(&t->tree, n)) {
		struct cgroup_node *up = n;

		while (up && up != node)
			up = up->parent;
		if (!up)
			continue;
		n->container = node;
		n->function = node->function;
	}
	return 0;
}

/* A rule for pods on something that is in none stays with the cgroup itself. */
static struct cgroup_node *container_of_match(struct cgroup_node *node,
					      const struct identity_match *match)
{
	const char *last = node->parent ? strrchr(node->parent->path, '/') : NULL;

	return match->pod && last && node->parent->parent && strstr(last, "pod") ? node->parent
										 : node;
}

int tally_identify(struct tally *t, uint64_t id, enum identity outcome,
		   const struct identity_match *match)
{
	struct cgroup_node *node = tree_find(&t->tree, id);

	if (!node)
		return -ENOENT;
	/* A cgroup below one that waits for a request: the request is for all of it. */
	while (outcome == IDENTITY_FOUND && node->parent &&
	       node->parent->identity == IDENTITY_NEEDS_REQUEST)
		node = node->parent;
	node->identity = outcome;
	if (outcome != IDENTITY_FOUND || node->container)
		return 0;
	return set_container(t, container_of_match(node, match), match->function);
}

/* Whether this is a pass in which the cgroup is to be looked at. */
static bool is_due(const struct cgroup_node *node)
{
	if (!node->parent || node->gone || is_decided(node))
		return false;
	return node->identity == IDENTITY_NEEDS_REQUEST || !(node->looks & (node->looks + 1));
}

void tally_undecided(struct tally *t,
		     void (*fn)(void *arg, struct tally *t, const struct cgroup_node *node),
		     void *arg)
{
	for (struct cgroup_node *n = tree_next(&t->tree, NULL); n; n = tree_next(&t->tree, n)) {
		if (is_due(n))
			fn(arg, t, n);
		/* Without a process it has all the time. */
		n->looks += n->looks == 0 || (n->had_processes && n->looks < LOOKS);
	}
}

static enum identity match_path(struct tally *t, const struct cgroup_node *node,
				struct identity_match *match)
{
	_cleanup_free_ struct facts *f = malloc(sizeof(*f));

	if (!f)
		return IDENTITY_NEEDS_FILES;
	facts_init(f, node->path);
	return rules_match(t->rules, f, match);
}

int tally_add_cgroup(struct tally *t, uint64_t id, uint64_t parent_id, const char *name)
{
	struct cgroup_node *parent = tree_find(&t->tree, parent_id), *node;
	struct identity_match match;

	if (!parent)
		return -ENOENT;
	if (tree_find(&t->tree, id))
		return -EEXIST;
	node = tree_add(&t->tree, id, parent, name);
	if (!node)
		return -ENOMEM;
	claim_baseline(t, node);
	if (parent->container) {
		node->container = parent->container;
		node->function = parent->function;
		return 0;
	}
	if (parent->identity == IDENTITY_NEEDS_REQUEST)
		node->identity = IDENTITY_NEEDS_REQUEST;
	else
		node->identity = match_path(t, node, &match);
	/* Rules on paths alone have said all they will. */
	if (node->identity == IDENTITY_NONE)
		node->looks = LOOKS;
	if (node->identity != IDENTITY_FOUND)
		return 0;
	return container_of_match(node, &match) == node
		       ? set_alone(t, node, match.function)
		       : set_container(t, node->parent, match.function);
}

bool tally_knows(const struct tally *t, uint64_t id)
{
	return tree_find(&t->tree, id) != NULL;
}

void tally_begin(struct tally *t, uint32_t sweep)
{
	t->sweep = sweep;
	t->seen = 0;
	for (int i = 0; i < t->functions.n; i++) {
		struct function_tally *f = &t->functions.at[i];

		f->live_containers = f->live_bytes = f->live_concurrency = 0;
	}
}

static void mark_gone(struct tally *t, struct cgroup_node *node)
{
	if (node->gone)
		return;
	node->gone = true;
	t->gone++;
	if (node->container == node)
		t->functions.at[node->function].population--;
}

static void see(struct tally *t, struct cgroup_node *node)
{
	if (node->seen != t->sweep)
		t->seen++;
	node->seen = t->sweep;
}

void tally_usage(struct tally *t, uint64_t id, const struct wire_usage *u)
{
	struct cgroup_node *node = tree_find(&t->tree, id);

	if (!node)
		return;
	node->usage = *u;
	node->had_processes |= u->has_processes != 0;
	/* Removed, or gone without our having seen it go. The root is never dropped. */
	if (node->parent && (u->removed_ns || u->seen != t->sweep))
		mark_gone(t, node);
	else
		see(t, node);
	if (node->container == node && !node->gone) {
		t->functions.at[node->function].live_containers++;
		t->functions.at[node->function].live_bytes += (int64_t)u->bytes;
	}
}

bool tally_has_seen(const struct tally *t, uint64_t id)
{
	const struct cgroup_node *node = tree_find(&t->tree, id);

	return node && node->seen == t->sweep;
}

void tally_populated(struct tally *t, uint64_t id)
{
	struct cgroup_node *node = tree_find(&t->tree, id);

	if (node)
		node->had_processes = true;
}

/* The most requests that were in progress at once between the last two passes. */
static int64_t most_open(const struct tally *t, const struct wire_invocations *c)
{
	uint32_t done = t->sweep - 1;
	int64_t open = (int64_t)(c->requests - c->responses - c->aborted);

	if (c->peak[done & 1].sweep == done)
		return MIN(c->peak[done & 1].most, INT32_MAX);
	/* Nothing began or ended: what is open now was open all the time. */
	return CLAMP(open, 0, INT32_MAX);
}

void tally_invocations(struct tally *t, uint64_t id, const struct wire_invocations *c)
{
	struct cgroup_node *node = tree_find(&t->tree, id), *container;

	/* Without memory for them the next pass brings them again. */
	if (!node || tree_set_counters(node, c) < 0)
		return;
	if (node->base.narrow)
		book_widen(&node->base, c);
	container = node->container;
	if (container)
		t->functions.at[container->function].live_concurrency += most_open(t, c);
	if (container && c->first_response_ns &&
	    (!container->container_first_response_ns ||
	     c->first_response_ns < container->container_first_response_ns))
		container->container_first_response_ns = c->first_response_ns;
}

void tally_find_gone(struct tally *t)
{
	struct cgroup_node *node;

	if (t->seen + t->gone >= t->tree.n)
		return;
	for (node = tree_next(&t->tree, NULL); node; node = tree_next(&t->tree, node))
		if (node->parent && node->seen && node->seen != t->sweep)
			mark_gone(t, node);
}

void tally_end(struct tally *t)
{
	for (int i = 0; i < t->functions.n; i++) {
		struct function_tally *f = &t->functions.at[i];

		f->now.containers = MAX(f->now.containers, f->live_containers);
		f->now.memory_bytes = MAX(f->now.memory_bytes, f->live_bytes);
		f->now.peak_concurrency = MAX(f->now.peak_concurrency, f->live_concurrency);
	}
}

/* A busy container's row would cost as much as its history; nobody plans by it, so it is written when
 * something happened to it, and every ten minutes. */
#define ROW_EVERY 10
static bool row_matters(const struct cgroup_node *node, int64_t minute)
{
	return node->function < 0 || node->gone || node->row_oom_kills ||
	       node->first_minute == minute || (minute + (int64_t)node->id) % ROW_EVERY == 0;
}

static void book_node(struct tally *t, struct cgroup_node *node, int64_t minute)
{
	struct history_row unknown = { 0 }, *row = &unknown;

	if (!is_decided(node) && !node->gone && tree_counters(node)->requests && !node->held++)
		return;
	if (node->function >= 0)
		row = &t->functions.at[node->function].now;
	book_cgroup(node, t->time_scale, row);
	if ((node->container == node || tally_is_unknown(node)) &&
	    node->first_minute == INT64_MIN) {
		node->first_minute = minute;
		node->row_changed = true;
	}
	/* The last look at it belongs into its row, its peak above all. */
	if (node->gone && node->first_minute != INT64_MIN)
		node->row_changed = true;
	node->gone_booked = node->gone;
	node->row_due |= node->row_changed && row_matters(node, minute);
}

static bool is_empty(const struct history_row *h)
{
	return !(h->invocations | h->responses | h->inits | h->busy_us | h->cold_starts |
		 h->cold_done | h->containers | h->memory_peak_bytes | h->events_max |
		 h->events_oom | h->events_oom_kill | h->responses_5xx | h->excluded | h->aborted |
		 h->unsettled | h->unsettled_responses);
}

static int append_row(struct tally *t, int function, const struct history_row *row)
{
	if (t->n_rows == MAX_PENDING) {
		t->rows_lost++;
		return 0;
	}
	if (t->n_rows == t->rows_size) {
		size_t size = t->rows_size ? t->rows_size * 2 : 64;
		struct tally_row *more = realloc(t->rows, size * sizeof(*more));

		if (!more)
			return -ENOMEM;
		t->rows = more;
		t->rows_size = size;
	}
	t->rows[t->n_rows++] = (struct tally_row){ .function = function, .row = *row };
	return 0;
}

int tally_close_minute(struct tally *t, int64_t minute, unsigned int quality)
{
	int r = 0;

	for (struct cgroup_node *n = tree_next(&t->tree, NULL); n; n = tree_next(&t->tree, n))
		book_node(t, n, minute);
	for (int i = 0; i < t->functions.n; i++) {
		struct history_row *now = &t->functions.at[i].now;

		now->minute = minute;
		now->quality |= quality;
		if (!is_empty(now) && append_row(t, i, now) < 0)
			r = -ENOMEM;
		*now = (struct history_row){ 0 };
	}
	return r;
}

const struct tally_row *tally_rows(const struct tally *t, size_t *n)
{
	*n = t->n_rows;
	return t->rows;
}

const char *tally_function_name(const struct tally *t, int function)
{
	return t->functions.at[function].name;
}

int tally_functions(const struct tally *t)
{
	return t->functions.n;
}

int64_t tally_function_id(const struct tally *t, int function)
{
	return t->functions.at[function].id;
}

void tally_set_function_id(struct tally *t, int function, int64_t id)
{
	t->functions.at[function].id = id;
}

void tally_forget_ids(struct tally *t)
{
	for (int i = 0; i < t->functions.n; i++)
		t->functions.at[i].id = 0;
}

int tally_find_function(const struct tally *t, const char *name)
{
	return functions_find(&t->functions, name);
}

const struct cgroup_tree *tally_tree(const struct tally *t)
{
	return &t->tree;
}

const uint64_t *tally_forgotten(const struct tally *t, size_t *n)
{
	*n = t->n_forgotten;
	return t->forgotten;
}

/* Without memory the stale baseline stays in the database, where it does no harm. */
static void forget_baseline(struct tally *t, uint64_t id)
{
	if (t->n_forgotten == t->forgotten_size) {
		size_t size = t->forgotten_size ? t->forgotten_size * 2 : 64;
		uint64_t *more = realloc(t->forgotten, size * sizeof(*more));

		if (!more)
			return;
		t->forgotten = more;
		t->forgotten_size = size;
	}
	t->forgotten[t->n_forgotten++] = id;
}

/* Baselines whose cgroups were removed while no collector ran and forgotten by the one before. */
static void forget_unclaimed(struct tally *t)
{
	for (size_t i = 0; i < t->n_saved; i++)
		if (!t->claimed[i])
			forget_baseline(t, t->saved[i].cgroup);
	free(t->saved);
	free(t->claimed);
	t->saved = NULL;
	t->claimed = NULL;
	t->n_saved = 0;
}

void tally_stored(struct tally *t, void (*drop)(uint64_t id, void *arg), void *arg)
{
	struct cgroup_node *node, *next;

	t->n_rows = 0;
	t->n_forgotten = 0;
	forget_unclaimed(t);
	for (node = tree_next(&t->tree, NULL); node; node = next) {
		next = tree_next(&t->tree, node);
		node->base_changed = false;
		if (node->row_due) {
			node->row_due = node->row_changed = false;
			node->row_invocations = node->row_oom_kills = 0;
		}
		/* Children first: a parent that is gone waits for the next minute. */
		if (!node->gone_booked || node->children)
			continue;
		drop(node->id, arg);
		forget_baseline(t, node->id);
		tree_remove(&t->tree, node);
		t->gone--;
	}
}

size_t tally_gone(const struct tally *t)
{
	return t->gone;
}

int64_t tally_rows_lost(const struct tally *t)
{
	return t->rows_lost;
}

bool tally_is_unknown(const struct cgroup_node *node)
{
	return !node->container && node->parent &&
	       ((node->had_processes && !node->had_children) || tree_counters(node)->requests > 0);
}

bool tally_is_pool(const struct cgroup_node *node)
{
	return !node->container && (!node->parent || node->had_children ||
				    (node->usage.limit > 0 && node->usage.limit < WIRE_NO_LIMIT));
}

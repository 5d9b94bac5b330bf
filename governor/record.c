// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/record.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "store/outcomes.h"
#include "store/retention.h"

/* Some hours of a node with a hundred pools. */
#define QUEUE_MAX 16384

/* Those that are packed come first. */
enum item_kind {
	ITEM_LEDGER,
	ITEM_OUTCOME,
	N_PACKED,
	ITEM_FIRST = N_PACKED,
	ITEM_LAST,
	ITEM_REMOVE
};
/* A pack that has so many gets no more: the queue forgets by packs, and SQLite copies each as a whole. */
#define ROWS_A_PACK 64

/* Rows of the ledger and outcomes of one minute are packed into one item, as long as the queue has room:
 * at a minute's change on a large node there are thousands of them. Texts are behind the item, as long as
 * they are. */
struct item {
	struct item *next;
	enum item_kind kind;
	int64_t minute;
	bool applied;
	size_t rows;
	union {
		struct pack ledger;
		struct outcome_pack outcomes;
	};
	/* The journal's. */
	uint64_t cgroup;
	int64_t first, last;
	const char *file, *path;
	char text[];
};

struct record {
	struct store *store;
	struct item *head, **tail;
	struct item *last[N_PACKED]; /* the newest of its kind; NULL: none is in the queue */
	size_t n;		     /* rows and entries */
	int64_t lost;
	bool failing;
};

struct record *record_new(struct store *s)
{
	struct record *r = calloc(1, sizeof(*r));

	if (r) {
		r->store = s;
		r->tail = &r->head;
	}
	return r;
}

static void drop_head(struct record *r)
{
	struct item *item = r->head;

	r->head = item->next;
	if (!r->head)
		r->tail = &r->head;
	for (int k = 0; k < N_PACKED; k++)
		if (r->last[k] == item)
			r->last[k] = NULL;
	if (item->kind == ITEM_LEDGER)
		pack_free(&item->ledger);
	else if (item->kind == ITEM_OUTCOME)
		pack_free(&item->outcomes.rows);
	r->n -= item->rows;
	free(item);
}

void record_free(struct record *r)
{
	if (!r)
		return;
	record_flush(r);
	while (r->head)
		drop_head(r);
	free(r);
}

/* The oldest goes: what restore needs to know of it, a newer entry of the file says too. */
static void make_room(struct record *r)
{
	r->lost += (int64_t)r->head->rows;
	drop_head(r);
}

static struct item *append(struct record *r, enum item_kind kind, size_t text)
{
	struct item *item = calloc(1, sizeof(*item) + text);

	if (r->n >= QUEUE_MAX || (!item && r->n))
		make_room(r);
	if (!item) {
		r->lost++;
		return NULL;
	}
	item->kind = kind;
	item->rows = 1;
	*r->tail = item;
	r->tail = &item->next;
	r->n++;
	return item;
}

/* Where a row of this minute is to be packed. */
static struct item *append_row(struct record *r, enum item_kind kind, int64_t minute, bool applied)
{
	struct item *item = r->last[kind];

	if (item && item->minute == minute && item->applied == applied &&
	    item->rows < ROWS_A_PACK && r->n < QUEUE_MAX) {
		item->rows++;
		r->n++;
		return item;
	}
	item = append(r, kind, 0);
	if (!item)
		return NULL;
	item->minute = minute;
	item->applied = applied;
	r->last[kind] = item;
	return item;
}

/* There was no memory for the row. */
static void take_back(struct record *r, struct item *item)
{
	item->rows--;
	r->n--;
	r->lost++;
}

static const char *keep_text(char **to, const char *text)
{
	char *kept = *to;

	*to = stpcpy(kept, text) + 1;
	return kept;
}

void record_ledger(struct record *r, const struct ledger_row *row)
{
	struct item *item = append_row(r, ITEM_LEDGER, row->minute, row->applied);

	if (item && store_pack_ledger(&item->ledger, row) < 0)
		take_back(r, item);
}

void record_outcome(struct record *r, const struct outcome_row *row)
{
	struct item *item = append_row(r, ITEM_OUTCOME, row->minute, row->applied);

	if (item && store_pack_outcome(&item->outcomes, row) < 0)
		take_back(r, item);
}

void record_journal_first(struct record *r, const struct journal_row *row)
{
	struct item *item = append(r, ITEM_FIRST, strlen(row->path) + strlen(row->file) + 2);
	char *to;

	if (!item)
		return;
	to = item->text;
	item->cgroup = row->cgroup;
	item->first = row->first_value;
	item->last = row->last_value;
	item->path = keep_text(&to, row->path);
	item->file = keep_text(&to, row->file);
}

static struct item *append_file(struct record *r, enum item_kind kind, uint64_t cgroup,
				const char *file)
{
	struct item *item = append(r, kind, strlen(file) + 1);

	if (!item)
		return NULL;
	item->cgroup = cgroup;
	item->file = strcpy(item->text, file);
	return item;
}

void record_journal_last(struct record *r, uint64_t cgroup, const char *file, int64_t value)
{
	struct item *item = append_file(r, ITEM_LAST, cgroup, file);

	if (item)
		item->last = value;
}

void record_journal_remove(struct record *r, uint64_t cgroup, const char *file)
{
	append_file(r, ITEM_REMOVE, cgroup, file);
}

static int write_first(struct record *r, const struct item *item)
{
	struct journal_row row = { .cgroup = item->cgroup,
				   .first_value = item->first,
				   .last_value = item->last };

	snprintf(row.path, sizeof(row.path), "%s", item->path);
	snprintf(row.file, sizeof(row.file), "%s", item->file);
	return store_journal_first(r->store, &row);
}

static int write_item(struct record *r, struct item *item)
{
	if (item->rows == 0)
		return 0;
	switch (item->kind) {
	case ITEM_LEDGER:
		return store_add_ledger_pack(r->store, item->minute, &item->ledger);
	case ITEM_OUTCOME:
		return store_add_outcome_pack(r->store, item->minute, item->applied,
					      &item->outcomes);
	case ITEM_FIRST:
		return write_first(r, item);
	case ITEM_LAST:
		return store_journal_last(r->store, item->cgroup, item->file, item->last);
	case ITEM_REMOVE:
		return store_journal_remove(r->store, item->cgroup, item->file);
	}
	return -EINVAL;
}

static int write_all(struct record *r)
{
	int code = store_begin(r->store);

	for (struct item *item = r->head; item && code == 0; item = item->next)
		code = write_item(r, item);
	if (code == 0)
		code = store_commit(r->store);
	store_rollback(r->store);
	return code;
}

int record_flush(struct record *r)
{
	int code;

	if (!r->head)
		return 0;
	code = write_all(r);
	/* What fills the disk may be the log itself, where no collector empties it. */
	if (code == -ENOSPC && store_make_space(r->store) == 0)
		code = write_all(r);
	if (code < 0) {
		if (!r->failing)
			log_warning("the database takes nothing now (%s): governing goes on from "
				    "the last plan, the ledger is kept in memory",
				    store_why());
		r->failing = true;
		return code;
	}
	if (r->failing)
		log_info("the database is back: %zu entries written, %lld lost", r->n,
			 (long long)r->lost);
	r->failing = false;
	r->lost = 0;
	while (r->head)
		drop_head(r);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/record.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "store/outcomes.h"
#include "store/retention.h"

/* Some hours of a node with a hundred pools. */
#define QUEUE_MAX 16384

enum item_kind { ITEM_LEDGER, ITEM_OUTCOME, ITEM_FIRST, ITEM_LAST, ITEM_REMOVE };

/* Texts are behind the item, as long as they are: at a minute's change on a large node there are
 * thousands of these. */
struct item {
	struct item *next;
	enum item_kind kind;
	union {
		struct ledger_row row;
		struct outcome_row outcome;
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
	size_t n;
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
	free(item);
	r->n--;
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

static struct item *append(struct record *r, enum item_kind kind, size_t text)
{
	struct item *item = calloc(1, sizeof(*item) + text);

	/* The oldest goes: what restore needs to know of it, a newer entry of the file says too. */
	if (r->n >= QUEUE_MAX || (!item && r->n)) {
		drop_head(r);
		r->lost++;
	}
	if (!item) {
		r->lost++;
		return NULL;
	}
	item->kind = kind;
	*r->tail = item;
	r->tail = &item->next;
	r->n++;
	return item;
}

static const char *keep_text(char **to, const char *text)
{
	char *kept = *to;

	*to = stpcpy(kept, text) + 1;
	return kept;
}

void record_ledger(struct record *r, const struct ledger_row *row)
{
	struct item *item = append(r, ITEM_LEDGER,
				   strlen(row->pool) + strlen(row->action) + strlen(row->file) +
					   strlen(row->reason) + 4);
	char *to;

	if (!item)
		return;
	to = item->text;
	item->row = *row;
	item->row.pool = keep_text(&to, row->pool);
	item->row.action = keep_text(&to, row->action);
	item->row.file = keep_text(&to, row->file);
	item->row.reason = keep_text(&to, row->reason);
}

void record_outcome(struct record *r, const struct outcome_row *row)
{
	struct item *item = append(r, ITEM_OUTCOME, strlen(row->pool) + 1);

	if (!item)
		return;
	item->outcome = *row;
	item->outcome.pool = strcpy(item->text, row->pool);
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

static int write_item(struct record *r, const struct item *item)
{
	switch (item->kind) {
	case ITEM_LEDGER:
		return store_add_ledger(r->store, &item->row);
	case ITEM_OUTCOME:
		return store_add_outcome(r->store, &item->outcome);
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the governor wants in the database, kept until the database takes it: ledger rows and journal
 * entries go into a queue and out of it in one transaction. A database that is locked or full never
 * stops the governor; the queue is bounded, and what is lost from it is counted and said.
 */
#ifndef FAASMAT_GOVERNOR_RECORD_H
#define FAASMAT_GOVERNOR_RECORD_H

#include "store/ledger.h"

struct record;
struct outcome_row;

/* `s` is borrowed. NULL when out of memory. */
struct record *record_new(struct store *s);
/* Tries once more to write what is queued. */
void record_free(struct record *r);

/* Queues a copy of the row. */
void record_ledger(struct record *r, const struct ledger_row *row);
void record_outcome(struct record *r, const struct outcome_row *row);
void record_journal_first(struct record *r, const struct journal_row *row);
void record_journal_last(struct record *r, uint64_t cgroup, const char *file, int64_t value);

void record_journal_remove(struct record *r, uint64_t cgroup, const char *file);

/* All of the queue in one transaction; nothing when it is empty. 0 when it is committed (on disk),
 * else a negative errno, which is logged the first time in a row. */
int record_flush(struct record *r);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ledger: every decision and write of the governor, with its reason. Journal: what each limit file
 * held before the governor first wrote it, so that `restore` can put it back.
 */
#ifndef FAASMAT_STORE_LEDGER_H
#define FAASMAT_STORE_LEDGER_H

#include "store/store.h"

struct ledger_row {
	int64_t minute;
	int64_t time_us;    /* real time, since the epoch */
	const char *pool;   /* the cgroup's name below the root: "main", "pool-NAME", "" the root */
	const char *action; /* "write", "admit", "wait", "veto", "adopt", "restore", ... */
	const char *file;   /* "memory.max", ...; "" when the action is no write */
	int64_t before;	    /* bytes; INT64_MAX stands for "max" */
	int64_t after;
	const char *reason; /* a sentence */
	bool applied;	    /* false in shadow mode */
};

int store_add_ledger(struct store *s, const struct ledger_row *row);
/* Rows of minutes first..last in the order they were written; texts valid during the call only. */
int store_each_ledger(struct store *s, int64_t first, int64_t last,
		      int (*fn)(const struct ledger_row *row, void *arg), void *arg);
/* What `file` of `pool` held before the newest "write" that was applied. -ENOENT: there is none. */
int store_before_last_write(struct store *s, const char *pool, const char *file, int64_t *ret);
/* How often each action stands in minutes first..last, by action; `row` is the newest of them. */
int store_count_ledger(struct store *s, int64_t first, int64_t last,
		       int (*fn)(int64_t count, const struct ledger_row *row, void *arg),
		       void *arg);
/* The newest minute that has a row. -ENODATA. */
int store_last_ledger(struct store *s, int64_t *ret);
int store_forget_ledger(struct store *s, int64_t before);

/* One limit file that the governor has touched. */
struct journal_row {
	uint64_t cgroup; /* id */
	char path[4096]; /* relative to the cgroup mount, for people and to open it again */
	char file[64];
	int64_t first_value; /* before the first write; INT64_MAX is "max" */
	int64_t last_value;  /* what we wrote last */
};

/* Must be committed before the first write to the file: -EEXIST never, an existing row keeps its
 * first_value. */
int store_journal_first(struct store *s, const struct journal_row *row);
int store_journal_last(struct store *s, uint64_t cgroup, const char *file, int64_t last_value);
int store_journal_remove(struct store *s, uint64_t cgroup, const char *file);
/* *ret is an array of *n, freed by the caller. */
int store_list_journal(struct store *s, struct journal_row **ret, size_t *n);

#endif

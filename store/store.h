/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The database that the processes of a node share: SQLite in WAL mode. This header opens it and
 * groups changes; functions.h, history.h, memory.h, plan.h, ledger.h and counters.h say what is
 * in it; retention.h and backup.h keep it small and safe.
 *
 * Errors: negative errno. -EBUSY locked by another process for longer than 10 s, -EUCLEAN damaged,
 * -ENOTSUP made by a newer faasmat, or by an older one and opened to read only, -EROFS the file
 * system cannot do WAL, -ENOENT no such database, -ENOSPC, -EIO, ... store_why() has the sentence
 * for people.
 */
#ifndef FAASMAT_STORE_STORE_H
#define FAASMAT_STORE_STORE_H

#include "common/util.h"

struct store;

enum store_mode {
	STORE_READ,   /* must exist; never written */
	STORE_WRITE,  /* must exist */
	STORE_CREATE, /* made when missing */
};

/* *ret is owned by the caller; store_close(). NULL on failure. Not to be shared between threads. */
int store_open(const char *path, enum store_mode mode, struct store **ret);
void store_close(struct store *s);
/* Bytes of the database that are kept in memory, at most; 4 MiB unless said. */
void store_set_cache(struct store *s, int64_t bytes);
void store_closep(struct store **s);
#define _cleanup_store_ __attribute__((cleanup(store_closep)))

/* How long a call waits for a lock of another process before -EBUSY; 10 s unless set. */
void store_set_patience(struct store *s, int milliseconds);

/* What failed last in this thread and what to do about it, one line without the path. */
const char *store_why(void);

/* One transaction: everything between begin and commit is seen by others and survives a power cut
 * as a whole or not at all. No nesting. store_rollback() without a transaction does nothing. */
int store_begin(struct store *s);
int store_commit(struct store *s);
void store_rollback(struct store *s);

/* Small facts by name, e.g. when the collector last wrote. get: -ENOENT when unset. */
int store_set_meta(struct store *s, const char *key, int64_t value);
int store_remove_meta(struct store *s, const char *key);
int store_get_meta(struct store *s, const char *key, int64_t *ret);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What keeps the database from growing for ever. */
#ifndef FAASMAT_STORE_RETENTION_H
#define FAASMAT_STORE_RETENTION_H

#include "store/store.h"

/* Rows of the containers table that are kept, newest first: a node that makes ten thousand a minute
 * would otherwise have more of them than of all else. */
#define STORE_CONTAINERS_KEPT 50000

/*
 * Removes what is older than minute `before`: history, intervals that were observed, memory, pools,
 * victims, containers, forecasts and plans. Inside a transaction, once a minute: each call takes one
 * function in sixty (by `minute`), so that an hour's worth is removed at one place of the file and no
 * call is long. What is left over (a shorter --keep than before) goes with the next hours.
 */
int store_forget(struct store *s, int64_t minute, int64_t before);

/* Between transactions, once a minute: copies the log (WAL) into the file as far as readers allow, and
 * gives free pages back to the file system when a quarter of the file is free, a bounded number a
 * call. */
int store_tidy(struct store *s);
/* On a full disk: all of the log into the file, which mostly has room for it, and the log's bytes back to
 * the file system. Not inside a transaction. -EBUSY while somebody reads or writes. */
int store_make_space(struct store *s);

#endif

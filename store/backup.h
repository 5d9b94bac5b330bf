/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A consistent copy of the running database. */
#ifndef FAASMAT_STORE_BACKUP_H
#define FAASMAT_STORE_BACKUP_H

#include "store/store.h"

struct backup_result {
	int64_t bytes;
	int64_t functions, rows;	   /* of history */
	int64_t first_minute, last_minute; /* of history; 0, -1: none */
};

/*
 * Copies the database as of one moment into `path`, which must not exist (-EEXIST); those who write
 * the database go on meanwhile. The copy is checked (PRAGMA quick_check), on the disk, and one file
 * (no WAL beside it) before it bears its name: what was interrupted leaves PATH.partial at most,
 * which the next backup replaces.
 */
int store_backup(struct store *s, const char *path, struct backup_result *ret);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many rows of a minute as one text, the JSON array [[...], ...]: a row of SQLite's own costs ten times
 * the processor time. The schema has views that show them as rows.
 */
#ifndef FAASMAT_STORE_PACK_H
#define FAASMAT_STORE_PACK_H

#include "store/store.h"

struct pack {
	char *text;
	size_t used, size, row; /* `row`: where the last one begins */
	bool failed;		/* no memory for a part of it */
};

void pack_begin_row(struct pack *p);
void pack_number(struct pack *p, int64_t value);
/* Any bytes; what JSON has no place for is escaped. */
void pack_text(struct pack *p, const char *text);
/* -ENOMEM: there was no memory for the row, and the pack is as it was before it. */
int pack_end_row(struct pack *p);
/* The finished array, owned by the pack and valid until its next row; NULL without memory. */
const char *pack_take(struct pack *p);
void pack_free(struct pack *p);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table's inside, shared by admission.c and admission_leases.c only. */
#ifndef FAASMAT_GOVERNOR_ADMISSION_TABLE_H
#define FAASMAT_GOVERNOR_ADMISSION_TABLE_H

#include "governor/admission.h"

#define ADMISSION_BUCKETS 4096

struct entry {
	struct entry *next; /* in the same bucket */
	int pool;
	int64_t bytes;
	char *function; /* NULL: adopted, nobody has said whose it is; "": its client does not know */
	bool seen;	/* its cgroup was there */
	bool here;	/* ... in the running scan */
	bool leased;
	bool anyway; /* as its reservation said */
	bool empty;  /* when it was last looked at */
	uint32_t owner;
	int64_t creator;    /* 0: none, or it has ended */
	int64_t expires_ns; /* unless its cgroup is seen by then; 0: never */
	char id[];
};

/* Reservations of one user whose cgroup was not seen. */
struct pending {
	uint32_t owner;
	size_t n;
};

struct admission {
	struct admission_pool *pools;
	size_t n;
	struct entry *bucket[ADMISSION_BUCKETS];
	size_t entries;
	size_t anyway; /* of them */
	struct pending *pending;
	size_t n_pending;
	int64_t max_bytes;
	bool spill;
	uint64_t version;
	bool (*make_room)(void *arg, int pool, int64_t bytes);
	void *make_room_arg;
};

/* Takes an entry out, with what it used. */
void admission_remove_entry(struct admission *a, struct entry **at);
/* Its cgroup was seen: from now on it lives as long as that. */
void admission_confirm(struct admission *a, struct entry *e);

#endif

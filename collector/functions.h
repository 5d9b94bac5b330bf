/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of a tally, by index and by name. None is ever removed, so that an index stays good. Pure. */
#ifndef FAASMAT_COLLECTOR_FUNCTIONS_H
#define FAASMAT_COLLECTOR_FUNCTIONS_H

#include "common/parse.h"
#include "store/history.h"

struct function_tally {
	char name[FUNCTION_NAME_MAX + 1];
	int64_t id;			     /* in the database; 0: not known */
	struct history_row now;		     /* of the minute that runs */
	int64_t live_containers, live_bytes; /* in the pass that runs */
	int64_t live_concurrency; /* the most in progress, between it and the one before */
	int population;		  /* containers that are not gone */
};

/* Zeroed at first. */
struct functions {
	struct function_tally *at;
	int n, size;
	int *by_name; /* 2^k slots, index + 1 of a function or 0, open addressing */
	size_t slots;
};

/* The index of a function; -1 when there is none of that name. */
int functions_find(const struct functions *f, const char *name);
/* The same; adds it when there is none. -ENOMEM. */
int functions_add(struct functions *f, const char *name);
void functions_free(struct functions *f);

#endif

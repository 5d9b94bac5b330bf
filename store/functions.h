/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of a node: a name, and what one container of it costs. */
#ifndef FAASMAT_STORE_FUNCTIONS_H
#define FAASMAT_STORE_FUNCTIONS_H

#include "common/parse.h"
#include "store/store.h"

/* Costs of one function. What was never declared nor measured is 0. */
struct store_function {
	int64_t id;
	char name[FUNCTION_NAME_MAX + 1];
	int64_t memory_bytes; /* one container */
	int64_t warm_us;      /* one warm invocation */
	int64_t cold_us;      /* from no container to the first response */
	double warm_cv;	      /* standard deviation / mean of warm times; 0: never measured */
};

/* The id of function `name`, made when new. -EINVAL for a name that function_name_fault() refuses. */
int store_function_id(struct store *s, const char *name, int64_t *ret);
/* Same, but -ENOENT when it does not exist. */
int store_find_function(struct store *s, const char *name, int64_t *ret);

/* Sets what is declared for f->name (made when new); f->id is filled in. Fields that are 0 keep
 * their value. Declared values win over measured ones. */
int store_declare_function(struct store *s, struct store_function *f);

/*
 * Every function by name, with what was declared and what was measured since `since` (minute).
 *
 * memory, the unit that pools are planned by: the 95th percentile (nearest rank) of the peaks of its
 * second and later containers, since the first one of an image also pays for the page cache that the
 * others share. A declared size is a floor: one that says less than what was measured would have
 * containers killed, one that says more is somebody's promise. Without such peaks: declared, else
 * the largest peak of a first container, else the largest mean of a minute.
 * warm: declared, else busy time / responses. cold: declared, else the mean from a container's making
 * to its first response. warm_cv: from how the minutes' mean busy times scatter around warm, the
 * fewer responses a minute has the more. *ret is an array of *n, freed by the caller.
 */
int store_list_functions(struct store *s, int64_t since, struct store_function **ret, size_t *n);

#endif

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
 * Every function by name, with declared values, else those measured from history since `since`
 * (minute): memory = the largest mean memory of a container in a minute, warm = busy time /
 * responses, cold = mean time from a container's making to its first response; warm_cv from how the
 * minutes' mean busy times scatter around it, the fewer responses a minute has the more. *ret is an array of
 * *n, freed by the caller.
 */
int store_list_functions(struct store *s, int64_t since, struct store_function **ret, size_t *n);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names to numbers 0, 1, 2, ... in the order in which they were first met. */
#ifndef FAASMAT_SIMULATOR_NAMES_H
#define FAASMAT_SIMULATOR_NAMES_H

#include <stdint.h>

#include "common/util.h"

struct names {
	char **name;
	size_t n, size;
	uint32_t *slot; /* hash table of numbers + 1; 0 is free */
	size_t slots;
};

/* The number of `name`, given when it is new (then n has grown). -ENOMEM. */
int64_t names_add(struct names *n, const char *name);
/* -ENOENT when it was never added. */
int64_t names_find(const struct names *n, const char *name);
void names_release(struct names *n);
#define _cleanup_names_ __attribute__((cleanup(names_release)))

#endif

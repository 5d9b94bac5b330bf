/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the entries of a map that another version of faasmat made. The kernel keeps a map's types
 * (BTF), so an entry's fields are found by their names, whatever their order, their place and their
 * width: fields that both versions have are carried over, those that only one has are 0 or left out.
 * An upgrade and a downgrade are the same to it.
 */
#ifndef FAASMAT_COLLECTOR_LAYOUT_H
#define FAASMAT_COLLECTOR_LAYOUT_H

#include "common/util.h"

struct btf;

#define LAYOUT_FIELDS 64

struct layout {
	size_t from_size, to_size;
	size_t n;
	struct layout_field {
		uint32_t from, to;	     /* offsets in bytes */
		uint32_t from_size, to_size; /* of one number */
		uint32_t count;		     /* 1, or elements of an array that both have */
	} field[LAYOUT_FIELDS];
};

/* From struct `from_type` to `to_type` (type ids). -EINVAL when one is no struct, -E2BIG for too many
 * fields. Whole numbers, characters and arrays of them are carried over. */
int layout_make(const struct btf *from, int from_type, const struct btf *to, int to_type,
		struct layout *ret);
/* The same for two maps; -ENODATA when the kernel has no types for one. */
int layout_of_maps(int from_map, int to_map, struct layout *ret);

/* Writes all of `to` (l->to_size bytes); numbers that do not fit keep their low bytes. */
void layout_convert(const struct layout *l, const void *from, void *to);

#endif

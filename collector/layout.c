// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/layout.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

/* A number, or an array of numbers: its width and how many. */
static bool read_numbers(const struct btf *btf, int type, uint32_t *size, uint32_t *count)
{
	const struct btf_type *t;
	int64_t bytes;

	type = btf__resolve_type(btf, type);
	t = type < 0 ? NULL : btf__type_by_id(btf, type);
	*count = 1;
	if (t && btf_is_array(t)) {
		*count = btf_array(t)->nelems;
		type = btf__resolve_type(btf, btf_array(t)->type);
		t = type < 0 ? NULL : btf__type_by_id(btf, type);
	}
	if (!t || !(btf_is_int(t) || btf_is_any_enum(t)))
		return false;
	bytes = btf__resolve_size(btf, type);
	*size = (uint32_t)bytes;
	return bytes > 0 && bytes <= 8 && *count > 0;
}

static const struct btf_member *find_member(const struct btf *btf, const struct btf_type *t,
					    const char *name)
{
	const struct btf_member *m = btf_members(t);

	for (int i = 0; i < btf_vlen(t); i++)
		if (strcmp(btf__name_by_offset(btf, m[i].name_off), name) == 0)
			return &m[i];
	return NULL;
}

static int add_field(struct layout *l, const struct btf *from, const struct btf_member *f,
		     const struct btf *to, const struct btf_member *t)
{
	struct layout_field *field = &l->field[l->n];
	uint32_t f_count, t_count;

	if (!read_numbers(from, f->type, &field->from_size, &f_count) ||
	    !read_numbers(to, t->type, &field->to_size, &t_count))
		return 0;
	if (f->offset % 8 || t->offset % 8)
		return 0;
	field->from = f->offset / 8;
	field->to = t->offset / 8;
	field->count = MIN(f_count, t_count);
	return ++l->n == LAYOUT_FIELDS ? -E2BIG : 0;
}

int layout_make(const struct btf *from, int from_type, const struct btf *to, int to_type,
		struct layout *ret)
{
	const struct btf_type *f = btf__type_by_id(from, from_type);
	const struct btf_type *t = btf__type_by_id(to, to_type);
	const struct btf_member *m;
	int r = 0;

	*ret = (struct layout){ 0 };
	if (!f || !t || !btf_is_struct(f) || !btf_is_struct(t))
		return -EINVAL;
	ret->from_size = f->size;
	ret->to_size = t->size;
	m = btf_members(t);
	for (int i = 0; i < btf_vlen(t) && r == 0; i++) {
		const char *name = btf__name_by_offset(to, m[i].name_off);
		const struct btf_member *old = find_member(from, f, name);

		if (old)
			r = add_field(ret, from, old, to, &m[i]);
	}
	return r;
}

static int types_of(int map, struct btf **ret, int *type, uint32_t *value_size)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	*ret = NULL;
	if (bpf_obj_get_info_by_fd(map, &info, &size) < 0)
		return -errno;
	if (!info.btf_id || !info.btf_value_type_id)
		return -ENODATA;
	*ret = btf__load_from_kernel_by_id(info.btf_id);
	if (!*ret)
		return -errno;
	*type = btf__resolve_type(*ret, (int)info.btf_value_type_id);
	*value_size = info.value_size;
	return 0;
}

int layout_of_maps(int from_map, int to_map, struct layout *ret)
{
	struct btf *from = NULL, *to = NULL;
	uint32_t from_size, to_size;
	int from_type, to_type;
	int r = types_of(from_map, &from, &from_type, &from_size);

	if (r == 0)
		r = types_of(to_map, &to, &to_type, &to_size);
	if (r == 0)
		r = layout_make(from, from_type, to, to_type, ret);
	if (r == 0 && (ret->from_size != from_size || ret->to_size != to_size))
		r = -EINVAL;
	btf__free(from);
	btf__free(to);
	return r;
}

static uint64_t load(const void *p, uint32_t size)
{
	uint64_t v = 0;

	/* Little-endian, as every machine with faasmat's BPF programs so far. */
	memcpy(&v, p, size);
	return v;
}

void layout_convert(const struct layout *l, const void *from, void *to)
{
	memset(to, 0, l->to_size);
	for (size_t i = 0; i < l->n; i++) {
		const struct layout_field *f = &l->field[i];

		for (uint32_t k = 0; k < f->count; k++) {
			uint64_t v = load((const char *)from + f->from + k * f->from_size,
					  f->from_size);

			memcpy((char *)to + f->to + k * f->to_size, &v, f->to_size);
		}
	}
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/cgroups_path.h"

#include <errno.h>
#include <string.h>

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);

	return n > k && strcmp(text + n - k, end) == 0;
}

static int put(char *out, size_t size, const char *fmt, const char *a, const char *b, const char *c)
{
	int n = snprintf(out, size, fmt, a, b, c);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* ".", ".." or an empty component between others. */
static bool is_odd(const char *path)
{
	while (*path) {
		size_t n;

		path += *path == '/';
		n = strcspn(path, "/");
		if (n == 0 || strncmp(path, ".", n) == 0 || strncmp(path, "..", MAX(n, 2)) == 0)
			return true;
		path += n;
	}
	return false;
}

/* "SLICE:PREFIX:NAME" into its fields. */
struct scope {
	char slice[CGROUPS_PATH_MAX];
	const char *prefix, *name;
};

static int split_scope(const char *text, struct scope *s)
{
	char *first, *second;

	if (strlen(text) >= sizeof(s->slice))
		return -ENAMETOOLONG;
	strcpy(s->slice, text);
	first = strchr(s->slice, ':');
	second = first ? strchr(first + 1, ':') : NULL;
	if (!second || strchr(second + 1, ':') || strchr(text, '/') || !second[1])
		return -EINVAL;
	*first = *second = '\0';
	s->prefix = first + 1;
	s->name = second + 1;
	/* A name that is a slice itself asks for no scope. */
	return ends_in(s->name, ".slice") ? -EINVAL : 0;
}

/* "a-b.slice" lies in "a.slice": "/a.slice/a-b.slice". */
static int expand_slice(const char *slice, char *out, size_t size)
{
	size_t n = 0;

	if (strcmp(slice, "-.slice") == 0) {
		*out = '\0';
		return 0;
	}
	if (!ends_in(slice, ".slice") || *slice == '-' || strstr(slice, "--"))
		return -EINVAL;
	for (const char *dash = strchr(slice, '-');; dash = strchr(dash + 1, '-')) {
		size_t bytes = dash ? (size_t)(dash - slice) : strlen(slice) - 6;

		if (n + bytes + 8 >= size)
			return -ENAMETOOLONG;
		n += (size_t)sprintf(out + n, "/%.*s.slice", (int)bytes, slice);
		if (!dash)
			return 0;
	}
}

static int resolve_scope(const char *text, char *out, size_t size)
{
	struct scope s;
	size_t n;
	int r = split_scope(text, &s);

	if (r == 0)
		r = expand_slice(*s.slice ? s.slice : "system.slice", out, size);
	if (r < 0)
		return r;
	n = strlen(out);
	return *s.prefix ? put(out + n, size - n, "/%s-%s.scope%s", s.prefix, s.name, "")
			 : put(out + n, size - n, "/%s.scope%s%s", s.name, "", "");
}

int cgroups_path_resolve(const char *text, const char *id, bool systemd, char *out, size_t size)
{
	if (systemd)
		return text ? resolve_scope(text, out, size) : -EINVAL;
	if (!text || !*text)
		return put(out, size, "/%s%s%s", id, "", "");
	if (is_odd(text))
		return -EINVAL;
	return put(out, size, "%s%s%s", *text == '/' ? "" : "/", text, "");
}

/* "/faasmat.slice/faasmat-main.slice"; not "/faasmat/pool-x.slice", the pool of a function with such a name. */
static bool is_slice(const char *pool)
{
	const char *last = strrchr(pool, '/');
	char above[CGROUPS_PATH_MAX];

	if (!ends_in(last, ".slice"))
		return false;
	snprintf(above, sizeof(above), "%.*s", (int)(last - pool), pool);
	return !*above || ends_in(above, ".slice");
}

int cgroups_path_move(const char *text, const char *id, bool systemd, const char *pool, char *out,
		      size_t size)
{
	const char *slice = strrchr(pool, '/');
	char path[CGROUPS_PATH_MAX];
	struct scope s;
	int r;

	if (*pool != '/' || is_odd(pool))
		return -EINVAL;
	if (is_slice(pool) != systemd)
		return -EXDEV;
	if (systemd) {
		r = text ? split_scope(text, &s) : -EINVAL;
		return r < 0 ? r : put(out, size, "%s:%s:%s", slice + 1, s.prefix, s.name);
	}
	r = cgroups_path_resolve(text, id, false, path, sizeof(path));
	return r < 0 ? r : put(out, size, "%s%s%s", pool, strrchr(path, '/'), "");
}

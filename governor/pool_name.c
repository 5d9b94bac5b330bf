// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/pool_name.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SUFFIX ".slice"
#define SUFFIX_LENGTH (sizeof(SUFFIX) - 1)
/* systemd's UNIT_NAME_MAX counts the NUL. */
#define UNIT_NAME_LENGTH 255

bool pool_name_is_one(const char *name)
{
	return strcmp(name, "main") == 0 || (strncmp(name, "pool-", 5) == 0 && name[5]);
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool pool_name_is_slice(const char *path)
{
	const char *name = last_component(path);
	size_t n = strlen(name);

	return n > SUFFIX_LENGTH && strcmp(name + n - SUFFIX_LENGTH, SUFFIX) == 0;
}

/* "X-" of root "/.../X.slice"; its length. */
static size_t prefix_of(const char *root, char *out, size_t size)
{
	const char *name = last_component(root);
	int n = snprintf(out, size, "%.*s-", (int)(strlen(name) - SUFFIX_LENGTH), name);

	return n < 0 ? 0 : (size_t)n;
}

static bool is_plain(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == ':' || c == '.';
}

int pool_name_to_directory(const char *root, const char *pool, char *out, size_t size)
{
	size_t n;

	if (!pool_name_is_slice(root))
		return (size_t)snprintf(out, size, "%s", pool) < size ? 0 : -ENAMETOOLONG;
	n = prefix_of(root, out, size);
	for (const char *p = pool; *p && n < size; p++)
		n += (size_t)snprintf(out + n, size - n, is_plain(*p) ? "%c" : "\\x%02x",
				      (unsigned char)*p);
	if (n < size)
		n += (size_t)snprintf(out + n, size - n, SUFFIX);
	return n < size && n <= UNIT_NAME_LENGTH ? 0 : -ENAMETOOLONG;
}

static int unescape(const char *from, const char *end, char *out, size_t size)
{
	size_t n = 0;

	while (from < end && n + 1 < size) {
		unsigned int byte;

		if (*from == '-')
			return -EINVAL;
		if (*from != '\\') {
			out[n++] = *from++;
			continue;
		}
		if (end - from < 4 || sscanf(from, "\\x%2x", &byte) != 1 || byte == 0)
			return -EINVAL;
		out[n++] = (char)byte;
		from += 4;
	}
	out[n] = '\0';
	return from == end && pool_name_is_one(out) ? 0 : -EINVAL;
}

int pool_name_of_directory(const char *root, const char *directory, char *out, size_t size)
{
	size_t n = strlen(directory), prefix;
	char start[UNIT_NAME_LENGTH + 2];

	if (!pool_name_is_slice(root)) {
		if (!pool_name_is_one(directory) || n >= size)
			return -EINVAL;
		strcpy(out, directory);
		return 0;
	}
	prefix = prefix_of(root, start, sizeof(start));
	if (!pool_name_is_slice(directory) || prefix >= sizeof(start) ||
	    strncmp(directory, start, prefix) != 0 || n < prefix + SUFFIX_LENGTH)
		return -EINVAL;
	return unescape(directory + prefix, directory + n - SUFFIX_LENGTH, out, size);
}

int pool_name_slice_path(const char *slice, char *out, size_t size)
{
	size_t n = 0;

	if (!pool_name_is_slice(slice) || strchr(slice, '/') || *slice == '-' ||
	    strstr(slice, "--") || strstr(slice, "-" SUFFIX))
		return -EINVAL;
	for (const char *p = slice; n < size; p++) {
		p = strpbrk(p, "-");
		if (!p)
			break;
		n += (size_t)snprintf(out + n, size - n, "/%.*s" SUFFIX, (int)(p - slice), slice);
	}
	if (n < size)
		n += (size_t)snprintf(out + n, size - n, "/%s", slice);
	return n < size ? 0 : -EINVAL;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/edit.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

static const char *skip_string(const char *p)
{
	for (p++; *p && *p != '"'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : p;
}

/* Behind the value that begins at p; the text is known to be valid. */
static const char *skip_value(const char *p)
{
	int depth = 0;

	do {
		if (*p == '"') {
			p = skip_string(p);
			continue;
		}
		if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
			depth--;
		if (depth < 0 || (depth == 0 && strchr(", \t\r\n", *p)))
			return p;
		p++;
	} while (*p && (depth > 0 || !strchr(",}]", *p)));
	return p;
}

/*
 * Whether a reader may take the member's name for `key`: Go's decoder folds case, also of U+017F, the long
 * s (its other such letter, U+212A, stands for k, which is in no key here).
 */
static bool resembles(const char *name, size_t bytes, const char *key)
{
	const char *end = name + bytes;

	for (; *key; key++) {
		if ((*key | 0x20) == 's' && end - name >= 2 && memcmp(name, "\xc5\xbf", 2) == 0)
			name += 2;
		else if (name < end && strncasecmp(name, key, 1) == 0)
			name++;
		else
			return false;
	}
	return name == end;
}

/* The value of `key` in the object at p. -ENOENT, or -EILSEQ when some key only resembles it. */
static int find_member(const char *p, const char *key, const char **value)
{
	size_t n = strlen(key);
	int r = -ENOENT;

	for (p = skip_blanks(p + 1); *p == '"';) {
		const char *name = p + 1, *end = skip_string(p) - 1;
		size_t bytes = (size_t)(end - name);

		p = skip_blanks(end + 1);
		if (*p != ':')
			return -EINVAL;
		p = skip_blanks(p + 1);
		if (memchr(name, '\\', bytes))
			return -EILSEQ;
		if (resembles(name, bytes, key)) {
			if (bytes != n || memcmp(name, key, n) != 0)
				return -EILSEQ;
			*value = p;
			r = 0;
		}
		p = skip_blanks(skip_value(p));
		if (*p == ',')
			p = skip_blanks(p + 1);
	}
	return r;
}

/* The path as a JSON string in `out`, which has room for twice its bytes and 3 more. */
static int quote(const char *path, char *out)
{
	*out++ = '"';
	for (; *path; path++) {
		if ((unsigned char)*path < 0x20 || *path == 0x7f)
			return -EINVAL;
		if (*path == '"' || *path == '\\')
			*out++ = '\\';
		*out++ = *path;
	}
	*out++ = '"';
	*out = '\0';
	return 0;
}

static int splice(const char *text, const char *from, const char *to, const char *with, char **ret,
		  size_t *size)
{
	size_t n = strlen(text) - (size_t)(to - from) + strlen(with);
	char *out = malloc(n + 1);

	if (!out)
		return -ENOMEM;
	snprintf(out, n + 1, "%.*s%s%s", (int)(from - text), text, with, to);
	*ret = out;
	*size = n;
	return 0;
}

int edit_cgroups_path(const char *text, const char *path, char **ret, size_t *size)
{
	_cleanup_free_ char *quoted = malloc(2 * strlen(path) + 32);
	const char *linux_object, *value, *start = skip_blanks(text);
	bool empty;
	int r;

	if (!quoted)
		return -ENOMEM;
	r = *start == '{' ? find_member(start, "linux", &linux_object) : -EINVAL;
	if (r < 0 || *linux_object != '{')
		return r == -EILSEQ ? r : -EINVAL;
	r = find_member(linux_object, "cgroupsPath", &value);
	if (r == 0) {
		/* Anything else is an error that the runtime has to tell. */
		if (*value != '"' && *value != 'n')
			return -EINVAL;
		r = quote(path, quoted);
		return r < 0 ? r : splice(text, value, skip_value(value), quoted, ret, size);
	}
	if (r != -ENOENT)
		return r;
	empty = *skip_blanks(linux_object + 1) == '}';
	strcpy(quoted, "\"cgroupsPath\":");
	r = quote(path, quoted + strlen(quoted));
	if (r < 0)
		return r;
	strcat(quoted, empty ? "" : ",");
	return splice(text, linux_object + 1, linux_object + 1, quoted, ret, size);
}

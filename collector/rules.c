// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/rules.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <string.h>

#include "common/log.h"

#define GROUPS 10

struct rules {
	struct rule {
		regex_t regex;
		char *name;
	} * rule;
	size_t n;
};

/* OpenWhisk's docker factory: wsk<unique><invoker>_<counter>_<namespace>_<action>; a container that
 * still waits for its action ("prewarm") has no function yet. */
static const struct platform {
	const char *name, *text;
} platforms[] = {
	{ "openwhisk", "/wsk[0-9a-zA-Z]*_[0-9]+_[^_/]+_([^/]+)$ \\1\n" },
};

const char *rules_of_platform(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++)
		if (strcmp(platforms[i].name, name) == 0)
			return platforms[i].text;
	return NULL;
}

const char *rules_platforms(void)
{
	return "openwhisk";
}

static int add_rule(struct rules *r, const char *regex, const char *name, char *why, size_t size)
{
	struct rule *more = realloc(r->rule, (r->n + 1) * sizeof(*more));
	char *copy = strdup(name);
	int code;

	if (more)
		r->rule = more;
	if (!more || !copy) {
		free(copy);
		return -ENOMEM;
	}
	code = regcomp(&more[r->n].regex, regex, REG_EXTENDED);
	if (code) {
		regerror(code, &more[r->n].regex, why, size);
		free(copy);
		return -EINVAL;
	}
	more[r->n++].name = copy;
	return 0;
}

/* Splits "REGEX NAME"; the name is the last word, since an expression may hold blanks. */
static int parse_line(struct rules *r, char *line, char *why, size_t size)
{
	char *end = line + strlen(line), *name;

	while (isspace((unsigned char)*line))
		line++;
	while (end > line && isspace((unsigned char)end[-1]))
		*--end = '\0';
	if (!*line || *line == '#')
		return 0;
	name = end;
	while (name > line && !isspace((unsigned char)name[-1]))
		name--;
	if (name == line) {
		snprintf(why, size, "a rule is REGEX NAME, with a blank between");
		return -EINVAL;
	}
	end = name;
	while (end > line && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return add_rule(r, line, name, why, size);
}

int rules_parse(const char *text, struct rules **ret, char *why, size_t size)
{
	_cleanup_free_ char *copy = strdup(text);
	struct rules *r = calloc(1, sizeof(*r));
	char *next = copy, *line, reason[256] = "";
	int number = 0, error = copy && r ? 0 : -ENOMEM;

	*ret = NULL;
	while (error == 0 && (line = strsep(&next, "\n"))) {
		number++;
		error = parse_line(r, line, reason, sizeof(reason));
	}
	if (error == 0 && r->n == 0) {
		snprintf(reason, sizeof(reason), "it holds no rule");
		error = -EINVAL;
	}
	if (error < 0) {
		snprintf(why, size, "line %d: %s", number, reason[0] ? reason : strerror(-error));
		rules_free(r);
		return error;
	}
	*ret = r;
	return 0;
}

int rules_read(const char *path, struct rules **ret)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	char why[320];
	ssize_t n;
	int r;

	*ret = NULL;
	if (!f)
		return log_error_errno(-errno, "--rules %s", path);
	/* The whole file: up to a NUL byte, which no rule has. */
	n = getdelim(&text, &size, '\0', f);
	if (n < 0 && ferror(f))
		return log_error_errno(-EIO, "--rules %s", path);
	r = rules_parse(n > 0 ? text : "", ret, why, sizeof(why));
	if (r < 0)
		log_error("--rules %s, %s", path, why);
	return r;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++) {
		regfree(&r->rule[i].regex);
		free(r->rule[i].name);
	}
	free(r->rule);
	free(r);
}

/* Writes the name with its groups filled in; false when it does not fit. */
static bool expand(const char *name, const char *path, const regmatch_t *group, char *out,
		   size_t size)
{
	size_t n = 0;

	for (const char *p = name; *p; p++) {
		const char *from = p;
		size_t bytes = 1;

		if (p[0] == '\\' && isdigit((unsigned char)p[1])) {
			const regmatch_t *g = &group[*++p - '0'];

			bytes = g->rm_so < 0 ? 0 : (size_t)(g->rm_eo - g->rm_so);
			from = path + MAX(g->rm_so, 0);
		}
		if (n + bytes >= size)
			return false;
		memcpy(out + n, from, bytes);
		n += bytes;
	}
	out[n] = '\0';
	return true;
}

bool rules_match(const struct rules *r, const char *path, char name[FUNCTION_NAME_MAX + 1])
{
	regmatch_t group[GROUPS];

	for (size_t i = 0; i < r->n; i++) {
		if (regexec(&r->rule[i].regex, path, GROUPS, group, 0) != 0)
			continue;
		return expand(r->rule[i].name, path, group, name, FUNCTION_NAME_MAX + 1) &&
		       !function_name_fault(name);
	}
	return false;
}

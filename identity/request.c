// SPDX-License-Identifier: GPL-2.0-or-later
#include "identity/request.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Where names can stand; deeper levels are only counted. */
#define LEVELS 3
#define KEY_MAX 32
#define TEXT_MAX 512
#define DEPTH_MAX 512

/* What a request must say, as a path of keys. */
struct wanted {
	const char *path[LEVELS + 1];
	char value[TEXT_MAX];
	bool found;
};

struct scan {
	const char *at, *end;
	bool object[DEPTH_MAX]; /* by level: an object, not an array */
	char key[LEVELS + 1][KEY_MAX];
	int depth;
	struct wanted *wanted;
	size_t n_wanted;
};

enum step { STEP_OK, STEP_SHORT, STEP_BAD };

static void skip_blanks(struct scan *s)
{
	while (s->at < s->end && strchr(" \t\r\n", *s->at) && *s->at)
		s->at++;
}

/* A string into `out`; one that is longer, or has an escape other than \/ , comes out empty. */
static enum step read_string(struct scan *s, char *out, size_t size)
{
	size_t n = 0;
	bool odd = false;

	for (s->at++; s->at < s->end && *s->at != '"'; s->at++) {
		if (*s->at == '\\') {
			if (++s->at == s->end)
				return STEP_SHORT;
			odd |= *s->at != '/';
		}
		if ((unsigned char)*s->at < 0x20)
			return STEP_BAD;
		if (n + 1 < size)
			out[n++] = *s->at;
		else
			odd = true;
	}
	if (s->at == s->end)
		return STEP_SHORT;
	s->at++;
	out[odd ? 0 : n] = '\0';
	return STEP_OK;
}

static bool is_at(const struct scan *s, const struct wanted *w)
{
	int level = 0;

	for (; w->path[level]; level++)
		if (level >= s->depth || !s->object[level] || strcmp(s->key[level], w->path[level]))
			return false;
	return level == s->depth;
}

static enum step take_text(struct scan *s)
{
	char text[TEXT_MAX];
	enum step step = read_string(s, text, sizeof(text));

	for (size_t i = 0; i < s->n_wanted && step == STEP_OK; i++) {
		struct wanted *w = &s->wanted[i];

		if (!is_at(s, w))
			continue;
		/* Said twice: readers differ in which they believe. */
		if (w->found)
			return STEP_BAD;
		strcpy(w->value, text);
		w->found = true;
	}
	return step;
}

static enum step read_key(struct scan *s)
{
	char other[KEY_MAX];
	char *key = s->depth <= LEVELS ? s->key[s->depth - 1] : other;
	enum step step;

	skip_blanks(s);
	if (s->at == s->end)
		return STEP_SHORT;
	if (*s->at == '}')
		return STEP_OK;
	if (*s->at != '"')
		return STEP_BAD;
	step = read_string(s, key, KEY_MAX);
	if (step != STEP_OK)
		return step;
	skip_blanks(s);
	if (s->at == s->end)
		return STEP_SHORT;
	return *s->at++ == ':' ? STEP_OK : STEP_BAD;
}

static enum step open_level(struct scan *s, bool object)
{
	if (s->depth == DEPTH_MAX)
		return STEP_BAD;
	s->at++;
	s->object[s->depth++] = object;
	return object ? read_key(s) : STEP_OK;
}

/* One token of a value or what stands between values. */
static enum step step(struct scan *s)
{
	skip_blanks(s);
	if (s->at == s->end)
		return STEP_SHORT;
	switch (*s->at) {
	case '{':
	case '[':
		return open_level(s, *s->at == '{');
	case '}':
	case ']':
		if (s->depth == 0 || s->object[s->depth - 1] != (*s->at == '}'))
			return STEP_BAD;
		s->at++;
		s->depth--;
		return STEP_OK;
	case ',':
		s->at++;
		if (s->depth == 0)
			return STEP_BAD;
		return s->object[s->depth - 1] ? read_key(s) : STEP_OK;
	case '"':
		return take_text(s);
	default:
		if (!isalnum((unsigned char)*s->at) && *s->at != '-')
			return STEP_BAD;
		while (s->at < s->end && (isalnum((unsigned char)*s->at) || strchr("+-.", *s->at)))
			s->at++;
		return STEP_OK;
	}
}

static bool all_found(const struct scan *s)
{
	for (size_t i = 0; i < s->n_wanted; i++)
		if (!s->wanted[i].found)
			return false;
	return true;
}

static enum request_outcome scan_body(const char *body, const char *end, struct wanted *wanted,
				      size_t n)
{
	struct scan s = { .at = body, .end = end, .wanted = wanted, .n_wanted = n };
	enum step last = STEP_OK;

	do
		last = step(&s);
	while (last == STEP_OK && !all_found(&s) && s.depth > 0);
	if (last != STEP_BAD && all_found(&s))
		return REQUEST_FOUND;
	return last == STEP_SHORT ? REQUEST_MORE : REQUEST_OTHER;
}

/* The body behind the head's empty line; a chunked one begins with its size on a line of its own. */
static const char *find_body(const char *text, const char *end)
{
	const char *body = memmem(text, (size_t)(end - text), "\r\n\r\n", 4);

	if (!body)
		return NULL;
	body += 4;
	if (body < end && isxdigit((unsigned char)*body)) {
		const char *line = memmem(body, (size_t)(end - body), "\r\n", 2);

		return line ? line + 2 : NULL;
	}
	return body;
}

static void append_plain(char *out, size_t size, const char *from, size_t n)
{
	size_t have = strlen(out);

	for (size_t i = 0; i < n && have + 1 < size; i++)
		if (isalnum((unsigned char)from[i]) || from[i] == '_')
			out[have++] = from[i];
	out[have] = '\0';
}

/* "/guest/package/hello" as guest_hello. */
static bool take_whisk_name(const char *name, char *out, size_t size)
{
	const char *from = name + (*name == '/');
	const char *slash = strchr(from, '/'), *last = strrchr(from, '/');

	if (!slash || slash == from || !last[1])
		return false;
	*out = '\0';
	append_plain(out, size, from, (size_t)(slash - from));
	append_plain(out, size, "_", 1);
	append_plain(out, size, last + 1, strlen(last + 1));
	return true;
}

static bool is_dns_label(const char *name)
{
	return *name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.")];
}

static enum request_outcome whisk(const char *body, const char *end, struct wanted *w, char *action,
				  size_t size)
{
	enum request_outcome outcome = scan_body(body, end, w, 1);

	if (outcome == REQUEST_FOUND && !take_whisk_name(w->value, action, size))
		return REQUEST_OTHER;
	return outcome;
}

static enum request_outcome fission(const char *body, const char *end, char *action, size_t size)
{
	struct wanted w[] = { { .path = { "FunctionMetadata", "name" } },
			      { .path = { "FunctionMetadata", "namespace" } } };
	enum request_outcome outcome = scan_body(body, end, w, 2);

	if (outcome != REQUEST_FOUND)
		return outcome;
	if (!is_dns_label(w[0].value) || !is_dns_label(w[1].value))
		return REQUEST_OTHER;
	snprintf(action, size, "%s_%s", w[1].value, w[0].value);
	return REQUEST_FOUND;
}

static bool begins(const char *text, size_t n, const char *with)
{
	size_t k = strlen(with);

	return n >= k && memcmp(text, with, k) == 0;
}

enum request_outcome request_action(const char *text, size_t n, char *action, size_t size)
{
	struct wanted init = { .path = { "value", "env", "__OW_ACTION_NAME" } };
	struct wanted run = { .path = { "action_name" } };
	const char *end = text + n, *body;
	bool is_init = begins(text, n, "POST /init "), is_run = begins(text, n, "POST /run ");

	if (!is_init && !is_run && !begins(text, n, "POST /v2/specialize "))
		return REQUEST_OTHER;
	body = find_body(text, end);
	if (!body)
		return REQUEST_MORE;
	if (is_init || is_run)
		return whisk(body, end, is_init ? &init : &run, action, size);
	return fission(body, end, action, size);
}

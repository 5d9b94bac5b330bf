// SPDX-License-Identifier: GPL-2.0-or-later
#include "identity/rules.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <string.h>

#include "common/log.h"
#include "identity/regex_bounds.h"

#define GROUPS 10
#define CONDITIONS 4

static const char *const source_names[FACT_KINDS] = {
	[FACT_PATH] = "path",
	[FACT_ID] = "id",
	[FACT_NAME] = "name",
	[FACT_NAMESPACE] = "namespace",
	[FACT_ANNOTATION] = "annotation:",
	[FACT_LABEL] = "label:",
	[FACT_ENV] = "env:",
	[FACT_ACTION] = "action",
};

struct condition {
	enum fact_kind kind;
	char *key; /* "" where the kind has none */
	char *text;
	regex_t regex;
	bool compiled;
};

struct rule {
	struct condition condition[CONDITIONS];
	size_t n;
	char *name;
	bool pod;
};

struct rules {
	struct rule *rule;
	size_t n;
};

static void free_rule(struct rule *rule)
{
	for (size_t i = 0; i < rule->n; i++) {
		struct condition *c = &rule->condition[i];

		if (c->compiled)
			regfree(&c->regex);
		free(c->key);
		free(c->text);
	}
	free(rule->name);
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		free_rule(&r->rule[i]);
	free(r->rule);
	free(r);
}

static int compile(struct condition *c, char *why, size_t size)
{
	int code;

	if (c->compiled)
		return 0;
	if (regex_fault(c->text)) {
		snprintf(why, size, "%s", regex_fault(c->text));
		return -EINVAL;
	}
	code = regcomp(&c->regex, c->text, REG_EXTENDED);
	if (code) {
		regerror(code, &c->regex, why, size);
		return -EINVAL;
	}
	c->compiled = true;
	return 0;
}

/* "annotation:KEY" and the like; false when `word` is no source. */
static bool is_source(const char *word, enum fact_kind *kind, const char **key)
{
	for (enum fact_kind k = 0; k < FACT_KINDS; k++) {
		size_t n = strlen(source_names[k]);
		bool keyed = source_names[k][n - 1] == ':';

		if (strncmp(word, source_names[k], n) != 0 || (keyed ? !word[n] : word[n]))
			continue;
		*kind = k;
		*key = word + n;
		return true;
	}
	return false;
}

static int add_condition(struct rule *rule, enum fact_kind kind, const char *key, const char *regex)
{
	struct condition *c = &rule->condition[rule->n];

	*c = (struct condition){ .kind = kind, .key = strdup(key), .text = strdup(regex) };
	rule->n++;
	return c->key && c->text ? 0 : -ENOMEM;
}

static char *next_word(char **line)
{
	char *word;

	*line += strspn(*line, " \t\r");
	word = *line;
	*line += strcspn(*line, " \t\r");
	if (**line)
		*(*line)++ = '\0';
	return *word ? word : NULL;
}

/* "SOURCE REGEX ... NAME" */
static int parse_sources(struct rule *rule, char *line, char *why, size_t size)
{
	char *word;

	while ((word = next_word(&line))) {
		enum fact_kind kind;
		const char *key, *regex;

		if (!is_source(word, &kind, &key)) {
			if (rule->n == 0 || next_word(&line)) {
				snprintf(why, size,
					 "'%s' is no source; a rule is [pod] SOURCE "
					 "REGEX... NAME",
					 word);
				return -EINVAL;
			}
			rule->name = strdup(word);
			return rule->name ? 0 : -ENOMEM;
		}
		regex = next_word(&line);
		if (!regex || rule->n == CONDITIONS) {
			snprintf(why, size, "%s",
				 regex ? "a rule has at most 4 sources"
				       : "a source is followed by a REGEX");
			return -EINVAL;
		}
		if (add_condition(rule, kind, key, regex) < 0)
			return -ENOMEM;
	}
	snprintf(why, size, "the NAME is missing at the end");
	return -EINVAL;
}

/* "REGEX NAME"; the name is the last word, since an expression may hold blanks. */
static int parse_short(struct rule *rule, char *line, char *why, size_t size)
{
	char *end = line + strlen(line), *name = end;

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
	rule->name = strdup(name);
	if (!rule->name || add_condition(rule, FACT_PATH, "", line) < 0)
		return -ENOMEM;
	return 0;
}

/* Whether the line begins with a source, or with "pod" and one. */
static bool has_sources(struct rule *rule, char **line)
{
	size_t n = strcspn(*line, " \t");
	enum fact_kind kind;
	const char *key;
	char word[512];

	if (n == 3 && strncmp(*line, "pod", 3) == 0) {
		rule->pod = true;
		*line += n + strspn(*line + n, " \t");
		return true;
	}
	snprintf(word, sizeof(word), "%.*s", (int)MIN(n, sizeof(word) - 1), *line);
	return is_source(word, &kind, &key);
}

static int parse_rule(struct rule *rule, char *line, bool check, char *why, size_t size)
{
	int r = has_sources(rule, &line) ? parse_sources(rule, line, why, size)
					 : parse_short(rule, line, why, size);

	for (size_t i = 0; i < rule->n && check && r == 0; i++)
		r = compile(&rule->condition[i], why, size);
	return r;
}

static int parse_line(struct rules *r, char *line, bool check, char *why, size_t size)
{
	char *end = line + strlen(line);
	struct rule *more;
	int error;

	while (isspace((unsigned char)*line))
		line++;
	while (end > line && isspace((unsigned char)end[-1]))
		*--end = '\0';
	if (!*line || *line == '#')
		return 0;
	more = realloc(r->rule, (r->n + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	r->rule = more;
	more[r->n] = (struct rule){ 0 };
	error = parse_rule(&more[r->n], line, check, why, size);
	r->n++;
	return error;
}

static int parse(const char *text, bool check, struct rules **ret, char *why, size_t size)
{
	_cleanup_free_ char *copy = strdup(text);
	struct rules *r = calloc(1, sizeof(*r));
	char *next = copy, *line, reason[256] = "";
	int number = 0, error = copy && r ? 0 : -ENOMEM;

	*ret = NULL;
	while (error == 0 && (line = strsep(&next, "\n"))) {
		number++;
		error = parse_line(r, line, check, reason, sizeof(reason));
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

int rules_parse(const char *text, struct rules **ret, char *why, size_t size)
{
	return parse(text, true, ret, why, size);
}

int rules_of_platform(const char *platform, struct rules **ret)
{
	const char *text = rules_platform_text(platform);
	char why[320];

	*ret = NULL;
	return text ? parse(text, false, ret, why, sizeof(why)) : -ENOENT;
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

/* A text and where each \1 .. \9 is in it. */
struct groups {
	const char *from[GROUPS];
	size_t bytes[GROUPS];
	int n; /* \1 .. \n are set */
};

static void take_groups(struct groups *g, const char *value, const regmatch_t *match, size_t n)
{
	for (size_t i = 1; i <= n && g->n < GROUPS - 1; i++) {
		g->n++;
		g->from[g->n] = value + MAX(match[i].rm_so, 0);
		g->bytes[g->n] = match[i].rm_so < 0 ? 0 : (size_t)(match[i].rm_eo - match[i].rm_so);
	}
}

/* Writes the name with its groups filled in; false when it does not fit. */
static bool expand(const char *name, const struct groups *g, char *out, size_t size)
{
	size_t n = 0;

	for (const char *p = name; *p; p++) {
		const char *from = p;
		size_t bytes = 1;

		if (p[0] == '\\' && isdigit((unsigned char)p[1])) {
			int i = *++p - '0';

			bytes = i <= g->n ? g->bytes[i] : 0;
			from = bytes ? g->from[i] : p;
		}
		if (n + bytes >= size)
			return false;
		memcpy(out + n, from, bytes);
		n += bytes;
	}
	out[n] = '\0';
	return true;
}

/* What a condition still waits for; IDENTITY_NONE: nothing. */
static enum identity waits_for(const struct facts *f, enum fact_kind kind)
{
	switch (kind) {
	case FACT_PATH:
	case FACT_ID:
		return IDENTITY_NONE;
	case FACT_NAME:
		return f->name[0] || f->files_read ? IDENTITY_NONE : IDENTITY_NEEDS_FILES;
	case FACT_ACTION:
		return f->request_seen ? IDENTITY_NONE : IDENTITY_NEEDS_REQUEST;
	default:
		return f->files_read ? IDENTITY_NONE : IDENTITY_NEEDS_FILES;
	}
}

/* IDENTITY_FOUND: the condition holds. */
static enum identity meets(struct condition *c, const struct facts *f, struct groups *g)
{
	enum identity wait = waits_for(f, c->kind);
	regmatch_t match[GROUPS];
	const char *value;
	char why[8];

	if (wait != IDENTITY_NONE)
		return wait;
	value = facts_get(f, c->kind, c->key);
	if (!value || compile(c, why, sizeof(why)) < 0 ||
	    regexec(&c->regex, value, GROUPS, match, 0) != 0)
		return IDENTITY_NONE;
	take_groups(g, value, match, c->regex.re_nsub);
	return IDENTITY_FOUND;
}

enum identity rules_match(struct rules *r, const struct facts *f, struct identity_match *ret)
{
	for (size_t i = 0; i < r->n; i++) {
		struct rule *rule = &r->rule[i];
		struct groups groups = { .n = 0 };
		enum identity outcome = IDENTITY_FOUND;

		for (size_t k = 0; k < rule->n && outcome == IDENTITY_FOUND; k++)
			outcome = meets(&rule->condition[k], f, &groups);
		if (outcome == IDENTITY_NONE)
			continue;
		if (outcome != IDENTITY_FOUND)
			return outcome;
		ret->pod = rule->pod;
		if (!expand(rule->name, &groups, ret->function, sizeof(ret->function)) ||
		    function_name_fault(ret->function))
			return IDENTITY_NONE;
		return IDENTITY_FOUND;
	}
	return IDENTITY_NONE;
}

bool rules_need_requests(const struct rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->rule[i].n; k++)
			if (r->rule[i].condition[k].kind == FACT_ACTION)
				return true;
	return false;
}

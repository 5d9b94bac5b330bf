// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "cli/cli.h"

#define DEFAULT_DB "/var/lib/faasmat/faasmat.db"

void common_defaults(struct common_options *o)
{
	const char *db = getenv("FAASMAT_DB");

	*o = (struct common_options){ .db = db && *db ? db : DEFAULT_DB };
}

enum { KEY_DB = 0x1000, KEY_JSON, KEY_VERBOSE, KEY_LENGTH, KEY_ORIGIN };

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	struct common_options *o = state->input;

	switch (key) {
	case KEY_DB:
		o->db = arg;
		return 0;
	case KEY_JSON:
		o->json = true;
		return 0;
	case KEY_VERBOSE:
		o->verbose = true;
		log_set_level(LOG_LEVEL_DEBUG);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option common_list[] = {
	{ NULL, 0, NULL, 0, "Common:", 90 },
	{ "db", KEY_DB, "PATH", 0, "The database (default $FAASMAT_DB, else " DEFAULT_DB ")", 90 },
	{ "json", KEY_JSON, NULL, 0, "Print JSON instead of text", 90 },
	{ "verbose", KEY_VERBOSE, NULL, 0, "Say more on stderr", 90 },
	{ "config", 0x1fff, "FILE", 0,
	  "Read options from FILE (`name = value` lines, [subcommand] sections); must come first",
	  90 },
	{ 0 },
};

const struct argp common_argp = { .options = common_list, .parser = parse_common };

static error_t parse_only(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->input;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
	}
	return ARGP_ERR_UNKNOWN;
}

void common_parse_only(int argc, char **argv, const char *doc, struct common_options *o)
{
	static const struct argp_child children[] = { { &common_argp, 0, NULL, 0 }, { 0 } };
	const struct argp argp = { .parser = parse_only, .doc = doc, .children = children };

	common_defaults(o);
	argp_parse(&argp, argc, argv, 0, NULL, o);
}

struct clock_input {
	const char *length, *origin;
};

static error_t parse_clock(int key, char *arg, struct argp_state *state)
{
	static struct clock_input input;

	switch (key) {
	case ARGP_KEY_INIT:
		input = (struct clock_input){ 0 };
		return 0;
	case KEY_LENGTH:
		input.length = arg;
		return 0;
	case KEY_ORIGIN:
		input.origin = arg;
		return 0;
	case ARGP_KEY_END:
		if (clock_parse(state->input, input.length, input.origin) < 0)
			argp_error(state,
				   "--minute-length takes a duration of at least 10ms (60s), "
				   "--minute-origin MINUTE@UNIXTIME");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option clock_list[] = {
	{ NULL, 0, NULL, 0, "Time:", 80 },
	{ "minute-length", KEY_LENGTH, "TIME", 0,
	  "How long a minute lasts (default 60s); shorter for tests and demos", 80 },
	{ "minute-origin", KEY_ORIGIN, "MINUTE@UNIXTIME", 0,
	  "Minute MINUTE (since the epoch) begins at UNIXTIME; for processes that share a scaled clock",
	  80 },
	{ 0 },
};

const struct argp clock_argp = { .options = clock_list, .parser = parse_clock };

int open_database(const struct common_options *o, enum store_mode mode, struct store **ret)
{
	int r = store_open(o->db, mode, ret);

	if (r < 0)
		log_error("%s: %s", o->db, store_why());
	return r;
}

int print_json(json_t *value)
{
	int r = json_dumpf(value, stdout, JSON_COMPACT);

	json_decref(value);
	putchar('\n');
	if (r < 0 || fflush(stdout) != 0 || ferror(stdout)) {
		log_error("cannot write to standard output");
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

const char *printable(const char *name)
{
	static char ring[4][256];
	static unsigned int next;
	char *out = ring[next++ % ARRAY_SIZE(ring)];

	snprintf(out, sizeof(ring[0]), "%s", name);
	for (char *p = out; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return out;
}

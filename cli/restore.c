// SPDX-License-Identifier: GPL-2.0-or-later
/* faasmat restore: every limit file that the governor touched gets its first value again. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "governor/cgroup_dir.h"
#include "governor/governor.h"
#include "governor/reason.h"
#include "governor/restore.h"
#include "governor/setup.h"

struct restore_arguments {
	struct common_options common;
	struct restore_options o;
	json_t *files; /* with --json */
	int kept;      /* unsafe or failed */
};

enum { KEY_STATE_DIR = 0x100, KEY_MARGIN, KEY_SOCKET };

static const struct argp_option options[] = {
	{ "state-dir", KEY_STATE_DIR, "DIR", 0, "Of the governor (default /run/faasmat)", 0 },
	{ "socket", KEY_SOCKET, "PATH", 0,
	  "Of the governor (default /run/faasmat/govern.sock): the table beside it, by which containers "
	  "are placed while no governor answers, is removed",
	  0 },
	{ "margin", KEY_MARGIN, "SIZE", 0,
	  "Do not put back a limit closer than this to the memory in use (default 16M)", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct restore_arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->common;
		return 0;
	case KEY_STATE_DIR:
		a->o.state_dir = arg;
		return 0;
	case KEY_SOCKET:
		a->o.socket = arg;
		return 0;
	case KEY_MARGIN:
		a->o.margin = option_size(arg, state, "--margin");
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", printable(arg));
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_child children[] = { { &common_argp, 0, NULL, 0 }, { 0 } };

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = children,
	.doc = "Puts back every limit that the governor ever touched, and removes what it published.\vA file that someone else has "
	       "changed since is listed and left. The governor must not be running.",
};

static void print_text(const struct restore_result *r)
{
	printf("%-9s %s/%s", restore_outcome_name(r->outcome), printable(r->path), r->file);
	switch (r->outcome) {
	case RESTORE_DONE:
		printf(": %s, was %s\n", format_limit(r->first_value), format_limit(r->found));
		break;
	case RESTORE_CHANGED:
		printf(": someone else wrote %s (we: %s); left\n", format_limit(r->found),
		       format_limit(r->last_value));
		break;
	case RESTORE_GONE:
		printf(": the cgroup is no more\n");
		break;
	case RESTORE_UNSAFE:
		printf(": %s would kill, more memory is in use; left at %s\n",
		       format_limit(r->first_value), format_limit(r->found));
		break;
	case RESTORE_FAILED:
		printf(": %s\n", strerror(-r->error));
		break;
	}
}

static void take(const struct restore_result *r, void *arg)
{
	struct restore_arguments *a = arg;
	json_t *path = json_string(r->path);

	a->kept += r->outcome == RESTORE_UNSAFE || r->outcome == RESTORE_FAILED;
	if (!a->common.json) {
		print_text(r);
		json_decref(path);
		return;
	}
	json_array_append_new(a->files,
			      json_pack("{s:s, s:o, s:s, s:I, s:I, s:I}", "outcome",
					restore_outcome_name(r->outcome), "cgroup",
					path ? path : json_null(), "file", r->file, "first_value",
					(json_int_t)r->first_value, "last_value",
					(json_int_t)r->last_value, "found", (json_int_t)r->found));
}

static int restore(struct restore_arguments *a, struct store *store)
{
	pid_t holder;
	int r = restore_all(store, &a->o, take, a, &holder);

	if (r == -EBUSY && holder)
		log_error("a governor runs (process %ld): stop it first", (long)holder);
	else if (r == -EBUSY)
		log_error("a governor runs, or the database is locked: stop it first");
	else if (r < 0)
		log_error_errno(r, "%s: %s", a->common.db, store_why());
	else if (a->kept)
		log_error(
			"%d limits could not be put back; free memory there and run restore again",
			a->kept);
	return r < 0 || a->kept ? EXIT_FAILED : EXIT_DONE;
}

int cmd_restore(int argc, char **argv)
{
	struct restore_arguments a = { .o = { .state_dir = GOVERNOR_DEFAULTS.state_dir,
					      .socket = GOVERNOR_DEFAULTS.socket,
					      .margin = GOVERNOR_DEFAULTS.margin } };
	_cleanup_store_ struct store *store = NULL;
	char mount[CGROUP_PATH_MAX] = "/sys/fs/cgroup";
	int r, printed = EXIT_DONE;

	common_defaults(&a.common);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	r = setup_find_mount(mount, sizeof(mount));
	if (r == -ENOENT) {
		log_error("no cgroup2 hierarchy is mounted: there is nothing to restore here");
		return EXIT_FAILED;
	}
	a.o.mount = mount;
	if (open_database(&a.common, STORE_WRITE, &store) < 0)
		return EXIT_FAILED;
	a.files = json_array();
	r = restore(&a, store);
	if (a.common.json)
		printed = print_json(a.files);
	else
		json_decref(a.files);
	return r == EXIT_DONE ? printed : r;
}

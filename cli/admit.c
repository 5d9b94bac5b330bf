// SPDX-License-Identifier: GPL-2.0-or-later
/* faasmat admit FUNCTION: where a new container of it goes now; or reserves and releases, for scripts. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "lib/faasmat.h"

#define ANSWER_MS 2000

struct env {
	struct common_options common;
	const char *function, *socket;
	const char *reserve, *release; /* ids */
	int64_t bytes;
	bool anyway;
};

/* Main's line, and the one of the function's pool. */
struct lines {
	const char *function;
	struct faasmat_pool main, pool;
	bool has_pool;
};

static void take_line(void *arg, const struct faasmat_pool *p)
{
	struct lines *l = arg;

	if (strcmp(p->pool, "main") == 0)
		l->main = *p;
	else if (strcmp(p->function, l->function) == 0) {
		l->pool = *p;
		l->has_pool = p->planned;
	}
}

static bool has_room(const struct faasmat_pool *p, int64_t bytes)
{
	return (p->admitted_containers < 0 || p->used_containers < p->admitted_containers) &&
	       p->used_bytes < p->admitted_bytes && bytes <= p->admitted_bytes - p->used_bytes;
}

static int fail(const struct env *e, int r)
{
	if (r == -ENOENT || r == -ECONNREFUSED)
		log_error("no governor answers at %s and none has left a table there: start "
			  "`faasmat govern`, or name its --socket",
			  e->socket);
	else if (r == -EACCES || r == -EPERM)
		log_error("%s is for root and the group faasmat: run as one of them", e->socket);
	else if (r == -ECONNRESET)
		log_error(
			"%s has hung up: it is for root and the group faasmat, and for so many at "
			"once",
			e->socket);
	else
		log_error_errno(r, "%s", e->socket);
	return EXIT_FAILED;
}

/* From the governor, else from what it published; *answers says which. */
static int read_lines(const struct env *e, struct lines *l, bool *answers)
{
	int fd = faasmat_connect(e->socket);
	int r = fd < 0 ? fd : faasmat_table(fd, ANSWER_MS, take_line, l);

	close_fd(&fd);
	*answers = r == 0;
	if (r == -ECONNREFUSED || r == -ENOENT || r == -ETIMEDOUT || r == -EAGAIN)
		r = faasmat_published(e->socket, take_line, l);
	return r;
}

static void print_line(const struct faasmat_pool *p)
{
	printf("%s: %s of %s in use", printable(p->pool), format_size(p->used_bytes),
	       format_size(p->admitted_bytes));
	if (p->admitted_containers >= 0)
		printf(", %lld of %lld containers", (long long)p->used_containers,
		       (long long)p->admitted_containers);
	else
		printf(", %lld containers", (long long)p->used_containers);
	printf("; cgroup %s\n", printable(p->cgroup));
}

static json_t *name(const char *text)
{
	json_t *value = json_string(text);

	return value ? value : json_null();
}

static int show(const struct env *e)
{
	_cleanup_free_ struct lines *l = calloc(1, sizeof(*l));
	const struct faasmat_pool *p;
	bool answers, room;
	int r;

	if (!l)
		return fail(e, -ENOMEM);
	l->function = e->function;
	r = read_lines(e, l, &answers);
	if (r < 0)
		return fail(e, r);
	p = l->has_pool ? &l->pool : &l->main;
	room = has_room(p, e->bytes);
	if (e->common.json)
		return print_json(json_pack(
			"{s:o, s:o, s:o, s:b, s:b, s:b, s:I, s:I, s:I, s:I}", "function",
			name(e->function), "pool", name(p->pool), "cgroup", name(p->cgroup), "room",
			room, "main_has_room", has_room(&l->main, e->bytes), "governor_answers",
			answers, "admitted_bytes", (json_int_t)p->admitted_bytes, "used_bytes",
			(json_int_t)p->used_bytes, "admitted_containers",
			(json_int_t)p->admitted_containers, "used_containers",
			(json_int_t)p->used_containers));
	if (!answers)
		printf("the governor does not answer; this is what it last published\n");
	print_line(p);
	if (!l->has_pool)
		printf("%s has no pool in this minute's plan: its containers go to main\n",
		       printable(e->function));
	else if (!room)
		printf("full: a new container of %s %s\n", printable(e->function),
		       has_room(&l->main, e->bytes) ? "would spill to main"
						    : "has room neither here nor in main");
	return EXIT_DONE;
}

static int say_answer(const struct env *e, const struct faasmat_answer *a)
{
	if (e->common.json)
		print_json(json_pack("{s:o, s:b, s:b, s:o, s:o, s:o}", "id", name(e->reserve), "ok",
				     a->ok, "spill", a->spill, "pool", name(a->pool), "cgroup",
				     name(a->cgroup), "reason", name(a->reason)));
	else if (a->ok)
		printf("%s\n", a->cgroup);
	if (!a->ok)
		log_error("not admitted: %s", printable(a->reason));
	return a->ok ? EXIT_DONE : EXIT_FAILED;
}

static int ask(const struct env *e)
{
	const struct faasmat_reservation want = {
		.id = e->reserve, .function = e->function, .bytes = e->bytes, .anyway = e->anyway
	};
	struct faasmat_answer answer;
	_cleanup_close_ int fd = faasmat_connect(e->socket);
	int r = fd;

	if (r >= 0 && e->release)
		r = faasmat_release(fd, e->release, ANSWER_MS);
	else if (r >= 0)
		r = faasmat_reserve(fd, &want, ANSWER_MS, &answer);
	if (r >= 0)
		return e->reserve ? say_answer(e, &answer) : EXIT_DONE;
	if (fd >= 0 && e->release && r == -ENOENT) {
		log_error("%s: nothing of ours is reserved under this id", printable(e->release));
		return EXIT_FAILED;
	}
	return fail(e, r);
}

enum { KEY_SOCKET = 0x100, KEY_RESERVE, KEY_RELEASE, KEY_BYTES, KEY_ANYWAY };

static const struct argp_option options[] = {
	{ "reserve", KEY_RESERVE, "ID", 0,
	  "Reserve for a container whose cgroup will have this name, and print the cgroup to make it "
	  "below. Without a cgroup of that name the reservation ends a minute later",
	  0 },
	{ "release", KEY_RELEASE, "ID", 0, "Give a reservation back; no FUNCTION then", 0 },
	{ "bytes", KEY_BYTES, "SIZE", 0,
	  "What the container may take (default: what the plan reckons with)", 0 },
	{ "anyway", KEY_ANYWAY, NULL, 0,
	  "With --reserve: main takes the container where nothing is admitted", 0 },
	{ "socket", KEY_SOCKET, "PATH", 0,
	  "Of the governor (default /run/faasmat/govern.sock). When nobody answers there, what was last "
	  "published beside it is shown",
	  0 },
	{ 0 },
};

static void check(struct env *e, struct argp_state *state)
{
	if (e->release && (e->reserve || e->function))
		argp_error(state, "--release goes with nothing else");
	if (!e->release && !e->function)
		argp_error(state, "FUNCTION is missing");
	if (e->anyway && !e->reserve)
		argp_error(state, "--anyway goes with --reserve");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct env *e = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &e->common;
		return 0;
	case KEY_SOCKET:
		e->socket = arg;
		return 0;
	case KEY_RESERVE:
		e->reserve = arg;
		return 0;
	case KEY_RELEASE:
		e->release = arg;
		return 0;
	case KEY_BYTES:
		e->bytes = option_size(arg, state, "--bytes");
		return 0;
	case KEY_ANYWAY:
		e->anyway = true;
		return 0;
	case ARGP_KEY_ARG:
		if (e->function)
			argp_error(state, "one FUNCTION, not also '%s'", printable(arg));
		e->function = arg;
		return 0;
	case ARGP_KEY_END:
		check(e, state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int cmd_admit(int argc, char **argv)
{
	static const struct argp_child children[] = { { &common_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "FUNCTION\n--release ID",
		.doc = "Shows where a new container of FUNCTION goes now, and whether there is room. With "
		       "--reserve it asks, as an invoker would, and prints the cgroup; exit 1 when it is "
		       "not admitted.\vThe protocol behind it is docs/admission.md; programs use "
		       "libfaasmat.",
		.children = children,
	};
	struct env e = { .socket = FAASMAT_SOCKET };

	common_defaults(&e.common);
	argp_parse(&argp, argc, argv, 0, NULL, &e);
	return e.reserve || e.release ? ask(&e) : show(&e);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * time_creates CASE RUNTIME WRAPPER BOUND_MS ROUNDS DIR VERB...: runs `VERB...` by the runtime and by the
 * wrapper in turns, three times each, and prints one line of JSON: the median of what the wrapper adds to
 * the best of three. VERB create: with a
 * bundle from DIR/config.json, where ID stands for the container's id; what is made is deleted.
 * Exit 1 when the median is above the bound.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"

extern char **environ;

#define MAX_ROUNDS 1001

static const char *runtime, *dir;
static char bundle[2048];

static int64_t run(const char *program, char *const *argv, int *status)
{
	posix_spawn_file_actions_t quiet;
	int64_t start;
	pid_t child;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
	start = clock_monotonic_ns();
	if (posix_spawn(&child, program, &quiet, NULL, argv, environ) != 0 ||
	    waitpid(child, status, 0) != child)
		*status = -1;
	posix_spawn_file_actions_destroy(&quiet);
	return clock_monotonic_ns() - start;
}

/* DIR/config.json with the id in it, as an engine writes it. */
static void write_bundle(const char *id)
{
	char path[4096], text[8192];
	FILE *f;
	size_t n;
	char *at;

	snprintf(path, sizeof(path), "%s/config.json", dir);
	f = fopen(path, "r");
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	at = strstr(text, "/ID\"");
	snprintf(path, sizeof(path), "%s/config.json", bundle);
	f = fopen(path, "w");
	fprintf(f, "%.*s/%s%s", (int)(at - text), text, id, at + 3);
	fclose(f);
}

static int64_t create(const char *program, const char *name, int round)
{
	char id[64];
	char *argv[] = { (char *)name, "create", "--bundle", bundle, id, NULL };
	char *end[] = { "runtime", "delete", "-f", id, NULL };
	int status, ignored;
	int64_t ns;

	snprintf(id, sizeof(id), "time-%d-%d", getpid(), round);
	write_bundle(id);
	ns = run(program, argv, &status);
	run(runtime, end, &ignored);
	if (status != 0) {
		fprintf(stderr, "bench runtime: %s create fails with status %d\n", program, status);
		exit(1);
	}
	return ns;
}

/* Of three: what else runs on the machine only ever adds. */
static int64_t best(const char *program, char **verb, bool creates, int *round)
{
	int64_t least = INT64_MAX;
	int status;

	for (int i = 0; i < 3; i++) {
		int64_t ns = creates ? create(program, "runtime", (*round)++)
				     : run(program, verb, &status);

		least = ns < least ? ns : least;
	}
	return least;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double median_ms(int64_t *ns, int n)
{
	qsort(ns, (size_t)n, sizeof(*ns), compare);
	return (double)ns[n / 2] / NS_PER_MS;
}

int main(int argc, char **argv)
{
	static int64_t bare[MAX_ROUNDS], ours[MAX_ROUNDS], added[MAX_ROUNDS];
	int rounds = argc > 7 ? atoi(argv[5]) : 0, round = 0;
	bool creates = rounds && strcmp(argv[7], "create") == 0;
	char *verb[16] = { "runtime" };
	double bound, more;

	if (rounds < 1 || rounds > MAX_ROUNDS || argc > 20)
		return 2;
	runtime = argv[2];
	dir = argv[6];
	bound = atof(argv[4]);
	snprintf(bundle, sizeof(bundle), "%s/bundle", dir);
	memcpy(verb + 1, argv + 7, (size_t)(argc - 7) * sizeof(*verb));
	/* The first ones warm caches. */
	for (int i = -3; i < rounds; i++) {
		int64_t a = best(runtime, verb, creates, &round);
		int64_t b = best(argv[3], verb, creates, &round);

		if (i < 0)
			continue;
		bare[i] = a;
		ours[i] = b;
		added[i] = b - a;
	}
	more = median_ms(added, rounds);
	printf("{\"bench\":\"runtime\",\"case\":\"%s\",\"value\":%.3f,\"unit\":\"ms added\",\"wrapper_ms\":%.3f,"
	       "\"peer\":\"%s\",\"peer_value\":%.3f,\"ratio\":%.3f,\"bound\":%.0f,\"rounds\":%d}\n",
	       argv[1], more, median_ms(ours, rounds), runtime, median_ms(bare, rounds),
	       median_ms(ours, rounds) / median_ms(bare, rounds), bound, rounds);
	return more <= bound ? 0 : 1;
}

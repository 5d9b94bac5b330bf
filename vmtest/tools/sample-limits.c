// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sample-limits ROOT BUDGET MARGIN: reads memory.max and memory.current of main and pool-* below the
 * cgroup ROOT again and again until SIGTERM and judges invariants 1 and 2 on its own:
 *  1. the sum of the limits is at most BUDGET, from the first sample that is so (a governor begins with
 *     limits that are not its own). Files cannot be read all at once: only what two reads in a row
 *     agree on is judged, for then there was a moment between them when all of it was so. A cgroup
 *     with "max" and no children is one that is being made: it counts as 0;
 *  2. a limit that has fallen since the read before is at least memory.current + MARGIN, less 1 MiB
 *     for what was touched between the write and the read.
 * SIGUSR1 says that nobody governs now (a lease ends on purpose): invariant 1 is not judged until the next
 * SIGUSR1, then as at the beginning.
 * Prints "samples N over N low N" and fails when either was broken, or when nothing was sampled.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/parse.h"
#include "common/util.h"

#define MAX_POOLS 1024

struct pool {
	char name[256];
	int64_t limit;
};

static volatile sig_atomic_t stop, paused;
static struct pool pools[MAX_POOLS];
static size_t n_pools;
static int64_t samples, over, low;
static bool begun, judged;
static bool moved; /* a limit is not what the read before said */

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

static void on_pause(int signal)
{
	(void)signal;
	paused = !paused;
}

static int64_t read_number(int dir, const char *file)
{
	char text[32] = "";
	_cleanup_close_ int fd = openat(dir, file, O_RDONLY);
	int64_t v = -1;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, "max") == 0)
		return INT64_MAX;
	return parse_int64(text, &v) < 0 ? -1 : v;
}

static struct pool *find(const char *name)
{
	for (size_t i = 0; i < n_pools; i++)
		if (strcmp(pools[i].name, name) == 0)
			return &pools[i];
	if (n_pools == MAX_POOLS)
		return NULL;
	snprintf(pools[n_pools].name, sizeof(pools[0].name), "%s", name);
	pools[n_pools].limit = -1;
	return &pools[n_pools++];
}

static bool has_children(int dir)
{
	struct stat st;

	/* Two links of its own, one more a child. */
	return fstat(dir, &st) == 0 && st.st_nlink > 2;
}

/* Adds one pool's limit to the sum. */
static int64_t sample_pool(int root, const char *name, int64_t margin)
{
	_cleanup_close_ int dir = openat(root, name, O_RDONLY | O_DIRECTORY);
	struct pool *p = find(name);
	int64_t limit = read_number(dir, "memory.max");
	int64_t current = read_number(dir, "memory.current");

	if (dir < 0 || !p || limit < 0 || current < 0)
		return 0;
	if (p->limit > limit && limit < current + margin - MIB) {
		log_error("%s: lowered from %lld to %lld with %lld in use", name,
			  (long long)p->limit, (long long)limit, (long long)current);
		low++;
	}
	moved |= p->limit != limit;
	p->limit = limit;
	return limit == INT64_MAX && !has_children(dir) ? 0 : limit;
}

static void sample(int root, int64_t budget, int64_t margin)
{
	DIR *dir = fdopendir(openat(root, ".", O_RDONLY | O_DIRECTORY));
	struct dirent *entry;
	int64_t sum = 0;

	moved = false;
	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, "main") == 0 || strncmp(entry->d_name, "pool-", 5) == 0)
			if (__builtin_add_overflow(sum, sample_pool(root, entry->d_name, margin),
						   &sum))
				sum = INT64_MAX;
	if (dir)
		closedir(dir);
	samples++;
	if (paused)
		begun = false;
	if (moved || paused)
		return;
	begun |= sum > 0 && sum <= budget;
	judged |= begun;
	if (begun && sum > budget) {
		log_error("the limits sum to %lld", (long long)sum);
		over++;
	}
}

int main(int argc, char **argv)
{
	int64_t budget, margin;
	int root;

	if (argc != 4 || parse_size(argv[2], &budget) < 0 || parse_size(argv[3], &margin) < 0) {
		fprintf(stderr, "usage: sample-limits ROOT BUDGET MARGIN\n");
		return 2;
	}
	root = open(argv[1], O_RDONLY | O_DIRECTORY);
	signal(SIGTERM, on_signal);
	signal(SIGUSR1, on_pause);
	/* The tested machine has few and slow processors: leave it most of one. */
	while (!stop && root >= 0) {
		sample(root, budget, margin);
		usleep(1000);
	}
	printf("samples %lld over %lld low %lld\n", (long long)samples, (long long)over,
	       (long long)low);
	return over || low || !judged;
}

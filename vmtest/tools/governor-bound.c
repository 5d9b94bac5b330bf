// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel alone takes for a governor's minute: reads memory.current and memory.max of every
 * pool-* below a cgroup, then writes max to memory.max of the first so many of them, in a loop: none may be governed.
 * Prints CPU microseconds a pool of each, and of a minute.
 * usage: governor-bound ROOT WRITES ROUNDS
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/clock.h"
#include "common/util.h"

#define POOLS_MAX 1024

struct files {
	int current, max;
};

static size_t open_pools(const char *root, struct files *files)
{
	DIR *dir = opendir(root);
	struct dirent *entry;
	char path[1024];
	size_t n = 0;

	while (dir && n < POOLS_MAX && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "pool-", 5) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s/memory.current", root, entry->d_name);
		files[n].current = open(path, O_RDONLY | O_CLOEXEC);
		snprintf(path, sizeof(path), "%s/%s/memory.max", root, entry->d_name);
		files[n].max = open(path, O_RDWR | O_CLOEXEC);
		n += files[n].current >= 0 && files[n].max >= 0;
	}
	if (dir)
		closedir(dir);
	return n;
}

static int64_t read_all(const struct files *files, size_t n)
{
	int64_t began = clock_cpu_ns();
	char text[32];

	for (size_t i = 0; i < n; i++)
		if (pread(files[i].current, text, sizeof(text), 0) < 0 ||
		    pread(files[i].max, text, sizeof(text), 0) < 0)
			return -1;
	return clock_cpu_ns() - began;
}

static int64_t write_some(const struct files *files, size_t n)
{
	int64_t began = clock_cpu_ns();

	for (size_t i = 0; i < n; i++)
		if (pwrite(files[i].max, "max\n", 4, 0) < 0)
			return -1;
	return clock_cpu_ns() - began;
}

int main(int argc, char **argv)
{
	static struct files files[POOLS_MAX];
	int64_t reads = 0, writes = 0;
	size_t n, changed;
	int rounds;

	if (argc != 4) {
		fprintf(stderr, "usage: %s ROOT WRITES ROUNDS\n", argv[0]);
		return 2;
	}
	n = open_pools(argv[1], files);
	changed = MIN((size_t)atoi(argv[2]), n);
	rounds = atoi(argv[3]);
	for (int i = 0; i < rounds; i++) {
		int64_t r = read_all(files, n), w = write_some(files, changed);

		if (r < 0 || w < 0) {
			fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
			return 1;
		}
		reads += r;
		writes += w;
	}
	printf("%zu pools, reads %.1f us a pool, writes %.1f us each, a minute %.1f ms\n", n,
	       (double)reads / 1e3 / rounds / (double)MAX(n, 1),
	       (double)writes / 1e3 / rounds / (double)MAX(changed, 1),
	       (double)(reads + writes) / 1e6 / rounds);
	return 0;
}

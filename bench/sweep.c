// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One pass over all cgroups below a root, by the collector's own sensor, beside opening every
 * memory.current; interleaved. Run by vmtest/guest/bench-sweep.sh where the memory controller is.
 * usage: sweep ROOT PIN_DIR      (ROOT: a cgroup directory; its containers lie in ROOT/main)
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#include "collector/sensor.h"
#include "common/clock.h"
#include "common/log.h"

#define RUNS 11

static double processor_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, RUNS, sizeof(*v), compare);
	return v[RUNS / 2];
}

struct result {
	int64_t cgroups, bytes;
	double pass_ms; /* the iterator alone */
};

/* As the collector does each second: the pass, and its result in user space. */
static int by_sensor(struct sensor *s, struct result *ret)
{
	const struct wire_usage *usage, *changed;
	const uint64_t *ids, *changed_ids;
	size_t n = 0, n_changed;
	int64_t start = clock_monotonic_ns();
	int r = sensor_sweep(s);

	*ret = (struct result){ .pass_ms = (double)(clock_monotonic_ns() - start) / NS_PER_MS };
	if (r == 0)
		r = sensor_read_changes(s, &changed_ids, &changed, &n_changed);
	if (r == 0)
		sensor_read_usage(s, &ids, &usage, &n);
	for (size_t i = 0; i < n; i++) {
		if (usage[i].seen != sensor_sweep_number(s))
			continue;
		ret->cgroups++;
		ret->bytes += (int64_t)usage[i].bytes;
	}
	return r;
}

static int read_current(int dir, const char *name, struct result *sum)
{
	char path[NAME_MAX + 32], text[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/memory.current", name);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -EIO;
	text[n] = '\0';
	sum->cgroups++;
	sum->bytes += strtoll(text, NULL, 10);
	return 0;
}

/* The names are known: listing the directory is not counted against the files. */
static int by_files(int dir, char **names, size_t n, struct result *ret)
{
	int r = 0;

	*ret = (struct result){ 0 };
	for (size_t i = 0; i < n && r == 0; i++)
		r = read_current(dir, names[i], ret);
	return r;
}

static int list_names(const char *path, char ***ret, size_t *n)
{
	DIR *d = opendir(path);
	struct dirent *e;
	size_t size = 0;

	*n = 0;
	*ret = NULL;
	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		if (*n == size) {
			size = size ? 2 * size : 1024;
			*ret = realloc(*ret, size * sizeof(**ret));
			if (!*ret)
				abort();
		}
		(*ret)[(*n)++] = strdup(e->d_name);
	}
	closedir(d);
	return 0;
}

static int run(const char *root, const char *pin_dir)
{
	static const struct filter filter; /* counts no invocations */
	struct sensor_options o = {
		.root = root, .pin_dir = pin_dir, .filter = &filter, .max_cgroups = 16384
	};
	double pass[RUNS], ours[RUNS], ours_cpu[RUNS], files[RUNS], files_cpu[RUNS];
	struct result a = { 0 }, b = { 0 };
	struct sensor *s = NULL;
	char main_path[4096], **names;
	size_t n;
	int dir, r;

	snprintf(main_path, sizeof(main_path), "%s/main", root);
	dir = open(main_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = dir < 0 ? -errno : list_names(main_path, &names, &n);
	if (r == 0)
		r = sensor_open(&o, &s);
	for (int i = -1; i < RUNS && r == 0; i++) {
		double cpu = processor_ms();
		int64_t start = clock_monotonic_ns();

		r = by_sensor(s, &a);
		if (i >= 0) {
			ours[i] = (double)(clock_monotonic_ns() - start) / NS_PER_MS;
			ours_cpu[i] = processor_ms() - cpu;
			pass[i] = a.pass_ms;
		}
		cpu = processor_ms();
		start = clock_monotonic_ns();
		if (r == 0)
			r = by_files(dir, names, n, &b);
		if (i >= 0) {
			files[i] = (double)(clock_monotonic_ns() - start) / NS_PER_MS;
			files_cpu[i] = processor_ms() - cpu;
		}
	}
	sensor_close(s);
	sensor_detach(pin_dir);
	if (r < 0)
		return log_error_errno(r, "sweep of %s", root);
	/* The pass saw all of them, and the root and main besides. */
	if (a.cgroups < b.cgroups || b.cgroups != (int64_t)n) {
		log_error("the pass saw %lld cgroups, there are %zu", (long long)a.cgroups, n);
		return -EIO;
	}
	printf("{\"bench\":\"sweep\",\"case\":\"a pass over %zu cgroups\",\"value\":%.3f,"
	       "\"unit\":\"ms\",\"peer\":\"opening memory.current\",\"peer_value\":%.3f,"
	       "\"ratio\":%.4f}\n",
	       n, median(ours), median(files), median(ours) / median(files));
	printf("{\"bench\":\"sweep\",\"case\":\"the iterator alone over %zu cgroups\",\"value\":%.3f,"
	       "\"unit\":\"ms\",\"peer\":\"opening memory.current\",\"peer_value\":%.3f,"
	       "\"ratio\":%.4f}\n",
	       n, median(pass), median(files), median(pass) / median(files));
	printf("{\"bench\":\"sweep\",\"case\":\"processor time of a pass over %zu cgroups\","
	       "\"value\":%.3f,\"unit\":\"ms\",\"peer\":\"opening memory.current\","
	       "\"peer_value\":%.3f,\"ratio\":%.4f}\n",
	       n, median(ours_cpu), median(files_cpu), median(ours_cpu) / median(files_cpu));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: sweep ROOT PIN_DIR\n");
		return 2;
	}
	return run(argv[1], argv[2]) < 0 ? 1 : 0;
}

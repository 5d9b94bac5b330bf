// SPDX-License-Identifier: GPL-2.0-or-later
/* Data files and gnuplot's commands for the paper's figures. Everything is written into one directory
 * and gnuplot is run in it, so that no path ever becomes part of a command. */
#include "simulator/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/log.h"
#include "simulator/plot_figures.h"

struct plot {
	int dir;
	char *path;
	const struct load *load;
	const struct run_options *options;
	struct plot_run *runs;
	size_t n_runs;
};

static FILE *create(const struct plot *p, const char *name)
{
	int fd = openat(p->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		log_error_errno(-errno, "%s/%s: cannot write", p->path, name);
	return f;
}

static int finish(const struct plot *p, const char *name, FILE *f)
{
	bool bad = ferror(f);

	if (fclose(f) != 0 || bad)
		return log_error_errno(-EIO, "%s/%s: cannot write", p->path, name);
	return 0;
}

/* Memory and calls of every function: figures 3.3 and 3.4. */
static int write_functions(const struct plot *p)
{
	_cleanup_free_ int64_t *calls = calloc(MAX(p->load->n_functions, (size_t)1),
					       sizeof(*calls));
	FILE *f = calls ? create(p, "functions.csv") : NULL;

	if (!f)
		return -EIO;
	for (size_t i = 0; i < p->load->first[p->load->n_minutes]; i++)
		calls[p->load->cell[i].function] += p->load->cell[i].count;
	fputs("memory_mb,calls\n", f);
	for (size_t i = 0; i < p->load->n_functions; i++)
		fprintf(f, "%.3f,%lld\n", (double)p->load->function[i].memory / MIB,
			(long long)calls[i]);
	return finish(p, "functions.csv", f);
}

/* The days before the judged one: figure 3.2. */
static void write_past(FILE *f, const struct load_function *l)
{
	for (size_t m = 0; m < l->past_minutes; m++)
		fprintf(f, "%lld,%g,,\n", (long long)m - (long long)l->past_minutes, l->past[m]);
}

/* What came and what had been expected of a hot function: figures 4.2 to 4.6. */
static int write_hot(const struct plot *p, size_t i)
{
	uint32_t function = p->options->located[i];
	const struct prediction_row *row =
		p->options->prediction ? prediction_find(p->options->prediction, function) : NULL;
	_cleanup_free_ uint32_t *count = calloc(MAX(p->load->n_minutes, (size_t)1), sizeof(*count));
	char name[32];
	FILE *f;

	snprintf(name, sizeof(name), "hot-%zu.csv", i);
	f = count ? create(p, name) : NULL;
	if (!f)
		return -EIO;
	load_counts(p->load, function, count);
	fputs("minute,calls,expected,high\n", f);
	write_past(f, &p->load->function[function]);
	for (size_t m = 0; m < p->load->n_minutes; m++)
		if (row)
			fprintf(f, "%zu,%u,%g,%g\n", m, count[m], row->mean[m], row->high[m]);
		else
			fprintf(f, "%zu,%u,,\n", m, count[m]);
	return finish(p, name, f);
}

int plot_new(const char *directory, const struct load *l, const struct run_options *o,
	     struct plot **ret)
{
	struct plot *p = calloc(1, sizeof(*p));
	int r = p ? 0 : -ENOMEM;

	*ret = p;
	if (!p)
		return log_error_errno(r, "cannot plot");
	p->load = l;
	p->options = o;
	p->path = strdup(directory);
	if (mkdir(directory, 0755) < 0 && errno != EEXIST)
		r = -errno;
	p->dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dir < 0 || !p->path || r < 0)
		return log_error_errno(r < 0 ? r : -errno, "%s: cannot make the directory",
				       directory);
	r = write_functions(p);
	for (size_t i = 0; i < o->n_located && r == 0; i++)
		r = write_hot(p, i);
	return r;
}

void plot_free(struct plot *p)
{
	if (!p)
		return;
	if (p->dir > 0)
		close(p->dir);
	free(p->path);
	free(p->runs);
	free(p);
}

/* Outcomes and memory of all and of each hot function, minute by minute. */
static int write_minutes(const struct plot *p, const struct run_result *r, const char *name)
{
	FILE *f = create(p, name);

	if (!f)
		return -EIO;
	fputs("minute,warm,cold,drop,used_mb", f);
	for (size_t i = 0; i < r->n_watched; i++)
		fprintf(f, ",warm%zu,cold%zu,drop%zu,used_mb%zu", i, i, i, i);
	fputc('\n', f);
	for (size_t m = 0; m < r->n_minutes; m++) {
		const struct minute_result *all = &r->minute[m];

		fprintf(f, "%zu,%lld,%lld,%lld,%.1f", m, (long long)all->warm, (long long)all->cold,
			(long long)all->drop, (double)all->used / MIB);
		for (size_t i = 0; i < r->n_watched; i++) {
			const struct watch_result *w = &r->watch[i * r->n_minutes + m];

			fprintf(f, ",%lld,%lld,%lld,%.1f", (long long)w->warm, (long long)w->cold,
				(long long)w->drop, (double)w->used / MIB);
		}
		fputc('\n', f);
	}
	return finish(p, name, f);
}

/* Totals of all and of each hot function: figure 2.3. */
static int write_totals(const struct plot *p, const struct run_result *r, const char *name)
{
	FILE *f = create(p, name);

	if (!f)
		return -EIO;
	fputs("function,warm,cold,drop\n", f);
	fprintf(f, "all,%lld,%lld,%lld\n", (long long)r->warm, (long long)r->cold,
		(long long)r->drop);
	for (size_t i = 0; i < r->n_watched; i++) {
		const struct function_result *w = &r->function[r->watched[i]];
		char label[PLOT_LABEL];

		plot_label(p->load->function[r->watched[i]].name, label);
		fprintf(f, "%s,%lld,%lld,%lld\n", label, (long long)w->warm, (long long)w->cold,
			(long long)w->drop);
	}
	return finish(p, name, f);
}

int plot_add(struct plot *p, const struct sweep_run *run)
{
	struct plot_run *runs = reallocarray(p->runs, p->n_runs + 1, sizeof(*runs));
	struct plot_run *own;
	char name[128];
	int r;

	if (!runs)
		return log_error_errno(-ENOMEM, "cannot plot");
	p->runs = runs;
	own = &runs[p->n_runs++];
	*own = (struct plot_run){ .policy = policy_name(run->options.policy),
				  .memory_mb = run->options.memory / MIB,
				  .queue_ttl = run->options.queue_ttl,
				  .warm = run->result.warm,
				  .cold = run->result.cold,
				  .drop = run->result.drop };
	snprintf(own->name, sizeof(own->name), "%s-%lldM-%lldms", own->policy,
		 (long long)own->memory_mb, (long long)own->queue_ttl);
	snprintf(name, sizeof(name), "minutes-%s.csv", own->name);
	r = write_minutes(p, &run->result, name);
	snprintf(name, sizeof(name), "totals-%s.csv", own->name);
	return r < 0 ? r : write_totals(p, &run->result, name);
}

/* One file a policy, a row a memory size: figures 2.8 and 4.9. */
static int write_sizes(const struct plot *p, const char *policy)
{
	char name[64];
	FILE *f;

	snprintf(name, sizeof(name), "sizes-%s.csv", policy);
	f = create(p, name);
	if (!f)
		return -EIO;
	fputs("memory_mb,warm,cold,drop\n", f);
	for (size_t i = 0; i < p->n_runs; i++)
		if (strcmp(p->runs[i].policy, policy) == 0)
			fprintf(f, "%lld,%lld,%lld,%lld\n", (long long)p->runs[i].memory_mb,
				(long long)p->runs[i].warm, (long long)p->runs[i].cold,
				(long long)p->runs[i].drop);
	return finish(p, name, f);
}

static int run_gnuplot(const struct plot *p)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return log_error_errno(-errno, "cannot run gnuplot");
	if (pid == 0) {
		if (fchdir(p->dir) == 0)
			execlp("gnuplot", "gnuplot", "figures.gp", (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return log_error_errno(-errno, "cannot wait for gnuplot");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		log_error("gnuplot is not installed; the data and figures.gp are in %s", p->path);
	else
		log_error("gnuplot failed on %s/figures.gp", p->path);
	return -EIO;
}

int plot_finish(struct plot *p)
{
	FILE *f;
	int r = 0;

	for (size_t i = 0; i < p->n_runs && r == 0; i++)
		r = write_sizes(p, p->runs[i].policy);
	f = r < 0 ? NULL : create(p, "figures.gp");
	if (!f)
		return -EIO;
	plot_figures(f, p->load, p->options, p->runs, p->n_runs);
	r = finish(p, "figures.gp", f);
	f = r < 0 ? NULL : create(p, "index.html");
	if (!f)
		return -EIO;
	plot_index(f, p->load, p->options, p->runs, p->n_runs);
	r = finish(p, "index.html", f);
	return r < 0 ? r : run_gnuplot(p);
}

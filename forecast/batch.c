// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/batch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"

/* The step before which everything is known. */
static int find_end(const char *path, const struct series *s, const struct batch_options *o,
		    size_t *ret)
{
	int64_t now = o->now, last = series_end(s) - s->step;

	*ret = s->n - MIN(s->n, (size_t)(o->holdout / s->step));
	if (now == BATCH_NO_NOW)
		return 0;
	if (now >= 0 && now < MINUTES_PER_DAY && last >= MINUTES_PER_DAY)
		now += last - (last % MINUTES_PER_DAY);
	if (now <= s->start || now > series_end(s)) {
		log_error("%s: minute %lld (--now) is not within its minutes %lld to %lld", path,
			  (long long)now, (long long)s->start, (long long)last);
		return -ERANGE;
	}
	*ret = (size_t)((now - s->start) / s->step);
	return 0;
}

static size_t find_horizon(const struct series *history, const struct batch_options *o)
{
	int64_t horizon = o->horizon, in_day = series_end(history) % MINUTES_PER_DAY;

	if (horizon == 0)
		horizon = o->now == BATCH_NO_NOW ? MINUTES_PER_DAY : MINUTES_PER_DAY - in_day;
	return (size_t)((horizon + history->step - 1) / history->step);
}

int forecast_file(const char *path, const struct batch_options *o, struct forecast *ret)
{
	static const struct zone utc = { 0 };
	_cleanup_series_ struct series s = { 0 };
	struct series history;
	size_t end = 0;
	int r = series_read(path, &s);

	*ret = (struct forecast){ 0 };
	if (r == 0)
		r = find_end(path, &s, o, &end);
	if (r < 0)
		return r;
	history = series_view(&s, end, (size_t)(o->history / s.step));
	r = zone_forecast(o->zone ? o->zone : &utc, o->now != BATCH_NO_NOW, &history, &o->forecast,
			  find_horizon(&history, o), ret);
	if (r == -ENODATA)
		log_error("%s: no value is known in the history that is used", path);
	else if (r < 0)
		log_error_errno(r, "%s", path);
	return r;
}

int forecast_print_csv(FILE *out, const struct forecast_options *o, const struct forecast *f)
{
	fputs("minute,mean", out);
	for (size_t k = 0; k < f->n_quantiles; k++)
		fprintf(out, ",q%g", o->quantile[k]);
	fputc('\n', out);
	for (size_t i = 0; i < f->n; i++) {
		fprintf(out, "%lld,%.9g", (long long)(f->start + (int64_t)i * f->step), f->mean[i]);
		for (size_t k = 0; k < f->n_quantiles; k++)
			fprintf(out, ",%.9g", f->q[i * f->n_quantiles + k]);
		fputc('\n', out);
	}
	return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}

struct names {
	char **name;
	size_t n;
};

static void names_release(struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->name[i]);
	free(l->name);
}

static size_t stem_length(const char *name)
{
	size_t n = strlen(name);

	if (n > 7 && strcmp(name + n - 7, ".csv.gz") == 0)
		return n - 7;
	if (n > 4 && strcmp(name + n - 4, ".csv") == 0)
		return n - 4;
	return 0;
}

static int is_series(const struct dirent *e)
{
	return e->d_name[0] != '.' && stem_length(e->d_name) > 0;
}

static int list_directory(const char *path, struct names *ret)
{
	struct dirent **entry;
	int n = scandir(path, &entry, is_series, alphasort);

	*ret = (struct names){ 0 };
	if (n < 0)
		return -errno;
	ret->name = calloc((size_t)MAX(n, 1), sizeof(*ret->name));
	for (int i = 0; i < n; i++) {
		if (ret->name)
			ret->name[ret->n] = strdup(entry[i]->d_name);
		if (ret->name && ret->name[ret->n])
			ret->n++;
		free(entry[i]);
	}
	free(entry);
	if (!ret->name || ret->n < (size_t)n) {
		names_release(ret);
		return -ENOMEM;
	}
	return 0;
}

struct batch {
	const char *input, *output;
	const struct batch_options *o;
	struct names files;
	pthread_mutex_t lock;
	size_t next, done;
	int error;
};

/* Through a temporary file and a rename, so that a reader never meets half of it. */
static int write_forecast(const struct batch *b, const char *name, const struct forecast *f)
{
	_cleanup_free_ char *path = NULL, *temporary = NULL;
	FILE *out;
	int r;

	if (asprintf(&path, "%s/%.*s.csv", b->output, (int)stem_length(name), name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (asprintf(&temporary, "%s.part", path) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	out = fopen(temporary, "we");
	if (!out)
		return log_error_errno(-errno, "%s", temporary);
	r = forecast_print_csv(out, &b->o->forecast, f);
	if (fclose(out) != 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(temporary);
		log_error_errno(r, "%s", path);
	}
	return r;
}

static int run_one(const struct batch *b, const char *name)
{
	_cleanup_forecast_ struct forecast f = { 0 };
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%s", b->input, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = forecast_file(path, b->o, &f);
	return r < 0 ? r : write_forecast(b, name, &f);
}

static void *worker(void *arg)
{
	struct batch *b = arg;

	pthread_mutex_lock(&b->lock);
	while (b->next < b->files.n) {
		const char *name = b->files.name[b->next++];
		int r;

		pthread_mutex_unlock(&b->lock);
		r = run_one(b, name);
		pthread_mutex_lock(&b->lock);
		if (r < 0 && b->error == 0)
			b->error = r;
		log_progress("series forecast", (int64_t)++b->done, (int64_t)b->files.n);
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

static int run_threads(struct batch *b, int threads)
{
	pthread_t thread[64];
	int n = 0;

	threads = CLAMP(threads, 1, (int)ARRAY_SIZE(thread) + 1);
	while (n < threads - 1 && pthread_create(&thread[n], NULL, worker, b) == 0)
		n++;
	worker(b);
	while (n > 0)
		pthread_join(thread[--n], NULL);
	return b->error;
}

int forecast_directory(const char *input, const char *output, const struct batch_options *o,
		       int threads)
{
	struct batch b = { .input = input, .output = output, .o = o };
	int r = list_directory(input, &b.files);

	if (r < 0)
		return log_error_errno(r, "%s", input);
	if (b.files.n == 0) {
		log_error("%s: holds no .csv or .csv.gz file", input);
		r = -ENOENT;
	} else if (mkdir(output, 0777) < 0 && errno != EEXIST) {
		r = log_error_errno(-errno, "%s", output);
	} else {
		pthread_mutex_init(&b.lock, NULL);
		r = run_threads(&b, threads);
		pthread_mutex_destroy(&b.lock);
	}
	names_release(&b.files);
	return r;
}

int forecast_each_file(const char *input,
		       int (*fn)(const char *name, const struct series *s, void *arg), void *arg)
{
	struct names files;
	int r = list_directory(input, &files);

	if (r < 0)
		return log_error_errno(r, "%s", input);
	for (size_t i = 0; i < files.n && r >= 0; i++) {
		_cleanup_free_ char *path = NULL;
		_cleanup_series_ struct series s = { 0 };

		if (asprintf(&path, "%s/%s", input, files.name[i]) < 0) {
			path = NULL;
			r = -ENOMEM;
		} else if (series_read(path, &s) == 0) {
			files.name[i][stem_length(files.name[i])] = '\0';
			r = fn(files.name[i], &s, arg);
		}
	}
	names_release(&files);
	return r;
}

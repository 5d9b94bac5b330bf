// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/forecast.h"

#include <cblas.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "forecast/models.h"

static const struct {
	const char *name;
	int (*make)(const struct series *history, const struct forecast_options *o,
		    struct forecast *f);
} models[] = {
	[MODEL_AUTO] = { "auto", model_auto },
	[MODEL_PROPHET] = { "prophet", model_prophet },
	[MODEL_YESTERDAY] = { "yesterday", model_yesterday },
	[MODEL_LASTWEEK] = { "lastweek", model_lastweek },
};

int forecast_model_parse(const char *name, enum forecast_model *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(models); i++)
		if (models[i].make && strcmp(models[i].name, name) == 0) {
			*ret = (enum forecast_model)i;
			return 0;
		}
	return -EINVAL;
}

int forecast_alloc(struct forecast *f, const struct series *history,
		   const struct forecast_options *o, size_t n)
{
	*f = (struct forecast){
		.start = series_end(history),
		.step = history->step,
		.n = n,
		.n_quantiles = o->n_quantiles,
		.mean = calloc(MAX(n, 1), sizeof(double)),
		.q = calloc(MAX(n * o->n_quantiles, 1), sizeof(double)),
	};
	return f->mean && f->q ? 0 : -ENOMEM;
}

void forecast_release(struct forecast *f)
{
	free(f->mean);
	free(f->q);
	*f = (struct forecast){ 0 };
}

static int check_options(const struct forecast_options *o)
{
	if ((size_t)o->model >= ARRAY_SIZE(models) || !models[o->model].make)
		return -EINVAL;
	if (o->n_quantiles > FORECAST_MAX_QUANTILES)
		return -EINVAL;
	for (size_t i = 0; i < o->n_quantiles; i++)
		if (!(o->quantile[i] > 0 && o->quantile[i] < 1) ||
		    (i && o->quantile[i] <= o->quantile[i - 1]))
			return -EINVAL;
	return 0;
}

/* Whatever a model does: not negative, finite, and a higher quantile is never below a lower one. */
static void make_proper(struct forecast *f)
{
	for (size_t i = 0; i < f->n; i++) {
		double last = 0;

		f->mean[i] = isfinite(f->mean[i]) ? MAX(f->mean[i], 0) : 0;
		for (size_t k = 0; k < f->n_quantiles; k++) {
			double *q = &f->q[i * f->n_quantiles + k];

			last = *q = isfinite(*q) ? MAX(*q, last) : last;
		}
	}
}

/* Sums that are split over threads differ in the last bit with their number. */
static void one_thread(void)
{
	openblas_set_num_threads(1);
}

int forecast_make(const struct series *history, const struct forecast_options *o, size_t n,
		  struct forecast *ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int r = check_options(o);

	pthread_once(&once, one_thread);
	*ret = (struct forecast){ 0 };
	if (r < 0)
		return r;
	if (series_known(history) == 0)
		return -ENODATA;
	r = forecast_alloc(ret, history, o, n);
	if (r == 0)
		r = models[o->model].make(history, o, ret);
	if (r < 0) {
		forecast_release(ret);
		return r;
	}
	make_proper(ret);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "simulator/model.h"

#include <errno.h>
#include <pthread.h>

/* The paper's Prophet had its last 12 days. */
#define PAST_MINUTES ((size_t)12 * MINUTES_PER_DAY)
#define UPPER 0.9

struct work {
	const struct load *load;
	struct prediction *p;
	struct forecast_options options;
	double quantile;
	size_t next;
	int error;
	pthread_mutex_t lock;
};

static size_t quantile_index(const struct forecast_options *o, double q)
{
	size_t i = 0;

	while (i + 1 < o->n_quantiles && o->quantile[i] != q)
		i++;
	return i;
}

static int predict(struct work *w, struct prediction_row *row)
{
	const struct load_function *f = &w->load->function[row->function];
	size_t upper = quantile_index(&w->options, UPPER);
	size_t high = quantile_index(&w->options, w->quantile);
	_cleanup_forecast_ struct forecast made = { 0 };
	struct series past = { .step = 1, .n = f->past_minutes, .value = f->past };
	int r;

	if (!f->past)
		return -ENODATA;
	past.start = w->load->start_minute - (int64_t)f->past_minutes;
	/* A load without a date begins on some day 0; its past must not be before time's beginning. */
	if (w->load->start_minute == 0)
		past.start += (int64_t)LOAD_MAX_DAYS * MINUTES_PER_DAY;
	past = series_view(&past, past.n, PAST_MINUTES);
	r = forecast_make(&past, &w->options, w->p->n_minutes, &made);
	for (size_t m = 0; m < w->p->n_minutes && r == 0; m++) {
		const double *q = made.q + m * made.n_quantiles;

		row->high[m] = q[high];
		row->mean[m] = w->options.model == MODEL_PROPHET ? (made.mean[m] + q[upper]) / 2
								 : made.mean[m];
	}
	return r;
}

static void *work(void *arg)
{
	struct work *w = arg;

	for (;;) {
		size_t i;
		int r;

		pthread_mutex_lock(&w->lock);
		i = w->next++;
		pthread_mutex_unlock(&w->lock);
		if (i >= w->p->n_rows)
			return NULL;
		r = predict(w, &w->p->row[i]);
		pthread_mutex_lock(&w->lock);
		if (r < 0)
			w->error = r;
		pthread_mutex_unlock(&w->lock);
	}
}

int prediction_model(const struct load *l, const uint32_t *function, size_t n,
		     enum forecast_model model, double quantile, int threads,
		     struct prediction *ret)
{
	struct work w = { .load = l, .p = ret, .quantile = quantile };
	struct prediction_row *row;
	pthread_t thread[64];
	int made = 0, wanted = CLAMP(threads, 1, 64);

	*ret = (struct prediction){ .n_minutes = l->n_minutes };
	for (size_t i = 0; i < n; i++)
		if (prediction_add(ret, function[i], &row) < 0)
			return -ENOMEM;
	w.options = (struct forecast_options){ .model = model };
	w.options.quantile[w.options.n_quantiles++] = MIN(quantile, UPPER);
	if (quantile != UPPER)
		w.options.quantile[w.options.n_quantiles++] = MAX(quantile, UPPER);
	pthread_mutex_init(&w.lock, NULL);
	while (made < wanted && pthread_create(&thread[made], NULL, work, &w) == 0)
		made++;
	if (!made)
		work(&w);
	while (made)
		pthread_join(thread[--made], NULL);
	pthread_mutex_destroy(&w.lock);
	return w.error;
}

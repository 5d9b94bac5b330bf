// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/backtest.h"

#include <errno.h>

void backtest_begin(struct backtest_report *r)
{
	r->rows = json_array();
	r->printed = 0;
}

static void print_header(const struct backtest_report *r)
{
	const struct forecast_options *f = &r->o.forecast;

	puts("loss: mean pinball loss of the quantiles / mean; cover: share of steps at or below the\n"
	     "quantile; under: invocations beyond the containers provided; over: container-minutes not\n"
	     "needed");
	printf("%-40s %4s %10s %8s %8s %8s", "function", "days", "mean", "loss", "yester.",
	       "lastweek");
	for (size_t k = 0; k < f->n_quantiles; k++)
		printf(" loss%-4g", f->quantile[k]);
	for (size_t k = 0; k < f->n_quantiles; k++)
		printf(" cover%-4g", f->quantile[k]);
	printf(" %7s %7s\n", "under", "over");
}

static void print_row(const struct backtest_report *r, const char *name, const struct backtest *b)
{
	const struct forecast_options *f = &r->o.forecast;

	printf("%-40s %4d %10.4g %8.3f %8.3f %8.3f", printable(name), b->days, b->mean,
	       b->model.loss, b->yesterday.loss, b->lastweek.loss);
	for (size_t k = 0; k < f->n_quantiles; k++)
		printf(" %8.3f", b->model.pinball[k]);
	for (size_t k = 0; k < f->n_quantiles; k++)
		printf(" %9.3f", b->model.coverage[k]);
	printf(" %6.1f%% %6.1f%%\n", 100 * b->model.under, 100 * b->model.over);
}

static json_t *score_json(const struct forecast_options *f, const struct backtest_score *s)
{
	json_t *pinball = json_object(), *coverage = json_object();
	char key[32];

	for (size_t k = 0; k < f->n_quantiles; k++) {
		snprintf(key, sizeof(key), "q%g", f->quantile[k]);
		json_object_set_new(pinball, key, json_real(s->pinball[k]));
		json_object_set_new(coverage, key, json_real(s->coverage[k]));
	}
	return json_pack("{s:f, s:o, s:o, s:f, s:f}", "loss", s->loss, "pinball", pinball,
			 "coverage", coverage, "under_provisioned", s->under, "over_provisioned",
			 s->over);
}

int backtest_add(struct backtest_report *r, const char *name, const struct series *s)
{
	const struct forecast_options *f = &r->o.forecast;
	struct backtest b;
	int e = backtest_run(s, &r->o, &b);
	json_t *row;

	if (e < 0)
		return e;
	if (!r->json) {
		if (r->printed++ == 0)
			print_header(r);
		print_row(r, name, &b);
		return 0;
	}
	row = json_pack("{s:s, s:i, s:f, s:o, s:o, s:o}", "function", name, "days", b.days, "mean",
			b.mean, "model", score_json(f, &b.model), "yesterday",
			score_json(f, &b.yesterday), "lastweek", score_json(f, &b.lastweek));
	if (row)
		json_array_append_new(r->rows, row);
	else
		log_warning("'%s' is not UTF-8; left out", printable(name));
	r->printed++;
	return 0;
}

int backtest_end(struct backtest_report *r)
{
	if (r->printed == 0) {
		log_error("no function has two days of history, which a backtest needs");
		json_decref(r->rows);
		return EXIT_FAILED;
	}
	if (r->json)
		return print_json(r->rows);
	json_decref(r->rows);
	return fflush(stdout) != 0 ? EXIT_FAILED : EXIT_DONE;
}

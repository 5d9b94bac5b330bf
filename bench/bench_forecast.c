// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Forecasts: accuracy against Prophet on real series, by offset and with every source left out of the
 * choice of constants once; time of each model; planning from a database.
 *
 * usage: bench_forecast    series: $FAASMAT_SERIES, else ../shared/data/series, else the one that the
 *                          unit tests have
 */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "common/clock.h"
#include "common/csv.h"
#include "common/log.h"
#include "forecast/job.h"
#include "forecast/models.h"
#include "forecast/prophet.h"
#include "store/functions.h"
#include "store/history.h"

#define MAX_SERIES 128
#define OFFSETS 2
#define DAYS 12
#define ROUNDS 7

static const struct forecast_options options = { .n_quantiles = 4,
						 .quantile = { 0.5, 0.9, 0.95, 0.99 } };

struct sample {
	char name[96];
	char source[32]; /* the name up to its first '_' */
	struct series s;
	double prophet[OFFSETS], loss[OFFSETS]; /* NAN: too short */
	double inside[OFFSETS][4], steps[OFFSETS];
};

static struct sample samples[MAX_SERIES];
static int n_samples;

static void print(const char *name, double value, const char *unit)
{
	printf("{\"bench\":\"forecast\",\"case\":\"%s\",\"value\":%.7g,\"unit\":\"%s\"}\n", name,
	       value, unit);
	fflush(stdout);
}

static void print_peer(const char *name, double value, const char *unit, const char *peer,
		       double peer_value)
{
	printf("{\"bench\":\"forecast\",\"case\":\"%s\",\"value\":%.7g,\"unit\":\"%s\","
	       "\"peer\":\"%s\",\"peer_value\":%.7g,\"ratio\":%.3g}\n",
	       name, value, unit, peer, peer_value, value / peer_value);
	fflush(stdout);
}

static void load(const char *directory)
{
	struct dirent **entry;
	int n = scandir(directory, &entry, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		struct sample *sample = &samples[n_samples];
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", directory, entry[i]->d_name);
		if (strstr(entry[i]->d_name, ".csv") && !strstr(entry[i]->d_name, "represent") &&
		    n_samples < MAX_SERIES && series_read(path, &sample->s) == 0) {
			snprintf(sample->name, sizeof(sample->name), "%.*s",
				 (int)(strstr(entry[i]->d_name, ".csv") - entry[i]->d_name),
				 entry[i]->d_name);
			snprintf(sample->source, sizeof(sample->source), "%.*s",
				 (int)strcspn(entry[i]->d_name, "_"), entry[i]->d_name);
			n_samples++;
		}
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
}

/* --- accuracy: as ../shared/tools/score-forecast reckons it, with our own Prophet */

static double judge(struct sample *x, int offset, enum forecast_model model,
		    const struct tuning *tuning)
{
	size_t day = series_day(&x->s), end = x->s.n - (size_t)(offset + 1) * day;
	struct series history = series_view(&x->s, end, DAYS * day);
	struct forecast_options o = options;
	struct forecast f;
	double loss = 0, sum = 0;

	o.model = model;
	if (tuning) {
		forecast_alloc(&f, &history, &o, day);
		auto_forecast(&history, &o, tuning, &f);
	} else {
		forecast_make(&history, &o, day, &f);
	}
	for (size_t i = 0; i < day; i++) {
		double v = x->s.value[end + i];

		sum += fabs(v);
		for (int k = 0; k < 4; k++) {
			double d = v - f.q[i * 4 + (size_t)k];

			loss += d >= 0 ? o.quantile[k] * d : (o.quantile[k] - 1) * d;
			if (model == MODEL_AUTO && !tuning)
				x->inside[offset][k] += d <= 0;
		}
	}
	x->steps[offset] = (double)day;
	forecast_release(&f);
	return loss / 4 / (sum > 0 ? sum : (double)day);
}

static bool long_enough(const struct sample *x, int offset)
{
	return x->s.n >= (size_t)(offset + 4) * series_day(&x->s);
}

static double log_ratio(double ours, double theirs)
{
	return log((ours + 0.01) / (theirs + 0.01));
}

static void accuracy(int offset)
{
	static const char *const quantile[] = { "0.5", "0.9", "0.95", "0.99" };
	double sum = 0, worst = 0, inside[4] = { 0 }, steps = 0;
	int n = 0, better = 0;
	char name[64];

	for (int i = 0; i < n_samples; i++) {
		struct sample *x = &samples[i];
		double r;

		x->loss[offset] = x->prophet[offset] = NAN;
		if (!long_enough(x, offset))
			continue;
		x->prophet[offset] = judge(x, offset, MODEL_PROPHET, NULL);
		x->loss[offset] = judge(x, offset, MODEL_AUTO, NULL);
		r = log_ratio(x->loss[offset], x->prophet[offset]);
		sum += r;
		worst = MAX(worst, exp(r));
		better += r < 0;
		n++;
		steps += x->steps[offset];
		for (int k = 0; k < 4; k++)
			inside[k] += x->inside[offset][k];
	}
	snprintf(name, sizeof(name), "loss against prophet, offset %d", offset);
	print(name, exp(sum / n), "ratio");
	snprintf(name, sizeof(name), "better than prophet, offset %d (of %d)", offset, n);
	print(name, better, "series");
	snprintf(name, sizeof(name), "worst series, offset %d", offset);
	print(name, worst, "ratio");
	for (int k = 0; k < 4; k++) {
		snprintf(name, sizeof(name), "coverage of q%s, offset %d", quantile[k], offset);
		print(name, inside[k] / steps, "share");
	}
}

/* --- leave one source out: each source is judged by constants chosen on all the others */

#define MAX_TUNINGS 32

static int make_grid(struct tuning *grid)
{
	int n = 0;

#define VARY(field, value) (grid[n] = TUNING_DEFAULT, grid[n].field = (value), n++)
	grid[n++] = TUNING_DEFAULT;
	VARY(alike, 0.015f), VARY(alike, 0.15f);
	VARY(alike_typical, 0), VARY(alike_typical, 0.6f);
	VARY(stranger, 0.003f), VARY(stranger, 0.05f);
	VARY(other, 0.02f), VARY(some_other, 0.03f), VARY(some_other, 0.3f);
	VARY(ageing, 0.8f), VARY(ageing, 1);
	VARY(short_power, 0.25f), VARY(short_power, 0.75f);
	VARY(long_power, 0.3f), VARY(long_power, 0.9f);
	VARY(sharpness, 2), VARY(sharpness, 30);
	VARY(step, 0), VARY(step, 12);
	VARY(fading, 0.6f), VARY(fading, 1);
	VARY(tail, 2.5f), VARY(tail, 6);
#undef VARY
	return n;
}

/* Log ratios by series, offset and set of constants. */
static double ratio_of[MAX_SERIES][OFFSETS][MAX_TUNINGS];

static double sum_over(const char *without, int tuning)
{
	double sum = 0;

	for (int i = 0; i < n_samples; i++)
		for (int offset = 0; offset < OFFSETS; offset++)
			if (!without || strcmp(samples[i].source, without) != 0)
				sum += ratio_of[i][offset][tuning];
	return sum;
}

static int best_without(const char *source, int n)
{
	int best = 0;

	for (int t = 1; t < n; t++)
		if (sum_over(source, t) < sum_over(source, best))
			best = t;
	return best;
}

static void leave_one_out(void)
{
	struct tuning grid[MAX_TUNINGS];
	int n = make_grid(grid);
	double left_out[OFFSETS] = { 0 }, count = n_samples * OFFSETS, lowest = INFINITY,
	       highest = 0;
	char name[96];

	for (int i = 0; i < n_samples; i++)
		for (int offset = 0; offset < OFFSETS; offset++)
			for (int t = 0; t < n && long_enough(&samples[i], offset); t++)
				ratio_of[i][offset][t] =
					log_ratio(judge(&samples[i], offset, MODEL_AUTO, &grid[t]),
						  samples[i].prophet[offset]);
	for (int i = 0; i < n_samples; i++) {
		int chosen = best_without(samples[i].source, n);

		for (int offset = 0; offset < OFFSETS; offset++)
			left_out[offset] += ratio_of[i][offset][chosen];
	}
	for (int offset = 0; offset < OFFSETS; offset++) {
		snprintf(name, sizeof(name),
			 "loss against prophet, constants from other sources, offset %d", offset);
		print(name, exp(left_out[offset] / n_samples), "ratio");
	}
	for (int t = 0; t < n; t++) {
		lowest = MIN(lowest, exp(sum_over(NULL, t) / count));
		highest = MAX(highest, exp(sum_over(NULL, t) / count));
	}
	snprintf(name, sizeof(name), "both offsets, best of %d sets of constants", n);
	print(name, lowest, "ratio");
	snprintf(name, sizeof(name), "both offsets, worst of %d sets of constants", n);
	print(name, highest, "ratio");
	print("both offsets, the constants in use", exp(sum_over(NULL, 0) / count), "ratio");
}

/* --- our Prophet beside the real one's golden forecasts, and its objective where they differ */

#define GOLDEN_DIFFERENCE 0.02

static double mean_absolute(const struct series *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += fabs(s->value[i]);
	return sum / (double)s->n;
}

/* The fit that R's Prophet ends with, for ours to be compared with: k, m, delta (25), beta (8), sigma, a
 * number a line. False when R or the package is missing. */
static bool fit_real_prophet(const struct series *h, struct prophet *ret)
{
	static const char script[] =
		"Rscript -e 'suppressMessages(library(prophet));d<-read.csv(\"build/bench.csv\");"
		"d<-data.frame(ds=as.POSIXct(0,origin=\"1970-01-01\",tz=\"UTC\")+60*d$minute,"
		"y=d$value);m<-prophet(d);p<-m$params;cat(p$k,p$m,p$delta,p$beta,p$sigma_obs,"
		"sep=\"\\n\")' 2>/dev/null";
	FILE *f = fopen("build/bench.csv", "w");
	bool done = f != NULL;

	if (!f)
		return false;
	fputs("minute,value\n", f);
	for (size_t i = 0; i < h->n; i++)
		fprintf(f, "%lld,%.17g\n", (long long)(h->start + (int64_t)i * h->step),
			h->value[i]);
	fclose(f);
	f = popen(script, "r");
	for (int i = 0; f && i < ret->n_columns && done; i++)
		done = fscanf(f, "%lf", &ret->theta[i]) == 1;
	done = f && done && fscanf(f, "%lf", &ret->sigma) == 1;
	if (f)
		pclose(f);
	unlink("build/bench.csv");
	return done;
}

static void prove_objective(const struct sample *x, int offset, double difference)
{
	size_t day = series_day(&x->s);
	struct series h = series_view(&x->s, x->s.n - (size_t)(offset + 1) * day, DAYS * day);
	struct prophet ours, real;
	char name[160];

	if (prophet_fit(&h, NULL, &ours) < 0)
		return;
	real = ours;
	snprintf(name, sizeof(name), "prophet differs by %.1f %%: objective of %.90s, offset %d",
		 100 * difference, x->name, offset);
	if (!fit_real_prophet(&h, &real)) {
		log_info("bench: no Rscript with the package prophet (Debian r-cran-prophet): the "
			 "real one's objective is not compared");
		print(name, ours.objective, "nats, lower is better");
		return;
	}
	print_peer(name, ours.objective, "nats, lower is better", "R prophet",
		   prophet_objective(&real, &h));
}

/* Mean of |our yhat - golden yhat| by series; NAN: not in the file. */
static int read_golden(const char *path, int offset, double *difference)
{
	_cleanup_csv_ struct csv c = { 0 };
	struct prophet fit;
	int at = -1, r = csv_open(&c, path);
	int series, off, yhat;
	size_t step = 0, day = 1;

	if (r < 0)
		return r;
	series = csv_column(&c, "series"), off = csv_column(&c, "offset");
	yhat = csv_column(&c, "yhat");
	for (int i = 0; i < n_samples; i++)
		difference[i] = NAN;
	while ((r = csv_next(&c)) == 1) {
		const struct series *s;
		double ours, theirs;

		if (atoi(csv_text(&c, off)) != offset)
			continue;
		if (at < 0 || strcmp(samples[at].name, csv_text(&c, series)) != 0) {
			for (at = n_samples - 1; at >= 0; at--)
				if (strcmp(samples[at].name, csv_text(&c, series)) == 0)
					break;
			if (at < 0)
				continue;
			s = &samples[at].s;
			day = series_day(s);
			struct series h = series_view(s, s->n - (size_t)(offset + 1) * day,
						      DAYS * day);

			if (prophet_fit(&h, NULL, &fit) < 0)
				return -EDOM;
			difference[at] = 0;
			step = 0;
		}
		s = &samples[at].s;
		theirs = atof(csv_text(&c, yhat));
		ours = prophet_mean(&fit,
				    s->start + (int64_t)(s->n - (size_t)(offset + 1) * day + step) *
						       s->step);
		/* As the command prints them: a count is not negative. */
		difference[at] += fabs(MAX(ours, 0) - MAX(theirs, 0)) / (double)day;
		step++;
	}
	return r;
}

static void agreement(const char *directory, int offset)
{
	_cleanup_free_ char *path = NULL;
	double difference[MAX_SERIES];
	int agree = 0, n = 0;
	char name[64];

	if (asprintf(&path, "%s/../golden/prophet.csv.gz", directory) < 0)
		return;
	if (access(path, R_OK) < 0) {
		log_info("bench: there is no %s: agreement with real Prophet is not judged", path);
		return;
	}
	if (read_golden(path, offset, difference) < 0)
		return;
	for (int i = 0; i < n_samples; i++) {
		double off = difference[i] / mean_absolute(&samples[i].s);

		if (isnan(off))
			continue;
		n++;
		agree += off <= GOLDEN_DIFFERENCE;
		if (off > GOLDEN_DIFFERENCE)
			prove_objective(&samples[i], offset, off);
	}
	snprintf(name, sizeof(name), "prophet within 2 %% of the real one, offset %d (of %d)",
		 offset, n);
	print(name, agree, "series");
}

/* --- within the day */

static void within_day(void)
{
	double sum = 0;
	int n = 0;

	for (int i = 0; i < n_samples; i++) {
		const struct series *s = &samples[i].s;
		size_t day = series_day(s), hour = day / 24, end = s->n - day;
		double corrected = 0, midnight = 0, level = 0;
		_cleanup_forecast_ struct forecast whole = { 0 };
		struct series history = series_view(s, end, DAYS * day);

		if (!long_enough(&samples[i], 0) || hour == 0 ||
		    forecast_make(&history, &options, day, &whole) < 0)
			continue;
		for (size_t now = 2 * hour; now + hour <= day; now += 3 * hour) {
			_cleanup_forecast_ struct forecast f = { 0 };

			history = series_view(s, end + now, DAYS * day);
			forecast_within_day(&history, &options, hour, &f);
			for (size_t k = 0; k < hour * 4; k++) {
				double v = s->value[end + now + k / 4],
				       tau = options.quantile[k % 4];
				double a = v - f.q[k], b = v - whole.q[now * 4 + k];

				corrected += a >= 0 ? tau * a : (tau - 1) * a;
				midnight += b >= 0 ? tau * b : (tau - 1) * b;
				level += fabs(v);
			}
		}
		level = level > 0 ? level : 1;
		sum += log_ratio(corrected / level, midnight / level);
		n++;
	}
	print("loss of the next 60 minutes with --now, against midnight's forecast", exp(sum / n),
	      "ratio");
}

/* --- time */

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Median CPU time of a forecast over the minute series with 12 days, in interleaved rounds. */
static void time_models(double *ret_auto, double *ret_prophet)
{
	static double ms[2][MAX_SERIES * ROUNDS];
	int n = 0;

	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < n_samples; i++) {
			struct series h = series_view(&samples[i].s, samples[i].s.n, DAYS * 1440);

			if (h.step != 1 || h.n < DAYS * 1440)
				continue;
			for (int m = 0; m < 2; m++) {
				struct forecast_options o = options;
				struct forecast f;
				double start = cpu_ms();

				o.model = m ? MODEL_PROPHET : MODEL_AUTO;
				forecast_make(&h, &o, 1440, &f);
				ms[m][n] = cpu_ms() - start;
				forecast_release(&f);
			}
			n++;
		}
	for (int m = 0; m < 2; m++)
		qsort(ms[m], (size_t)n, sizeof(double), by_value);
	*ret_auto = n ? ms[0][n / 2] : NAN;
	*ret_prophet = n ? ms[1][n / 2] : NAN;
}

/* Seconds that real Prophet takes for the first such series; NAN when R or the package is missing. */
static double time_real_prophet(void)
{
	static const char script[] =
		"Rscript -e 'suppressMessages(library(prophet));d<-read.csv(\"build/bench.csv\");"
		"d<-data.frame(ds=as.POSIXct(\"2019-07-15\",tz=\"UTC\")+60*d$minute,y=d$value);"
		"t<-system.time({m<-prophet(d);f<-predict(m,make_future_dataframe(m,1440,freq=60,"
		"include_history=FALSE))});cat(t[[\"user.self\"]])' 2>/dev/null";
	double seconds = NAN;
	FILE *f = fopen("build/bench.csv", "w");

	if (!f)
		return NAN;
	fputs("minute,value\n", f);
	for (int i = 0; i < n_samples; i++) {
		struct series h = series_view(&samples[i].s, samples[i].s.n, DAYS * 1440);

		if (h.step != 1 || h.n < DAYS * 1440)
			continue;
		for (size_t k = 0; k < h.n; k++)
			fprintf(f, "%zu,%.9g\n", k, h.value[k]);
		break;
	}
	fclose(f);
	f = popen(script, "r");
	if (f && fscanf(f, "%lf", &seconds) != 1)
		seconds = NAN;
	if (f)
		pclose(f);
	unlink("build/bench.csv");
	return seconds;
}

static void speed(void)
{
	double ours, prophet, real;

	time_models(&ours, &prophet);
	real = time_real_prophet();
	if (isnan(real)) {
		log_info("bench: no Rscript with the package prophet (Debian r-cran-prophet): the "
			 "real one is not timed");
		print("auto, 12 days of minutes", ours, "ms");
		print("prophet, 12 days of minutes", prophet, "ms");
		return;
	}
	print_peer("auto, 12 days of minutes", ours, "ms", "R prophet", real * 1000);
	print_peer("prophet, 12 days of minutes", prophet, "ms", "R prophet", real * 1000);
}

/* --- 10,000 functions in a database, every fiftieth of them hot */

#define FUNCTIONS 10000
#define HOT_EACH 50

static int fill(struct store *s, int64_t first)
{
	uint64_t random = 1;
	int r = store_begin(s);

	for (int i = 0; i < FUNCTIONS && r == 0; i++) {
		struct store_function f = { .memory_bytes = 100 * MIB,
					    .warm_us = 500000,
					    .cold_us = 5000000 };
		bool hot = i % HOT_EACH == 0;

		snprintf(f.name, sizeof(f.name), "function-%d", i);
		r = store_declare_function(s, &f);
		for (int64_t m = 0; m < DAYS * 1440 && r == 0; m += hot ? 1 : 45 + i % 30) {
			random = random * 6364136223846793005ULL + 1442695040888963407ULL;
			r = store_import_minute(s, f.id, first + m,
						hot ? 100 + (int64_t)(random >> 58) *
									(m / 60 % 24 > 7 ? 4 : 1)
						    : 1 + (int64_t)(random >> 62));
		}
	}
	if (r == 0)
		r = store_mark_observed(s, 0, first, first + DAYS * 1440 - 1);
	return r == 0 ? store_commit(s) : r;
}

static void plan_many(void)
{
	static const char path[] = "build/bench-forecast.db";
	const int64_t day = 20000LL * MINUTES_PER_DAY;
	struct plan_options o;
	struct plan_report report;
	struct rusage usage;
	struct store *s;
	int64_t start;

	mkdir("build", 0755);
	unlink(path);
	if (store_open(path, STORE_CREATE, &s) < 0 || fill(s, day - DAYS * 1440) < 0) {
		log_error("bench: %s: %s", path, store_why());
		return;
	}
	plan_options_init(&o);
	o.memory_bytes = 1024 * GIB;
	o.day = day;
	start = clock_monotonic_ns();
	if (plan_job(s, &o, &report) == 0) {
		print("plan of 10000 functions, 200 of them hot",
		      (double)(clock_monotonic_ns() - start) / NS_PER_S, "s");
		getrusage(RUSAGE_SELF, &usage);
		print("resident memory at most", (double)usage.ru_maxrss / 1024, "MiB");
		plan_report_release(&report);
	}
	store_close(s);
	unlink(path);
	unlink("build/bench-forecast.db-wal");
	unlink("build/bench-forecast.db-shm");
}

int main(void)
{
	const char *directory = getenv("FAASMAT_SERIES");

	if (!directory)
		directory = access("../shared/data/series", R_OK) == 0 ? "../shared/data/series"
								       : "tests/data/forecast";
	/* First, so that the resident memory is the plan's. */
	plan_many();
	load(directory);
	if (n_samples == 0) {
		log_error("bench: %s holds no series", directory);
		return 1;
	}
	for (int offset = 0; offset < OFFSETS; offset++)
		accuracy(offset);
	leave_one_out();
	within_day();
	speed();
	for (int offset = 0; offset < OFFSETS; offset++)
		agreement(directory, offset);
	for (int i = 0; i < n_samples; i++)
		series_release(&samples[i].s);
	return 0;
}

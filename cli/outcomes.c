// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/outcomes.h"

#include <math.h>

static json_t *quantile(const struct durations *d, double q)
{
	double us = durations_quantile_us(d, q);

	return isnan(us) ? json_null() : json_integer((json_int_t)us);
}

static json_t *reasons(unsigned int quality)
{
	json_t *list = json_array();
	const char *words;

	for (int i = 0; (words = quality_reason(quality, i)); i++)
		json_array_append_new(list, json_string(words));
	return list;
}

json_t *outcomes_json(json_t *o, const struct history_row *h)
{
	json_t *more = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:s, s:o, s:I}", "responses",
		(json_int_t)h->responses, "responses_5xx", (json_int_t)h->responses_5xx, "excluded",
		(json_int_t)h->excluded, "aborted", (json_int_t)h->aborted, "peak_concurrency",
		(json_int_t)h->peak_concurrency, "p50_us", quantile(&h->durations, 0.5), "p95_us",
		quantile(&h->durations, 0.95), "p99_us", quantile(&h->durations, 0.99), "quality",
		quality_word(h->quality), "why", reasons(h->quality), "unsettled",
		(json_int_t)h->unsettled);

	json_object_update(o, more);
	json_decref(more);
	return o;
}

const char *format_time(double us)
{
	static char ring[4][24];
	static int next;
	char *text = ring[next = (next + 1) % 4];

	if (isnan(us))
		return "-";
	if (us < 1000)
		snprintf(text, sizeof(ring[0]), "%.0fus", us);
	else if (us < 10e3)
		snprintf(text, sizeof(ring[0]), "%.1fms", us / 1e3);
	else if (us < 1e6)
		snprintf(text, sizeof(ring[0]), "%.0fms", us / 1e3);
	else
		snprintf(text, sizeof(ring[0]), us < 10e6 ? "%.1fs" : "%.0fs", us / 1e6);
	return text;
}

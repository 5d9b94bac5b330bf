// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/csv.h"
#include "common/log.h"
#include "simulator/names.h"
#include "simulator/traces.h"

#define LONGEST_S (366.0 * 86400)

struct columns {
	int app, func, end, duration;
};

static int read_row(const struct csv *c, const struct columns *k, struct load_builder *b,
		    struct names *names, size_t *minutes)
{
	const char *app = csv_text(c, k->app), *func = csv_text(c, k->func);
	struct load_function *f;
	double end, duration, start;
	char name[256];
	int64_t i, ms;

	if (!app || !func || csv_double(c, k->end, 0, LONGEST_S, &end) < 0 ||
	    csv_double(c, k->duration, 0, LONGEST_S, &duration) < 0)
		return -EINVAL;
	snprintf(name, sizeof(name), "%.64s.%.64s", app, func);
	i = names_add(names, name);
	if (i < 0)
		return i;
	if ((size_t)i == b->load.n_functions && load_add_function(b, name) < 0)
		return -ENOMEM;
	/* What began before the trace did is counted in its first minute. */
	start = MAX(end - duration, 0.0);
	ms = llround(duration * 1000);
	f = &b->load.function[i];
	f->warm += ms; /* the sum until all is read */
	f->cold = MAX(f->cold, ms);
	f->calls++;
	*minutes = MAX(*minutes, (size_t)(start / 60) + 1);
	return load_add_count(b, i, start / 60, 1);
}

int traces_read_invocations(const char *path, int64_t memory, struct load *ret)
{
	_cleanup_load_builder_ struct load_builder b = { 0 };
	_cleanup_csv_ struct csv c = { 0 };
	_cleanup_names_ struct names names = { 0 };
	struct columns k;
	size_t minutes = 0;
	int r = csv_open(&c, path);

	if (r < 0)
		return log_error_errno(r, "%s: cannot read the invocations", path);
	k = (struct columns){ csv_column(&c, "app"), csv_column(&c, "func"),
			      csv_column(&c, "end_timestamp"), csv_column(&c, "duration") };
	if (k.app < 0 || k.func < 0 || k.end < 0 || k.duration < 0) {
		log_error("%s, row 1: needs the columns app, func, end_timestamp and duration",
			  path);
		return -EINVAL;
	}
	while ((r = csv_next(&c)) > 0) {
		r = read_row(&c, &k, &b, &names, &minutes);
		if (r < 0)
			return r;
		if (c.row % 65536 == 0)
			log_progress("reading invocations", csv_offset(&c), c.compressed);
	}
	if (r < 0)
		return log_error_errno(r, "%s, row %lld: cannot read the trace", path,
				       (long long)c.row);
	if (!minutes) {
		log_error("%s: there is no invocation in it", path);
		return -ENODATA;
	}
	for (size_t i = 0; i < b.load.n_functions; i++) {
		struct load_function *f = &b.load.function[i];

		f->warm /= f->calls;
		f->memory = memory;
	}
	return load_finish(&b, minutes, ret);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The load and the prediction that `faasmat simulate` works with. */
#include <errno.h>
#include <string.h>

#include "cli/simulate.h"
#include "simulator/hot.h"
#include "simulator/traces.h"

/* Functions of the background that the author's rule finds hot are not rare: they are left out. */
static int add_background(const struct simulate_options *o, struct load *l)
{
	_cleanup_load_ struct load other = { 0 };
	_cleanup_free_ uint32_t *hot = NULL;
	_cleanup_free_ bool *skip = NULL;
	struct locator_options program = LOCATOR_DEFAULTS;
	struct load joined;
	size_t n = 0;
	int r = traces_read_combined(o->background, &other);

	if (r < 0)
		return r;
	program.rule = RULE_PROGRAM;
	r = locate_hot(&other, &program, &hot, &n);
	skip = calloc(MAX(other.n_functions, (size_t)1), sizeof(*skip));
	if (r < 0 || !skip)
		return log_error_errno(-ENOMEM, "cannot read the background");
	for (size_t i = 0; i < n; i++) {
		skip[hot[i]] = true;
		log_info("background: left out hot function %s",
			 printable(other.function[hot[i]].name));
	}
	r = traces_join(l, &other, skip, &joined);
	if (r == 0)
		*l = joined;
	return r;
}

static int read_load(const struct simulate_options *o, struct load *ret)
{
	int64_t day = 0;

	if (o->functions)
		return traces_read_combined(o->functions, ret);
	log_error("only --functions for now");
	(void)day;
	return -EINVAL;
}

int simulate_load(const struct simulate_options *o, struct load *ret)
{
	int r = read_load(o, ret);

	if (r == 0 && o->background)
		r = add_background(o, ret);
	return r;
}

int simulate_predict(const struct simulate_options *o, const struct load *l, struct prediction *ret)
{
	const char *kind = o->prediction ? o->prediction : "mean";
	int r;

	if (strcmp(kind, "oracle") == 0)
		r = prediction_oracle(l, o->run.located, o->run.n_located, ret);
	else if (strcmp(kind, "mean") == 0)
		r = prediction_mean(l, o->run.located, o->run.n_located, ret);
	else
		return prediction_read(kind, l, ret);
	return r < 0 ? log_error_errno(r, "cannot make the prediction") : 0;
}

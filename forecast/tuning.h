/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The constants of model_auto(). They hold for every function; `make bench BENCH=forecast` chooses them
 * anew from a grid, each source of series judged by constants chosen on the other sources, and prints
 * what that costs.
 */
#ifndef FAASMAT_FORECAST_TUNING_H
#define FAASMAT_FORECAST_TUNING_H

struct tuning {
	/* How far apart two days may be and still be alike: a little, and more where all days of the
	 * series differ much. */
	float alike, alike_typical;
	float stranger; /* weight of a day that is not alike */
	float other;	/* weight of other weekdays beside the same one: hardly any, a little */
	float some_other;
	float ageing;	   /* where all days count: by how much less each day further back */
	float short_power; /* of the ratio of levels over three hours, and over eight */
	float long_power;
	float sharpness; /* of the first weights; step: of the rounds that follow (stack.h) */
	float step;
	float fading; /* by how much less each day further back counts in the backtest */
	/* The far quantiles are at least so many of the days' surprises (stack.h) from the median: the
	 * 0.99 quantile of Student's t with three degrees of freedom, for six judged days that are
	 * not independent and of which the farther count less. */
	float tail;
};

#define TUNING_DEFAULT                 \
	((struct tuning){              \
		.alike = 0.03f,        \
		.alike_typical = 0.3f, \
		.stranger = 0.01f,     \
		.other = 0.005f,       \
		.some_other = 0.08f,   \
		.ageing = 0.95f,       \
		.short_power = 0.5f,   \
		.long_power = 0.6f,    \
		.sharpness = 8,        \
		.step = 6,             \
		.fading = 0.85f,       \
		.tail = 4.54f,         \
	})

#endif

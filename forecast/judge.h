/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model_auto()'s own backtest: what every member would have said of the last days. Pure. */
#ifndef FAASMAT_FORECAST_JUDGE_H
#define FAASMAT_FORECAST_JUDGE_H

#include "forecast/stack.h"

/* Fills s (zero but for s->said). */
void judge_days(const struct days *d, const struct spectra *spectra, const struct tuning *u,
		struct stack *s);

#endif

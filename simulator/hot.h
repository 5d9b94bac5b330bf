/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The locator's verdict on a load. */
#ifndef FAASMAT_SIMULATOR_HOT_H
#define FAASMAT_SIMULATOR_HOT_H

#include "forecast/locator.h"
#include "simulator/load.h"

/*
 * Judges every function that is not background by its last day before the judged one, or, where the
 * load has none, by the judged day as the paper does. *ret_function is freed by the caller: the hot
 * ones, highest score first, those of equal score in the load's order. -ENOMEM.
 */
int locate_hot(const struct load *l, const struct locator_options *o, uint32_t **ret_function,
	       size_t *ret_n);

/* Mean calls a minute of the last day before the judged one; of the judged day where there is none. */
double mean_calls(const struct load *l, uint32_t function);

#endif

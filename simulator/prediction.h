/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Invocations that a policy is told to expect, of some functions in each minute. */
#ifndef FAASMAT_SIMULATOR_PREDICTION_H
#define FAASMAT_SIMULATOR_PREDICTION_H

#include "simulator/load.h"

struct prediction_row {
	uint32_t function;
	double *mean; /* [n_minutes] */
	/* What pools are sized for, where the source knows how sure it is; else equal to mean. */
	double *high;
};

struct prediction {
	size_t n_minutes, n_rows;
	struct prediction_row *row; /* in the order of the file, or of the functions */
};

void prediction_release(struct prediction *p);
#define _cleanup_prediction_ __attribute__((cleanup(prediction_release)))

/* The function's row, or NULL. */
const struct prediction_row *prediction_find(const struct prediction *p, uint32_t function);

/* Adds a row of n_minutes zeros. -ENOMEM. *ret is owned by p. */
int prediction_add(struct prediction *p, uint32_t function, struct prediction_row **ret);

/* The day's own counts, or their mean (whole calls, as the thesis program's flat runs). */
int prediction_oracle(const struct load *l, const uint32_t *function, size_t n,
		      struct prediction *ret);
int prediction_mean(const struct load *l, const uint32_t *function, size_t n,
		    struct prediction *ret);

/* CSV or .csv.gz `function,1,...,N`. Logs what is wrong and where; rows of functions that the load
 * does not have are an error, as are fewer than n_minutes columns. */
int prediction_read(const char *path, const struct load *l, struct prediction *ret);

#endif

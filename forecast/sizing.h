/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizing: how many containers a function needs for one minute's invocations, and their bytes. */
#ifndef FAASMAT_FORECAST_SIZING_H
#define FAASMAT_FORECAST_SIZING_H

#include <stdint.h>

#include "common/util.h"

/* More than this many containers of one function on one node is a mistake somewhere. */
#define SIZING_MAX_CONTAINERS 1000000

/* Flow (the paper's 3.3): containers = ceil(invocations x warm time / minute), by Little's law the
 * mean number that is busy. invocations >= 0 in one minute. */
int64_t sizing_flow(double invocations, int64_t warm_us);

/* containers x unit_bytes x (1 + headroom), whole bytes rounded up to pages of 4 KiB. INT64_MAX when
 * that does not fit. */
int64_t sizing_bytes(int64_t containers, int64_t unit_bytes, double headroom);

/* The most containers whose sizing_bytes() fit into `bytes`. */
int64_t sizing_fit(int64_t bytes, int64_t unit_bytes, double headroom);

#endif
